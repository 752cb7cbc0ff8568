"""Two nodes on one database: whatever happens on one is heard on the other, with the bus and without it."""

import asyncio
import copy
import time

import pytest

from harness import postgres, redis
from harness.client import User, blocking_request, make_org, unique
from harness.socket import Socket
from harness.sse import EventStream

pytestmark = pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL 15 and PgBouncer are not installed")

# How long the other node may take: as promised with the bus, and by reading the log alone.
PROMISED = {"redis": 1.0, "log": 10.0}


class Nodes:
    def __init__(self, one, two, bus):
        self.one, self.two, self.bus = one, two, bus
        self.promised = PROMISED[bus]

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


@pytest.fixture(params=list(PROMISED))
def nodes(request, own_server, bus):
    shared = postgres.shared()
    env = {"DATABASE_URL": shared.url(shared.create_database())}
    if request.param == "redis":
        env["REDIS_URL"] = bus.url
    one = own_server(env=env)
    two = own_server(env=env, users=())
    if request.param == "redis":
        for node in (one, two):
            until_blocking(lambda node=node: "indaba_nodes 2" in blocking_request(node, "GET", "/metrics").text)
    return Nodes(one, two, request.param)


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


async def _status(caller, path):
    return (await caller.get(path)).status


async def _posts(caller, path):
    return (await caller.post(path, [{"type": "tick", "data": 1}])).status
