"""The database does not answer while a node starts or ends: it says what it waits for, and lets itself be ended in time."""

import signal
import time

import pytest

from harness import postgres, redis
from harness.client import User, make_org
from harness.limits import promised, within
from harness.lines import Lines
from harness.raw import Raw, upgrade
from harness.server import Server

pytestmark = pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL 15 and PgBouncer are not installed")
STOP_SECONDS = 10


@pytest.fixture
def database():
    one = postgres.Postgres()
    yield one
    one.close()


def until_it_says(server, sentence, seconds=15):
    deadline = time.monotonic() + seconds
    while sentence not in server.log_text():
        assert server.process.poll() is None, server.log_tail()
        assert time.monotonic() < deadline, server.log_tail()
        time.sleep(0.05)


@within(90)
@pytest.mark.parametrize("table", ["streams", "commits"])  # read by the node's first look; while the database is opened
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_node_that_waits_for_the_database_at_its_start_can_be_ended(database, number, table):
    name = database.create_database()
    server = Server(env={"DATABASE_URL": database.url(name)})
    server.start()
    assert server.stop() == 0
    with database.holding(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", name):
        server.start(wait=False)
        until_it_says(server, '"the start waits","for":"the database"')
        began = time.monotonic()
        server.signal(number)
        assert server.process.wait(promised(STOP_SECONDS)) == 0
        print(f"ended within {time.monotonic() - began:.1f} s")
        assert "asked to end before it was ready" in server.log_text()
        assert not server.stdout_lines[1:]  # it never said that it listens
    server.close()


@within(90)
async def test_a_node_that_waits_for_the_database_at_its_start_goes_on_when_it_answers(database):
    name = database.create_database()
    server = Server(env={"DATABASE_URL": database.url(name)})
    server.start()
    assert server.stop() == 0
    with database.holding("LOCK TABLE streams IN ACCESS EXCLUSIVE MODE", name):
        server.start(wait=False)
        until_it_says(server, '"the start waits","for":"the database"')
    server.wait_ready()
    assert server.stop() == 0
    server.close()


@pytest.fixture
def bus():
    with redis.Redis() as one:
        yield one


@within(120)
@pytest.mark.skipif(not redis.installed(), reason="Redis is not installed")
@pytest.mark.parametrize("way", ["up", "down", "both"])
async def test_a_node_whose_database_is_in_a_black_hole_ends_in_time(database, bus, way):
    """With all that it would like to write before: leases, jobs, sessions; and with readers that use up the time to drain."""
    with Lines() as lines:
        line = lines.add("database", "127.0.0.1", database.port)
        address = f"postgres://indaba@/{database.create_database()}?host={line.folder}&port={line.port}"
        server = Server(env={"DATABASE_URL": address, "REDIS_URL": bus.url, "INDABA_BRIDGE_LAYER": "core",
                             "PUBSUB_REDIS_URL": bus.url, "INDABA_BRIDGE_TYPES_IN": "note"})
        server.create_user("root")
        server.start()
        root = User(server, "root").sign_in()
        org = await make_org(root)
        lingering = [await Raw.open(server) for _ in range(5)]
        lines_of_root = [f"{name}: {value}" for name, value in root.credentials().items()]
        for n, one in enumerate(lingering):  # none of them reads or goes
            await one.send(upgrade(f"/ws/{org.notifications}?session_uuid=s{n}", lines=lines_of_root))
            assert b" 101 " in await one.reader.readline()
        until_it_says(server, "this node takes what Django says")
        line.set(hole=way)
        time.sleep(1)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        code = server.process.wait(promised(STOP_SECONDS) + 30)
        took = time.monotonic() - began
        print(f"ended within {took:.1f} s")
        assert code == 0 and took < promised(STOP_SECONDS) + 5, f"{took:.1f} s\n{server.log_tail(30)}"
        assert "could not be given back" in server.log_text(), server.log_tail(30)
        assert took < STOP_SECONDS or '"the end waits"' in server.log_text(), server.log_tail(30)
        server.close()
