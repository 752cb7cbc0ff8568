"""A session outlives its connection: subscriptions, count and positions come back."""

import asyncio

import pytest

from harness.client import make_org, unique, User
from harness.limits import promised
from harness.socket import Socket


def query(session, **more):
    return {"session_uuid": session, **more}


async def test_a_session_brings_back_subscriptions_count_and_the_acked_position(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("t"))
    name = topic.rpartition("/")[2]
    session = unique("s")
    first = await Socket.open(server, "/ws", anna, query=query(session))
    assert first.welcome["session_uuid"] == session and first.welcome["resumed"] is False
    await first.ask("subscribe", stream=org.notifications)
    await first.ask("subscribe", stream=topic)
    await org.publish(name, *({"type": "tick", "data": n} for n in range(1, 4)))
    await first.events(3)
    await first.ask("ack", stream=topic, seq=2)
    await first.abort()
    await org.publish(name, {"type": "tick", "data": 4})

    async with await Socket.open(server, "/ws", anna, query=query(session)) as again:
        assert again.welcome["resumed"] is True
        assert again.welcome["count"] == 3
        seen, events = {}, []
        while len(seen) < 2 or len(events) < 2:
            frame = await again.next()
            if frame["type"] == "subscribed":
                seen[frame["stream"]] = frame
            elif frame["type"] == "tick":
                events.append(frame["seq"])
        assert set(seen) == {org.notifications, topic}
        assert seen[topic]["since"] <= 2
        wanted = list(range(seen[topic]["since"] + 1, 5))
        while len(events) < len(wanted):
            events.append((await again.expect("tick"))["seq"])
        assert events == wanted
        await again.send("ping")
        await again.expect("pong", count=4)


async def test_a_position_in_the_url_wins_over_the_sessions(server, anna):
    org = await make_org(anna)
    head = [await org.notify(n=n) for n in range(4)][-1]["seq"]
    session = unique("s")
    path = f"/ws/{org.notifications}"
    first = await Socket.open(server, path, anna, query=query(session, since=0))
    await first.events(head)
    await first.ask("ack", seq=head)
    await first.abort()
    async with await Socket.open(server, path, anna, query=query(session, since=head - 1)) as again:
        assert again.welcome["resumed"] is True
        await again.expect("subscribed", since=head - 1)
        assert [e["seq"] for e in await again.events(1)] == [head]


async def test_resuming_a_session_that_is_connected_closes_the_older_with_4000(server, anna):
    session = unique("s")
    older = await Socket.open(server, "/ws", anna, query=query(session))
    newer = await Socket.open(server, "/ws", anna, query=query(session))
    assert newer.welcome["resumed"] is True
    code, _, frames = await older.closed(promised(2))
    assert code == 4000
    assert frames[-1]["type"] == "goodbye"
    await newer.send("ping")
    await newer.expect("pong")
    await newer.close()


async def test_a_session_is_valid_only_for_its_user(server, anna, dora):
    org = await make_org(anna)
    session = unique("s")
    mine = await Socket.open(server, "/ws", anna, query=query(session))
    await mine.ask("subscribe", stream=org.notifications)
    async with await Socket.open(server, "/ws", dora, query=query(session)) as theirs:
        assert theirs.welcome["resumed"] is False and theirs.welcome["count"] == 0
        await mine.send("ping")
        await mine.expect("pong")  # not replaced
        await org.notify(text="for members")
        await theirs.silence()
    await mine.close()


async def test_a_subscription_given_up_stays_given_up(server, anna):
    org = await make_org(anna)
    session = unique("s")
    first = await Socket.open(server, "/ws", anna, query=query(session))
    await first.ask("subscribe", stream=org.notifications)
    await first.ask("unsubscribe", stream=org.notifications)
    await first.abort()
    async with await Socket.open(server, "/ws", anna, query=query(session)) as again:
        assert again.welcome["resumed"] is True
        await again.silence()


async def test_a_stream_that_is_no_longer_the_users_does_not_come_back(server, anna, ben):
    org = await make_org(anna, member=ben)
    session = unique("s")
    first = await Socket.open(server, "/ws", ben, query=query(session))
    await first.ask("subscribe", stream=org.notifications)
    await first.abort()
    await org.remove(ben)
    async with await Socket.open(server, "/ws", ben, query=query(session)) as again:
        await org.notify(secret="for members")
        told = []
        try:
            while True:
                told.append(await again.next(0.5))
        except TimeoutError:
            pass
        except Exception as end:  # asyncio.TimeoutError of older Pythons, or a close
            assert type(end).__name__ in ("TimeoutError", "ConnectionClosedError", "ConnectionClosedOK")
        assert all(frame["type"] not in ("subscribed", "note") for frame in told), told


async def test_a_session_survives_a_restart_of_the_server(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root)
    first = await Socket.open(server, "/ws", root, query=query("phone"))
    told = await first.ask("subscribe", stream=org.notifications)
    await org.notify(n=1)
    await first.events(1)
    await first.ask("ack", stream=org.notifications, seq=told["head"] + 1)
    assert server.stop() == 0
    server.start()
    root.sign_in()
    await org.notify(n=2)
    async with await Socket.open(server, "/ws", root, query=query("phone")) as again:
        assert again.welcome["resumed"] is True
        assert again.welcome["count"] == 2
        back = await again.expect("subscribed", stream=org.notifications)
        assert back["since"] <= told["head"] + 1
        events = await again.events(told["head"] + 2 - back["since"])
        assert events[-1]["n"] == 2


async def acked(server, user, path, session):
    """Leaves a session behind that has acked the head of the stream in `path`. Returns the head."""
    async with await Socket.open(server, path, user, query=query(session)) as first:
        told = await first.expect("subscribed")
        await first.ask("ack", seq=told["head"])
    return told["head"]


async def speak(anna, stream, count):
    for n in range(count):
        (await anna.post(f"{stream}/messages", {"body": f"word {n}"})).expect(201)


async def test_a_position_in_the_url_wins_when_the_session_knew_the_room_by_another_name(server, anna):
    org = await make_org(anna)
    room = await org.make_room()
    name, session = org.room(room["slug"]), unique("s")
    await speak(anna, name, 5)
    head = await acked(server, anna, f"/ws/{name}", session)
    channel = f"channels/{room['id']}"
    async with await Socket.open(server, f"/ws/{channel}", anna, query=query(session, since=0)) as again:
        await again.expect("subscribed", stream=channel, since=0)
        assert [e["seq"] for e in await again.events(head)] == list(range(1, head + 1))
        await again.silence()  # no second subscription, at the saved position


async def test_the_saved_position_is_found_by_another_name_of_the_room(server, anna):
    org = await make_org(anna)
    room = await org.make_room()
    name, session = org.room(room["slug"]), unique("s")
    await speak(anna, name, 3)
    head = await acked(server, anna, f"/ws/{name}", session)
    await speak(anna, name, 2)
    channel = f"channels/{room['id']}"
    async with await Socket.open(server, f"/ws/{channel}", anna, query=query(session)) as again:
        await again.expect("subscribed", stream=channel, since=head)
        assert [e["seq"] for e in await again.events(2)] == [head + 1, head + 2]
        await again.silence()


async def test_a_session_comes_back_though_its_organisation_and_room_are_called_otherwise_now(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root)
    room, topic = await org.make_room(), await org.declare("prices")
    streams = [org.notifications, org.room(room["slug"]), topic]
    first = await Socket.open(server, "/ws", root, query=query("phone"))
    for stream in streams:
        told = await first.ask("subscribe", stream=stream)
        await first.ask("ack", stream=stream, seq=told["head"])
    await first.close()
    old = org.slug
    org.slug = unique("renamed")
    (await root.patch(f"orgs/{old}", {"slug": org.slug})).expect(200)
    (await root.patch(org.room(room["slug"]), {"slug": "elsewhere"})).expect(200)
    await speak(root, org.room("elsewhere"), 1)
    await org.publish("prices", {"type": "tick", "data": 1})
    await org.notify(n=1)
    for restarted in (False, True):
        if restarted:
            assert server.stop() == 0
            server.start()
            root.sign_in()
        again = await Socket.open(server, "/ws", root, query=query("phone"))
        told = []
        while len([f for f in told if f["type"] == "subscribed"]) < 3 or not any(f.get("n") == 1 for f in told) \
                or not {"message", "tick"} <= {f["type"] for f in told}:
            told.append(await again.next())
        assert all(f["stream"] in streams for f in told if f["type"] == "subscribed"), told
        await again.abort()


@pytest.mark.parametrize("path", ["/ws", "/ws/{}"])
async def test_a_stream_that_was_made_anew_comes_back_to_its_session_with_a_reset(server, anna, path):
    org = await make_org(anna)
    room = org.room((await org.make_room(slug="again"))["slug"])
    session = unique("s")
    await speak(anna, room, 3)
    await acked(server, anna, f"/ws/{room}", session)
    (await anna.delete(room)).expect(204)
    await org.make_room(slug="again")
    async with await Socket.open(server, path.format(room), anna, query=query(session)) as again:
        told = []
        while not told or told[-1]["type"] != "reset":
            told.append(await again.next())
        assert told[-1]["stream"] == room and told[-1]["reason"] == "epoch_changed", told
        assert "unsubscribed" not in [frame["type"] for frame in told]
        await speak(anna, room, 1)
        await again.until("message")


async def test_the_name_of_a_renamed_stream_does_not_lead_a_session_to_another_one(server, anna):
    org = await make_org(anna)
    session, old = unique("s"), org.slug
    await acked(server, anna, f"/ws/{org.notifications}", session)
    org.slug = unique("renamed")
    (await anna.patch(f"orgs/{old}", {"slug": org.slug})).expect(200)
    other = await make_org(anna, slug=old)
    async with await Socket.open(server, "/ws", anna, query=query(session)) as again:
        await again.expect("subscribed", stream=org.notifications)
        await other.notify(text="of another organisation")
        await again.silence()
        await org.notify(text="of the one that was followed")
        await again.expect("note", stream=org.notifications)


@pytest.mark.parametrize("by_url", [False, True])
async def test_after_a_crash_a_session_comes_back_whole_or_not_at_all(own_server, by_url):
    """What is saved of it may be older than the crash. A stream that its client was told to follow must not be missing."""
    server = own_server()
    root = User(server, "root").sign_in()
    org = await make_org(root)
    streams = [await org.declare(unique("t")) for _ in range(2)]
    for wait in (0, 0.3, 0.6, 0.9, 1.5, 2.5):
        options = {"query": query(unique("s"))}
        socket = await Socket.open(server, "/ws", root, **options)
        await socket.ask("subscribe", stream=streams[0])
        await asyncio.sleep(wait)
        if by_url:
            socket = await Socket.open(server, f"/ws/{streams[1]}", root, **options)
            while (await socket.expect("subscribed"))["stream"] != streams[1]:
                pass
        else:
            await socket.ask("subscribe", stream=streams[1])
        server.kill()
        server.start()
        async with await Socket.open(server, "/ws", root, **options) as again:
            if again.welcome["resumed"]:
                back = {(await again.expect("subscribed"))["stream"] for _ in streams}
                assert back == set(streams), f"killed {wait} s after the first subscription"


async def test_a_client_that_may_not_have_heard_that_its_session_began_anew_is_told_again(own_server):
    server = own_server()
    root = User(server, "root").sign_in()
    org = await make_org(root)
    streams = [await org.declare(unique("t")) for _ in range(2)]
    options = {"query": query(unique("s"))}
    first = await Socket.open(server, "/ws", root, **options)
    await first.ask("subscribe", stream=streams[0])
    server.stop()  # saves it
    server.start()
    second = await Socket.open(server, "/ws", root, **options)
    await second.expect("subscribed", stream=streams[0])
    await second.ask("subscribe", stream=streams[1])
    server.kill()
    server.start()
    unheard = await Socket.open(server, "/ws", root, **options)
    if unheard.welcome["resumed"]:
        return  # so slow a machine that all of it was saved before the kill
    await unheard.abort()  # as if the line had swallowed its `welcome`
    socket = await Socket.open(server, "/ws", root, **options)
    assert socket.welcome["resumed"] is False
    await socket.ask("subscribe", stream=streams[0])
    await socket.abort()
    async with await Socket.open(server, "/ws", root, **options) as again:
        assert again.welcome["resumed"] is True
        await again.expect("subscribed", stream=streams[0])
