"""A subscription is a position in a stream: since, last, epoch, and what is told when a position is gone."""

import asyncio
import time

import pytest

from harness.client import User, make_org, unique
from harness.socket import Socket
from harness.sse import EventStream


async def filled(owner, count):
    org = await make_org(owner)
    first = (await org.notify(n=0))["seq"]
    for n in range(1, count):
        await org.notify(n=n)
    return org, first, first + count - 1


async def test_since_replays_what_came_after_and_goes_on_live(server, anna):
    org, _, head = await filled(anna, 5)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna, query={"since": head - 3}) as socket:
        await socket.expect("subscribed", head=head, since=head - 3)
        assert [e["seq"] for e in await socket.events(3)] == [head - 2, head - 1, head]
        await org.notify(n="live")
        (event,) = await socket.events(1)
        assert event["seq"] == head + 1 and event["n"] == "live"


async def test_since_zero_replays_all(server, anna):
    org, _, head = await filled(anna, 5)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna, query={"since": 0}) as socket:
        await socket.expect("subscribed", head=head, since=0)
        assert [e["seq"] for e in await socket.events(head)] == list(range(1, head + 1))


async def test_since_the_head_replays_nothing(server, anna):
    org, _, head = await filled(anna, 2)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna, query={"since": head}) as socket:
        await socket.expect("subscribed", head=head, since=head)
        await socket.silence()


async def test_last_replays_the_newest(server, anna):
    org, _, head = await filled(anna, 5)
    async with await Socket.open(server, "/ws", anna) as socket:
        told = await socket.ask("subscribe", stream=org.notifications, last=2)
        assert told["since"] == head - 2
        assert [e["seq"] for e in await socket.events(2)] == [head - 1, head]
        await socket.silence(0.2)


async def test_last_more_than_there_are_replays_all(server, anna):
    org, _, head = await filled(anna, 3)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna, query={"last": 500}) as socket:
        await socket.expect("subscribed", head=head, since=0)
        assert len(await socket.events(head)) == head


async def test_a_since_ahead_of_the_head_is_reset(server, anna):
    org, _, head = await filled(anna, 2)
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.send("subscribe", stream=org.notifications, since=head + 10)
        told = await socket.expect("subscribed", stream=org.notifications, head=head)
        reset = await socket.expect("reset", stream=org.notifications, reason="ahead", head=head)
        assert reset["epoch"] == told["epoch"] and reset["oldest"] == 1
        await org.notify(n="next")
        (event,) = await socket.events(1)
        assert event["seq"] == head + 1


async def test_another_epoch_is_reset(server, anna):
    org, _, head = await filled(anna, 2)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna,
                                 query={"since": 1, "epoch": "of-another-life"}) as socket:
        await socket.expect("subscribed", head=head)
        await socket.expect("reset", reason="epoch_changed", head=head)
        await org.notify(n="next")
        (event,) = await socket.events(1)
        assert event["seq"] == head + 1, "delivery goes on from head + 1"


async def test_the_right_epoch_replays(server, anna):
    org, _, head = await filled(anna, 2)
    async with await Socket.open(server, "/ws", anna) as socket:
        epoch = (await socket.ask("subscribe", stream=org.notifications))["epoch"]
        told = await socket.ask("subscribe", stream=org.notifications, since=head - 1, epoch=epoch)
        assert told["epoch"] == epoch
        assert [e["seq"] for e in await socket.events(1)] == [head]


async def test_a_long_history_is_replayed_in_order_while_new_events_come(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("long"))
    name = topic.rpartition("/")[2]
    for start in range(0, 3000, 1000):
        await org.publish(name, *({"type": "tick", "data": {"n": start + n}} for n in range(1000)))
    async with await Socket.open(server, f"/ws/{topic}", anna, query={"since": 0}) as socket:
        for n in range(50):
            await org.publish(name, {"type": "tick", "data": {"n": 3000 + n}})
        got = await socket.events(3050, timeout=30)
        assert [e["seq"] for e in got] == list(range(1, 3051))
        assert [e["data"]["n"] for e in got] == list(range(3050))


async def test_a_topic_that_is_not_durable_has_no_head_and_ignores_since(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("fleeting"), durable=False)
    async with await Socket.open(server, f"/ws/{topic}", anna, query={"since": 5}) as socket:
        await socket.expect("subscribed", head=0)
        await org.publish(topic.rpartition("/")[2], {"type": "tick", "data": {}})
        event = await socket.expect("tick")
        assert "seq" not in event


@pytest.mark.parametrize("name", ["me", "notifications", "topic"])
async def test_every_kind_of_stream_tells_epoch_and_head(server, anna, name):
    org = await make_org(anna)
    stream = {"me": "me", "notifications": org.notifications}.get(name) or await org.declare(unique("t"))
    async with await Socket.open(server, "/ws", anna) as socket:
        told = await socket.ask("subscribe", stream=stream)
        assert told["type"] == "subscribed" and told["epoch"] and told["head"] >= 0


async def test_all_ways_of_reading_give_the_same_event(server, anna):
    org = await make_org(anna)
    sent = await org.notify("task_done", text="hey", nested={"a": [1, 2.5, None, True], "ö": "\u2028 \" \\"})
    since = sent["seq"] - 1
    async with await Socket.open(server, f"/ws/{org.notifications}", anna, query={"since": since}) as socket:
        (by_socket,) = await socket.events(1)
    async with await EventStream.open(server, f"stream={org.notifications}&since={since}", anna) as stream:
        (by_sse,) = await stream.events(1)
    page = (await anna.get(f"events?stream={org.notifications}&since={since}")).expect(200).json
    one = (await anna.get(f"{org.notifications}/{sent['seq']}")).expect(200).json
    listed = (await anna.get(f"{org.notifications}?since={since}")).expect(200).json
    assert by_socket == by_sse == page["results"][0] == one == listed["results"][0]
    assert by_socket["nested"] == {"a": [1, 2.5, None, True], "ö": "\u2028 \" \\"}


async def test_events_that_retention_took_are_told_as_expired(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    topic = await org.declare("short", retention_seconds=1)
    await org.publish("short", *({"type": "tick", "data": n} for n in range(1, 6)))
    await asyncio.sleep(1.5)
    assert server.stop() == 0
    server.start()  # old events go at the start, and from time to time
    root.sign_in()
    deadline = time.monotonic() + 10
    while not (told := (await root.get(f"events?stream={topic}&since=2")).expect(200).json)["reset"]:
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.1)
    assert told["reset"][0]["reason"] == "expired"
    assert told["reset"][0]["oldest"] == 6 and told["reset"][0]["head"] == 5 and told["results"] == []
    async with await Socket.open(server, f"/ws/{topic}", root, query={"since": 2}) as behind:
        await behind.expect("subscribed", head=5)
        await behind.expect("reset", reason="expired", oldest=6, head=5)
        async with await Socket.open(server, f"/ws/{topic}", root, query={"since": 5}) as level:
            await level.expect("subscribed", head=5, since=5)  # it missed nothing: no reset
            await org.publish("short", {"type": "tick", "data": 6})
            for socket in (behind, level):
                assert (await socket.expect("tick"))["seq"] == 6
