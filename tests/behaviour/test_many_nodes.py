"""Two nodes on one database: whatever happens on one is heard on the other, with the bus and without it."""

import asyncio
import copy
import time

import pytest

from harness import postgres, redis
from harness.client import User, blocking_request, make_org, unique
from harness.limits import promised, within
from harness.socket import Socket
from harness.sse import EventStream

pytestmark = pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL 15 and PgBouncer are not installed")

# How long the other node may take: as promised with the bus, and by reading the log alone.
PROMISED = {"redis": 1.0, "log": 10.0}


class Nodes:
    def __init__(self, one, two, bus, database):
        self.one, self.two, self.bus, self.database = one, two, bus, database
        self.promised = PROMISED[bus] + promised(0.2)  # by the log alone, where the bus carries, it could take 2 s

    def user(self, name):
        return User(self.one, name).register()

    def there(self, user):
        """The same person, asking the other node."""
        twin = copy.copy(user)
        twin.server = self.two
        return twin


@pytest.fixture(scope="module")
def bus():
    with redis.Redis() as one:
        yield one


def make_nodes(own_server, bus=None, env=None, **options):
    shared = postgres.shared()
    database = shared.create_database()
    env = {"DATABASE_URL": shared.url(database), **(env or {})}
    if bus is not None:
        env["REDIS_URL"] = bus.url
    one = own_server(env=env, **options)
    two = own_server(env=env, users=(), **options)
    if bus is not None:
        for node in (one, two):
            until_blocking(lambda node=node: "indaba_nodes 2" in blocking_request(node, "GET", "/metrics").text)
    return Nodes(one, two, "log" if bus is None else "redis", database)


@pytest.fixture(params=list(PROMISED))
def nodes(request, own_server, bus):
    return make_nodes(own_server, bus if request.param == "redis" else None)


@pytest.fixture
def on_redis(own_server, bus):
    """What nodes share by the bus alone. Whoever is gone is offline after two seconds, not fifteen."""
    return make_nodes(own_server, bus, env={"INDABA_PRESENCE_LINGER": "2s"})


def until_blocking(is_so, seconds=10):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "the nodes do not hear each other"
        time.sleep(0.02)


@pytest.fixture
def root(nodes):
    return User(nodes.one, "root").sign_in()


async def until(ask, wanted, seconds):
    """Asks until the answer is the wanted one, and says how long it took."""
    began = time.monotonic()
    while (got := await ask()) != wanted:
        assert time.monotonic() - began < seconds, f"still {got!r} after {seconds} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_an_event_reaches_readers_of_the_other_node(nodes, root):
    org = await make_org(root)
    there = nodes.there(root)
    async with await Socket.open(nodes.two, f"/ws/{org.notifications}", there) as socket:
        await socket.expect("subscribed")
        async with await EventStream.open(nodes.two, f"stream={org.notifications}", there) as stream:
            await stream.expect("subscribed")
            for n in range(20):
                await org.notify(n=n)
            assert [event["n"] for event in await socket.events(20)] == list(range(20))
            assert [event["n"] for event in await stream.events(20)] == list(range(20))


async def test_both_nodes_publish_on_one_stream_and_both_readers_see_one_order(nodes, root):
    org = await make_org(root)
    await org.declare("shared")
    path = org.topic("shared")
    readers = [await Socket.open(node, f"/ws/{path}", root) for node in (nodes.one, nodes.two)]
    for reader in readers:
        await reader.expect("subscribed")
    publishers = [root, nodes.there(root)]

    async def publish(n):
        (await publishers[n % 2].post(f"{path}/events", [{"type": "tick", "data": {"n": n}}])).expect(200)

    for start in range(0, 60, 12):
        await asyncio.gather(*(publish(n) for n in range(start, start + 12)))
    seen = [[(event["seq"], event["data"]["n"]) for event in await reader.events(60)] for reader in readers]
    assert seen[0] == seen[1] and [seq for seq, _ in seen[0]] == list(range(1, 61))
    for reader in readers:
        await reader.close()


async def test_what_one_node_made_the_other_knows_at_once(nodes, root):
    ben = nodes.user(unique("ben"))
    org = await make_org(root)
    there = nodes.there(ben)
    (await there.get(org.path)).expect(404)
    await org.add(ben)
    (await there.get(org.path)).expect(200)
    await org.declare("prices")
    (await nodes.there(root).post(f"{org.topic('prices')}/events", [{"type": "tick", "data": 1}])).expect(200)


async def test_an_export_that_comes_about_elsewhere_in_this_moment_is_that_one(own_server):
    nodes = make_nodes(own_server, arguments=["--no-jobs"])  # nobody begins it meanwhile
    root = User(nodes.one, "root").sign_in()
    org = await make_org(root)
    first = (await root.post(f"{org.path}/exports", {"kind": "tasks_csv"})).expect(202).json["job_id"]
    (await root.post(f"admin/jobs/{first}/cancel")).expect(200)
    # Another node is about to commit: it tries it again. Neither sees the other's work yet.
    other = asyncio.create_task(asyncio.to_thread(
        postgres.shared().sql,
        f"BEGIN; UPDATE jobs SET state = 'ready' WHERE id = {first}; SELECT pg_sleep(1); COMMIT", nodes.database))
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    await until(lambda: asyncio.to_thread(postgres.shared().sql, sleeping), "1", 10)
    told = (await root.post(f"{org.path}/exports", {"kind": "tasks_csv"})).expect(202).json
    assert told["job_id"] == first
    await other


async def test_who_is_removed_on_one_node_is_sent_away_on_the_other(nodes, root):
    ben = nodes.user(unique("ben"))
    org = await make_org(root, member=ben)
    async with await Socket.open(nodes.two, f"/ws/{org.notifications}", nodes.there(ben)) as socket:
        await socket.expect("subscribed")
        (await nodes.there(ben).get(org.path)).expect(200)
        await org.remove(ben)
        began = time.monotonic()
        code, _, frames = await socket.closed(nodes.promised + 2)
        assert code == 4003 and time.monotonic() - began < nodes.promised
        assert [frame for frame in frames if "seq" in frame and frame["type"] != "member_removed"] == []
    took = await until(lambda: _status(nodes.there(ben), org.path), 404, nodes.promised)
    assert took < nodes.promised


async def test_a_session_that_ends_on_one_node_ends_on_the_other(nodes, root):
    ben = nodes.user(unique("ben"))
    there = nodes.there(ben)
    async with await Socket.open(nodes.two, "/ws", there) as socket:
        (await there.get("me")).expect(200)
        (await ben.post("auth/token/revoke")).expect(204)
        code, _, _ = await socket.closed(nodes.promised + 2)
        assert code == 4001
    await until(lambda: _status(there, "me"), 401, nodes.promised)


async def test_where_a_node_does_not_know_whose_access_ended_all_readers_connect_anew(nodes, root):
    org = await make_org(root)
    there = nodes.there(root)
    async with await Socket.open(nodes.two, f"/ws/{org.notifications}", there) as socket:
        await socket.expect("subscribed")
        async with await EventStream.open(nodes.two, f"stream={org.notifications}", there) as stream:
            await stream.expect("subscribed")
            # As a node of a newer version would record what this one has never heard of.
            postgres.shared().sql(
                "INSERT INTO events (stream_id, seq, created_at, type, body)"
                " SELECT id, head + 1, 0, 'access', ',\"node\":1,\"change\":\"org_suspended\"' FROM streams WHERE kind = 'access';"
                " UPDATE streams SET head = head + 1 WHERE kind = 'access'",
                nodes.database,
            )
            # Nobody tells of it: it is found when heads are compared.
            code, _, frames = await socket.closed(PROMISED["log"] + promised(0.2))
            assert code == 1001 and frames[-1]["type"] == "goodbye" and frames[-1]["reconnect_after_ms"] > 0
            await stream.expect("goodbye")
    async with await Socket.open(nodes.two, f"/ws/{org.notifications}", there) as socket:
        await socket.expect("subscribed")


async def test_other_rules_of_a_topic_and_other_names_are_known_on_the_other_node(nodes, root):
    org = await make_org(root)
    ben = nodes.user(unique("ben"))
    await org.add(ben)
    await org.declare("rules", client_publish="members")
    there = nodes.there(ben)
    path = f"{org.topic('rules')}/events"
    (await there.post(path, [{"type": "tick", "data": 1}])).expect(200)
    await org.declare("rules", client_publish="none")
    await until(lambda: _posts(there, path), 403, nodes.promised)
    renamed = unique("renamed")
    (await nodes.there(root).get(org.path)).expect(200)
    (await root.patch(org.path, {"slug": renamed})).expect(200)
    await until(lambda: _status(nodes.there(root), org.path), 404, nodes.promised)
    (await nodes.there(root).get(f"orgs/{renamed}")).expect(200)


async def test_a_rename_on_one_node_leaves_a_socket_of_the_other_in_its_room(nodes, root):
    org = await make_org(root)
    room = await org.make_room()
    async with await Socket.open(nodes.two, f"/ws/{org.room(room['slug'])}", nodes.there(root)) as socket:
        await socket.expect("subscribed")

        async def speak():
            await asyncio.sleep(nodes.promised / 15)  # a socket with twenty errors in a row is closed
            return (await socket.ask("message", body="in the room"))["type"]

        assert await speak() == "message_sent"
        was, org.slug = org.path, unique("renamed")
        (await root.patch(was, {"slug": org.slug})).expect(200)
        await until(speak, "message_sent", nodes.promised)
        (await root.patch(org.room(room["slug"]), {"slug": "elsewhere"})).expect(200)
        await until(speak, "message_sent", nodes.promised)


async def test_a_deleted_message_is_in_no_tail_of_the_other_node(nodes, root):
    org = await make_org(root)
    room = org.room((await org.make_room())["slug"])
    there = nodes.there(root)
    said = (await root.post(f"{room}/messages", {"body": "the secret"})).expect(201).json

    async def replay():
        async with await Socket.open(nodes.two, f"/ws/{room}", there, query={"since": 0}) as socket:
            await socket.expect("subscribed")
            return next(event.get("body") for event in await socket.events(1))

    async with await Socket.open(nodes.two, f"/ws/{room}", there) as socket:
        await socket.expect("subscribed")
        assert await replay() == "the secret"
        (await root.delete(f"messages/{said['id']}")).expect(204)
        while (await socket.next())["type"] != "message_deleted":
            pass
        await until(replay, "", nodes.promised)


async def test_the_node_that_follows_in_deleting_what_is_old_begins_at_once(nodes, root):
    org = await make_org(root)
    await org.declare("brief", retention_seconds=1)
    await org.publish("brief", {"type": "tick", "data": 1})
    await asyncio.sleep(1.2)
    assert nodes.one.stop() == 0  # it was the first one there
    there = nodes.there(root)

    async def kept():
        return len((await there.get(f"events?stream={org.topic('brief')}&since=0")).json["results"])

    await until(kept, 0, 15)


# --- what the bus alone carries


async def saved_as_well():
    """A node is given 300 ms to say where a session was; where a busy one says nothing in time, the database has to know."""
    await asyncio.sleep(promised(0.4))


async def test_a_session_goes_on_at_the_other_node_where_it_was(on_redis):
    root = User(on_redis.one, "root").sign_in()
    org = await make_org(root)
    session = unique("s")
    first = await Socket.open(on_redis.one, "/ws", root, query={"session_uuid": session})
    await first.ask("subscribe", stream=org.notifications)
    for n in range(1, 4):
        await org.notify(n=n)
    await first.events(3)
    await first.ask("ack", stream=org.notifications, seq=2)
    await first.abort()
    await org.notify(n=4)
    await saved_as_well()
    async with await Socket.open(on_redis.two, "/ws", on_redis.there(root),
                                 query={"session_uuid": session}) as again:
        assert again.welcome["resumed"] is True and again.welcome["count"] == 2
        told = await again.expect("subscribed")
        assert told["stream"] == org.notifications and told["since"] <= 2
        events = await again.events(4 - told["since"])
        assert [event["seq"] for event in events] == list(range(told["since"] + 1, 5))


async def test_a_session_that_is_open_here_is_closed_when_it_is_resumed_there(on_redis):
    root = User(on_redis.one, "root").sign_in()
    org = await make_org(root)
    session = unique("s")
    first = await Socket.open(on_redis.one, "/ws", root, query={"session_uuid": session})
    for _ in range(3):
        await first.ask("ping")
    await first.ask("subscribe", stream=org.notifications)
    await saved_as_well()
    second = await Socket.open(on_redis.two, "/ws", on_redis.there(root), query={"session_uuid": session})
    code, _, _ = await first.closed(promised(2))
    assert code == 4000
    assert second.welcome["resumed"] is True and second.welcome["count"] == 4
    await second.expect("subscribed")
    # … and back again: the first node must not believe what it had kept.
    for _ in range(5):
        await second.ask("ping")
    await second.abort()
    await saved_as_well()
    async with await Socket.open(on_redis.one, "/ws", root, query={"session_uuid": session}) as third:
        assert third.welcome["count"] == 9


async def test_who_is_online_on_one_node_is_online_on_the_other_until_their_node_dies(on_redis):
    root = User(on_redis.one, "root").sign_in()
    ben, carla = on_redis.user(unique("ben")), on_redis.user(unique("carla"))
    org = await make_org(root, member=[ben, carla])
    async with await Socket.open(on_redis.one, f"/ws/{org.notifications}", root) as watcher:
        await watcher.expect("subscribed")
        watcher.hears_presence = True
        await Socket.open(on_redis.two, "/ws", on_redis.there(ben))
        leaving = await Socket.open(on_redis.two, "/ws", on_redis.there(carla))
        assert await _presence(watcher, {ben.id, carla.id}) == {ben.id: "online", carla.id: "online"}
        state = await watcher.ask("presence", stream=org.notifications)
        assert {user["id"] for user in state["users"]} == {root.id, ben.id, carla.id}
        await leaving.close()
        assert await _presence(watcher, {carla.id}) == {carla.id: "offline"}
        on_redis.two.kill()
        assert await _presence(watcher, {ben.id}) == {ben.id: "offline"}


async def test_typing_is_seen_on_the_other_node_but_not_by_oneself(on_redis):
    root = User(on_redis.one, "root").sign_in()
    org = await make_org(root)
    ben = on_redis.user(unique("ben"))
    await org.add(ben)
    room = org.room((await org.make_room())["slug"])
    here = await Socket.open(on_redis.one, f"/ws/{room}", root)
    there = await Socket.open(on_redis.two, f"/ws/{room}", on_redis.there(ben))
    own = await Socket.open(on_redis.two, f"/ws/{room}", on_redis.there(root))
    for socket in (here, there, own):
        await socket.expect("subscribed")
    await here.send("typing", stream=room, is_typing=True)
    told = await there.expect("typing")
    assert told["user"]["id"] == root.id and told["is_typing"] is True
    await own.silence()
    # The message is sent through the other node: who showed that they type shows it no longer.
    (await on_redis.there(root).post(f"{room}/messages", {"body": "hello"})).expect(201)
    told = {}
    while set(told) != {"typing", "message"}:
        frame = await there.next(promised(2))
        told[frame["type"]] = frame
    assert told["typing"]["is_typing"] is False


async def test_typing_ends_on_the_other_node_when_the_device_goes_and_when_its_node_does(on_redis):
    root = User(on_redis.one, "root").sign_in()
    org = await make_org(root)
    ben = on_redis.user(unique("ben"))
    await org.add(ben)
    room = org.room((await org.make_room())["slug"])
    phone, tablet = [await Socket.open(on_redis.one, f"/ws/{room}", root) for _ in range(2)]
    laptop = await Socket.open(on_redis.two, f"/ws/{room}", on_redis.there(root))
    there = await Socket.open(on_redis.two, f"/ws/{room}", on_redis.there(ben))
    for socket in (phone, tablet, laptop, there):
        await socket.expect("subscribed")
    await phone.send("typing", is_typing=True)
    assert (await there.expect("typing"))["is_typing"] is True
    await laptop.close()  # it was open, and nobody typed on it
    await there.silence(0.7)
    await phone.abort()
    assert (await there.expect("typing", promised(2)))["is_typing"] is False
    await asyncio.sleep(1)  # told once a second
    await tablet.send("typing", is_typing=True)
    assert (await there.expect("typing"))["is_typing"] is True
    on_redis.one.kill()
    assert (await there.expect("typing"))["is_typing"] is False


async def test_an_ephemeral_event_reaches_the_other_node(on_redis):
    root = User(on_redis.one, "root").sign_in()
    org = await make_org(root)
    await org.declare("cursor", durable=False)
    async with await Socket.open(on_redis.two, f"/ws/{org.topic('cursor')}", on_redis.there(root)) as socket:
        await socket.expect("subscribed")
        await org.publish("cursor", {"type": "moved", "data": {"x": 1}})
        event = await socket.expect("moved")
        assert "seq" not in event and event["data"] == {"x": 1}


async def test_a_limit_holds_over_both_nodes(own_server, bus):
    nodes = make_nodes(own_server, bus, limits=True)
    root = User(nodes.one, "root").sign_in()
    org = await make_org(root)
    there = nodes.there(root)
    for _ in range(100):
        await org.notify(n=1)
    await asyncio.sleep(promised(0.5))  # the other node hears of it ten times a second
    statuses = [(await there.post(org.notifications, {"type": "note", "payload": {}})).status for _ in range(40)]
    assert 10 <= statuses.count(201) <= 22 and statuses[-1] == 429, statuses


async def test_sign_ins_that_succeeded_are_no_failures_on_the_other_node(own_server, bus):
    nodes = make_nodes(own_server, bus, limits=True)
    for _ in range(8):
        User(nodes.one, "root").sign_in()
    await asyncio.sleep(promised(0.5))
    User(nodes.two, "root").sign_in()


async def test_a_socket_token_is_good_for_one_of_the_nodes(on_redis):
    root = User(on_redis.one, "root").sign_in()
    token = (await root.post("auth/ws-token")).expect(200).json["token"]
    async with await Socket.open(on_redis.one, "/ws", token=token, by="query"):
        code, _, _ = await (await Socket.dial(on_redis.two, "/ws", token=token, by="query")).closed()
        assert code == 4001


async def test_a_redis_that_is_flushed_killed_or_hangs_loses_nothing(own_server):
    with redis.Redis() as own_bus:
        nodes = make_nodes(own_server, own_bus)
        root = User(nodes.one, "root").sign_in()
        org = await make_org(root)
        async with await Socket.open(nodes.two, f"/ws/{org.notifications}", nodes.there(root)) as socket:
            await socket.expect("subscribed")
            sent = 0
            for fault in (own_bus.flush, own_bus.kill, own_bus.start, own_bus.pause, own_bus.resume, own_bus.restart):
                fault()
                for _ in range(10):
                    sent += 1
                    await org.notify(n=sent)
                assert [event["n"] for event in await socket.events(10)] == list(range(sent - 9, sent + 1)), fault


async def _presence(watcher, ids, seconds=8):
    """What is told next of each of them."""
    told, deadline = {}, time.monotonic() + seconds
    while set(told) != ids:
        frame = await watcher.next(max(0.001, deadline - time.monotonic()))
        for change in frame.get("changes", []):
            if change["user"]["id"] in ids:
                told[change["user"]["id"]] = change["status"]
    return told


async def _status(caller, path):
    return (await caller.get(path)).status


async def _posts(caller, path):
    return (await caller.post(path, [{"type": "tick", "data": 1}])).status


async def test_a_session_that_went_to_the_other_node_and_comes_back_goes_on_where_it_was(nodes, root):
    """What the first node remembers of it is old by then."""
    org = await make_org(root)
    session = unique("session")

    async def visit(node):
        async with await Socket.open(node, "/ws", root, query={"session_uuid": session}) as socket:
            if not socket.welcome["resumed"]:
                await socket.ask("subscribe", stream=org.notifications, since=0)
            for n in range(3):
                await org.notify(n=n)
            told = [event["seq"] for event in await socket.events(3)]
            await socket.ask("ping")
            await socket.send("ack", stream=org.notifications, seq=told[-1])
            await asyncio.sleep(1.5)  # it is saved for other nodes every half a second
        return socket.welcome["count"], told

    assert await visit(nodes.one) == (0, [1, 2, 3])
    assert (await visit(nodes.two))[1] == [4, 5, 6]
    count, told = await visit(nodes.one)
    assert told == [7, 8, 9] and count >= 5


@pytest.mark.slow
@within(60)
async def test_idle_nodes_ask_the_database_at_most_twice_a_second_each(own_server):
    database = postgres.Postgres(settings=["autovacuum=off"])  # whose transactions would count, too
    try:
        name = database.create_database()
        for users in (("root",), ()):
            own_server(env={"DATABASE_URL": database.url(name)}, users=users)
        counted = f"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{name}'"
        await asyncio.sleep(12)  # what a node does when it starts is over
        before, began = int(database.sql(counted)), time.monotonic()
        await asyncio.sleep(20)
        asked = int(database.sql(counted)) - before
    finally:
        database.close()
    assert asked <= 2 * 2 * (time.monotonic() - began), f"{asked} transactions of two nodes in 20 s"
