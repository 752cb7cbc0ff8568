#!/usr/bin/python3
"""Measures the chat on SQLite: sending while many are online, sending alone, and history.

  online     1,000 connections, each in all of 50 rooms; 500 messages a second over them; the load client is `indaba bench`
  send       1, 32 and 64 senders, each with one message under way; their texts are made of words that are all different
  history    50 messages of a room of a million, at its end, in its middle and at its beginning, by HTTP

The database of `history` is written while the server does not run. The data folder is kept where --data names one, and used again.
"""

import argparse
import json
import os
import pathlib
import random
import re
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time

from suite.own_server import Server

ROOT = pathlib.Path(__file__).resolve().parents[1]
ORG, ROOMS, BIG = "bench", 50, "big"
PAGE = 50


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="online|send|history", help="all of them by default")
    parser.add_argument("--binary", default=str(ROOT / "build/release/indaba"))
    parser.add_argument("--client", help="the program whose `bench` is the load; --binary by default")
    parser.add_argument("--data", type=pathlib.Path, help="a folder that is kept")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20, help="of a run of `online`; a quarter of it for `send`")
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=2_000, help="of each kind of page")
    return parser.parse_args()


class Line:
    """One kept connection for requests, without a library between: what it measures is the server."""

    def __init__(self, port, token):
        self.wire = socket.create_connection(("127.0.0.1", port))
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = f"Host: 127.0.0.1\r\nAuthorization: Token {token}\r\nContent-Type: application/json\r\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def request(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        self.wire.sendall(f"{method} /api/v1/{path} HTTP/1.1\r\n{self.head}Content-Length: {len(data)}\r\n\r\n".encode()
                          + data)
        answer = self.wire.recv(65536)
        while b"\r\n\r\n" not in answer:
            answer += self.wire.recv(65536)
        head, _, text = answer.partition(b"\r\n\r\n")
        size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(text) < size:
            text += self.wire.recv(1 << 20)
        if not head.startswith(b"HTTP/1.1 2"):
            raise SystemExit(f"{method} {path}: {head[:40]} {text[:300]}")
        return text


def token_of(server, name):
    return server.command("token", "create", "--user", name, "--ttl", "12h")


def make_world(server):
    server.command("user", "create", "anna", "--password-stdin", stdin="correct horse battery\n")
    server.command("org", "create", ORG, "--owner", "anna")
    anna = token_of(server, "anna")
    with server:
        for slug in [f"room{n}" for n in range(ROOMS)] + [BIG]:
            server.request("POST", f"orgs/{ORG}/rooms", anna, {"slug": slug})


def room(slug):
    return f"orgs/{ORG}/rooms/{slug}"


def at(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def start_load(wanted, server, token, mode, *arguments):
    command = [wanted.client or wanted.binary, "bench", mode, f"ws://127.0.0.1:{server.port}/ws?welcome=0", "--token", token,
               "--json", "--quiet", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result_of(process):
    out, errors = process.communicate()
    if not out:
        raise SystemExit(errors)
    return json.loads(out)


def load(wanted, server, token, mode, *arguments):
    return result_of(start_load(wanted, server, token, mode, "--server-pid", server.process.pid, *arguments))


def tell_load():
    return f"load {os.getloadavg()[0]:.1f}"


# --- rooms with a thousand members online

# One message of ten comes from a process that does nothing else: what it measures is the server, and not how long a client
# that reads half a million events a second takes to see an answer.
QUIET_SHARE = 0.1


def online(wanted, server, token):
    subscribe = []
    for n in range(ROOMS):
        subscribe += ["--send", json.dumps({"type": "subscribe", "stream": room(f"room{n}")})]
    start = '{"type":"message","stream":"' + room("room{sender}") + '","client_message_id":"{uuid}",'
    # The readers check each sender's events: those of the quiet process have theirs in `ref`, which nobody else is told.
    message, quiet = start + '"body":"{event_string}"}', start + '"ref":"{event_string}","body":"a message for everybody"}'
    acks, deliveries = [], []
    for _ in range(wanted.runs):
        warm_up = 5  # while everybody connects
        beside = start_load(wanted, server, token, "publish", "--connections", ROOMS, "--rate", wanted.rate * QUIET_SHARE,
                            "--warm-up", warm_up, "--seconds", wanted.seconds, "--payload", 0, "--publish", quiet,
                            "--publish-await", '"message_sent"')
        told = load(wanted, server, token, "fanout", *subscribe, "--await", room(f"room{ROOMS - 1}"), "--connections",
                    wanted.connections, "--publishers", ROOMS, "--rate", wanted.rate * (1 - QUIET_SHARE), "--warm-up", 2,
                    "--seconds", wanted.seconds + warm_up, "--publish", message, "--publish-answer", '"message_sent"',
                    "--payload", 100)
        alone = result_of(beside)
        ack, delivery = alone["latency_ms"], told["latency_ms"]
        acks.append(ack["p99"])
        deliveries.append(delivery["p99"])
        cpu = told["server"]["cpu_seconds"] / told["seconds"] * 100
        print(f"online: {wanted.connections} connections in {ROOMS} rooms, "
              f"{told['events_per_second'] + alone['events_per_second']:.0f} messages/s, "
              f"{told['deliveries_per_second'] / (1 - QUIET_SHARE):.0f} deliveries/s; "
              f"acknowledged p50 {ack['p50']:.2f} p99 {ack['p99']:.2f} max {ack['max']:.1f} ms (in the client that reads: "
              f"p99 {told['answer_ms']['p99']:.2f}); delivered p50 {delivery['p50']:.2f} p99 {delivery['p99']:.2f} ms; "
              f"missing {told['missing']}, doubled {told['doubled']}, errors {told['errors'] | alone['errors']}; server CPU "
              f"{cpu:.0f} %, clients' {told['client']['busiest_process_percent']:.0f} and "
              f"{alone['client']['busiest_process_percent']:.0f} %; {tell_load()}", flush=True)
    print(f"online, median of {wanted.runs}: acknowledged p99 {statistics.median(acks):.2f} ms, "
          f"delivered p99 {statistics.median(deliveries):.2f} ms\n")


# --- sending

def send(wanted, server, token):
    message = ('{"type":"message","stream":"' + room("room0") + '","client_message_id":"{uuid}",'
               '"body":"from {uuid} and {uuid} {event_string}"}')
    for senders in (1, 32, 64):
        runs = []
        for _ in range(wanted.runs):
            told = load(wanted, server, token, "publish", "--connections", senders, "--seconds", wanted.seconds / 4,
                        "--publish", message, "--publish-await", '"message_sent"', "--payload", 100)
            if told["errors"]:
                raise SystemExit(str(told["errors"]))
            runs.append((told["events_per_second"], told["latency_ms"]["p50"], told["latency_ms"]["p99"],
                         told["latency_ms"]["max"], told["client"]["busiest_process_percent"]))
        rate, p50, p99, worst, client = (statistics.median(column) for column in zip(*runs))
        spread = ", ".join(f"{run[2]:.1f}" for run in runs)
        print(f"send: {senders:3} senders: {rate:7.0f} messages/s, p50 {p50:6.2f} ms, p99 {p99:6.2f} ms (runs: {spread}), "
              f"max {worst:.1f} ms; client CPU {client:.0f} %; {tell_load()}", flush=True)
    print()


# --- history

def fill(file, messages):
    """A million messages in one room; every tenth has a reaction. Their events are as long gone as they would be."""
    rng = random.Random(1)
    words = ["".join(rng.choice("aeioubdklmnrst") for _ in range(rng.randint(2, 9))) for _ in range(5_000)]
    bodies = [" ".join(rng.choices(words, k=rng.randint(3, 25))) for _ in range(5_000)]
    database = sqlite3.connect(file)
    database.execute("PRAGMA synchronous = OFF")
    (big,) = database.execute("SELECT id FROM rooms WHERE slug = ?", (BIG,)).fetchone()
    (author,) = database.execute("SELECT id FROM users WHERE username = 'anna'").fetchone()
    began = int(time.time() * 1000) - messages * 1000
    (last,) = database.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()
    database.executemany(
        "INSERT INTO messages (id, room_id, author_id, seq, number, body, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((last + n, big, author, n, n, rng.choice(bodies), began + n * 1000) for n in range(1, messages + 1)))
    database.executemany("INSERT INTO reactions (message_id, emoji, user_id, created_at) VALUES (?, '👍', ?, ?)",
                         ((last + n, author, began) for n in range(1, messages + 1, 10)))
    database.execute("UPDATE rooms SET messages = ? WHERE id = ?", (messages, big))
    database.execute("UPDATE streams SET head = ? WHERE id = (SELECT stream_id FROM rooms WHERE id = ?)", (messages, big))
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def pages_of(line, query, wanted):
    times, size = [], 0
    for n in range(wanted.requests):
        path = f"{room(BIG)}/messages?limit={PAGE}{query(n)}"
        began = time.perf_counter()
        text = line.request("GET", path)
        times.append((time.perf_counter() - began) * 1000)
        size = len(text)
        if n % 100 == 0 and len(json.loads(text)["messages"]) != PAGE:
            raise SystemExit(f"{path}: not {PAGE} messages")
    return times, size


def history(wanted, server, token):
    rng = random.Random(2)
    with Line(server.port, token) as line:
        newest = json.loads(line.request("GET", f"{room(BIG)}/messages?limit=1"))["messages"][0]["id"]
        first = newest - wanted.messages + 1
        middle = wanted.messages // 2
        kinds = [("the newest page", lambda n: ""),
                 ("before_id, near the end", lambda n: f"&before_id={newest - n}"),
                 ("before_id, in the middle", lambda n: f"&before_id={first + middle + rng.randrange(-middle // 2, middle // 2)}"),
                 ("after_id, in the middle", lambda n: f"&after_id={first + middle + rng.randrange(-middle // 2, middle // 2)}"),
                 ("around_id, in the middle", lambda n: f"&around_id={first + middle + rng.randrange(-middle // 2, middle // 2)}"),
                 ("before_id, at the beginning", lambda n: f"&before_id={first + PAGE + n % 100}"),
                 ("after_id, at the beginning", lambda n: f"&after_id={first + n % 100}"),
                 ("around_id, at the beginning", lambda n: f"&around_id={first + PAGE + n % 100}")]
        for name, query in kinds:
            runs = []
            for _ in range(wanted.runs):
                times, size = pages_of(line, query, wanted)
                runs.append((at(times, 0.5), at(times, 0.99), max(times)))
            p50, p99, worst = (statistics.median(column) for column in zip(*runs))
            print(f"history: {name:28} p50 {p50:5.2f} ms, p99 {p99:5.2f} ms, max {worst:6.2f} ms; {size} bytes; "
                  f"{tell_load()}", flush=True)


def main():
    wanted = options()
    folder = tempfile.TemporaryDirectory(prefix="indaba-chat-")
    parts = wanted.parts or ["online", "send", "history"]
    data = wanted.data or pathlib.Path(folder.name) / "data"
    server = Server(wanted.binary, data)
    file = data / "indaba.db"
    if not file.exists():
        make_world(server)
        if "history" in parts:
            began = time.monotonic()
            fill(file, wanted.messages)
            print(f"{wanted.messages} messages written in {time.monotonic() - began:.0f} s", flush=True)
    token = token_of(server, "anna")
    with server:
        for name, part in (("online", online), ("send", send), ("history", history)):
            if name in parts:
                part(wanted, server, token)


if __name__ == "__main__":
    main()
