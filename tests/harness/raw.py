"""Bytes on a TCP connection: HTTP that no library would send, and WebSocket frames made by hand."""

import asyncio
import base64
import os
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


class RawAnswer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Raw:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, server):
        return cls(*await asyncio.open_connection(server.host, server.port, limit=2**22))

    async def send(self, data):
        self.writer.write(data if isinstance(data, bytes) else data.encode("latin-1"))
        await self.writer.drain()

    async def answer(self, timeout=10):
        """One HTTP answer; None where the connection ends instead."""
        try:
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), timeout)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]
        told = RawAnswer(status, headers, b"")
        if status >= 200 and status not in (204, 304):
            if (told.header("Transfer-Encoding") or "").lower() == "chunked":
                told.body = await asyncio.wait_for(self._chunked(), timeout)
            else:
                length = int(told.header("Content-Length") or 0)
                told.body = await asyncio.wait_for(self.reader.readexactly(length), timeout)
        return told

    async def _chunked(self):
        body = b""
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
            body += (await self.reader.readexactly(size + 2))[:-2]
            if size == 0:
                return body

    async def ended(self, timeout=10):
        """True when the server ends the connection (what it still sends is dropped)."""
        try:
            while await asyncio.wait_for(self.reader.read(65536), timeout):
                pass
            return True
        except ConnectionError:
            return True
        except asyncio.TimeoutError:
            return False

    def close(self):
        self.writer.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.writer.close()


def frame(opcode, payload=b"", *, fin=True, rsv=0, masked=True, length=None, length_bytes=None, key=None):
    """A client's frame, right or wrong as asked. `length_bytes`: 0, 2 or 8, for lengths that are not minimal."""
    payload = payload.encode() if isinstance(payload, str) else payload
    said = len(payload) if length is None else length
    if length_bytes is None:
        length_bytes = 0 if said < 126 else 2 if said < 65536 else 8
    first = (0x80 if fin else 0) | (rsv << 4) | opcode
    mask_bit = 0x80 if masked else 0
    if length_bytes == 0:
        head = struct.pack("!BB", first, mask_bit | said)
    elif length_bytes == 2:
        head = struct.pack("!BBH", first, mask_bit | 126, said)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, said)
    if not masked:
        return head + payload
    key = os.urandom(4) if key is None else key
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


def upgrade(path, *, host="127.0.0.1", key=None, version="13", lines=(), method="GET", http="HTTP/1.1",
            connection="Upgrade", upgrade_to="websocket"):
    key = base64.b64encode(os.urandom(16)).decode() if key is None else key
    head = [f"{method} {path} {http}", f"Host: {host}"]
    if upgrade_to is not None:
        head.append(f"Upgrade: {upgrade_to}")
    if connection is not None:
        head.append(f"Connection: {connection}")
    if version is not None:
        head.append(f"Sec-WebSocket-Version: {version}")
    if key:
        head.append(f"Sec-WebSocket-Key: {key}")
    return ("\r\n".join([*head, *lines]) + "\r\n\r\n").encode("latin-1")


class RawSocket(Raw):
    """A WebSocket whose every byte the test decides."""

    @classmethod
    async def open(cls, server, path="/test/echo", lines=()):
        socket = await super().open(server)
        await socket.send(upgrade(path, host=f"{server.host}:{server.port}", lines=lines))
        told = await socket.answer()
        assert told is not None and told.status == 101, told
        socket.handshake = told
        return socket

    async def frame(self, timeout=10):
        """(opcode, payload, first byte); None at the end of the connection."""
        try:
            head = await asyncio.wait_for(self.reader.readexactly(2), timeout)
            assert not head[1] & 0x80, "a server must not mask"
            size = head[1] & 0x7F
            if size == 126:
                size = struct.unpack("!H", await asyncio.wait_for(self.reader.readexactly(2), timeout))[0]
                assert size >= 126, "a length that is not minimal"
            elif size == 127:
                size = struct.unpack("!Q", await asyncio.wait_for(self.reader.readexactly(8), timeout))[0]
                assert size >= 65536, "a length that is not minimal"
            return head[0] & 0x0F, await asyncio.wait_for(self.reader.readexactly(size), timeout), head[0]
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def text(self, timeout=10):
        """The next message that is no heartbeat: the first one comes at a random moment. None at the end of the connection."""
        while (got := await self.frame(timeout)) is not None:
            if got[0] == TEXT and b'"type":"heartbeat"' not in got[1]:
                return got[1]
        return None

    async def expect(self, opcode, payload, timeout=10):
        got = await self.frame(timeout)
        payload = payload.encode() if isinstance(payload, str) else payload
        same = got is not None and got[0] == opcode and got[1] == payload  # apart: pytest would print all of it
        assert same, f"{str(got)[:300]} instead of {payload[:60]!r}"

    async def closed(self, timeout=10):
        """The code of the server's Close (1005 for none, 1006 for no Close frame); then the end must come."""
        code = 1006
        while True:
            got = await self.frame(timeout)
            if got is None:
                return code
            if got[0] == CLOSE:
                code = struct.unpack("!H", got[1][:2])[0] if len(got[1]) >= 2 else 1005
                await asyncio.sleep(0)
                assert await self.ended(timeout), "the connection stays after Close"
                return code
