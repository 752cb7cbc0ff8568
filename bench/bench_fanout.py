#!/usr/bin/python3
"""`make bench`: one publisher and 1,000 readers on a topic of a fresh server; prints what a delivery costs.

Figures, no threshold. Client and server share the machine, so that the rate is a lower bound; the server's CPU time a
delivery is its own.
"""

import argparse
import asyncio
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))

from harness import client  # noqa: E402
from harness.server import BINARY, Server  # noqa: E402

LOADTOOL = pathlib.Path(os.environ.get("INDABA_LOADTOOL", BINARY.parent / "loadtool"))


async def prepare(server, topics):
    root = client.User(server, "root")
    org = await client.make_org(root, slug="bench")
    for topic in topics:
        await org.declare(topic)
    await client.close_session()
    return root.access


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--payload", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="print everything that the load client counted")
    options = parser.parse_args()
    runs = [("50 events/s", 50), ("200 events/s", 200), ("as fast as answered", 0)]
    server = Server(env={"RATE_LIMITS_ENABLED": "false", "INDABA_LOG_LEVEL": "warning"})
    server.create_user("root", superuser=True)
    with server:
        token = asyncio.run(prepare(server, [f"t{n}" for n in range(len(runs))]))
        print(f"1 publisher, {options.readers} readers, {options.payload} bytes of data, {options.seconds:g} s each")
        print(f"{'':>20} {'events/s':>10} {'deliveries/s':>13} {'CPU us a delivery':>18} {'p50 ms':>8} {'p99 ms':>8}")
        for n, (name, rate) in enumerate(runs):
            done = subprocess.run(
                [LOADTOOL, "--port", str(server.port), "--token", token, "--stream", f"orgs/bench/topics/t{n}",
                 "--group", f"readers:{options.readers}:full", "--rate", str(rate), "--warm-up", "1", "--window", "16",
                 "--seconds", str(options.seconds), "--payload", str(options.payload),
                 "--server-pid", str(server.pid)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(done.stderr)
            told = json.loads(done.stdout)
            group = told["groups"]["readers"]
            print(f"{name:>20} {told['events_per_second']:>10.0f} {told['deliveries_per_second']:>13.0f} "
                  f"{told['server_cpu_us_per_delivery']:>18.2f} {group['p50_ms']:>8.2f} {group['p99_ms']:>8.2f}")
            lost = {word: group[word] for word in ("missing", "duplicates", "out_of_order") if group[word]}
            if lost or group["complete"] != group["readers"]:
                sys.exit(f"readers do not have every event once: {group}")
            if options.json:
                print(json.dumps(told))
        memory = (server.rss_bytes()) / 2**20
        print(f"memory of the server at the end: {memory:.0f} MiB")


if __name__ == "__main__":
    main()
