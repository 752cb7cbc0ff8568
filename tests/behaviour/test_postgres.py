"""The server on PostgreSQL, through PgBouncer in transaction mode. INDABA_TEST_DATABASE=postgres runs all other tests there too."""

import asyncio
import signal

import pytest

from harness import postgres
from harness.client import User, make_org, rows
from harness.limits import promised
from harness.server import run

pytestmark = pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL 15 and PgBouncer are not installed")


@pytest.fixture
def database():
    """An empty one, as an address through PgBouncer."""
    shared = postgres.shared()
    return shared.url(shared.create_database())


@pytest.fixture
def breakable():
    """A PostgreSQL that the test may stop."""
    one = postgres.Postgres()
    yield one
    one.close()


async def history(user, stream):
    events, since = [], 0
    while True:
        page = (await user.get(f"events?stream={stream}&since={since}")).expect(200).json
        if not page["results"]:
            return events
        events += page["results"]
        since = events[-1]["seq"]


async def test_events_are_kept_and_the_server_says_where(own_server, database):
    server = own_server(env={"DATABASE_URL": database})
    root = User(server, "root")
    org = await make_org(root)
    for n in range(3):
        await org.notify(n=n)
    status = (await root.get("/status")).json
    assert status["database"]["kind"] == "postgres"
    assert server.stop() == 0
    assert not (server.data / "indaba.db").exists()
    server.start()
    root.sign_in()
    assert [event["seq"] for event in await history(root, org.notifications)] == [1, 2, 3]


def test_commands_know_what_is_postgresqls_own_business(own_server, database, tmp_path):
    server = own_server(env={"DATABASE_URL": database}, start=False)
    assert "schema version" in server.command("migrate", "status").expect(0).out
    assert "pending" not in server.command("migrate", "status").out
    assert "pg_dump" in server.command("backup", tmp_path / "copy").expect(1).err
    assert "pg_restore" in server.command("restore", tmp_path / "copy").expect(1).err
    assert "new epochs" in server.command("database", "new-epochs").expect(0).out


async def test_two_nodes_number_the_events_of_one_stream_together(own_server, database):
    env = {"DATABASE_URL": database, "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4}
    one = own_server(env=env)
    two = own_server(env=env, users=())
    root, root_there = User(one, "root"), User(two, "root")
    org = await make_org(root)
    await org.declare("shared")
    path = org.topic("shared")
    given = []

    async def publish(user, n):
        answer = (await user.post(f"{path}/events", [{"type": "tick", "data": {"n": n}}])).expect(200).json
        given.append(answer["results"][0]["seq"])

    for user in (root, root_there):
        user.sign_in()
    await asyncio.gather(*(publish(root if n % 2 else root_there, n) for n in range(60)))
    assert sorted(given) == list(range(1, 61))
    assert [event["seq"] for event in await history(root, org.topic("shared"))] == list(range(1, 61))


async def test_while_the_database_is_away_changes_are_refused_soon_and_nothing_is_lost(own_server, breakable):
    server = own_server(env={"DATABASE_URL": breakable.url(breakable.create_database())})
    root = User(server, "root")
    org = await make_org(root)
    stored = []
    for n in range(5):
        stored.append((await org.notify(n=n))["seq"])
    breakable.stop(signal.SIGQUIT)
    began = asyncio.get_running_loop().time()
    refused = await root.post(org.notifications, {"type": "note", "payload": {"n": 5}})
    assert refused.status == 503 and int(refused.headers["Retry-After"]) <= 2
    assert asyncio.get_running_loop().time() - began < 4 + promised(1)
    assert server.process.poll() is None
    breakable.start()
    for _ in range(100):
        answer = await root.post(org.notifications, {"type": "note", "payload": {"n": 6}})
        if answer.status < 300:
            break
        await asyncio.sleep(0.1)
    answer.expect(200, 201)
    seqs = [event["seq"] for event in await history(root, org.notifications)]
    assert seqs == list(range(1, len(seqs) + 1)) and set(stored) <= set(seqs)


@pytest.mark.embedded
async def test_an_embedded_database_moves_with_all_that_is_in_it(own_server, database):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="moving")
    for n in range(10):
        await org.notify(n=n)
    (await root.post(f"{org.path}/tasks", {"title": "kept"})).expect(201)
    (await root.post(f"{org.path}/rooms", {"slug": "general"})).expect(201)
    for body in ("The Café opens", "nothing of it"):
        (await root.post(f"{org.path}/rooms/general/messages", {"body": body})).expect(201)
    before = (await root.get(f"events?stream={org.notifications}&since=0")).json
    copy = ["database", "copy", "--from", server.data, "--to", database]
    assert "in use" in run(*copy).err, "not beside a running server"
    assert server.stop() == 0
    assert "copied" in run(*copy).expect(0).out
    assert "not empty" in run(*copy).expect(1).err

    server.env["DATABASE_URL"] = database
    server.start()
    root.sign_in()
    after = (await root.get(f"events?stream={org.notifications}&since=0")).json
    assert after["results"] == before["results"] and after["streams"] == before["streams"]
    assert [row["title"] for row in rows((await root.get(f"{org.path}/tasks")).json)] == ["kept"]
    found = (await root.get(f"{org.path}/search?q=cafe%20after:2020-01-01")).json["results"]
    assert [hit["highlights"] for hit in found] == [["The <mark>Café</mark> opens"]]
    await org.notify(n="new")
    assert (await history(root, org.notifications))[-1]["seq"] == len(before["results"]) + 1
    User(server, "somebody-new").register()  # a number that was never used
