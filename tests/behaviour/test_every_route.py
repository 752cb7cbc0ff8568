"""Who may do what: every route and every frame of the generated schema, as owner, member, member of another
organisation, stranger and superuser.

The table below is written by hand: a route or frame that is new in the schema makes `test_the_table_is_complete` fail
until somebody has said here who may use it. Nothing that belongs to the organisation (its canary) may be in any byte
that anyone outside of it gets.
"""

import asyncio
import re

import pytest

from harness.client import PASSWORD, Caller, User, api_key, make_org, unique
from harness.sse import EventStream
from harness.socket import Socket, refused

CALLERS = ["owner", "member", "foreign", "anonymous", "superuser"]
OK = range(200, 300)
LET_IN = (*range(200, 300), 409, 422)  # access was given, whatever became of it then
ROUTES = {}


class Route:
    def __init__(self, method, path, expected, body=None, *, throwaway=False, optional=False, shows=()):
        self.method, self.path, self.expected, self.body = method, path, expected, body
        self.throwaway, self.optional, self.shows = throwaway, optional, set(shows)
        ROUTES[method, normal(path)] = self


def normal(path):
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/") or "/"


def full(path):
    return path if path.startswith("/") else "/api/v1/" + path


def org_route(method, path, member, body=None, *, owner=OK, **more):
    """Of an organisation: whoever is not in it learns nothing, not even that it exists."""
    Route(method, full(path), {"owner": owner, "member": member, "foreign": (404,), "anonymous": (401,),
                               "superuser": (404,)}, body, **more)


def user_route(method, path, expected=OK, body=None, **more):
    """Of whoever is signed in, about themselves."""
    Route(method, full(path), {**dict.fromkeys(CALLERS, expected), "anonymous": (401,)}, body, **more)


def open_route(method, path, expected=OK, body=None, **more):
    Route(method, full(path), dict.fromkeys(CALLERS, expected), body, **more)


# -- account
open_route("POST", "auth/register", (201,), lambda w: {"username": unique("walk"), "password": PASSWORD})
open_route("POST", "auth/token", (200,), lambda w: {"username": "dora", "password": PASSWORD})
open_route("POST", "auth/token/refresh", (401,), {"refresh": "not one"})
open_route("POST", "auth/token/revoke", (204, 401), {"refresh": "not one"})
user_route("POST", "auth/ws-token", (200, 201))
open_route("POST", "auth/session", (200, 201, 204), lambda w: {"username": "dora", "password": PASSWORD})
Route("DELETE", full("auth/session"), {**dict.fromkeys(CALLERS, (204, 401)), "anonymous": (204, 401)},
      throwaway=True)
user_route("GET", "me")
user_route("PATCH", "me", OK, {"display_name": "Walker"}, throwaway=True)
user_route("DELETE", "me", (204, 409), throwaway=True)
user_route("POST", "auth/password", (200, 204), {"old": PASSWORD, "new": "another good password"}, throwaway=True)
open_route("POST", "auth/password/reset", (202,), {"username": "nobody-at-all"})
open_route("POST", "auth/password/reset/confirm", (400, 401, 404, 422), {"token": "guess", "password": PASSWORD})
# Somebody with whom the caller shares no organisation is not the caller's to know.
user_route("PUT", "users/{bystander}/block", (200, 204, 404), throwaway=True)
user_route("DELETE", "users/{bystander}/block", (204,), throwaway=True)
user_route("GET", "me/sessions")
user_route("DELETE", "me/sessions/{nothing}", (404,))
user_route("GET", "me/unread")

# -- organisations
user_route("GET", "orgs")
user_route("POST", "orgs", (201,), lambda w: {"slug": unique("walk"), "name": "Walk"}, throwaway=True)
org_route("GET", "orgs/{org}", OK)
org_route("PATCH", "orgs/{org}", (403,), {"name": "CANARY renamed"})
org_route("DELETE", "orgs/{org}", (403,))
org_route("GET", "orgs/{org}/members", OK)
org_route("POST", "orgs/{org}/members", (403,), lambda w: {"user_id": w.bystander, "role": "member"})
org_route("PATCH", "orgs/{org}/members/{second}", (403,), {"role": "moderator"})
org_route("DELETE", "orgs/{org}/members/{second}", (403,))
org_route("POST", "orgs/{org}/invites", (403,), {})
Route("POST", full("invites/{invite}/accept"), {"owner": LET_IN, "member": LET_IN, "foreign": LET_IN,
                                                "anonymous": (401,), "superuser": LET_IN},
      shows=("foreign", "superuser"))
org_route("GET", "orgs/{org}/invites", (403,), optional=True)
org_route("DELETE", "orgs/{org}/invites/{invite}", (403,), optional=True)
org_route("GET", "orgs/{org}/api-keys", (403,))
org_route("POST", "orgs/{org}/api-keys", (403,), {"name": "CANARY key", "scopes": ["publish"]})
org_route("DELETE", "orgs/{org}/api-keys/{key}", (403,))

# -- notifications and tasks
org_route("GET", "orgs/{org}/notifications", OK)
org_route("GET", "/orgs/{org}/notifications", OK)
org_route("POST", "orgs/{org}/notifications", (403,), {"type": "note", "payload": {"text": "CANARY"}})
org_route("POST", "/orgs/{org}/notifications", (403,), {"type": "note", "payload": {"text": "CANARY"}}, optional=True)
org_route("GET", "orgs/{org}/notifications/{seq}", OK)
org_route("GET", "orgs/{org}/notifications/summary", OK)
org_route("POST", "orgs/{org}/notifications/read", OK, {"up_to": 1})
org_route("GET", "orgs/{org}/notification-preferences", OK)
org_route("PUT", "orgs/{org}/notification-preferences", OK,
          {"muted_types": [], "push": {"enabled": True, "types": []}})
org_route("GET", "orgs/{org}/activity", OK)
org_route("GET", "orgs/{org}/tasks", OK)
org_route("POST", "orgs/{org}/tasks", OK, {"title": "CANARY task"})
org_route("GET", "orgs/{org}/tasks/{task}", OK)
org_route("PATCH", "orgs/{org}/tasks/{task}", OK, {"status": "doing"})
org_route("DELETE", "orgs/{org}/tasks/{task}", (*OK, 403))

# -- exports
org_route("GET", "orgs/{org}/exports", (403,))
org_route("POST", "orgs/{org}/exports", (403,), {"kind": "tasks_csv"})
org_route("GET", "orgs/{org}/exports/{export}", (403,))
org_route("GET", "orgs/{org}/exports/{export}/download", (403,))

# -- topics and events
org_route("GET", "orgs/{org}/topics", OK, optional=True)
org_route("GET", "orgs/{org}/topics/{topic}", OK, optional=True)
org_route("PUT", "orgs/{org}/topics/{topic}", (403,), {"durable": True, "client_publish": "none"})
org_route("DELETE", "orgs/{org}/topics/{topic}", (403,), optional=True)
org_route("POST", "orgs/{org}/topics/{topic}/events", (*OK, 403), {"type": "t", "data": "CANARY"})
org_route("GET", "orgs/{org}/topics/{topic}/events/{first}", OK)
user_route("GET", "events?stream=me")

# -- chat; {hidden} is a private room without the member in it
org_route("GET", "orgs/{org}/rooms", OK)
org_route("POST", "orgs/{org}/rooms", (403,), lambda w: {"slug": unique("walk"), "name": "CANARY room"})
org_route("GET", "orgs/{org}/rooms/{room}", OK)
org_route("PATCH", "orgs/{org}/rooms/{room}", (403,), {"name": "CANARY renamed"})
org_route("DELETE", "orgs/{org}/rooms/{room}", (403,))
org_route("GET", "orgs/{org}/rooms/{hidden}/members", (404,))
org_route("POST", "orgs/{org}/rooms/{hidden}/members", (403,), lambda w: {"user_id": w.member.id})
org_route("DELETE", "orgs/{org}/rooms/{hidden}/members/{second}", (404,))
org_route("GET", "orgs/{org}/rooms/{room}/messages", OK)
org_route("POST", "orgs/{org}/rooms/{room}/messages", OK, {"body": "CANARY said"})
org_route("GET", "orgs/{org}/rooms/{room}/events/{first}", OK)
org_route("POST", "orgs/{org}/rooms/{room}/read", OK, {"up_to": 1})
org_route("GET", "orgs/{org}/rooms/{room}/receipts", OK)
org_route("POST", "orgs/{org}/rooms/{room}/unread", OK, lambda w: {"from_id": w.params["message"]})
user_route("GET", "conversations")


def pair_route(method, path, body=None, expected=OK):
    """Of the caller and somebody of the organisation: for its members alone."""
    Route(method, full(path), {"owner": expected, "member": expected, "foreign": (404,), "anonymous": (401,),
                               "superuser": (404,)}, body)


pair_route("POST", "conversations", lambda w: {"user_id": w.peer.id})
for _path in ("conversations/{peer}/messages", "communication/chats/conversation/{peer}"):
    pair_route("GET", _path)
    pair_route("POST", _path, {"body": "CANARY said"})
pair_route("POST", "conversations/{peer}/read", {"up_to": 1})
pair_route("POST", "conversations/{peer}/unread", {"from_id": 4503599627370496}, (422,))
pair_route("GET", "conversations/{peer}/receipts")
pair_route("GET", "conversations/{peer}/notification-preferences")
pair_route("PUT", "conversations/{peer}/notification-preferences", {"level": "all"})
org_route("GET", "orgs/{org}/rooms/{room}/notification-preferences", OK)
org_route("PUT", "orgs/{org}/rooms/{room}/notification-preferences", OK, {"level": "all", "muted_until": None})
pair_route("GET", "conversations/{peer}/events/{first}")
org_route("GET", "orgs/{org}/presence", OK)
org_route("GET", "orgs/{org}/search?q=canary", OK)


def message_route(method, path, member, body=None, *, owner=OK):
    """Of a message that the owner wrote: whoever does not see its room does not see it."""
    Route(method, full("messages/{message}" + path), {
        "owner": owner, "member": member, "foreign": (404,), "anonymous": (401,), "superuser": (404,)}, body)


message_route("PATCH", "", (403,), {"body": "CANARY edited"})
message_route("DELETE", "", (403,))
message_route("POST", "/restore", (403,))
message_route("GET", "/history", (403,))
message_route("PUT", "/reactions/{emoji}", OK)
message_route("DELETE", "/reactions/{emoji}", OK)

message_route("POST", "/report", OK, {"reason": "CANARY"})
org_route("GET", "orgs/{org}/reports", (403,))
Route("POST", full("reports/{report}/resolve"), {
    "owner": OK, "member": (403,), "foreign": (404,), "anonymous": (401,), "superuser": (404,)})

# -- background jobs
Route("GET", full("admin/jobs?org={org}"), {
    "owner": OK, "member": (403,), "foreign": (404,), "anonymous": (401,), "superuser": OK})
for _path in ("admin/jobs/{nothing}/retry", "admin/jobs/{nothing}/cancel"):  # of nobody: test_jobs.py has some
    Route("POST", full(_path), {**dict.fromkeys(CALLERS, (404,)), "anonymous": (401,)})

Route("GET", full("mentor/task-status/{nothing}"), {**dict.fromkeys(CALLERS, (404,)), "anonymous": (401,)})

# -- pages that describe and watch
open_route("GET", "/api/schema")
open_route("GET", "/api/docs")
for _path in ("/healthz", "/livez", "/readyz", "/health", "/status", "/metrics"):
    open_route("GET", _path, optional=True)
# The addresses of sockets are described too; a plain GET is no upgrade.
for _path in ("/ws", "/ws/chat", "/ws/{stream}", "/test/echo"):
    open_route("GET", _path, (400, 404, 426), optional=True)


# -- frames: what each caller is answered; the frame is about the organisation's own streams
FRAMES = {
    # Frame, the answer to a member, the answer to somebody of another organisation.
    "subscribe": (lambda w: {"stream": w.notifications}, "subscribed", "not_found"),
    "unsubscribe": (lambda w: {"stream": w.notifications}, "not_subscribed", "not_subscribed"),
    "ack": (lambda w: {"stream": w.notifications, "seq": 1}, "not_subscribed", "not_subscribed"),
    "ping": (lambda w: {}, "pong", "pong"),
    "auth": (lambda w: {"token": "no token"}, None, None),
    "publish": (lambda w: {"stream": w.topic, "event": "t", "data": "CANARY"}, "published", "not_found"),
    "presence": (lambda w: {"stream": w.notifications}, "not_subscribed", "not_subscribed"),
    "typing": (lambda w: {"stream": w.room, "is_typing": True}, "not_subscribed", "not_subscribed"),
    "read_receipt": (lambda w: {"stream": w.room, "up_to": 1}, "ok", "not_found"),
    "message": (lambda w: {"stream": w.room, "body": "CANARY"}, "message_sent", "not_found"),
    "edit": (lambda w: {"id": w.params["message"], "body": "CANARY"}, None, "not_found"),
    "delete": (lambda w: {"id": w.params["message"]}, None, "not_found"),
    "react": (lambda w: {"id": w.params["message"], "emoji": "👍", "remove": False}, "ok", "not_found"),
}
# What the gateway itself serves, and so is not among the features' frames of the schema.
PROTOCOL_FRAMES = ["subscribe", "unsubscribe", "ack", "ping", "auth", "presence", "typing"]

STREAMS = {
    # pattern: (name in the organisation's world, who may read)
    "orgs/{}/notifications": (lambda w: w.notifications, ("owner", "member")),
    "orgs/{}/topics/{}": (lambda w: w.topic, ("owner", "member")),
    "orgs/{}/rooms/{}": (lambda w: w.room, ("owner", "member")),
    "channels/{}": (lambda w: w.channel, ("owner", "member")),
    "conversations/{}": (lambda w: f"conversations/{w.peer.id}", ("owner", "member")),
    "tasks/{}": (lambda w: "tasks/01890a5d-ac96-774b-bcce-b302099a8057", ()),  # nobody's
    "me": (lambda w: "me", ("owner", "member", "foreign", "superuser")),
}


class World:
    """An organisation in which everything that has a text says CANARY-…; and people in and out of it."""

    @classmethod
    async def make(cls, server, people):
        self = cls()
        self.canary = "CANARY-" + unique("a")
        self.server = server
        self.owner, self.member, self.foreign = people.anna, people.ben, people.dora
        self.superuser, self.anonymous = people.root, Caller(server)
        self.peer = User(server, unique("peer")).register()  # whom nobody outside of this world has met
        self.org = await make_org(people.anna, member=[people.ben, people.carla, self.peer])
        (await people.anna.patch(self.org.path, {"name": self.canary})).expect(200)
        task = (await people.anna.post(f"{self.org.path}/tasks", {"title": self.canary})).expect(201).json
        self.seq = (await self.org.notify(text=self.canary))["seq"]
        topic = unique("topic")
        self.topic = await self.org.declare(topic)
        await self.org.publish(topic, {"type": "t", "data": self.canary})
        self.notifications = self.org.notifications
        self.bystander, self.second = people.emil.id, people.carla.id
        for one in (people.anna, people.ben):
            (await one.post(f"conversations/{self.peer.id}/messages", {"body": self.canary})).expect(201)
        room = await self.org.make_room(name=self.canary)
        self.room, self.channel = self.org.room(room["slug"]), f"channels/{room['id']}"
        message = (await people.anna.post(f"{self.room}/messages", {"body": self.canary})).expect(201).json
        report = (await people.ben.post(f"messages/{message['id']}/report", {"reason": self.canary})).expect(201).json
        hidden = await self.org.make_room(people.carla, name=self.canary)
        invite = (await people.anna.post(f"{self.org.path}/invites", {})).expect(201).json["code"]
        key = await self.org.key(name=self.canary)
        self.key_text = key["key"]
        export = (await people.anna.post(f"{self.org.path}/exports", {"kind": "audit_jsonl"})).expect(202).json
        while (await people.anna.get(f"{self.org.path}/exports/{export['job_id']}")).json["status"] != "done":
            await asyncio.sleep(0.01)
        self.params = {"org": self.org.slug, "task": task["id"], "seq": self.seq, "first": 1, "topic": topic,
                       "bystander": self.bystander, "peer": self.peer.id, "second": self.second, "invite": invite, "key": key["id"],
                       "room": room["slug"], "hidden": hidden["slug"], "message": message["id"], "report": report["id"], "emoji": "x", "export": export["job_id"],
                       "nothing": 4503599627370496, "stream": "nonsense"}
        return self

    def body(self, body):
        return body(self) if callable(body) else body

    def secrets(self):
        return [self.canary.encode(), self.org.slug.encode(), self.key_text.encode()]

    def check_silence(self, data, what):
        for secret in self.secrets():
            assert secret not in data, f"{what} shows {secret!r}: {data[:500]!r}"


async def schema(server):
    return (await Caller(server).get("/api/schema/")).expect(200).json


async def test_the_table_is_complete(server):
    told = await schema(server)
    described = {(method.upper(), normal(path)) for path, operations in told["paths"].items()
                 for method in operations if method in ("get", "post", "put", "patch", "delete")}
    listed = {(method, normal(path.partition("?")[0])) for method, path in ROUTES}
    unlisted = described - listed
    assert not unlisted, f"say in this file who may use {sorted(unlisted)}"
    required = {(method, normal(path.partition("?")[0])) for (method, path), route in ROUTES.items()
                if not route.optional}
    missing = required - described
    assert not missing, f"documented, but not in the schema: {sorted(missing)}"
    frames = set(told["x-frames"])
    assert frames <= set(FRAMES), f"say in this file who may send {sorted(frames - set(FRAMES))}"
    streams = {normal(name) for name in told["x-streams"]}
    assert streams == set(STREAMS), f"say in this file who may read {sorted(streams ^ set(STREAMS))}"


async def test_the_schema_tells_of_no_route_more_than_it_serves(server, stranger):
    """Routes of the features to come are not there yet."""
    for path in ("orgs/x/webhooks", "mentor/chat"):
        assert (await stranger.get(path)).status in (401, 404)


@pytest.mark.parametrize("method, path", ROUTES, ids=[f"{m} {p}" for m, p in ROUTES])
async def test_a_route_lets_in_whom_it_should_and_shows_others_nothing(server, people, method, path):
    route = ROUTES[method, path]
    world = None
    for name in reversed(CALLERS):  # whoever may do least comes first
        if world is None or method != "GET":
            world = await World.make(server, people)
        caller = getattr(world, name)
        if route.throwaway and name != "anonymous":
            caller = User(server, unique("walker")).register()
        target = route.path.format_map(world.params)
        answer = await caller.request(method, target, world.body(route.body))
        if route.optional and answer.status in (404, 405) and name in ("owner", "superuser"):
            pytest.skip("not served")
        if route.optional and answer.status == 405:
            continue
        assert answer.status in route.expected[name], f"{method} {target} as {name}: {answer}"
        if name not in ("owner", "member") and name not in route.shows:
            data = answer.body + str(sorted(answer.headers.items())).encode()
            data = data.replace(target.encode(), b"")  # what the caller sent itself
            world.check_silence(data, f"{method} {target} as {name}")


INNER = [route for route in ROUTES.values()
         if re.search(r"orgs/\{org\}.*\{(task|seq|key|invite|topic|room|hidden|export)\}", route.path) and not route.optional]


@pytest.mark.parametrize("route", INNER, ids=[f"{r.method} {r.path}" for r in INNER])
async def test_an_id_of_another_organisation_is_not_found_under_ones_own(server, people, route):
    world = await World.make(server, people)
    own = await make_org(people.dora)
    target = route.path.format_map({**world.params, "org": own.slug})
    answer = await people.dora.request(route.method, target, world.body(route.body))
    creates = route.method == "PUT" or "{seq}" in route.path
    assert answer.status == 404 or creates, f"{route.method} {target}: {answer}"
    world.check_silence(answer.body, f"{route.method} {target}")
    # And the organisation's own is untouched.
    (await people.anna.get(f"{world.org.path}/tasks/{world.params['task']}")).expect(200)


@pytest.mark.parametrize("route", [r for r in ROUTES.values() if "{org}" in r.path and not r.optional],
                         ids=lambda r: f"{r.method} {r.path}")
async def test_an_api_key_of_another_organisation_gets_nothing(server, people, route):
    world = await World.make(server, people)
    other = await make_org(people.dora)
    key = api_key(server, (await other.key(("publish",)))["key"])
    answer = await key.request(route.method, route.path.format_map(world.params), world.body(route.body))
    assert answer.status in (403, 404), answer
    world.check_silence(answer.body, f"{route.method} {route.path}")


@pytest.mark.parametrize("pattern", STREAMS)
async def test_a_stream_is_read_by_whom_it_is_for_in_every_way(server, people, pattern):
    world = await World.make(server, people)
    name_of, readers = STREAMS[pattern]
    name = name_of(world)
    for who in CALLERS:
        caller = getattr(world, who)
        may = who in readers
        page = await caller.get(f"events?stream={name}&since=0")
        assert page.status == (200 if may else 401 if who == "anonymous" else 404), f"{who}: {page}"
        async with await EventStream.open(server, f"stream={name}&since=0", caller, status=None) as stream:
            assert stream.answer.status == page.status, who
        user = None if who == "anonymous" else caller
        if may:
            async with await Socket.open(server, f"/ws/{name}", user, query={"since": 0}) as socket:
                await socket.expect("subscribed")
        else:
            assert (await refused(server, f"/ws/{name}", user))[0] == (4001 if who == "anonymous" else 4004)
        if not may:
            world.check_silence(page.body.replace(name.encode(), b""), f"{name} as {who}")


@pytest.mark.parametrize("type_", FRAMES)
async def test_a_frame_does_for_each_caller_what_it_should(server, people, type_):
    frame_of, to_member, to_foreign = FRAMES[type_]
    served = set((await schema(server))["x-frames"]) | set(PROTOCOL_FRAMES)
    for who in ("foreign", "superuser", "member", "owner"):
        world = await World.make(server, people)
        async with await Socket.open(server, "/ws", getattr(world, who)) as socket:
            frame = frame_of(world)
            told = await socket.ask(type_, **frame)
            answer = told["error"]["code"] if told["type"] == "error" else told["type"]
            if type_ not in served:
                assert answer == "unknown_type"
                continue
            inside = who in ("member", "owner")
            wanted = to_member if inside else to_foreign
            assert wanted is None or answer == wanted, f"{type_} as {who}: {told}"
            if not inside:
                await world.org.notify(text=world.canary)
                await world.org.publish(world.params["topic"], {"type": "t", "data": world.canary})
                await socket.send("ping", ref="end")
                while (await socket.next()).get("ref") != "end":
                    pass
                everything = "".join(socket.frames).encode()
                for own in (world.notifications, world.topic):
                    everything = everything.replace(own.encode(), b"")
                world.check_silence(everything, f"{type_} as {who}")


async def test_a_socket_that_listens_to_all_of_its_own_hears_nothing_of_another_organisation(server, people):
    world = await World.make(server, people)
    own = await make_org(people.dora)
    own_topic = await own.declare(world.params["topic"])  # of the same name
    async with await Socket.open(server, "/ws", people.dora) as socket:
        for stream in ("me", own.notifications, own_topic):
            assert (await socket.ask("subscribe", stream=stream, since=0))["type"] == "subscribed"
        await world.org.notify(text=world.canary)
        await world.org.publish(world.params["topic"], {"type": "t", "data": world.canary})
        (await people.anna.patch(f"{world.org.path}/tasks/{world.params['task']}", {"status": "done"})).expect(200)
        await own.notify(text="the last one")
        while (await socket.next()).get("text") != "the last one":
            pass
        world.check_silence("".join(socket.frames).replace(own_topic, "").encode(), "a socket")
    for path in ("me", "me/unread", "me/sessions", "orgs", "events?stream=me&since=0", own.notifications,
                 f"{own.path}/activity", f"{own.path}/members"):
        world.check_silence((await people.dora.get(path)).expect(200).body, path)
