"""People who chat over a bad line: each sends until there is an answer, and keeps a model of what must be true at the end."""

import asyncio
import contextlib
import json

from harness.client import Caller
from harness.reader import TROUBLE, Breach, EventStreamReader, LongPollReader
from harness.socket import Socket, is_event

ANSWER_SECONDS = 2


def key_of(event):
    """What of an event every reader must agree on: a deleted message keeps its place and loses its text."""
    return event["type"], event.get("id"), event.get("up_to"), event.get("user", {}).get("id")


class Lost(Exception):
    """The connection went, or the answer did."""


class Device:
    """One live reader of some streams on one socket, which comes back after every cut.

    `style`: "url", the stream in the path and its position in the query; "subscribe", frames with positions; "resume",
    the server's memory of the session: its positions may be older than what was seen, never newer.
    """

    def __init__(self, person, line, streams, style, rng):
        self.person, self.line, self.streams, self.style, self.rng = person, line, streams, style, rng
        self.session = f"{person.name}-{rng.randrange(1 << 30)}"
        self.seen = {stream: [] for stream in streams}  # keys, by seq - 1
        self.epochs, self.waiting = {}, {}
        self.sent_up_to = {}  # on this connection, by stream: from its `subscribed` on
        self.socket, self.stopping = None, False
        self.connections = self.resumed = self.repeated = 0
        self.refs = 0

    def last(self, stream):
        return len(self.seen[stream])

    async def run(self):
        while not self.stopping:
            self.connections += 1
            try:
                await self.connect()
                await self.read()
            except TROUBLE:
                pass
            finally:
                await self.hang_up()
            await asyncio.sleep(self.rng.uniform(0, 0.05))

    async def connect(self):
        query, path = {}, "/ws"
        if self.style == "url":
            (stream,) = self.streams
            path, query = f"/ws/{stream}", {"since": self.last(stream)}
            if stream in self.epochs:
                query["epoch"] = self.epochs[stream]
        elif self.style == "resume":
            query = {"session_uuid": self.session}
        dialling = Socket.dial(self.line, path, query=query, **self.person.caller.for_socket())
        self.sent_up_to.clear()
        self.socket = await asyncio.wait_for(dialling, ANSWER_SECONDS)
        welcome = json.loads(await asyncio.wait_for(self.socket.connection.recv(), ANSWER_SECONDS))
        assert welcome["type"] == "welcome", welcome
        self.resumed += welcome["resumed"]
        if self.style == "subscribe" or (self.style == "resume" and not welcome["resumed"]):
            for stream in self.streams:
                await self.subscribe(stream)
        elif self.style == "resume":
            self.missing = set(self.streams)
            asyncio.get_running_loop().create_task(self.subscribe_to_missing(self.socket))

    async def subscribe(self, stream):
        position = {"since": self.last(stream)}
        if stream in self.epochs:
            position["epoch"] = self.epochs[stream]
        await self.socket.send("subscribe", stream=stream, **position)

    async def subscribe_to_missing(self, socket):
        """The line may have been cut before the session knew of a subscription."""
        await asyncio.sleep(1)
        with contextlib.suppress(*TROUBLE):
            for stream in self.missing if self.socket is socket else ():
                await self.subscribe(stream)

    missing = frozenset()

    async def read(self):
        connection, heard = self.socket.connection, 0
        while not self.stopping:
            frame = json.loads(await connection.recv())
            if is_event(frame):
                self.take(frame)
                heard += 1
                if heard % 16 == 0:
                    await self.acknowledge(frame["stream"])
            elif frame.get("ref") in self.waiting:
                self.waiting.pop(frame["ref"]).set_result(frame)
            elif frame["type"] == "subscribed":
                self.epochs.setdefault(frame["stream"], frame["epoch"])
                self.missing = self.missing - {frame["stream"]}
                self.sent_up_to[frame["stream"]] = frame["since"]
                if frame["epoch"] != self.epochs[frame["stream"]]:
                    raise Breach(f"{self}: another epoch, {frame}")
            elif frame["type"] in ("reset", "unsubscribed") or frame["type"] == "error" and "ref" not in frame:
                raise Breach(f"{self}: {frame}")

    def take(self, event):
        seen, seq, key = self.seen[event["stream"]], event["seq"], key_of(event)
        self.sent_up_to[event["stream"]] = seq
        if seq <= len(seen):
            self.repeated += 1
            if self.style != "resume":
                raise Breach(f"{self}: seq {seq} came twice")
            if seen[seq - 1] != key:
                raise Breach(f"{self}: seq {seq} was {seen[seq - 1]} and is {key}")
        elif seq > len(seen) + 1:
            raise Breach(f"{self}: seq {seq} after {len(seen)}, connection {self.connections}")
        else:
            seen.append(key)

    async def acknowledge(self, stream):
        seq = self.sent_up_to.get(stream, 0)
        if self.socket is not None and seq:
            await self.socket.send("ack", stream=stream, seq=seq)

    async def ask(self, type_, **frame):
        """The answer to a frame; Lost where there is none."""
        if self.socket is None or not self.socket.connection.open:
            raise Lost
        self.refs += 1
        ref, answer = f"{self.session}-{self.refs}", asyncio.get_running_loop().create_future()
        self.waiting[ref] = answer
        try:
            await self.socket.send(type_, ref=ref, **frame)
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TROUBLE as trouble:
            raise Lost from trouble
        finally:
            self.waiting.pop(ref, None)

    async def hang_up(self):
        socket, self.socket = self.socket, None
        if socket is not None:
            socket.connection.transport.abort()
        for answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError())
        self.waiting.clear()

    def __repr__(self):
        return f"{self.person.name}'s device ({self.style})"


class Message:
    def __init__(self, author, stream, key, body):
        self.author, self.stream, self.key, self.body = author, stream, key, body
        self.id = self.seq = None
        self.edited = self.deleted = False
        self.reactions = set()  # (emoji, user id)


class Person:
    """Does one thing after the other, each until it is answered."""

    def __init__(self, user, token, line, rng):
        self.name, self.id, self.rng = user.name, user.id, rng
        self.caller = Caller(line, {"Authorization": f"Bearer {token}"})
        self.device = None
        self.sent = []
        self.read = {}  # stream -> [position, told]
        self.attempts = self.repeats = 0

    def moved(self, stream, seq):
        position, told = self.read.get(stream, (0, 0))
        self.read[stream] = (max(position, seq), max(told, seq))

    async def until_answered(self, by_socket, by_http, refused=lambda answer: False):
        """Either way, at random, again and again. By socket: a frame; by HTTP: (method, path, body)."""
        while True:
            self.attempts += 1
            try:
                if by_socket is not None and self.rng.random() < 0.6:
                    answer = await self.device.ask(**by_socket)
                    if answer["type"] != "error":
                        return answer
                    if refused(answer["error"]["code"]):
                        return None
                    assert answer["error"]["code"] == "unavailable", answer
                else:
                    request = self.caller.request(*by_http)
                    answer = await asyncio.wait_for(request, ANSWER_SECONDS)
                    if answer.status in (200, 201, 204):
                        return answer.json
                    if refused(answer.json["code"]):
                        return None
                    assert answer.status == 503, answer
            except (Lost, *TROUBLE):
                pass
            await asyncio.sleep(self.rng.uniform(0, 0.03))

    async def say(self, stream, path, body, reply_to=None):
        message = Message(self, stream, f"{self.name}-{len(self.sent)}", body)
        sent = {"body": body, "client_message_id": message.key}
        if reply_to is not None:
            sent["reply_to"] = reply_to
        ways = ({"type_": "message", "stream": stream, **sent}, ("POST", f"{path}/messages", sent))
        answer = await self.until_answered(*ways)
        message.id, message.seq = answer["id"], answer["seq"]
        self.repeats += answer["duplicate"]
        if self.sent and self.sent[-1].stream == stream and self.sent[-1].seq >= message.seq:
            raise Breach(f"{message.key} is {message.seq}, behind what was sent before it: {self.sent[-1].seq}")
        self.sent.append(message)
        self.moved(stream, message.seq)
        if self.rng.random() < 0.05:
            again = await self.until_answered(*ways)
            if (again["id"], again["seq"], again["duplicate"]) != (message.id, message.seq, True):
                raise Breach(f"{message.key} was {answer} and is {again}")
        return message

    async def edit(self, message):
        message.edited, message.body = True, f"{message.body} (edited)"
        await self.until_answered({"type_": "edit", "id": message.id, "body": message.body},
                                  ("PATCH", f"messages/{message.id}", {"body": message.body}))

    async def delete(self, message):
        message.deleted = True
        await self.until_answered({"type_": "delete", "id": message.id}, ("DELETE", f"messages/{message.id}"))

    async def react(self, message, emoji, encoded):
        """Its author may delete it at any moment."""
        message.reactions.add((emoji, self.id))
        await self.until_answered({"type_": "react", "id": message.id, "emoji": emoji},
                                  ("PUT", f"messages/{message.id}/reactions/{encoded}"),
                                  refused=lambda code: message.deleted and code in ("conflict", "message_deleted"))

    async def read_up_to(self, stream, path, seq):
        await self.until_answered({"type_": "read_receipt", "stream": stream, "up_to": seq},
                                  ("POST", f"{path}/read", {"up_to": seq}))
        self.moved(stream, seq)

    async def mark_unread(self, message, path):
        await self.until_answered(None, ("POST", f"{path}/unread", {"from_id": message.id}))
        position, told = self.read.get(message.stream, (0, 0))
        self.read[message.stream] = (min(position, message.seq - 1), told)


class _Keyed:
    """Keeps what every reader must agree on, like a device."""

    def take(self, event):
        super().take(event)
        self.seen[event["seq"]] = key_of(event)

    def keys(self):
        return [self.seen[seq] for seq in range(1, self.last + 1)]


class KeyedEventStream(_Keyed, EventStreamReader):
    pass


class KeyedLongPoll(_Keyed, LongPollReader):
    pass


__all__ = ["Device", "KeyedEventStream", "KeyedLongPoll", "Lost", "Person", "key_of"]
