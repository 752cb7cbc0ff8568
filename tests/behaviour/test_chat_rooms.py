"""Rooms: who sees which, and what ends when somebody may see one no more."""

import asyncio

import pytest

from harness.client import api_key, make_org, rows, unique
from harness.limits import promised
from harness.socket import Socket, refused
from harness.sse import EventStream


async def test_a_room_is_a_stream_under_two_names(server, anna, ben):
    org = await make_org(anna, member=ben)
    room = await org.make_room(slug="general", name="General")
    assert room == {"id": room["id"], "slug": "general", "name": "General", "kind": "chat", "private": False,
                    "slow_mode_seconds": 0}
    async with await Socket.open(server, f"/ws/{org.room('general')}/", ben) as by_slug, \
            await Socket.open(server, f"/ws/channels/{room['id']}/", ben) as by_id:
        await by_slug.expect("subscribed", head=0)
        await by_id.expect("subscribed", head=0)
        (await anna.post(f"{org.room('general')}/messages", {"body": "hello"})).expect(201)
        (one,), (other,) = await by_slug.events(1), await by_id.events(1)
        assert one["stream"] == org.room("general") and other["stream"] == f"channels/{room['id']}"
        assert {**one, "stream": 0} == {**other, "stream": 0}


async def test_subscribing_by_both_names_is_one_subscription(server, anna):
    org = await make_org(anna)
    room = await org.make_room(slug="general")
    async with await Socket.open(server, "/ws", anna) as socket:
        assert (await socket.ask("subscribe", stream=org.room("general")))["type"] == "subscribed"
        assert (await socket.ask("subscribe", stream=f"channels/{room['id']}"))["type"] == "subscribed"
        (await anna.post(f"{org.room('general')}/messages", {"body": "hello"})).expect(201)
        await socket.events(1)
        await socket.silence()


async def test_a_guessed_private_room_is_the_404_of_a_missing_one(server, anna, ben, carla):
    org = await make_org(anna, member=[ben, carla])
    await org.make_room(carla, slug="secret")
    for path in ("", "/messages", "/members", "/events/1"):
        guessed = (await ben.get(org.room("secret") + path)).problem(404)
        missing = (await ben.get(org.room("missing") + path)).problem(404)
        for told in (guessed, missing):
            del told["request_id"]
        assert guessed == missing
    (await ben.post(f"{org.room('secret')}/messages", {"body": "let me in"})).problem(404)
    assert await refused(server, f"/ws/{org.room('secret')}", ben) == \
        await refused(server, f"/ws/{org.room('missing')}", ben)
    assert [room["slug"] for room in rows((await ben.get(f"{org.path}/rooms")).json)] == []
    assert [room["slug"] for room in rows((await carla.get(f"{org.path}/rooms")).json)] == ["secret"]


async def test_who_is_taken_out_of_a_private_room_hears_no_more_within_a_second(server, anna, ben, carla):
    org = await make_org(anna, member=[ben, carla])
    await org.make_room(ben, carla, slug="secret")
    room = org.room("secret")
    async with await Socket.open(server, f"/ws/{room}", ben) as own, \
            await Socket.open(server, "/ws", ben) as shared, \
            await Socket.open(server, f"/ws/{room}", carla) as stays, \
            await EventStream.open(server, f"stream={room}&since=0", ben) as events:
        await shared.ask("subscribe", stream=room)
        await shared.ask("subscribe", stream=org.notifications)
        (await anna.delete(f"{room}/members/{ben.id}")).expect(204)
        code, _, _ = await own.closed(promised(1))
        assert code == 4003
        ended = await shared.until("unsubscribed", promised(1))
        assert ended["stream"] == room and ended["code"] == 4003
        (await anna.post(f"{room}/messages", {"body": "he is gone"})).expect(201)
        assert (await stays.until("message"))["body"] == "he is gone"
        await shared.silence()
        with pytest.raises(EOFError):
            while True:
                assert "he is gone" not in str(await events.next(promised(1)))
    assert (await refused(server, f"/ws/{room}", ben))[0] == 4004


async def test_a_room_that_becomes_private_ends_for_everybody_outside(server, anna, ben):
    org = await make_org(anna, member=ben)
    await org.make_room(slug="general")
    async with await Socket.open(server, f"/ws/{org.room('general')}", ben) as outside, \
            await Socket.open(server, f"/ws/{org.room('general')}", anna) as inside:
        await inside.expect("subscribed")
        (await anna.patch(org.room("general"), {"private": True})).expect(200)
        assert (await outside.closed(promised(1)))[0] == 4003
        (await anna.post(f"{org.room('general')}/messages", {"body": "among us"})).expect(201)
        assert (await inside.until("message"))["body"] == "among us"


async def test_an_admin_who_is_one_no_more_reads_no_private_rooms(server, anna, ben, carla):
    org = await make_org(anna, admin=ben, member=carla)
    await org.make_room(carla, slug="secret")
    async with await Socket.open(server, f"/ws/{org.room('secret')}", ben) as socket:
        await socket.expect("subscribed")
        (await anna.patch(f"{org.path}/members/{ben.id}", {"role": "member"})).expect(200)
        assert (await socket.closed(promised(1)))[0] == 4003
    (await ben.get(org.room("secret"))).problem(404)


async def test_a_deleted_room_is_gone_for_everybody(server, anna, ben):
    org = await make_org(anna, member=ben)
    await org.make_room(slug="general")
    (await ben.post(f"{org.room('general')}/messages", {"body": "hello"})).expect(201)
    async with await Socket.open(server, f"/ws/{org.room('general')}", ben) as socket:
        (await anna.delete(org.room("general"))).expect(204)
        assert (await socket.closed(promised(1)))[0] in (4003, 4004)
    (await anna.get(org.room("general"))).problem(404)
    await org.make_room(slug="general")
    assert (await ben.get(f"{org.room('general')}/messages")).json["messages"] == []


async def test_the_new_member_of_a_room_is_told_on_their_own_stream(server, anna, ben):
    org = await make_org(anna, member=ben)
    room = await org.make_room(slug="secret", private=True)
    async with await Socket.open(server, "/ws/me", ben) as socket:
        await socket.expect("subscribed")
        (await anna.post(f"{org.room('secret')}/members", {"user_id": ben.id})).expect(201)
        told = await socket.until("member_added")
        assert told["room"] == {"id": room["id"], "slug": "secret", "name": "secret"}
        assert told["org"] == {"id": org.id, "slug": org.slug}
        assert told["actor"]["id"] == anna.id and told["user"]["id"] == ben.id


async def test_an_api_key_reads_the_rooms_of_its_organisation(server, anna):
    org = await make_org(anna)
    await org.make_room(slug="general")
    reader = api_key(server, (await org.key(("read",)))["key"])
    (await reader.get(f"{org.room('general')}/messages")).expect(200)
    async with await Socket.open(server, f"/ws/{org.room('general')}", **reader.for_socket()) as socket:
        await socket.expect("subscribed")
    (await reader.post(f"{org.room('general')}/messages", {"body": "beep"})).problem(403)


@pytest.mark.parametrize("body, field", [
    ({}, "slug"), ({"slug": "No"}, "slug"), ({"slug": "a", "kind": "party"}, "kind"),
    ({"slug": "a", "private": 1}, "private"), ({"slug": "a", "colour": "red"}, "colour")])
async def test_a_wrong_room_is_a_422_that_names_the_field(server, anna, body, field):
    org = await make_org(anna)
    told = (await anna.post(f"{org.path}/rooms", body)).problem(422, "invalid")
    assert [error["field"] for error in told["errors"]] == [field]


async def test_rooms_that_are_made_at_once_under_one_slug_are_one(server, anna):
    org = await make_org(anna)
    slug = unique("room")
    answers = await asyncio.gather(*(anna.post(f"{org.path}/rooms", {"slug": slug}) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
