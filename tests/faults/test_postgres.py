"""Connections, PgBouncer and PostgreSQL itself go away at random moments under load; two nodes write."""

import asyncio
import os
import random
import signal

import pytest

from faults.test_kill import caller_with, personal_token
from harness import postgres
from harness.client import User, make_org
from harness.limits import within
from harness.reader import KINDS, Publisher, check_log, check_readers, whole_log

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
