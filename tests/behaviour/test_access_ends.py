"""Where access ends while somebody listens, it ends within a second, and nothing is heard after it."""

import time

import pytest

from harness.client import User, api_key, make_org, unique
from harness.limits import promised
from harness.sse import EventStream
from harness.socket import Socket


async def test_a_removed_members_socket_at_the_stream_is_closed_with_4003(server, anna, ben):
    org = await make_org(anna, member=ben)
    socket = await Socket.open(server, f"/ws/{org.notifications}", ben)
    await socket.expect("subscribed")
    await org.remove(ben)
    began = time.monotonic()
    await org.notify(secret="after")
    code, _, frames = await socket.closed(promised(1))
    assert code == 4003 and time.monotonic() - began < promised(1)
    assert frames[-1]["type"] == "goodbye"
    assert all("secret" not in frame for frame in frames)


async def test_a_socket_at_ws_loses_only_the_organisations_subscriptions(server, anna, ben):
    org, other = await make_org(anna, member=ben), await make_org(anna, member=ben)
    topic = await org.declare(unique("t"))
    async with await Socket.open(server, "/ws", ben) as socket:
        for stream in (org.notifications, topic, other.notifications):
            assert (await socket.ask("subscribe", stream=stream))["type"] == "subscribed"
        await org.remove(ben)
        began = time.monotonic()
        ended = {}
        while len(ended) < 2:
            frame = await socket.until("unsubscribed", promised(1))
            ended[frame["stream"]] = frame
        assert time.monotonic() - began < promised(1)
        assert set(ended) == {org.notifications, topic}
        assert all(frame["code"] == 4003 and frame["reason"] for frame in ended.values())
        await org.notify(secret="after")
        await org.publish(topic.rpartition("/")[2], {"type": "tick", "data": "after"})
        await other.notify(n="still")
        while True:
            frame = await socket.next()
            assert frame["stream"] in (other.notifications, "me"), frame
            if frame.get("n") == "still":
                break
        await socket.send("subscribe", stream=org.notifications)
        await socket.error("not_found")


async def test_a_socket_of_one_stream_that_has_others_loses_that_one_only(server, anna, ben):
    org, other = await make_org(anna, member=ben), await make_org(anna, member=ben)
    async with await Socket.open(server, f"/ws/{org.notifications}", ben) as socket:
        await socket.expect("subscribed")
        await socket.ask("subscribe", stream=other.notifications)
        await org.remove(ben)
        told = await socket.until("unsubscribed", promised(1))
        assert told["stream"] == org.notifications and told["code"] == 4003
        await socket.send("ping")
        await socket.until("pong")


async def test_a_removed_members_event_stream_ends(server, anna, ben):
    org = await make_org(anna, member=ben)
    async with await EventStream.open(server, f"stream={org.notifications}", ben) as stream:
        await stream.expect("subscribed")
        await org.remove(ben)
        began = time.monotonic()
        with pytest.raises(EOFError):
            while True:
                name, data, _ = await stream.next(promised(1.5))
                assert name in ("goodbye", "unsubscribed", "message")
                assert name != "message" or data["type"] == "member_removed"
        assert time.monotonic() - began < promised(1.5)
    (await ben.get(f"events?stream={org.notifications}&since=0")).problem(404)


async def test_a_deleted_organisation_ends_its_streams(server, anna, ben):
    org = await make_org(anna, member=ben)
    socket = await Socket.open(server, f"/ws/{org.notifications}", ben)
    await socket.expect("subscribed")
    (await anna.delete(org.path)).expect(204)
    code, _, _ = await socket.closed(promised(1))
    assert code in (4003, 4004)
    await anna.loses(org.path)


async def test_a_deleted_account_loses_its_sockets(server, anna):
    user = User(server, unique("gone")).register()
    socket = await Socket.open(server, "/ws", user)
    (await user.delete("me")).expect(204)
    code, _, _ = await socket.closed(promised(1))
    assert code in (4001, 4003)
    await user.loses("me", 401)


async def test_a_deleted_api_key_stops_working_at_once(server, anna):
    org = await make_org(anna)
    made = await org.key(("publish",))
    key = api_key(server, made["key"])
    (await key.post(org.notifications, {"type": "note", "payload": {}})).expect(201)
    (await anna.delete(f"{org.path}/api-keys/{made['id']}")).expect(204)
    await key.loses(org.notifications, 401, method="POST", body={"type": "note", "payload": {}})


async def test_a_left_member_is_a_stranger(server, anna, ben):
    org = await make_org(anna, member=ben)
    socket = await Socket.open(server, f"/ws/{org.notifications}", ben)
    await socket.expect("subscribed")
    (await ben.delete(f"{org.path}/members/{ben.id}")).expect(204)
    assert (await socket.closed(promised(1)))[0] == 4003
    await ben.loses(org.path)
