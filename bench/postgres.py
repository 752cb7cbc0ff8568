#!/usr/bin/python3
"""What durable publishing reaches on PostgreSQL, beside what PostgreSQL alone does with the same rows.

A PostgreSQL, a PgBouncer before it and one node, started here on loopback and ended with this. 64 senders publish into one durable topic,
each with one event and then with 16 under way, and await each acknowledgement; then `bench_postgres` writes the rows that the node has
stored into a table of the same shape on the same server: one `INSERT … SELECT … FROM unnest(…)` a transaction, with as many rows as the
node's transactions had, on one connection (a stream has one writer) and on as many as the node has. All take turns, several rounds in one
run, and medians are told.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness import client, postgres  # noqa: E402
from harness.server import BINARY, Server  # noqa: E402

STREAM = "orgs/bench/topics/ticks"
WINDOWS = (1, 16)
WRITERS = 4


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured [3]")
    parser.add_argument("--seconds", type=float, default=8, help="how long a round of each lasts [8]")
    parser.add_argument("--senders", type=int, default=64)
    parser.add_argument("--raw", type=pathlib.Path, default=BINARY.parent / "bench_postgres", help="the built program")
    return parser.parse_args()


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr or done.stdout)
    return json.loads(done.stdout)


class Node:
    """One that stores in the given database, with an owner's token and a topic."""

    def __init__(self, url):
        self.server = Server(env={"RATE_LIMITS_ENABLED": "false", "INDABA_LOG_LEVEL": "warning", "DATABASE_URL": url,
                                  "INDABA_DATABASE_WRITERS": str(WRITERS)})
        self.server.create_user("root", client.PASSWORD, superuser=True)
        self.server.start()
        self.token = self.server.command("token", "create", "--user", "root", "--ttl", "12h").out.strip()
        self.call("POST", "orgs", {"slug": "bench", "name": "Bench"})
        self.call("PUT", STREAM, {"durable": True})

    def call(self, method, path, body):
        client.blocking_request(self.server, method, path, body, {"Authorization": f"Token {self.token}"}).expect(200, 201)

    def groups(self):
        """How many changes were committed so far, and in how many transactions."""
        text = client.blocking_request(self.server, "GET", "/metrics").text
        return [float(re.search(rf"^indaba_db_group_size_{what} (\S+)", text, re.M)[1]) for what in ("sum", "count")]

    def measure(self, wanted, window):
        before = self.groups()
        told = run(BINARY, "bench", "publish", self.server.ws_url, "--stream", STREAM, "--token", self.token, "--json", "--quiet",
                   "--connections", wanted.senders, "--window", window, "--seconds", wanted.seconds)
        changes, commits = (after - since for after, since in zip(self.groups(), before))
        assert not told["errors"], told["errors"]
        return {"rate": told["events_per_second"], "p50": told["latency_ms"]["p50"], "p99": told["latency_ms"]["p99"],
                "group": changes / commits, "bottleneck": told["bottleneck"]}


def median(rounds, what):
    return statistics.median(one[what] for one in rounds)


def main():
    wanted = options()
    if not wanted.raw.exists():
        raise SystemExit(f"{wanted.raw} is not built: ninja -C {BINARY.parent} bench_postgres")
    shared = postgres.shared()
    database = shared.create_database()
    url = shared.url(database)
    node = Node(url)
    ours = {window: [] for window in WINDOWS}
    raw = {(window, writers): [] for window in WINDOWS for writers in (1, WRITERS)}
    try:
        for _ in range(wanted.rounds):
            for window in WINDOWS:
                ours[window].append(node.measure(wanted, window))
                rows = max(1, round(ours[window][-1]["group"]))
                for writers in (1, WRITERS):
                    told = run(wanted.raw, url, "--connections", writers, "--rows", rows, "--seconds", wanted.seconds)
                    raw[window, writers].append({"rate": told["rows_per_second"], "client": told["client_percent"]})
    finally:
        node.server.close()
    print(f"{wanted.senders} senders, {wanted.rounds} rounds of {wanted.seconds:g} s, medians\n")
    print("| under way a sender | acknowledged a second | p50 ms | p99 ms | events a transaction | raw, 1 connection (client's CPU)"
          f" | raw, {WRITERS} connections |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for window in WINDOWS:
        figures = [f"{median(ours[window], 'rate'):,.0f}", f"{median(ours[window], 'p50'):.1f}", f"{median(ours[window], 'p99'):.1f}",
                   f"{median(ours[window], 'group'):.0f}"]
        figures += [f"{median(raw[window, writers], 'rate'):,.0f} ({median(raw[window, writers], 'client'):.0f} %)"
                    for writers in (1, WRITERS)]
        print(f"| {window} | {' | '.join(figures)} |")
    for window, rounds in ours.items():
        print(f"window {window}: rounds {[round(one['rate']) for one in rounds]}, bottleneck {[one['bottleneck'] for one in rounds]}")
    for (window, writers), rounds in raw.items():
        print(f"raw, groups of window {window}, {writers} connections: rounds {[round(one['rate']) for one in rounds]}")


if __name__ == "__main__":
    main()
