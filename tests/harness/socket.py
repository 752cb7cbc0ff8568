"""The WebSocket protocol through python3-websockets: an implementation that shares nothing with ours."""

import asyncio
import http.client
import json
import socket as sockets
import struct
import time
import urllib.parse

import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatusCode  # noqa: F401 (for tests)

from harness import raw

PATIENCE = 10.0
# Every type that is an answer or a frame of the protocol, so not an event.
FRAME_TYPES = {"welcome", "subscribed", "reset", "unsubscribed", "message_sent", "published", "ok", "pong",
               "error", "heartbeat", "goodbye", "presence_state"}


def is_event(frame):
    return "seq" in frame and frame["type"] not in FRAME_TYPES


class Socket:
    """One connection. `frames` keeps everything that ever arrived, in order, as text."""

    def __init__(self, connection):
        self.connection = connection
        self.frames = []
        self.welcome = None
        self.hears_presence = False  # comes a second after anybody does: only for tests about it

    # -- opening

    @classmethod
    async def dial(cls, server, path="/ws", user=None, *, token=None, by="protocol", query=None, origin=None,
                   protocols=None, headers=None, compression=None, read_limit=2**20, **options):
        """Opens and reads nothing. `by`: how the token travels: protocol, header, token, query, cookie."""
        query = dict(query or {})
        headers = dict(headers or {})
        offered = list(protocols or [])
        if user is not None and token is None:
            token = user.access
        if token is not None:
            if by == "protocol":
                offered += ["Bearer", token]
            elif by == "header":
                headers["Authorization"] = f"Bearer {token}"
            elif by == "token":
                headers["Authorization"] = f"Token {token}"
            elif by == "query":
                query["token"] = token
            elif by == "cookie":
                headers["Cookie"] = token
        url = server.ws_url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        connection = await websockets.connect(
            url, subprotocols=offered or None, extra_headers=headers, origin=origin,
            compression=compression, ping_interval=None, close_timeout=2, max_size=None,
            read_limit=read_limit, max_queue=options.pop("max_queue", 4096), open_timeout=PATIENCE, **options)
        return cls(connection)

    @classmethod
    async def open(cls, server, path="/ws", user=None, **options):
        """Opens and takes the welcome; on a stream's path, its `subscribed` stays to be read."""
        socket = await cls.dial(server, path, user, **options)
        if (options.get("query") or {}).get("welcome") != "0":
            socket.welcome = await socket.expect("welcome")
        return socket

    # -- talking

    async def send(self, type_=None, **frame):
        if type_ is not None:
            frame = {"type": type_, **frame}
        await self.connection.send(json.dumps(frame))

    async def send_text(self, text):
        await self.connection.send(text)

    async def ask(self, type_, timeout=PATIENCE, **frame):
        """Sends a frame with a `ref` of its own and returns its answer; events on the way stay in `frames`."""
        frame.setdefault("ref", f"r{len(self.frames)}-{time.monotonic_ns()}")
        await self.send(type_, **frame)
        while True:
            told = await self.next(timeout)
            if told.get("ref") == frame["ref"]:
                return told

    # -- listening

    async def next(self, timeout=PATIENCE):
        """The next frame that is no heartbeat, and says of nobody that they came or went."""
        deadline = time.monotonic() + timeout
        while True:
            text = await asyncio.wait_for(self.connection.recv(), max(0.001, deadline - time.monotonic()))
            assert isinstance(text, str), "a binary frame came"
            self.frames.append(text)
            frame = json.loads(text)
            if frame["type"] != "heartbeat" and (frame["type"] != "presence" or self.hears_presence):
                return frame

    async def expect(self, type_, timeout=PATIENCE, **members):
        frame = await self.next(timeout)
        assert frame["type"] == type_, f"wanted {type_}, got {frame}"
        for name, value in members.items():
            assert frame.get(name) == value, f"{name} is not {value!r} in {frame}"
        return frame

    async def until(self, type_, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while True:
            frame = await self.next(max(0.001, deadline - time.monotonic()))
            if frame["type"] == type_:
                return frame

    async def error(self, code, timeout=PATIENCE):
        frame = await self.expect("error", timeout)
        assert frame["error"]["code"] == code, frame
        assert frame["error"]["message"]
        return frame

    async def events(self, count, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        found = []
        while len(found) < count:
            frame = await self.next(max(0.001, deadline - time.monotonic()))
            if is_event(frame):
                found.append(frame)
        return found

    async def silence(self, seconds=0.3):
        """Nothing but heartbeats may come for so long."""
        try:
            frame = await self.next(seconds)
        except asyncio.TimeoutError:
            return
        raise AssertionError(f"expected nothing, got {frame}")

    async def closed(self, timeout=PATIENCE):
        """Reads to the end. Returns (code, reason, the frames on the way)."""
        seen = []
        deadline = time.monotonic() + timeout
        try:
            while True:
                seen.append(await self.next(max(0.001, deadline - time.monotonic())))
        except ConnectionClosed as end:
            if end.rcvd is None:
                return 1006, "", seen
            return end.rcvd.code, end.rcvd.reason, seen

    async def close(self):
        await self.connection.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.connection.close()

    async def abort(self):
        """As when the cable is pulled: no Close frame."""
        self.connection.transport.abort()
        await asyncio.sleep(0)


async def refused(server, path="/ws", user=None, **options):
    """The close code and reason of a connection that must be refused by 101 + Close; no frame may come."""
    socket = await Socket.dial(server, path, user, **options)
    code, reason, frames = await socket.closed()
    assert frames == [], f"a refused connection got {frames}"
    slug, colon, sentence = reason.partition(": ")
    assert colon and slug and sentence, f"the reason is {reason!r}"
    assert len(reason.encode()) <= 123
    return code, slug


# What a script without an event loop sees of a server that died.
TROUBLE_NAMES = (OSError, EOFError, http.client.HTTPException, struct.error)


class BlockingSocket:
    """A WebSocket for scripts without an event loop: text frames, one at a time."""

    def __init__(self, server, path, headers, timeout=10):
        self.wire = sockets.create_connection((server.host, server.port), timeout=timeout)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        self.wire.sendall(raw.upgrade(path, host=f"{server.host}:{server.port}", lines=lines))
        self.file = self.wire.makefile("rb")
        if b" 101 " not in self.file.readline():
            raise ConnectionError("not upgraded")
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def send(self, frame):
        self.wire.sendall(raw.frame(raw.TEXT, json.dumps(frame)))

    def next(self):
        first, size = struct.unpack("!BB", self._exactly(2))
        if size == 126:
            size = struct.unpack("!H", self._exactly(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._exactly(8))[0]
        payload = self._exactly(size)
        if first & 0x0F == raw.CLOSE:
            raise EOFError(payload)
        return json.loads(payload) if first & 0x0F == raw.TEXT else {}

    def answer(self, ref):
        while True:
            frame = self.next()
            if frame.get("ref") == ref:
                assert frame["type"] != "error", frame
                return frame

    def _exactly(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise EOFError("the connection ended")
        return data
