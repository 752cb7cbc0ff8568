"""A TCP proxy that treats its connections badly, in a process of its own.

Every connection has a fate and a moment, both from the seed: it is reset, or closed, or its answers are swallowed while
its requests still go through (an acknowledgement is lost), or nothing goes through in either direction; what was
swallowed is followed by a reset a little later. A reset may come in the middle of a frame.
"""

import asyncio
import contextlib
import pathlib
import random
import socket
import struct
import subprocess
import sys
import types

FATES = ["reset", "close", "swallow answers", "swallow answers", "swallow all"]


class Side(asyncio.Protocol):
    """One of the two ends of a connection."""

    def __init__(self, pair):
        self.pair, self.transport, self.early = pair, None, []

    def connection_made(self, transport):
        self.transport = transport
        self.pair.made(self)

    def data_received(self, data):
        self.pair.pass_on(self, data)

    def connection_lost(self, _):
        self.pair.end()

    def pause_writing(self):
        self.pair.other(self).transport.pause_reading()

    def resume_writing(self):
        with contextlib.suppress(RuntimeError):
            self.pair.other(self).transport.resume_reading()


class Pair:
    def __init__(self, proxy):
        self.proxy, self.rng = proxy, random.Random(proxy.rng.random())
        self.client, self.server = Side(self), Side(self)
        self.swallowed = set()
        self.ended = False
        proxy.counts["connections"] = proxy.counts.get("connections", 0) + 1

    def other(self, side):
        return self.server if side is self.client else self.client

    def made(self, side):
        if self.ended:
            side.transport.abort()
        elif side is self.client:
            loop = asyncio.get_running_loop()
            loop.call_later(self.rng.expovariate(1 / self.proxy.mean_life), self.meet_fate)
            self.dialling = loop.create_task(self.dial(loop))
        else:
            for data in self.client.early:
                side.transport.write(data)

    async def dial(self, loop):
        try:
            await loop.create_connection(lambda: self.server, *self.proxy.target)
        except OSError:
            self.end()

    def pass_on(self, side, data):
        if side in self.swallowed:
            self.proxy.counts["bytes swallowed"] = self.proxy.counts.get("bytes swallowed", 0) + len(data)
            return
        there = self.other(side)
        if there.transport is None:
            side.early.append(data)
        elif not self.ended:
            there.transport.write(data)

    def meet_fate(self):
        if self.ended:
            return
        fate = self.rng.choice(FATES)
        self.proxy.counts[fate] = self.proxy.counts.get(fate, 0) + 1
        if fate == "close":
            self.end()
        elif fate == "reset":
            self.reset()
        else:
            self.swallowed = {self.server} if fate == "swallow answers" else {self.server, self.client}
            asyncio.get_running_loop().call_later(self.rng.uniform(0.02, 0.4), self.reset)

    def reset(self):
        for side in (self.client, self.server):
            if side.transport is not None and not self.ended:
                wire = side.transport.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                side.transport.abort()
        self.ended = True

    def end(self):
        if not self.ended:
            self.ended = True
            for side in (self.client, self.server):
                if side.transport is not None:
                    side.transport.close()


async def serve(target, seed, mean_life):
    proxy = types.SimpleNamespace(target=target, rng=random.Random(seed), mean_life=mean_life, counts={})
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Pair(proxy).client, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent closes it
    print(proxy.counts, flush=True)


class FaultyProxy:
    """What it listens on looks like a server to the harness: url, ws_url, host, port."""

    def __init__(self, server, seed, mean_life):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.faulty_proxy", server.host, str(server.port), str(seed), str(mean_life)],
            cwd=pathlib.Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.host, self.port = "127.0.0.1", int(self.process.stdout.readline())
        self.url, self.ws_url = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}"
        self.told = ""

    def stop(self):
        if self.process.poll() is None:
            self.told = self.process.communicate(timeout=10)[0].strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


if __name__ == "__main__":
    asyncio.run(serve((sys.argv[1], int(sys.argv[2])), sys.argv[3], float(sys.argv[4])))
