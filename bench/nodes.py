#!/usr/bin/python3
"""What a second node costs: an event's way from a publisher on one node to readers on the same node, on another by Redis, on another
whose Redis was killed, and on another that reads the log alone, since no Redis is set.

Real PostgreSQL (through PgBouncer) and Redis, started here on loopback and ended with this. Each way is measured in turn, several
rounds in one run, and the median of the rounds is told. All on one machine: what crosses is the protocol's cost, not a network's.
"""

import argparse
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness import client, postgres, redis  # noqa: E402
from harness.server import BINARY, Server  # noqa: E402

FREE = {"RATE_LIMITS_ENABLED": "false", "INDABA_LOG_LEVEL": "warning"}
STREAM = "orgs/bench/topics/ticks"
WAYS = ["same node", "by Redis", "Redis stopped", "by the log"]
STOPPED_WITHIN = 20  # seconds until both nodes know that their Redis is gone


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: bench/nodes.py --rounds 5 --rate 2000 --readers 20")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured [3]")
    parser.add_argument("--seconds", type=float, default=5, help="how long a round lasts [5]")
    parser.add_argument("--rate", type=float, default=2000, help="events a second [2000]")
    parser.add_argument("--readers", type=int, default=20, help="sockets that all get each event [20]")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="which of them [all]")
    return parser.parse_args()


def start_pair(database, bus=None):
    """Two nodes of one deployment, an owner's token, and a topic."""
    env = {**FREE, "DATABASE_URL": database, **({"REDIS_URL": bus.url} if bus else {})}
    nodes = [Server(env=env), Server(env=env)]
    nodes[0].create_user("root", client.PASSWORD, superuser=True)
    for node in nodes:
        node.start()
    token = nodes[0].command("token", "create", "--user", "root", "--ttl", "12h").out.strip()

    def call(method, path, body):
        client.blocking_request(nodes[0], method, path, body, {"Authorization": f"Token {token}"}).expect(200, 201)

    call("POST", "orgs", {"slug": "bench", "name": "Bench"})
    call("PUT", STREAM, {"durable": True})
    return nodes, token


def stop(bus, nodes):
    """As by a fault: with SIGKILL, while the nodes use it. They are measured when they have found out."""
    bus.kill()
    until = time.monotonic() + STOPPED_WITHIN
    for node in nodes:
        while "indaba_bus_up 0\n" not in client.blocking_request(node, "GET", "/metrics").text:
            if time.monotonic() > until:
                raise SystemExit(f"{node.url} does not notice that its Redis is gone")
            time.sleep(0.1)


def measure(wanted, token, readers_on, publisher_on):
    command = [BINARY, "bench", "fanout", readers_on.ws_url, "--stream", STREAM, "--token", token, "--json", "--quiet",
               "--publish-url", publisher_on.ws_url, "--connections", str(wanted.readers), "--rate", str(wanted.rate),
               "--seconds", str(wanted.seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr or done.stdout)
    return json.loads(done.stdout)


def main():
    wanted = options()
    shared = postgres.shared()
    with redis.Redis() as bus, redis.Redis() as lost, contextlib.ExitStack() as ending:
        ways = {}

        def pair(its_bus):
            nodes, token = start_pair(shared.url(shared.create_database()), its_bus)
            for node in nodes:
                ending.callback(node.close)
            return nodes, token
        if {"same node", "by Redis"} & set(wanted.ways):
            (one, two), token = pair(bus)
            ways |= {"same node": (token, one, one), "by Redis": (token, two, one)}
        if "Redis stopped" in wanted.ways:
            (one, two), token = pair(lost)
            ways["Redis stopped"] = (token, two, one)
            stop(lost, (one, two))
        if "by the log" in wanted.ways:
            (one, two), token = pair(None)
            ways["by the log"] = (token, two, one)
        rounds = {way: [] for way in wanted.ways}
        for _ in range(wanted.rounds):
            for way in wanted.ways:
                token, readers_on, publisher_on = ways[way]
                rounds[way].append(measure(wanted, token, readers_on, publisher_on))
    print(f"{wanted.readers} readers, {wanted.rate:.0f} events/s, {wanted.rounds} rounds of {wanted.seconds:.0f} s, medians")
    for way, told in rounds.items():
        figures = {name: statistics.median(one["latency_ms"][name] for one in told) for name in ("p50", "p99")}
        lost = sum(one["missing"] for one in told)
        print(f"{way:24} p50 {figures['p50']:8.2f} ms   p99 {figures['p99']:8.2f} ms   missing {lost}")


if __name__ == "__main__":
    main()
