"""Nothing is read and nothing is told of what is not for the caller: a room, a message or a conversation that one may not see
is answered, byte for byte, like one that is not there; and where access ends, everything live ends with it."""

import asyncio
import contextlib
import time
import types

import pytest

from harness.client import User, api_key, make_org, rows, unique
from harness.limits import promised
from harness.reader import TROUBLE
from harness.socket import Socket, refused
from harness.sse import EventStream

NOWHERE = 9_007_199_254_740_990

ROOM_REQUESTS = [
    ("GET", "{room}", None), ("PATCH", "{room}", {"name": "x"}), ("DELETE", "{room}", None),
    ("GET", "{room}/messages", None), ("GET", "{room}/messages?before_id={message}", None),
    ("GET", "{room}/messages?after_id={message}", None), ("GET", "{room}/messages?around_id={message}", None),
    ("GET", "{room}/messages?anchor=first_unread", None), ("POST", "{room}/messages", {"body": "let me in"}),
    ("GET", "{room}/members", None), ("POST", "{room}/members", {"user_id": "{me}"}),
    ("DELETE", "{room}/members/{me}", None), ("DELETE", "{room}/members/{member}", None),
    ("POST", "{room}/read", {"up_to": 1}), ("POST", "{room}/unread", {"from_id": "{message}"}),
    ("GET", "{room}/receipts", None), ("GET", "{room}/events/1", None),
    ("GET", "{room}/notification-preferences", None),
    ("PUT", "{room}/notification-preferences", {"level": "none", "muted_until": None}),
    ("GET", "events?stream={room}&since=0", None), ("GET", "events?stream=channels/{channel}&since=0", None),
    ("GET", "events?stream=me&stream={room}", None),
    ("GET", "{org}/search?q=plan&room={slug}", None), ("GET", "{org}/search?q=plan%20in:{slug}", None),
]
MESSAGE_REQUESTS = [
    ("PATCH", "messages/{message}", {"body": "mine now"}), ("DELETE", "messages/{message}", None),
    ("POST", "messages/{message}/restore", None), ("GET", "messages/{message}/history", None),
    ("PUT", "messages/{message}/reactions/ok", None), ("DELETE", "messages/{message}/reactions/ok", None),
]
ROOM_FRAMES = [
    {"type": "subscribe"}, {"type": "subscribe", "since": 0}, {"type": "subscribe", "last": 10},
    {"type": "message", "body": "let me in"}, {"type": "message", "body": "x", "client_message_id": "c-1"},
    {"type": "message", "body": "x", "reply_to": "{message}"}, {"type": "typing", "is_typing": True},
    {"type": "read_receipt", "up_to": 1}, {"type": "read_receipt", "message_ids": ["{message}"]},
    {"type": "ack", "seq": 1}, {"type": "presence"}, {"type": "unsubscribe"},
    {"type": "publish", "event": "x", "data": {}},
]
MESSAGE_FRAMES = [{"type": "edit", "id": "{message}", "body": "mine now"}, {"type": "delete", "id": "{message}"},
                  {"type": "react", "id": "{message}", "emoji": "ok"},
                  {"type": "react", "id": "{message}", "emoji": "ok", "remove": True}]


def filled(template, values):
    """The template with its holes filled; a hole that is the whole of a string keeps its type."""
    if isinstance(template, dict):
        return {name: filled(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    if not isinstance(template, str):
        return template
    if template.startswith("{") and template.endswith("}") and template[1:-1] in values:
        return values[template[1:-1]]
    return template.format(**values)


async def http_answers(caller, requests, values):
    found = []
    for method, path, body in requests:
        answer = await caller.request(method, filled(path, values), filled(body, values))
        told = answer.json
        if isinstance(told, dict):
            told.pop("request_id", None)
        found.append((method, path, answer.status, told))
    return found


async def frame_answers(server, caller, frames, values, streams=(None,)):
    found = []
    async with await Socket.open(server, "/ws", **caller.for_socket()) as socket:
        for frame in frames:
            for stream in streams:
                sent = filled(frame, values)
                if stream is not None:
                    sent["stream"] = filled(stream, values)
                told = await socket.ask(**{"type_" if name == "type" else name: value for name, value in sent.items()})
                for name in ("ref", "count"):
                    told.pop(name, None)
                if told.get("stream") == sent.get("stream"):
                    told.pop("stream", None)
                found.append((frame, stream, told))
                assert (await socket.ask("ping"))["type"] == "pong"  # too many errors in a row would close it
    return found


async def all_answers(server, caller, values):
    """Everything that one can ask of a room and of a message in it."""
    streams = ("{room}", "channels/{channel}")
    return [*await http_answers(caller, ROOM_REQUESTS + MESSAGE_REQUESTS, values),
            *await frame_answers(server, caller, ROOM_FRAMES, values, streams),
            *await frame_answers(server, caller, MESSAGE_FRAMES, values),
            *[await refused(server, filled(f"/ws/{stream}/", values), **caller.for_socket()) for stream in streams]]


def assert_same(there, missing):
    for one, other in zip(there, missing, strict=True):
        assert one == other


async def secret_world(anna, ben, carla, emil):
    """A private room with carla in it, and ben for a while; he has written there, and was named there."""
    org = await make_org(anna, member=[ben, carla, emil])
    room = await org.make_room(ben, carla, slug="secret")
    path = org.room("secret")
    message = (await carla.post(f"{path}/messages", {"body": f"the plan, @{ben.name}"})).expect(201).json
    own = (await ben.post(f"{path}/messages", {"body": "my plan"})).expect(201).json
    (await carla.put(f"messages/{message['id']}/reactions/ok")).expect(200)
    (await carla.post(f"{path}/read", {"up_to": 1})).expect(200)
    there = {"room": path, "slug": "secret", "channel": room["id"], "message": message["id"], "org": org.path,
             "me": emil.id, "member": carla.id}
    missing = {**there, "room": org.room("nowhere"), "slug": "nowhere", "channel": NOWHERE, "message": NOWHERE}
    return types.SimpleNamespace(org=org, path=path, there=there, missing=missing, message=message, own=own)


@pytest.fixture
def emil(people):
    return people.emil


async def state_of(anna, path):
    """What must not have changed through all that."""
    return [(await anna.get(place)).expect(200).json
            for place in (path, f"{path}/messages", f"{path}/members", f"{path}/receipts")]


async def test_a_member_of_the_organisation_learns_nothing_of_a_private_room(server, anna, ben, carla, emil):
    world = await secret_world(anna, ben, carla, emil)
    before = await state_of(anna, world.path)
    there = await all_answers(server, emil, world.there)
    assert_same(there, await all_answers(server, emil, world.missing))
    for _, path, status, told in (one for one in there if len(one) == 4):
        assert status in (403, 404) or ("/search?" in path and told["results"] == []), (path, status, told)
    assert rows((await emil.get(f"{world.org.path}/rooms")).json) == []
    (own,) = [one for one in (await emil.get("me/unread")).json["orgs"] if one["slug"] == world.org.slug]
    assert own["rooms"] == []
    assert await state_of(anna, world.path) == before


async def test_a_stranger_learns_nothing_of_any_room(server, anna, ben, carla, dora, emil):
    world = await secret_world(anna, ben, carla, emil)
    await world.org.make_room(slug="open")
    world.there["me"] = world.missing["me"] = dora.id
    before = await state_of(anna, world.path)
    missing = await all_answers(server, dora, world.missing)
    assert_same(await all_answers(server, dora, world.there), missing)
    opened = {**world.there, "room": world.org.room("open"), "slug": "open"}
    assert_same(await all_answers(server, dora, opened), missing)
    for path in ("rooms", "presence", "search?q=plan", "members"):
        known = (await dora.get(f"{world.org.path}/{path}")).problem(404)
        unknown = (await dora.get(f"orgs/no-such-organisation/{path}")).problem(404)
        known.pop("request_id"), unknown.pop("request_id")
        assert known == unknown
    assert await state_of(anna, world.path) == before


async def test_who_was_taken_out_has_nothing_left_not_even_of_their_own(server, anna, ben, carla, emil):
    world = await secret_world(anna, ben, carla, emil)
    (await ben.post(f"{world.path}/read", {"up_to": 2})).expect(200)
    (await anna.delete(f"{world.path}/members/{ben.id}")).expect(204)
    for values in (world.there, world.missing):
        values["me"] = ben.id
    before = await state_of(anna, world.path)
    missing = await all_answers(server, ben, world.missing)
    assert_same(await all_answers(server, ben, world.there), missing)
    assert_same(await all_answers(server, ben, {**world.there, "message": world.own["id"]}), missing)
    assert await state_of(anna, world.path) == before
    (own,) = [one for one in (await ben.get("me/unread")).json["orgs"] if one["slug"] == world.org.slug]
    assert own["rooms"] == []
    async with await Socket.open(server, "/ws/me", ben) as me:
        await me.expect("subscribed")
        sent = {"body": f"@{ben.name} and @room, he does not hear it", "reply_to": world.own["id"]}
        (await carla.post(f"{world.path}/messages", sent)).expect(201)
        await me.silence(0.5)
    assert ben.id not in [one["user"]["id"] for one in (await anna.get(f"{world.path}/receipts")).json["results"]]


class Live:
    """All ways in which one may hear a stream, open at the same time."""

    def __init__(self, server, user, stream):
        self.server, self.user, self.stream = server, user, stream
        self.kept = contextlib.AsyncExitStack()

    async def __aenter__(self):
        opened = self.kept.enter_async_context
        self.socket = await opened(await Socket.open(self.server, f"/ws/{self.stream}/", self.user))
        await self.socket.expect("subscribed")
        self.shared = await opened(await Socket.open(self.server, "/ws", self.user))
        await self.shared.ask("subscribe", stream=self.stream)
        self.events = await opened(await EventStream.open(self.server, f"stream={self.stream}", self.user))
        await self.events.expect("subscribed")
        answer = await self.user.get(f"events?stream={self.stream}&limit=1000&since=0")
        cursor = answer.expect(200).json["cursor"]
        self.poll = asyncio.create_task(self.user.get(f"events?stream={self.stream}&wait=25&cursor={cursor}"))
        await asyncio.sleep(0.2)  # until it is held
        assert not self.poll.done()
        return self

    async def __aexit__(self, *_):
        self.poll.cancel()
        await self.kept.aclose()

    async def known_everywhere(self):
        """The node that took the right away delivers nothing from now on, the others may for a second."""
        if self.server.several:
            await asyncio.sleep(promised(1))

    async def ends_within_a_second(self, *codes, shared_closes=False):
        """Nothing of the stream's later events comes on any of them."""
        began = time.monotonic()
        closed, _, frames = await self.socket.closed(promised(1))
        assert closed in codes and not any("among us" in str(frame) for frame in frames), (closed, frames)
        if shared_closes:
            assert (await self.shared.closed(promised(1)))[0] in codes
        else:
            assert (await self.shared.until("unsubscribed", promised(1)))["code"] in codes
        with pytest.raises(EOFError):
            while True:
                assert "among us" not in str(await self.events.next(promised(1)))
        answer = await asyncio.wait_for(asyncio.shield(self.poll), promised(1))
        assert time.monotonic() - began < promised(1)
        assert answer.status in (200, 401, 404) and "among us" not in answer.text, answer


@pytest.mark.parametrize("ends", ["member", "organisation", "private", "room"])
async def test_everything_live_ends_within_a_second(server, anna, ben, carla, ends):
    org = await make_org(anna, member=[ben, carla])
    path = org.room("secret")
    await org.make_room(*(() if ends == "private" else (ben, carla)), slug="secret")
    async with Live(server, ben, path) as live:
        if ends == "member":
            (await anna.delete(f"{path}/members/{ben.id}")).expect(204)
        elif ends == "organisation":
            await org.remove(ben)
        elif ends == "private":
            (await anna.patch(path, {"private": True})).expect(200)
        else:
            (await anna.delete(path)).expect(204)
        await live.known_everywhere()
        if ends != "room":
            (await anna.post(f"{path}/messages", {"body": "among us"})).expect(201)
        await live.ends_within_a_second(4003)
        (await ben.get(f"events?stream={path}&since=0")).problem(404)


async def test_a_deleted_account_hears_no_more_within_a_second(server, anna, carla):
    gone = User(server, unique("gone")).register()
    org = await make_org(anna, member=[gone, carla])
    await org.make_room(gone, carla, slug="secret")
    path = org.room("secret")
    key_before = gone.credentials()
    (await gone.post(f"conversations/{carla.id}/messages", {"body": "farewell"})).expect(201)
    async with Live(server, gone, path) as live:
        (await gone.delete("me")).expect(204)
        await live.known_everywhere()
        (await anna.post(f"{path}/messages", {"body": "among us"})).expect(201)
        await live.ends_within_a_second(4001, 4003, shared_closes=True)
    for place in (f"{path}/messages", "conversations", "me/unread", f"{org.path}/search?q=among", f"events?stream={path}"):
        (await anna.request("GET", place, headers=key_before)).problem(401)
    code, _ = await refused(server, f"/ws/{path}/", token=key_before["Authorization"].split()[1], by="header")
    assert code == 4001
    assert gone.id not in [member["user_id"] for member in rows((await anna.get(f"{path}/members")).json)]
    assert gone.id not in [one["user"]["id"] for one in (await anna.get(f"{org.path}/presence")).json["users"]]


async def test_a_conversation_of_two_others_is_nowhere(server, anna, ben, carla, dora, emil):
    org = await make_org(anna, member=[ben, carla, emil])
    sent = (await ben.post(f"conversations/{carla.id}/messages", {"body": "between the two"})).expect(201).json
    (await carla.post(f"conversations/{ben.id}/read", {"up_to": 1})).expect(200)
    path = f"conversations/{carla.id}"
    # An owner, a moderator to be, a colleague and a stranger: their own conversation with her is another one.
    for other in (anna, emil):
        assert (await other.get(f"{path}/messages")).expect(200).json["messages"] == []
        assert (await other.get(f"{path}/receipts")).expect(200).json["results"] == []
        (await other.get(f"{path}/events/{sent['seq']}")).problem(404)
        assert (await other.get(f"events?stream={path}&since=0")).expect(200).json["results"] == []
    reader = api_key(server, (await org.key(("read",)))["key"])
    values = {"message": sent["id"], "me": emil.id, "member": carla.id, "org": org.path}
    nowhere = {**values, "message": NOWHERE}
    for other in (anna, emil, dora, reader):
        assert_same(await http_answers(other, MESSAGE_REQUESTS, values), await http_answers(other, MESSAGE_REQUESTS, nowhere))
        if other is not reader:
            assert_same(await frame_answers(server, other, MESSAGE_FRAMES, values),
                        await frame_answers(server, other, MESSAGE_FRAMES, nowhere))
    for other in (anna, emil, reader):
        assert (await other.get(f"{org.path}/search?q=between")).expect(200).json["results"] == []
        assert rows((await other.get(f"{org.path}/rooms")).json) == []
    for frame in ({"type": "message", "body": "x", "reply_to": sent["id"]}, {"type": "read_receipt", "message_ids": [sent["id"]]}):
        (_, _, told), = await frame_answers(server, emil, [frame], {}, [path])
        other = {**frame, **({"reply_to": NOWHERE} if "reply_to" in frame else {"message_ids": [NOWHERE]})}
        assert told == (await frame_answers(server, emil, [other], {}, [path]))[0][2], told
    assert (await ben.get(f"{path}/messages")).json["messages"][0]["body"] == "between the two"


async def test_the_number_of_a_conversation_is_no_channel(server, anna, ben, carla, emil):
    """Rooms and conversations are counted together: the numbers between two rooms are easily guessed."""
    org = await make_org(anna, member=[ben, carla, emil])
    first = (await org.make_room(slug="first"))["id"]
    (await ben.post(f"conversations/{carla.id}/messages", {"body": "between the two"})).expect(201)
    for peer in (anna, emil):
        (await ben.post(f"conversations/{peer.id}/messages", {"body": "and us"})).expect(201)
    last = (await org.make_room(slug="last"))["id"]
    for number in range(first + 1, last):
        for other in (anna, ben, carla, emil):
            assert await refused(server, f"/ws/channels/{number}/", other) == \
                await refused(server, f"/ws/channels/{NOWHERE}/", other)
            (await other.get(f"events?stream=channels/{number}&since=0")).problem(404)
        assert_same(await frame_answers(server, emil, ROOM_FRAMES, {"message": NOWHERE}, [f"channels/{number}"]),
                    [(frame, f"channels/{number}", told) for frame, _, told in
                     await frame_answers(server, emil, ROOM_FRAMES, {"message": NOWHERE}, [f"channels/{NOWHERE}"])])


async def test_an_api_key_that_may_not_read_is_told_the_same_of_everything(server, anna, ben, carla, emil):
    world = await secret_world(anna, ben, carla, emil)
    before = await state_of(anna, world.path)
    key = api_key(server, (await world.org.key(("publish",)))["key"])
    missing = await http_answers(key, ROOM_REQUESTS + MESSAGE_REQUESTS, world.missing)
    assert {status for _, _, status, _ in missing} <= {403, 404}
    assert_same(await http_answers(key, ROOM_REQUESTS + MESSAGE_REQUESTS, world.there), missing)
    for stream in (world.path, f"channels/{world.there['channel']}", f"conversations/{carla.id}"):
        assert await refused(server, f"/ws/{stream}/", **key.for_socket()) == \
            await refused(server, f"/ws/{world.missing['room']}/", **key.for_socket())
    for path in ("rooms", "presence", "search?q=plan"):
        (await key.get(f"{world.org.path}/{path}")).problem(403)
    for path in ("conversations", "me/unread", f"conversations/{carla.id}/messages"):
        assert (await key.get(path)).status in (401, 403, 404)
    with contextlib.suppress(*TROUBLE):
        assert_same(await frame_answers(server, key, ROOM_FRAMES, world.there, ["{room}"]),
                    await frame_answers(server, key, ROOM_FRAMES, world.missing, ["{room}"]))
    assert await state_of(anna, world.path) == before
