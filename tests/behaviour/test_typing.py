"""Who is writing: told to the others who follow a room, and over by itself."""

import asyncio
import time

from harness.client import api_key, make_org
from harness.limits import promised
from harness.socket import Socket
from harness.sse import EventStream


async def general(anna, *members):
    org = await make_org(anna, member=list(members))
    await org.make_room(slug="general")
    return org, org.room("general")


async def enter(server, room, user):
    socket = await Socket.open(server, f"/ws/{room}/", user)
    await socket.expect("subscribed")
    return socket


def said(room, user, is_typing):
    return {"type": "typing", "stream": room, "user": {"id": user.id, "username": user.name},
            "is_typing": is_typing}


async def test_it_is_told_to_the_others_and_to_no_device_of_ones_own(server, anna, ben):
    org, room = await general(anna, ben)
    async with await enter(server, room, anna) as phone, await enter(server, room, anna) as laptop, \
            await enter(server, room, ben) as other, \
            await EventStream.open(server, f"stream={room}", ben) as stream, \
            await EventStream.open(server, f"stream={room}", anna) as own:
        await stream.expect("subscribed")
        await own.expect("subscribed")
        await phone.send("typing", stream=room, is_typing=True)
        assert await other.next() == said(room, anna, True)
        name, told, _ = await stream.next()
        assert name == "message" and told == said(room, anna, True)
        await laptop.send("typing", is_typing=False)  # the URL named the stream
        assert await other.next() == said(room, anna, False)
        assert (await phone.ask("typing", is_typing=False))["type"] == "ok"
        await phone.silence()
        await laptop.silence()
        await other.silence()
        await org.notify()
        (await anna.post(f"{room}/messages", {"body": "done"})).expect(201)
        assert (await own.next())[1]["type"] == "message", "nothing came before it"


async def test_it_ends_by_itself_after_six_seconds(server, anna, ben):
    _, room = await general(anna, ben)
    async with await enter(server, room, anna) as writer, await enter(server, room, ben) as other:
        began = time.monotonic()
        await writer.send("typing", is_typing=True)
        assert await other.next() == said(room, anna, True)
        assert await other.next(6 + promised(1)) == said(room, anna, False)
        assert 5.5 < time.monotonic() - began < 6 + promised(1)
        await other.silence(1)


async def test_it_ends_when_the_device_goes_that_said_so_and_not_when_another_one_does(server, anna, ben):
    _, room = await general(anna, ben)
    async with await enter(server, room, ben) as other, await enter(server, room, anna) as tablet:
        phone, laptop = await enter(server, room, anna), await enter(server, room, anna)
        await phone.send("typing", is_typing=True)
        assert await other.next() == said(room, anna, True)
        await laptop.close()
        await other.silence(0.7)
        await phone.abort()
        assert await other.next(promised(2)) == said(room, anna, False), "also where another one stays open"
        await tablet.silence()


async def test_it_is_sent_on_once_a_second_for_all_devices_together(server, anna, ben):
    _, room = await general(anna, ben)
    async with await enter(server, room, anna) as phone, await enter(server, room, anna) as laptop, \
            await enter(server, room, ben) as other:
        began = time.monotonic()
        for n in range(20):
            await (phone if n % 2 else laptop).send("typing", is_typing=True)
            await asyncio.sleep(0.11)
        took = time.monotonic() - began
        await other.send("ping")
        frames = []
        while (frame := await other.next())["type"] != "pong":
            frames.append(frame)
        assert 1 <= len(frames) <= took + 1
        assert all(frame == said(room, anna, True) for frame in frames)


async def test_only_where_one_writes_and_is(server, anna, ben, carla):
    org, room = await general(anna, ben)
    topic = await org.declare("cursor")
    async with await Socket.open(server, "/ws", ben) as socket:
        async def code(**frame):
            return (await socket.ask("typing", **frame))["error"]["code"]

        assert await code(stream=room, is_typing=True) == "not_subscribed"
        assert await code(is_typing=True) == "missing_field"
        assert await code(stream=room) == "missing_field"
        assert await code(stream=room, is_typing="yes") == "invalid_field"
        for stream in (topic, org.notifications, "me"):
            await socket.ask("subscribe", stream=stream)
            assert await code(stream=stream, is_typing=True) == "forbidden"
        await socket.send("typing", stream=room, is_typing=True)  # refused, also without a ref
        await socket.error("not_subscribed")
    key = api_key(server, (await org.key(("read", "publish")))["key"])
    async with await Socket.open(server, f"/ws/{room}/", **key.for_socket()) as socket:
        await socket.expect("subscribed")
        assert (await socket.ask("typing", is_typing=True))["error"]["code"] == "forbidden"
        await socket.silence()


async def test_a_private_room_keeps_it_to_itself(server, anna, ben, carla):
    org = await make_org(anna, member=[ben, carla])
    room = org.room((await org.make_room(ben))["slug"])
    async with await enter(server, room, anna) as writer, await enter(server, room, ben) as other, \
            await Socket.open(server, f"/ws/{org.notifications}/", carla) as outsider:
        await outsider.expect("subscribed")
        await writer.send("typing", is_typing=True)
        assert await other.next() == said(room, anna, True)
        assert (await outsider.ask("typing", stream=room, is_typing=True))["error"]["code"] == "not_subscribed"
        await outsider.silence()


async def test_one_connection_sends_so_many_a_second(own_server):
    server = own_server(limits=True, users=("anna",))
    from harness.client import User
    anna = User(server, "anna").sign_in()
    _, room = await general(anna)
    async with await enter(server, room, anna) as socket:
        for n in range(12):
            await socket.send("typing", is_typing=True, ref=n)
        told = [await socket.next() for _ in range(12)]
        refused = [frame["error"] for frame in told if frame["type"] == "error"]
        assert 2 <= len(refused) <= 7  # five a second, and a second may end in between
        assert all(error["code"] == "rate_limited" and 0 < error["retry_after_ms"] <= 1000 for error in refused)
        await asyncio.sleep(1.1)
        assert (await socket.ask("typing", is_typing=True))["type"] == "ok"
