"""`kill -9` at random moments under load: nothing that was acknowledged is missing, nothing is there twice."""

import asyncio
import os
import random
import sqlite3
import time

from harness import postgres
from harness.client import Caller, User, make_org
from harness.limits import promised, within
from harness.reader import KINDS, Publisher, check_log, check_readers, whole_log

RESTARTS = int(os.environ.get("INDABA_FAULT_RESTARTS", "20"))


def check_postgres(database):
    """Every stream's events are one run up to its head."""
    holes = postgres.shared().sql(
        "SELECT s.id FROM streams s LEFT JOIN events e ON e.stream_id = s.id GROUP BY s.id, s.head, s.oldest"
        " HAVING count(e.seq) <> s.head - s.oldest + 1 OR coalesce(max(e.seq), s.oldest - 1) <> s.head", database)
    assert holes == "", holes


def check_database(server):
    """The file is whole: SQLite's own check, and its foreign keys."""
    if server.database is not None:
        check_postgres(server.database)
        return
    files = [path for path in server.data.iterdir() if path.suffix in (".db", ".sqlite", ".sqlite3")]
    assert files, list(server.data.iterdir())
    for path in files:
        database = sqlite3.connect(path)
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        database.close()


def personal_token(server, name):
    """Longer than an access token's ten minutes, and good over restarts."""
    return server.command("token", "create", "--user", name, "--ttl", "12h").expect(0).out.strip()


async def caller_with(server, token):
    for scheme in ("Token", "Bearer"):
        caller = Caller(server, {"Authorization": f"{scheme} {token}"})
        if (await caller.get("me")).status == 200:
            return caller
    raise AssertionError("the token does not sign in")


@within(60 + RESTARTS * 6)
async def test_restarts_after_kill_9_lose_and_repeat_nothing(own_server, rng):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    topic = await org.declare("t")
    caller = await caller_with(server, personal_token(server, "root"))
    publishers = [Publisher(caller, topic, f"p{n}", random.Random(rng.random()), pause=0.002) for n in range(4)]
    publishing = [asyncio.create_task(publisher.run()) for publisher in publishers]
    head = None
    readers = [kind(server, topic, caller, 0, random.Random(rng.random()), patience=(0.1, 4))
               for kind in KINDS for _ in range(2)]
    reading = [asyncio.create_task(reader.run(lambda r: head is not None and r.last >= head)) for reader in readers]
    slowest = 0.0
    for _ in range(RESTARTS):
        await asyncio.sleep(rng.uniform(0.02, 0.6))
        for task in reading + publishing:
            if task.done():
                task.result()
        server.kill()
        await asyncio.to_thread(server.start)
        slowest = max(slowest, server.start_seconds)
    await asyncio.sleep(0.3)
    for publisher in publishers:
        publisher.stopping = True
    await asyncio.wait_for(asyncio.gather(*publishing), 30)
    log = await whole_log(caller, topic)
    head = max(log)
    await asyncio.wait_for(asyncio.gather(*reading), 30)
    check_log(log, publishers)
    check_readers(readers, log)
    assert set(log.values()) == {key for publisher in publishers for key in publisher.acked}
    print(f"{RESTARTS} restarts, {head} events, ready again within {slowest:.2f} s")
    assert slowest < promised(2)
    assert server.stop() == 0
    check_database(server)


@within(90)
async def test_the_answer_before_the_kill_is_the_answer_after_it(own_server):
    """One write, its answer, the kill at once: the smallest case."""
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    caller = await caller_with(server, personal_token(server, "root"))
    for n in range(8):
        body = {"type": "note", "payload": {"n": n}, "dedupe_key": f"k{n}"}
        first = (await caller.post(org.notifications, body)).expect(201).json
        server.kill()
        began = time.monotonic()
        await asyncio.to_thread(server.start)
        assert time.monotonic() - began < promised(2)
        assert (await caller.post(org.notifications, body)).expect(200).json == first
        assert (await caller.get(f"{org.notifications}/{first['seq']}")).expect(200).json == first
