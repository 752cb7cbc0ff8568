"""The clients of a run. Each writes down what it sent or was given, and moves between the nodes as they come and go."""

import asyncio
import itertools
import json
import time
import urllib.parse

import aiohttp

from chaos.history import ACKED, REJECTED, UNKNOWN, Publish, Reading, text_of
from harness.reader import TROUBLE
from harness.socket import Socket, is_event
from harness.sse import EventStream

ANSWER_SECONDS = 6
SILENCE_SECONDS = 4
GIVES_UP = 0.02  # after an attempt that was not acknowledged


async def attempt(caller, stream, texts):
    """(outcome of this attempt, seqs, the code of a refusal, the answer where there was one)."""
    events = [{"type": "tick", "data": text, "dedupe_key": text} for text in texts]
    try:
        answer = await asyncio.wait_for(caller.post(f"{stream}/events", events), ANSWER_SECONDS)
    except aiohttp.ClientConnectorError:
        return REJECTED, None, "unreachable", None
    except TROUBLE:
        return UNKNOWN, None, "no answer", None
    if answer.status in (200, 201):
        return ACKED, [result["seq"] for result in answer.json["results"]], None, answer
    code = answer.json["code"]
    return (REJECTED if answer.status in (429, 503) and code != "outcome_unknown" else UNKNOWN), None, code, answer


class Publisher:
    """Sends one batch after the other, each until it is answered, or given up now and then."""

    def __init__(self, world, name, stream, rng, batch, pause):
        self.world, self.name, self.stream, self.rng = world, name, stream, rng
        self.batch, self.pause = batch, pause
        self.stopping = False
        self.numbers = itertools.count(1)
        self.attempts = self.repeats = 0
        self.codes, self.waits = {}, []

    async def run(self):
        while not self.stopping:
            texts = [text_of(self.stream, self.name, next(self.numbers)) for _ in range(self.rng.randint(1, self.batch))]
            await self.publish(texts)
            await asyncio.sleep(self.rng.uniform(0, 2 * self.pause))

    async def publish(self, texts):
        began = time.monotonic()
        publishes = [Publish(self.stream, self.name, text, began) for text in texts]
        self.world.history.publishes += publishes
        outcomes = set()
        while True:
            self.attempts += 1
            caller, asked = self.world.caller("root", self.world.any_door(self.rng)), time.monotonic()
            outcome, seqs, code, answer = await attempt(caller, self.stream, texts)
            if code in ("unavailable", "outcome_unknown"):
                self.waits.append(time.monotonic() - asked)
            if outcome == ACKED:
                for publish, seq in zip(publishes, seqs, strict=True):
                    publish.ack(seq, time.monotonic())
                if self.rng.random() < 0.02:
                    await self.repeat(publishes, texts)
                return
            outcomes.add(outcome)
            self.note(code, answer)
            if self.rng.random() < GIVES_UP:
                for publish in publishes:
                    publish.outcome, publish.ended = UNKNOWN if UNKNOWN in outcomes else REJECTED, time.monotonic()
                return
            await asyncio.sleep(self.rng.uniform(0, 0.1))

    async def repeat(self, publishes, texts):
        """The same again: the same answer."""
        self.repeats += 1
        outcome, seqs, *_ = await attempt(self.world.caller("root", self.world.any_door(self.rng)), self.stream, texts)
        if outcome == ACKED:
            for publish, seq in zip(publishes, seqs, strict=True):
                publish.acks.append(seq)

    def note(self, code, answer):
        self.codes[code] = self.codes.get(code, 0) + 1
        if code not in ("unreachable", "no answer", "unavailable", "outcome_unknown", "draining", "overloaded", "rate_limited"):
            self.world.trouble("wrong-refusal", f"{self.name} was refused by {answer.json} at the node's {answer.headers.get('Date')}")


class Reader:
    """`pause` stops its reading for a while, as a slow device would."""

    kind = "reader"

    def __init__(self, world, name, stream, rng, user=None):
        self.world, self.stream, self.rng = world, stream, rng
        self.user = user or world.reader_of(stream)
        self.reading = Reading(f"{name} ({self.kind})", stream)
        world.history.readings.append(self.reading)
        self.connections = self.known = 0
        self.stopping = False
        self.paused_until = 0.0

    @property
    def last(self):
        return self.reading.last

    async def run(self):
        while not self.stopping:
            self.connections += 1
            self.door = self.world.any_door(self.rng)
            self.leaves_at = time.monotonic() + self.rng.uniform(0.5, 15)
            try:
                # Python 3.11's wait_for() may lose a cancellation where something arrives at that moment.
                await asyncio.wait_for(self.connect_and_read(), 30)
            except TROUBLE:
                await asyncio.sleep(self.rng.uniform(0, 0.2))

    @property
    def stays(self):
        return not self.stopping and time.monotonic() < self.leaves_at

    async def connect_and_read(self):
        raise NotImplementedError

    def caller(self):
        return self.world.caller(self.user, self.door)

    def take(self, event):
        self.reading.take(event["seq"], event["data"], time.monotonic(), self.connections)

    async def while_paused(self):
        if self.paused_until > time.monotonic():
            await asyncio.sleep(self.paused_until - time.monotonic())

    def hear(self, frame):
        """What is no event."""
        if frame["type"] == "subscribed":
            self.reading.epochs.add(frame["epoch"])
        elif frame["type"] == "reset":
            self.reading.resets.append(json.dumps(frame))


class SocketReader(Reader):
    """The stream in the path, its position in the query: nothing may come twice."""

    kind = "socket"

    async def connect_and_read(self):
        query = {"since": self.last, "welcome": "0", "epoch": self.world.history.epochs[self.stream]}
        socket = await Socket.dial(self.door, f"/ws/{self.stream}", query=query, max_queue=32, read_limit=4096,
                                   **self.caller().for_socket())
        try:
            while self.stays:
                await self.while_paused()
                frame = json.loads(await asyncio.wait_for(socket.connection.recv(), SILENCE_SECONDS))
                self.take(frame) if is_event(frame) else self.hear(frame)
        finally:
            socket.connection.transport.abort()


class SessionReader(Reader):
    """A session that is resumed, on whichever node: it may be given again what it had not told that it has, never less."""

    kind = "session"

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.session = f"{self.reading.name.split()[0]}-{self.rng.randrange(1 << 40)}"
        self.resumed = 0

    async def connect_and_read(self):
        socket = await Socket.dial(self.door, "/ws", query={"session_uuid": self.session}, **self.caller().for_socket())
        try:
            welcome = json.loads(await asyncio.wait_for(socket.connection.recv(), SILENCE_SECONDS))
            subscribed, deadline = False, time.monotonic() + (1 if welcome["resumed"] else 0)
            self.resumed += welcome["resumed"]
            heard = 0
            while self.stays:
                # It may have been cut before the server knew of its subscription.
                if not subscribed and time.monotonic() >= deadline:
                    subscribed = True
                    await socket.send("subscribe", stream=self.stream, since=self.last, epoch=self.world.history.epochs[self.stream])
                await self.while_paused()
                patience = SILENCE_SECONDS if subscribed else max(0.01, deadline - time.monotonic())
                try:
                    frame = json.loads(await asyncio.wait_for(socket.connection.recv(), patience))
                except asyncio.TimeoutError:
                    if subscribed:
                        raise
                    continue
                subscribed = subscribed or frame["type"] == "subscribed"
                if not is_event(frame):
                    self.hear(frame)
                elif frame["seq"] <= self.last:
                    self.known += 1
                else:
                    self.take(frame)
                    heard += 1
                    if heard % 16 == 0:
                        await socket.send("ack", stream=self.stream, seq=self.last)
        finally:
            socket.connection.transport.abort()


class EventStreamReader(Reader):
    kind = "event stream"
    cursor = None

    async def connect_and_read(self):
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        opening = EventStream.open(self.door, f"stream={self.stream}&since=0", self.caller(), headers, status=None)
        stream = await asyncio.wait_for(opening, SILENCE_SECONDS)
        try:
            if stream.answer.status != 200:
                raise EOFError(stream.answer.status)
            while self.stays:
                await self.while_paused()
                name, data, ident = await stream.next(SILENCE_SECONDS)
                if name == "message":
                    self.take(data)
                elif name == "reset":
                    self.hear({"type": name, **data})
                self.cursor = ident or self.cursor
        finally:
            stream.close()


class PollReader(Reader):
    kind = "poll"
    cursor = None

    async def connect_and_read(self):
        while self.stays:
            start = f"cursor={urllib.parse.quote(self.cursor)}" if self.cursor else "since=0"
            asking = self.caller().get(f"events?stream={self.stream}&{start}&wait=2&limit=300")
            answer = await asyncio.wait_for(asking, SILENCE_SECONDS + 2)
            if answer.status != 200:
                raise EOFError(answer.status)
            page = answer.json
            for reset in page["reset"]:
                self.hear({"type": "reset", **reset})
            for event in page["results"]:
                self.take(event)
            self.cursor = page["cursor"]
            await self.while_paused()


KINDS = [SocketReader, SessionReader, EventStreamReader, PollReader]
_visitors = itertools.count(1)


async def visit(world, stream, rng, seconds):
    """Comes at any moment and asks for what is new: the first event is the one behind the head that it was told."""
    door, user = world.any_door(rng), world.reader_of(stream)
    reading = None
    try:
        socket = await Socket.dial(door, f"/ws/{stream}", query={"welcome": "0"}, **world.caller(user, door).for_socket())
    except TROUBLE:
        return
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            frame = json.loads(await asyncio.wait_for(socket.connection.recv(), max(0.01, until - time.monotonic())))
            if frame["type"] == "subscribed":
                reading = Reading(f"visitor {next(_visitors)}", stream, frame["head"], whole=False)
                reading.epochs.add(frame["epoch"])
                world.history.readings.append(reading)
            elif frame["type"] == "reset":
                reading.resets.append(json.dumps(frame))
            elif is_event(frame):
                reading.take(frame["seq"], frame["data"], time.monotonic(), 1)
    except TROUBLE:
        pass
    finally:
        socket.connection.transport.abort()
