#!/usr/bin/python3
"""Measures an export of many messages on SQLite: what it takes of memory, how long it takes, and what people notice meanwhile.

Two people work all the time, 50 requests a second each: a page of history, a message, their own account, in turn. First alone, then
beside the export, then beside its download by ten readers, one of whom takes nothing. What they wait for is compared.
The database is written while the server does not run; it is kept where --data names a folder, and used again.
"""

import argparse
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

from chat import BIG, ORG, Line, at, fill, make_world, room, tell_load, token_of
from suite.own_server import Server

ROOT = pathlib.Path(__file__).resolve().parents[1]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build/release/indaba"))
    parser.add_argument("--data", type=pathlib.Path, help="a folder that is kept")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20, help="of the time without an export")
    parser.add_argument("--rate", type=float, default=50, help="requests a second of each of the two")
    parser.add_argument("--pace", default="10M", help="bytes a second of each download")
    return parser.parse_args()


class Person:
    """Asks at fixed times, however long answers take: a late answer counts from when it was due."""

    KINDS = ("history", "message", "me")

    def __init__(self, server, token, rate, name):
        self.taken = {kind: [] for kind in self.KINDS}
        self._line, self._rate, self._name = Line(server.port, token), rate, name
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self):
        due, n = time.perf_counter(), 0
        while not self._ends.is_set():
            time.sleep(max(0, due - time.perf_counter()))
            kind = self.KINDS[n % 3]
            if kind == "history":
                self._line.request("GET", f"{room(BIG)}/messages?limit=50")
            elif kind == "message":
                self._line.request("POST", f"{room('room0')}/messages",
                                   {"body": f"hello {n}", "client_message_id": f"{self._name}-{time.time_ns()}"})
            else:
                self._line.request("GET", "me")
            self.taken[kind].append((time.perf_counter() - due) * 1000)
            due, n = due + 1 / self._rate, n + 1

    def end(self):
        self._ends.set()
        self._thread.join()
        self._line.__exit__()
        return self.taken


class Memory:
    """The most that the server had while this ran, by /proc."""

    def __init__(self, pid):
        self._pid, self._ends = pid, threading.Event()
        self.before = self.most = self.now()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def now(self):
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self._pid}/status").read_text().splitlines())
        return int(status["VmRSS"].split()[0]) / 1024

    def _work(self):
        while not self._ends.wait(0.02):
            self.most = max(self.most, self.now())

    def end(self):
        self._ends.set()
        self._thread.join()
        return f"RSS before {self.before:.0f} MB, at most {self.most:.0f} MB: {self.most - self.before:+.1f} MB"


def beside(server, tokens, rate, work):
    """(what `work` gives, all waiting times)"""
    people = [Person(server, token, rate, f"p{n}") for n, token in enumerate(tokens)]
    try:
        result = work()
    finally:
        ends = [person.end() for person in people]
    return result, {kind: [ms for taken in ends for ms in taken[kind]] for kind in Person.KINDS}


def tell(name, taken):
    everything = [ms for times in taken.values() for ms in times]
    parts = "; ".join(f"{kind} p99 {at(times, .99):.2f}" for kind, times in taken.items())
    print(f"{name}: {len(everything)} requests, p50 {at(everything, .5):.2f} p99 {at(everything, .99):.2f} max "
          f"{max(everything):.1f} ms ({parts}); {tell_load()}", flush=True)
    return at(everything, .99)


def make_export(server, token):
    began = time.perf_counter()
    told = server.request("POST", f"orgs/{ORG}/exports", token, {"kind": "messages_jsonl"})
    while told["status"] in ("queued", "running"):
        time.sleep(0.1)
        told = server.request("GET", f"orgs/{ORG}/exports/{told['job_id']}", token)
    if told["status"] != "done":
        raise SystemExit(str(told))
    return told, time.perf_counter() - began


def downloads(server, token, told, rate):
    """In processes of their own: what people wait for is measured here."""
    idle = socket.create_connection(("127.0.0.1", server.port))
    idle.sendall(f"GET {told['download_url']} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Token {token}\r\n\r\n".encode())
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", "--limit-rate", rate, "-H", f"Authorization: Token {token}",
               f"http://127.0.0.1:{server.port}{told['download_url']}"]
    began = time.perf_counter()
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(9)]
    sizes = [int(reader.communicate()[0]) for reader in readers]
    idle.close()
    if sizes != [told["bytes"]] * 9:
        raise SystemExit(f"downloads are not whole: {sizes}")
    return sum(sizes) / (time.perf_counter() - began)


def main():
    wanted = options()
    with tempfile.TemporaryDirectory() as temporary:
        data = wanted.data or pathlib.Path(temporary)
        server = Server(wanted.binary, data)
        if not (data / "filled").exists():
            make_world(server)
            fill(data / "indaba.db", wanted.messages)
            (data / "filled").touch()
        tokens = [token_of(server, "anna") for _ in range(2)]
        with server:
            make_quiet = beside(server, tokens, wanted.rate, lambda: time.sleep(3))  # warm
            del make_quiet
            _, alone = beside(server, tokens, wanted.rate, lambda: time.sleep(wanted.seconds))
            p99 = tell("alone", alone)
            memory = Memory(server.process.pid)
            (told, seconds), taken = beside(server, tokens, wanted.rate, lambda: make_export(server, tokens[0]))
            print(f"export: {told['lines']} messages, {told['bytes'] / 1e6:.0f} MB in {seconds:.1f} s; {memory.end()}")
            print(f"p99 beside the export: {tell('beside the export', taken) / p99:.2f} x")
            memory = Memory(server.process.pid)
            rate, taken = beside(server, tokens, wanted.rate, lambda: downloads(server, tokens[0], told, wanted.pace))
            print(f"downloads: 9 at once, {rate / 1e6:.0f} MB/s in all; {memory.end()}")
            print(f"p99 beside the downloads: {tell('beside the downloads', taken) / p99:.2f} x")


if __name__ == "__main__":
    main()
