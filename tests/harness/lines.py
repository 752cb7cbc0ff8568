"""TCP lines that fail when they are told to, in a process of their own.

Each line listens on a port of the loopback and, beside it, on a Unix socket for PostgreSQL's clients, and leads to a target that may
change. Unlike faulty_proxy's, these connections have no fate: a test says what happens, and when.

    refuse         new connections are reset
    hole           up, down or both: what comes is taken and goes nowhere; nobody is told
    delay          seconds each way, [least, most]
    stall          answers are not taken from the target any more, so that its buffers fill
    cut_commits    so many commits of PostgreSQL go through, and their answers do not: the connection is reset
"""

import asyncio
import collections
import contextlib
import json
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading

CLEAN = {"refuse": False, "hole": "", "delay": [0, 0], "stall": False, "cut_commits": 0}


class End(asyncio.Protocol):
    """One of the two ends of a connection; "up" is what the client says."""

    def __init__(self, pair, way):
        self.pair, self.way, self.transport = pair, way, None
        self.waiting, self.free_at = [], 0.0

    def connection_made(self, transport):
        self.transport = transport
        self.pair.made(self)

    def data_received(self, data):
        self.pair.heard(self, data)

    def connection_lost(self, _):
        self.pair.end()

    def pause_writing(self):
        self.pair.other(self).pause(True)

    def resume_writing(self):
        self.pair.other(self).pause(False)

    def pause(self, wanted):
        if self.transport is None or self.transport.is_closing():
            return
        with contextlib.suppress(RuntimeError):
            (self.transport.pause_reading if wanted else self.transport.resume_reading)()


class Pair:
    def __init__(self, line):
        self.line, self.ended, self.mute = line, False, False
        self.client, self.server = End(self, "up"), End(self, "down")
        line.pairs.add(self)
        line.counts["connections"] += 1

    def other(self, end):
        return self.server if end is self.client else self.client

    def made(self, end):
        if self.ended:
            end.transport.abort()
        elif end is self.server:
            end.pause(self.line.state["stall"])
            for data in self.client.waiting:
                end.transport.write(data)
        elif self.line.state["refuse"]:
            self.reset()
        else:
            self.dialling = asyncio.get_running_loop().create_task(self.dial())

    async def dial(self):
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, *self.line.target)
        except OSError:
            self.reset()

    def heard(self, end, data):
        state = self.line.state
        if self.mute or state["hole"] in (end.way, "both"):
            self.line.counts["swallowed"] += len(data)
            return
        if end.way == "up" and state["cut_commits"] > 0 and b"\0COMMIT\0" in data:
            state["cut_commits"] -= 1
            self.line.counts["commits cut"] += 1
            self.mute = True  # the answer goes nowhere
            asyncio.get_running_loop().call_later(0.05, self.reset)
            self.pass_on(end, data)
            return
        least, most = state["delay"]
        loop = asyncio.get_running_loop()
        if most <= 0 and end.free_at <= loop.time():
            self.pass_on(end, data)
            return
        end.free_at = max(end.free_at, loop.time() + random.uniform(least, most))
        loop.call_at(end.free_at, self.pass_on, end, data)

    def pass_on(self, end, data):
        there = self.other(end)
        if there.transport is None:
            end.waiting.append(data)
        elif not self.ended:
            there.transport.write(data)

    def reset(self):
        for end in (self.client, self.server):
            if end.transport is not None and not self.ended:
                wire = end.transport.get_extra_info("socket")
                if wire is not None and wire.family != socket.AF_UNIX:
                    with contextlib.suppress(OSError):
                        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.transport.abort()
        self.gone()

    def end(self):
        if not self.ended:
            for end in (self.client, self.server):
                if end.transport is not None:
                    end.transport.close()
        self.gone()

    def gone(self):
        self.ended = True
        self.line.pairs.discard(self)


class _Line:
    def __init__(self, target):
        self.target, self.state, self.pairs = tuple(target), dict(CLEAN), set()
        self.counts = collections.Counter()

    async def listen(self, folder):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Pair(self).client, "127.0.0.1", 0, backlog=1024)
        port = server.sockets[0].getsockname()[1]
        await loop.create_unix_server(lambda: Pair(self).client, f"{folder}/.s.PGSQL.{port}", backlog=1024)
        return port

    def obey(self, order):
        for name in CLEAN:
            if name in order:
                self.state[name] = order[name]
        if "target" in order:
            self.target = tuple(order["target"])
        if "stall" in order:
            for pair in self.pairs:
                pair.server.pause(order["stall"])
        if order.get("reset"):
            for pair in list(self.pairs):
                pair.reset()


async def serve(folder):
    loop, lines = asyncio.get_running_loop(), {}
    while order := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(order)
        if "listen" in order:
            line = lines[order["name"]] = _Line(order["listen"])
            told = await line.listen(folder)
        else:
            lines[order["name"]].obey(order)
            told = dict(lines[order["name"]].counts)
        print(json.dumps(told), flush=True)


class Line:
    """One of Lines. `host` and `port` are what it listens on; `folder` is where its Unix socket is."""

    def __init__(self, lines, name, port):
        self.lines, self.name, self.host, self.port, self.folder = lines, name, "127.0.0.1", port, lines.folder

    def set(self, **state):
        """From now on, for connections that are there too."""
        assert set(state) <= set(CLEAN) | {"target", "reset"}, state
        return self.lines.order(name=self.name, **state)

    def clear(self, **more):
        return self.set(**{**CLEAN, **more})

    def reset(self):
        """Every connection that is there."""
        return self.set(reset=True)

    def counts(self):
        return self.set()


class Lines:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="indaba-lines-")
        self.folder = pathlib.Path(self._folder.name)
        self._one_at_a_time = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.lines", self.folder], cwd=pathlib.Path(__file__).parents[1],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def order(self, **order):
        with self._one_at_a_time:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())

    def add(self, name, host, port):
        return Line(self, name, self.order(name=name, listen=[host, port]))

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(10)
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
