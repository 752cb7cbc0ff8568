"""Server-sent events, read as the WHATWG standard says, over aiohttp."""

import asyncio
import json
import time

import aiohttp
from yarl import URL

from harness.client import session


class Parser:
    """Feeds on bytes; gives (event, data, id) for each dispatch, and keeps comments and `retry`."""

    def __init__(self):
        self._buffer = b""
        self._event, self._data, self.last_id = "", [], ""
        self.retry = None
        self.comments = 0

    def feed(self, data):
        self._buffer += data
        found = []
        while b"\n" in self._buffer:
            line, self._buffer = self._buffer.split(b"\n", 1)
            line = line.rstrip(b"\r").decode("utf-8")
            if not line:
                if self._data:
                    found.append((self._event or "message", "\n".join(self._data), self.last_id))
                self._event, self._data = "", []
            elif line.startswith(":"):
                self.comments += 1
            else:
                self._field(*line.partition(":")[::2])
        return found

    def _field(self, name, value):
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            self.last_id = value
        elif name == "retry":
            self.retry = int(value)
        else:
            raise AssertionError(f"unknown field {name!r}")


class EventStream:
    """One GET of /api/v1/events. Every item is (event name, parsed data, id)."""

    def __init__(self, answer):
        self.answer = answer
        self.parser = Parser()
        self._ready = []
        self.ended = False
        self.hears_presence = False  # as Socket's

    @classmethod
    async def open(cls, server, query, caller=None, headers=None, status=200):
        sent = {"Accept": "text/event-stream", **(caller.credentials() if caller else {}), **(headers or {})}
        url = URL(f"{server.url}/api/v1/events?{query}", encoded=True)
        answer = await session().get(url, headers=sent, allow_redirects=False,
                                     timeout=aiohttp.ClientTimeout(total=None, sock_connect=10))
        if status is not None:
            assert answer.status == status, f"HTTP {answer.status}: {await answer.text()}"
        return cls(answer)

    async def next(self, timeout=10.0):
        deadline = time.monotonic() + timeout
        while True:
            while self._ready:
                name, data, ident = self._ready.pop(0)
                told = json.loads(data)
                if name != "heartbeat" and (told.get("type") != "presence" or self.hears_presence):
                    return name, told, ident
            chunk = await asyncio.wait_for(self.answer.content.readany(), max(0.001, deadline - time.monotonic()))
            if not chunk:
                self.ended = True
                raise EOFError("the stream ended")
            self._ready = self.parser.feed(chunk)

    async def expect(self, name, timeout=10.0):
        got = await self.next(timeout)
        assert got[0] == name, f"wanted {name}, got {got}"
        return got

    async def events(self, count, timeout=10.0):
        found = []
        deadline = time.monotonic() + timeout
        while len(found) < count:
            name, data, _ = await self.next(max(0.001, deadline - time.monotonic()))
            if name == "message":
                found.append(data)
        return found

    def close(self):
        self.answer.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()
