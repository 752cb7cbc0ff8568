"""Connections, PgBouncer and PostgreSQL itself go away, stand still, are locked or replaced, under load."""

import asyncio
import contextlib
import os
import random
import signal
import time

import pytest
from websockets.exceptions import ConnectionClosedError

from faults.test_kill import caller_with, personal_token
from harness import postgres
from harness.client import Caller, User, make_org
from harness.limits import promised, within
from harness.lines import Lines
from harness.reader import KINDS, TROUBLE, Publisher, check_log, check_readers, whole_log
from harness.socket import Socket

pytestmark = pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL 15 and PgBouncer are not installed")
FAULTS = int(os.environ.get("INDABA_FAULT_DATABASE", "12"))


@pytest.fixture
def breakable():
    one = postgres.Postgres()
    yield one
    one.close()


def end_a_connection(database, rng):
    """In the middle of whatever it does."""
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test%'"
                 f" ORDER BY md5(pid::text || '{rng.random()}') LIMIT 2")


def restart_bouncer(database, rng):
    database.stop_bouncer(rng.choice([signal.SIGKILL, signal.SIGTERM]))
    database.start_bouncer()


def restart_database(database, rng):
    database.stop(rng.choice([signal.SIGQUIT, signal.SIGINT]))
    database.start()


@within(120 + FAULTS * 8)
async def test_nothing_acknowledged_is_lost_or_repeated_whatever_goes_away(own_server, breakable, rng):
    env = {"DATABASE_URL": breakable.url(breakable.create_database()), "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4}
    one = own_server(env=env)
    two = own_server(env=env, users=())
    root = User(one, "root")
    org = await make_org(root, slug="acme")
    topic = await org.declare("t")
    token = personal_token(one, "root")
    callers = [await caller_with(server, token) for server in (one, two)]
    publishers = [Publisher(callers[n % 2], topic, f"p{n}", random.Random(rng.random()), pause=0.005) for n in range(4)]
    publishing = [asyncio.create_task(publisher.run()) for publisher in publishers]
    head = None
    readers = [kind(one, topic, callers[0], 0, random.Random(rng.random()), patience=(0.1, 4)) for kind in KINDS]
    reading = [asyncio.create_task(reader.run(lambda r: head is not None and r.last >= head)) for reader in readers]
    for n in range(FAULTS):
        await asyncio.sleep(rng.uniform(0.1, 0.8))
        fault = (end_a_connection, end_a_connection, restart_bouncer, restart_database)[n % 4]
        await asyncio.to_thread(fault, breakable, rng)
        for task in publishing + reading:
            if task.done():
                task.result()
    await asyncio.sleep(1)
    for publisher in publishers:
        publisher.stopping = True
    await asyncio.wait_for(asyncio.gather(*publishing), 60)
    # Until nodes talk to each other, a reader hears of the other node's events with the next one of its own.
    assert (await org.publish("t", {"type": "tick", "data": "last"}))["results"]
    log = await whole_log(callers[0], topic)
    head = max(log)
    await asyncio.wait_for(asyncio.gather(*reading), 60)
    check_log(log, publishers)
    check_readers(readers, log)
    assert set(log.values()) == {key for publisher in publishers for key in publisher.acked} | {"last"}
    print(f"{FAULTS} faults, {head} events")
    assert one.stop() == 0 and two.stop() == 0


class Load:
    """One server under load: publishers that repeat until they are answered, and a reader of each kind."""

    def __init__(self, server, rng):
        self.server, self.rng, self.head = server, rng, None

    async def begin(self):
        root = User(self.server, "root")
        self.org = await make_org(root, slug="acme")
        self.topic = await self.org.declare("t")
        self.caller = await caller_with(self.server, personal_token(self.server, "root"))
        self.publishers = [Publisher(self.caller, self.topic, f"p{n}", random.Random(self.rng.random()), pause=0.01)
                           for n in range(3)]
        self.readers = [kind(self.server, self.topic, self.caller, 0, random.Random(self.rng.random()), patience=(0.1, 4))
                        for kind in KINDS]
        self.publishing = [asyncio.create_task(publisher.run()) for publisher in self.publishers]
        self.reading = [asyncio.create_task(reader.run(lambda r: self.head is not None and r.last >= self.head))
                        for reader in self.readers]
        self.epoch = await self.read_epoch()
        return self

    async def read_epoch(self):
        page = (await self.caller.get(f"events?stream={self.topic}&since=0&limit=1")).expect(200).json
        return page["streams"][self.topic]["epoch"]

    def acked(self):
        return sum(len(publisher.acked) for publisher in self.publishers)

    async def goes_on(self, seconds):
        """Until something more is acknowledged."""
        before, began = self.acked(), time.monotonic()
        while self.acked() == before:
            assert time.monotonic() - began < seconds, f"nothing was acknowledged for {seconds} s\n{self.server.log_tail()}"
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def end(self):
        for publisher in self.publishers:
            publisher.stopping = True
        await asyncio.wait_for(asyncio.gather(*self.publishing), 30)
        log = await whole_log(self.caller, self.topic)
        self.head = max(log)
        await asyncio.wait_for(asyncio.gather(*self.reading), 30)
        check_log(log, self.publishers)
        check_readers(self.readers, log)
        assert set(log.values()) == {key for publisher in self.publishers for key in publisher.acked}
        assert await self.read_epoch() == self.epoch
        assert self.server.process.poll() is None


async def answers_meanwhile(server, seconds):
    """Liveness never needs the database; readiness says within a second or so that it is away."""
    stranger, until = Caller(server), time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        (await stranger.get("/healthz")).expect(200)
        assert time.monotonic() - began < promised(0.5)
        began = time.monotonic()
        (await stranger.get("/readyz")).expect(200, 503)
        assert time.monotonic() - began < promised(0.75)
        await asyncio.sleep(0.2)


async def timed(request):
    began = time.monotonic()
    return await request, time.monotonic() - began


@pytest.fixture
def standby(breakable):
    """It follows `breakable`, which answers a commit when both have it."""
    one = postgres.Postgres(behind=breakable)
    breakable.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    breakable.sql("SELECT pg_reload_conf()")
    for _ in range(200):
        if breakable.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1":
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the standby does not follow")
    yield one
    one.close()


@within(120)
async def test_a_failover_to_a_synchronous_standby_loses_nothing(own_server, breakable, standby, rng):
    name = breakable.create_database()
    address = (f"postgres://indaba@/{name}?host={breakable.folder},{standby.folder}"
               f"&port={breakable.port},{standby.port}&target_session_attrs=read-write")
    load = await Load(own_server(env={"DATABASE_URL": address}), rng).begin()
    await asyncio.sleep(2)
    await asyncio.to_thread(breakable.stop, signal.SIGQUIT)
    await asyncio.sleep(rng.uniform(0, 1))
    await asyncio.to_thread(standby.promote)
    print(f"{load.acked()} acknowledged before; the next one {await load.goes_on(20):.1f} s after")
    await asyncio.sleep(1)
    await load.end()


def let_fall_behind(primary, standby):
    """What the primary commits from now on, the standby never gets."""
    caught_up = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
    for _ in range(200):
        if primary.sql(caught_up) == "1":
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the standby does not follow")
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
    standby.sql("SELECT pg_reload_conf()")
    for _ in range(200):
        if primary.sql("SELECT count(*) FROM pg_stat_replication") == "0":
            return
        time.sleep(0.05)
    raise AssertionError("the standby goes on following")


@within(120)
async def test_what_a_failover_loses_is_told_to_everybody_who_had_it(own_server, breakable):
    """The standby is asynchronous and had not everything: numbers are given out again, and nobody may take the new events for those
    that it has. Two nodes find it at once; one of them begins the epoch."""
    name = breakable.create_database()
    standby = postgres.Postgres(behind=breakable)
    try:
        address = (f"postgres://indaba@/{name}?host={breakable.folder},{standby.folder}&port={breakable.port},{standby.port}")
        env = {"DATABASE_URL": address, "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4}
        servers = [own_server(env=env), own_server(env=env, users=())]
        root = User(servers[0], "root")
        org = await make_org(root)
        stream = org.notifications
        (await root.post(stream, {"type": "note", "payload": {}})).expect(201)
        elsewhere = await caller_with(servers[1], personal_token(servers[0], "root"))
        sockets = [await Socket.open(server, "/ws", root) for server in servers]
        for socket in sockets:
            await socket.send("subscribe", stream=stream)
        before = [await socket.until("subscribed") for socket in sockets][0]
        let_fall_behind(breakable, standby)
        for _ in range(5):
            (await root.post(stream, {"type": "note", "payload": {}})).expect(201)
        for socket in sockets:
            await socket.events(5)
        breakable.stop(signal.SIGQUIT)
        standby.promote()
        told = [await socket.until("reset", 20) for socket in sockets]
        print(f"told {told[0]}; it was {before}")
        assert {frame["reason"] for frame in told} == {"epoch_changed"}
        assert len({frame["epoch"] for frame in told}) == 1 and told[0]["epoch"] != before["epoch"]
        assert {frame["head"] for frame in told} == {before["head"]}
        (await root.post(stream, {"type": "note", "payload": {}})).expect(201)
        for socket in sockets:
            assert [event["seq"] for event in await socket.events(1)] == [before["head"] + 1]
        # Whoever was away asks with the position that it had.
        page = (await elsewhere.get(f"events?stream={stream}&since={before['head'] + 5}&epoch={before['epoch']}")).expect(200).json
        assert [frame["reason"] for frame in page["reset"]] == ["epoch_changed"]
        for socket in sockets:
            await socket.abort()
    finally:
        standby.close()


@within(90)
async def test_a_database_that_stands_still_is_waited_for(own_server, breakable, rng):
    server = own_server(env={"DATABASE_URL": breakable.url(breakable.create_database(), bouncer=False)})
    load = await Load(server, rng).begin()
    for seconds in (1, 5):
        await asyncio.sleep(1)
        breakable.freeze(signal.SIGSTOP)
        await answers_meanwhile(server, seconds)
        breakable.freeze(signal.SIGCONT)
        await load.goes_on(10)
    await load.end()


@within(90)
@pytest.mark.parametrize("way", ["up", "down", "both"])
async def test_connections_into_a_black_hole_are_given_up(own_server, breakable, rng, way):
    """Nobody is told: neither a reset nor an end comes."""
    with Lines() as lines:
        line = lines.add("database", "127.0.0.1", breakable.port)
        address = f"postgres://indaba@/{breakable.create_database()}?host={line.folder}&port={line.port}"
        server = own_server(env={"DATABASE_URL": address})
        load = await Load(server, rng).begin()
        await asyncio.sleep(1)
        while not load.publishers[0].acked:
            await asyncio.sleep(0.05)
        line.set(hole=way)
        key = next(iter(load.publishers[0].acked))
        refusals = [asyncio.create_task(timed(load.caller.post(f"{load.topic}/events", [
            {"type": "tick", "data": key, "dedupe_key": key}]))) for _ in range(8)]
        await answers_meanwhile(server, 4)
        told = await asyncio.gather(*refusals)
        print(f"refused after {max(seconds for _, seconds in told):.1f} s at most")
        assert {answer.status for answer, _ in told} == {503}
        assert max(seconds for _, seconds in told) < 3.5 + promised(0.5)  # 1.5 s for its turn, 2 s for one answer
        line.clear()  # what is in the hole stays there
        print(f"acknowledged again after {await load.goes_on(15):.1f} s")
        await load.end()


@within(90)
async def test_commits_whose_answers_are_lost_are_found_out(own_server, breakable, rng):
    with Lines() as lines:
        line = lines.add("database", "127.0.0.1", breakable.port)
        address = f"postgres://indaba@/{breakable.create_database()}?host={line.folder}&port={line.port}"
        load = await Load(own_server(env={"DATABASE_URL": address}), rng).begin()
        while line.counts().get("commits cut", 0) < 10:
            await asyncio.sleep(rng.uniform(0.1, 0.4))
            line.set(cut_commits=rng.randint(1, 4))
        await load.goes_on(10)
        line.clear()
        await load.end()


BLOCKERS = {
    "a locked table": "LOCK TABLE events IN ACCESS EXCLUSIVE MODE",
    "a row that an idle transaction holds": "SELECT 1 FROM streams FOR UPDATE",
}


@within(90)
@pytest.mark.parametrize("what", BLOCKERS)
async def test_what_is_locked_is_refused_in_time_and_nothing_else_waits(own_server, breakable, what):
    name = breakable.create_database()
    server = own_server(env={"DATABASE_URL": breakable.url(name)})
    root = User(server, "root")
    org = await make_org(root)
    (await root.post(org.notifications, {"type": "note", "payload": {}, "dedupe_key": "before"})).expect(201)
    with breakable.holding(BLOCKERS[what], name):
        began = time.monotonic()
        refused = await root.post(org.notifications, {"type": "note", "payload": {}, "dedupe_key": "k"})
        assert time.monotonic() - began < 3.5 + promised(0.5)
        assert refused.status == 503 and 1 <= int(refused.headers["Retry-After"]) <= 2
        began = time.monotonic()
        (await root.get("me")).expect(200)
        assert time.monotonic() - began < promised(0.5)
        await answers_meanwhile(server, 1)
    (await root.post(org.notifications, {"type": "note", "payload": {}, "dedupe_key": "k"})).expect(201)
    (await root.post(org.notifications, {"type": "note", "payload": {}, "dedupe_key": "k"})).expect(200)


@within(90)
async def test_requests_that_find_every_connection_taken_are_refused_in_time(own_server, breakable):
    """A hundred wait for one lock, with two connections for all of them."""
    name = breakable.create_database()
    server = own_server(env={"DATABASE_URL": breakable.url(name), "INDABA_DATABASE_WRITERS": "1",
                             "INDABA_DATABASE_READERS": "1"})
    root = User(server, "root")
    org = await make_org(root)
    (await root.get("me")).expect(200)

    with breakable.holding("LOCK TABLE events IN ACCESS EXCLUSIVE MODE", name):
        posts = [timed(root.post(org.notifications, {"type": "note", "payload": {"n": n}})) for n in range(50)]
        reads = [timed(root.get(f"events?stream={org.notifications}&since=0")) for _ in range(50)]
        answering = asyncio.ensure_future(asyncio.gather(*posts, *reads))
        await answers_meanwhile(server, 3)
        told = await answering
    slowest = max(seconds for _, seconds in told)
    print(f"the slowest answer came after {slowest:.1f} s")
    assert {answer.status for answer, _ in told[:50]} == {503}
    assert {answer.status for answer, _ in told[50:]} <= {200, 503}  # what is in memory needs no connection
    assert all(int(answer.headers["Retry-After"]) <= 2 for answer, _ in told if answer.status == 503)
    assert slowest < 4 + promised(0.5)
    (await root.post(org.notifications, {"type": "note", "payload": {}})).expect(201)


@pytest.fixture
def behind_a_line(own_server, breakable):
    """A server with several loops, of which most know nothing of a stream, and its line to the database."""
    with Lines() as lines:
        line = lines.add("database", "127.0.0.1", breakable.port)
        address = f"postgres://indaba@/{breakable.create_database()}?host={line.folder}&port={line.port}"
        yield own_server(env={"DATABASE_URL": address, "INDABA_SERVER_LOOPS": "4"}), line


@within(90)
async def test_a_long_poll_that_ends_before_anything_could_be_read_keeps_its_place(behind_a_line):
    server, line = behind_a_line
    root = User(server, "root")
    org = await make_org(root)
    for n in range(3):
        (await root.post(org.notifications, {"type": "note", "payload": {"n": n}})).expect(201)
    ask = f"events?stream={org.notifications}"
    cursor = (await root.get(f"{ask}&since=0")).expect(200).json["cursor"]
    line.set(hole="both")
    polls = await asyncio.gather(*(root.get(f"{ask}&cursor={cursor}&wait=3") for _ in range(16)))
    assert {poll.status for poll in polls} <= {200, 503}
    assert any(poll.status == 503 for poll in polls), "all loops knew the stream: nothing was tried"
    assert {poll.json["cursor"] for poll in polls if poll.status == 200} <= {cursor}
    line.clear(reset=True)
    while (again := await root.get(f"{ask}&cursor={cursor}")).status == 503:
        await asyncio.sleep(0.1)
    assert again.expect(200).json["results"] == []


@within(90)
async def test_a_session_that_cannot_be_restored_keeps_what_it_followed(behind_a_line):
    server, line = behind_a_line
    root = User(server, "root")
    org = await make_org(root)
    streams = [await org.declare(name) for name in ("a", "b", "c")]
    query = {"session_uuid": "the-session"}
    async with await Socket.open(server, "/ws", root, query=query) as socket:
        for stream in streams:
            await socket.send("subscribe", stream=stream)
            await socket.until("subscribed")
    line.set(hole="both")
    for _ in range(8):
        with contextlib.suppress(*TROUBLE, AssertionError):
            connection = await Socket.dial(server, "/ws", root, query=query)
            await asyncio.sleep(0.2)
            await connection.abort()
    line.clear(reset=True)
    assert await restored(server, root, query, len(streams)) == set(streams)


async def restored(server, user: User, query: dict, count: int) -> set[str]:
    """What the session follows, as soon as the server can read it: each of its connections to
    the database finds out by itself that the old line is dead, and says 1011 until then."""
    while True:
        try:
            async with await Socket.open(server, "/ws", user, query=query) as socket:
                return {(await socket.until("subscribed"))["stream"] for _ in range(count)}
        except ConnectionClosedError as closed:
            assert closed.code == 1011, closed
            await asyncio.sleep(0.1)
