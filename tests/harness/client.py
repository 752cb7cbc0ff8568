"""People and programs that call the API."""

import asyncio
import contextlib
import http.client
import itertools
import json
import time
import uuid

import aiohttp
from yarl import URL

from .limits import promised

PASSWORD = "correct horse battery"
_sessions = {}
_numbers = itertools.count(1)


def session():
    """One aiohttp session an event loop; the test runner closes it."""
    loop = asyncio.get_running_loop()
    if loop not in _sessions:
        _sessions[loop] = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=60))
    return _sessions[loop]


async def close_session():
    opened = _sessions.pop(asyncio.get_running_loop(), None)
    if opened is not None:
        await opened.close()


def unique(prefix):
    """A slug that no other test uses."""
    return f"{prefix}-{next(_numbers)}-{uuid.uuid4().hex[:6]}"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    def all_of(self, name):
        """A header that may come in several lines."""
        return ", ".join(self.headers.getall(name, []))

    def expect(self, *statuses):
        assert self.status in statuses, f"HTTP {self.status}, not {statuses}: {self.text[:500]}"
        return self

    def problem(self, status, code=None):
        """Checks that this is a refusal in the documented shape, and returns it."""
        self.expect(status)
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.headers
        told = self.json
        for member in ("type", "title", "status", "detail", "code", "request_id"):
            assert member in told, f"{member} is missing in {told}"
        assert told["status"] == status
        assert told["request_id"] == self.headers["X-Request-ID"]
        if code is not None:
            assert told["code"] == code, told
        return told

    def __repr__(self):
        return f"<{self.status} {self.text[:300]}>"


class Caller:
    """Whoever sends requests with fixed headers: a stranger, an API key, a person (see User)."""

    def __init__(self, server, headers=None):
        self.server = server
        self._headers = headers or {}

    def credentials(self):
        return dict(self._headers)

    def for_socket(self):
        """The same credentials, as Socket.open() takes them."""
        scheme, _, token = self.credentials()["Authorization"].partition(" ")
        return {"token": token, "by": "token" if scheme == "Token" else "header"}

    async def request(self, method, path, body=None, *, headers=None, raw=None):
        url = path if path.startswith("http") else self.server.url + (
            path if path.startswith("/") else "/api/v1/" + path)
        sent = {"Accept-Encoding": "identity", **self.credentials(), **(headers or {})}
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        async with session().request(method, URL(url, encoded=True), data=data, headers=sent,
                                     allow_redirects=False,
                                     skip_auto_headers=("Content-Type",)) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path, **options):
        return await self.request("GET", path, **options)

    async def post(self, path, body=None, **options):
        return await self.request("POST", path, {} if body is None and "raw" not in options else body,
                                  **options)

    async def put(self, path, body=None, **options):
        return await self.request("PUT", path, body, **options)

    async def patch(self, path, body, **options):
        return await self.request("PATCH", path, body, **options)

    async def delete(self, path, **options):
        return await self.request("DELETE", path, **options)

    async def loses(self, path, status=404, *, method="GET", **options):
        """What this caller could do a moment ago is refused: at once by the node that took the right away, and so by the
        only one, and by all others within a second."""
        until = time.monotonic() + (promised(1) if self.server.several else 0)
        while (answer := await self.request(method, path, **options)).status != status and time.monotonic() < until:
            await asyncio.sleep(0.01)
        return answer.problem(status)


def blocking_request(server, method, path, body=None, headers=None, timeout=30):
    """Outside of an event loop: fixtures, fault scripts."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=timeout)
    with contextlib.closing(connection):
        sent = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection.request(method, path if path.startswith("/") else "/api/v1/" + path, body=data, headers=sent)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())


class User(Caller):
    """A person with a password; signs in when needed and again before the access token gets old."""

    RENEW_AFTER = 8 * 60

    def __init__(self, server, name, password=PASSWORD):
        super().__init__(server)
        self.name, self.password = name, password
        self.id = None
        self.refresh_token = None
        self._access, self._since = None, 0.0

    def take(self, signed_in):
        self.id = signed_in["user"]["id"]
        self._access, self.refresh_token = signed_in["access"], signed_in["refresh"]
        self._since = time.monotonic()
        return self

    def register(self):
        told = blocking_request(self.server, "POST", "auth/register",
                                {"username": self.name, "password": self.password}).expect(201).json
        return self.take(told)

    def sign_in(self):
        told = blocking_request(self.server, "POST", "auth/token",
                                {"username": self.name, "password": self.password}).expect(200).json
        return self.take(told)

    @property
    def access(self):
        if self._access is None or time.monotonic() - self._since > self.RENEW_AFTER:
            self.sign_in()
        return self._access

    def credentials(self):
        return {"Authorization": f"Bearer {self.access}"}


def api_key(server, key):
    return Caller(server, {"Authorization": f"Token {key}"})


class Org:
    """An organisation as its owner sees it."""

    def __init__(self, owner, slug, org_id):
        self.owner, self.slug, self.id = owner, slug, org_id

    @property
    def path(self):
        return f"orgs/{self.slug}"

    @property
    def notifications(self):
        return f"orgs/{self.slug}/notifications"

    def topic(self, name):
        return f"orgs/{self.slug}/topics/{name}"

    async def add(self, user, role="member"):
        (await self.owner.post(f"{self.path}/members", {"user_id": user.id, "role": role})).expect(201)
        return user

    async def remove(self, user):
        (await self.owner.delete(f"{self.path}/members/{user.id}")).expect(204)

    async def notify(self, kind="note", by=None, dedupe_key=None, **payload):
        body = {"type": kind, "payload": payload}
        if dedupe_key is not None:
            body["dedupe_key"] = dedupe_key
        return (await (by or self.owner).post(self.notifications, body)).expect(201, 200).json

    async def declare(self, topic, **settings):
        declared = {"durable": True, "client_publish": "members", **settings}
        (await self.owner.put(self.topic(topic), declared)).expect(200, 201)
        return self.topic(topic)

    async def publish(self, topic, *events):
        return (await self.owner.post(self.topic(topic) + "/events", list(events))).expect(200, 201).json

    def room(self, slug):
        return f"orgs/{self.slug}/rooms/{slug}"

    async def make_room(self, *members, slug=None, **settings):
        """A public room, or a private one of these members."""
        made = {"slug": slug or unique("room"), "private": bool(members), **settings}
        room = (await self.owner.post(f"{self.path}/rooms", made)).expect(201).json
        for member in members:
            (await self.owner.post(f"{self.room(room['slug'])}/members", {"user_id": member.id})).expect(201)
        return room

    async def key(self, scopes=("publish",), name="a key"):
        told = (await self.owner.post(f"{self.path}/api-keys", {"name": name, "scopes": list(scopes)})).expect(201)
        return told.json


async def make_org(owner, /, slug=None, **members):
    """members: role=[users] or role=user."""
    slug = slug or unique("org")
    told = (await owner.post("orgs", {"slug": slug, "name": slug.title()})).expect(201).json
    org = Org(owner, slug, told["id"])
    for role, people in members.items():
        for person in people if isinstance(people, (list, tuple)) else [people]:
            await org.add(person, role)
    return org


def rows(told):
    """The rows of a list, whether or not it is wrapped."""
    return told if isinstance(told, list) else told["results"]
