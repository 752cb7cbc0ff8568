"""Readers that lose their connection at random moments and come back, over WebSocket, SSE and long poll.

Each remembers (seq, what it says) for every event that it was given, and every breach of "each `seq` exactly once, in
order" at once, so that a failure names its moment.
"""

import asyncio
import json
import time
import urllib.parse

import aiohttp
from websockets.exceptions import WebSocketException

from harness.socket import Socket, is_event
from harness.sse import EventStream

# What a client sees of a connection that was cut or of a server that is not there.
TROUBLE = (OSError, EOFError, asyncio.TimeoutError, asyncio.IncompleteReadError, WebSocketException,
           aiohttp.ClientError)


class Breach(AssertionError):
    pass


class Reader:
    """`caller`: whose credentials; `since`: where it begins; `rng`: when it breaks off."""

    def __init__(self, server, stream, caller, since, rng, patience=(0.05, 1.0)):
        self.server, self.stream, self.caller, self.rng = server, stream, caller, rng
        self.since, self.last, self.epoch = since, since, None
        self.patience = patience
        self.seen = {}
        self.connections = 0
        self.stopping = False

    def take(self, event):
        seq = event["seq"]
        if seq != self.last + 1:
            word = "missing" if seq > self.last + 1 else "twice or out of order"
            raise Breach(f"{self}: seq {seq} after {self.last} ({word}), connection {self.connections}")
        self.last = seq
        self.seen[seq] = json.dumps(event.get("data"), sort_keys=True)

    def reset(self, told):
        raise Breach(f"{self}: reset {told}")

    def __repr__(self):
        return f"{type(self).__name__} from {self.since}"

    async def run(self, until):
        """Reads until `until()` says that it has all; breaks off every now and then."""
        while not until(self):
            self.connections += 1
            patience = self.rng.uniform(*self.patience)
            self.leaves_at = time.monotonic() + patience
            try:
                await asyncio.wait_for(self.connect_and_read(until), patience)
            except TROUBLE:
                await asyncio.sleep(self.rng.uniform(0, 0.05))

    @property
    def left(self):
        """Of its patience: Python 3.11's wait_for() may lose a cancellation where something arrives at that moment."""
        return max(0.01, self.leaves_at - time.monotonic())

    async def connect_and_read(self, until):
        raise NotImplementedError


class SocketReader(Reader):
    async def connect_and_read(self, until):
        query = {"since": self.last, "welcome": "0"}
        if self.epoch:
            query["epoch"] = self.epoch
        socket = await Socket.dial(self.server, f"/ws/{self.stream}", query=query, **self.caller.for_socket())
        socket.frames = _Nothing()
        try:
            while not until(self):
                frame = await socket.next(self.left)
                if frame["type"] == "subscribed":
                    self.epoch = frame["epoch"]
                elif frame["type"] == "reset":
                    self.reset(frame)
                elif is_event(frame):
                    self.take(frame)
        finally:
            socket.connection.transport.abort()


class EventStreamReader(Reader):
    cursor = None

    async def connect_and_read(self, until):
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        stream = await EventStream.open(self.server, f"stream={self.stream}&since={self.since}", self.caller,
                                        headers, status=None)
        try:
            if stream.answer.status != 200:
                raise EOFError(stream.answer.status)
            while not until(self):
                name, data, ident = await stream.next(self.left)
                if name == "message":
                    self.take(data)
                elif name == "reset":
                    self.reset(data)
                self.cursor = ident
        finally:
            stream.close()


class LongPollReader(Reader):
    cursor = None

    async def connect_and_read(self, until):
        while not until(self):
            start = f"cursor={urllib.parse.quote(self.cursor)}" if self.cursor else f"since={self.since}"
            answer = await self.caller.get(f"events?stream={self.stream}&{start}&wait=5&limit=200")
            if answer.status != 200:
                raise EOFError(answer.status)
            page = answer.json
            for reset in page["reset"]:
                self.reset(reset)
            for event in page["results"]:
                self.take(event)
            self.cursor = page["cursor"]


KINDS = [SocketReader, EventStreamReader, LongPollReader]


class _Nothing(list):
    """A long run must not keep every frame."""

    def append(self, _):
        pass


class Publisher:
    """Publishes until stopped, each event under a key of its own, again and again until it is answered."""

    def __init__(self, caller, topic, name, rng, batch=20, pause=0.0):
        self.caller, self.topic, self.name, self.rng = caller, topic, name, rng
        self.batch, self.pause = batch, pause
        self.acked = {}  # key -> seq
        self.attempts = 0
        self.stopping = False

    async def run(self):
        number = 0
        while not self.stopping:
            keys = [f"{self.name}-{number + n}" for n in range(self.rng.randint(1, self.batch))]
            number += len(keys)
            events = [{"type": "tick", "data": key, "dedupe_key": key} for key in keys]
            await self._until_answered(keys, events)
            if self.pause:
                await asyncio.sleep(self.pause)

    async def _until_answered(self, keys, events):
        while True:
            self.attempts += 1
            try:
                answer = await asyncio.wait_for(self.caller.post(f"{self.topic}/events", events), 10)
            except TROUBLE:
                await asyncio.sleep(0.02)
                continue
            if answer.status in (200, 201):
                for key, result in zip(keys, answer.json["results"], strict=True):
                    self.acked[key] = result["seq"]
                return
            assert answer.status in (503, 429), f"{answer}"
            await asyncio.sleep(0.02)


async def whole_log(caller, stream):
    """{seq: data} by pages, checked to have no hole."""
    log, since = {}, 0
    while True:
        page = (await caller.get(f"events?stream={stream}&since={since}&limit=1000")).expect(200).json
        assert page["reset"] == []
        for event in page["results"]:
            assert event["seq"] == since + 1, f"{event['seq']} after {since} in the log"
            since = event["seq"]
            log[since] = event["data"]
        if not page["has_more"]:
            assert page["streams"][stream]["head"] == since
            return log


def check_log(log, publishers):
    """Everything acknowledged is there, where it was said to be, and nothing is there twice."""
    where = {}
    for seq, key in log.items():
        assert key not in where, f"{key} is there twice: {where[key]} and {seq}"
        where[key] = seq
    for publisher in publishers:
        for key, seq in publisher.acked.items():
            assert key in where, f"{key} was acknowledged as {seq} and is missing"
            assert where[key] == seq, f"{key} was acknowledged as {seq} and is {where[key]}"


def check_readers(readers, log):
    for reader in readers:
        for seq, data in reader.seen.items():
            assert json.dumps(log[seq]) == data, f"{reader} was given {data} as {seq}; the log has {log[seq]!r}"
        assert sorted(reader.seen) == list(range(reader.since + 1, max(log, default=0) + 1)), f"{reader}"


__all__ = ["KINDS", "Breach", "Publisher", "Reader", "check_log", "check_readers", "whole_log"]
