"""Workers die, stand still and lose their database: every job runs, its effect is there once, and never before its time."""

import asyncio
import os
import signal
import sqlite3
import time

import pytest

from harness import postgres
from harness.limits import within
from harness.server import Worker

# `INDABA_FAULT_JOBS=100000:200` for as many as a release is tried with.
JOBS, KILLS = map(int, os.environ.get("INDABA_FAULT_JOBS", "4000:12").split(":"))
LEASE = 2.0
PACE = {"INDABA_JOBS_LEASE": f"{LEASE:g}s", "INDABA_JOBS_CONCURRENCY": "8"}
EFFECTS = "SELECT key, value FROM meta WHERE key LIKE 'effect %'"


def enqueue(server, count, *options):
    server.command("jobs", "enqueue", "test.effect", "--count", str(count), *options).expect(0)


def enqueue_all(server):
    """A third at once, a third that last a little, a third that have to wait."""
    third = JOBS // 3
    enqueue(server, third)
    enqueue(server, third, "--arguments", '{"ms": 20}')
    enqueue(server, JOBS - 2 * third, "--delay", "3s")


def check(jobs, effects):
    """`jobs`: (uuid, state, due_at); `effects`: (uuid, when the run began that had it)."""
    assert len(jobs) == JOBS
    states = {state for _, state, _ in jobs}
    assert states == {"done"}, states
    due = {uuid: due_at for uuid, _, due_at in jobs}
    assert len(effects) == len(set(uuid for uuid, _ in effects)), "an effect is there twice"
    assert {uuid for uuid, _ in effects} == set(due), "an effect is missing"
    early = [uuid for uuid, began in effects if began < due[uuid]]
    assert not early, f"{len(early)} began before their time"


def effects_of(rows):
    return [(key.split()[1], int(value)) for key, value in rows]


async def until_done(count_left, patience):
    began = time.monotonic()
    while left := await asyncio.to_thread(count_left):
        assert time.monotonic() - began < patience, f"{left} jobs are left"
        await asyncio.sleep(0.2)


LEFT = "SELECT count(*) FROM jobs WHERE state IN ('scheduled', 'ready', 'running')"


@pytest.mark.skipif(postgres.WANTED != "sqlite", reason="of the embedded database")
@within(120 + KILLS * 2 + JOBS // 500)
async def test_jobs_inside_the_server_survive_its_deaths(own_server, rng):
    server = own_server(env=PACE, arguments=["--test-tasks"], users=())
    enqueue_all(server)
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(0.02, 0.6))
        server.kill()
        await asyncio.to_thread(server.start)

    def ask(sql):
        database = sqlite3.connect(f"file:{server.data}/indaba.db?mode=ro", uri=True)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    await until_done(lambda: ask(LEFT)[0][0], 60 + JOBS / 500)
    check(ask("SELECT uuid, state, due_at FROM jobs"), effects_of(ask(EFFECTS)))
    assert server.stop() == 0


async def break_workers(workers, database, rng):
    """kill -9, SIGSTOP for longer than the lease, the database's restart; one after the other, at random."""
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(0.05, 0.6))
        worker, what = rng.choice(workers), rng.random()
        if what < 0.7:
            worker.kill()
            await start_again(worker)
        elif what < 0.85:
            worker.signal(signal.SIGSTOP)
            await asyncio.sleep(LEASE * rng.uniform(1.1, 1.6))
            worker.signal(signal.SIGCONT)
        else:
            await asyncio.to_thread(database.stop, rng.choice([signal.SIGQUIT, signal.SIGINT]))
            await asyncio.to_thread(database.start)


async def start_again(worker):
    """As a service manager does: a worker that finds no database at its start ends, and is started again."""
    for _ in range(40):
        try:
            return await asyncio.to_thread(worker.start)
        except AssertionError:
            worker.kill()
            await asyncio.sleep(0.5)
    raise AssertionError(worker.log_tail())


@pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL 15 and PgBouncer are not installed")
@within(180 + KILLS * 4 + JOBS // 300)
async def test_jobs_of_three_workers_survive_all_that_dies(own_server, tmp_path, rng):
    database = postgres.Postgres()
    workers = []
    try:
        name = database.create_database()
        env = {**PACE, "DATABASE_URL": database.url(name), "INDABA_DATABASE_WRITERS": "2", "INDABA_DATABASE_READERS": "2",
               "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4}
        server = own_server(env=env, arguments=["--no-jobs", "--test-tasks"], users=())
        enqueue_all(server)
        workers = [Worker(env=env, arguments=["--test-tasks"], data=tmp_path / f"w{n}") for n in range(3)]
        for worker in workers:
            await asyncio.to_thread(worker.start)
        await break_workers(workers, database, rng)

        def ask(sql):
            return [line.split("|") for line in database.sql(sql, name).splitlines()]

        await until_done(lambda: int(ask(LEFT)[0][0]), 90 + JOBS / 300)
        jobs = [(uuid, state, int(due)) for uuid, state, due in ask("SELECT uuid, state, due_at FROM jobs")]
        check(jobs, effects_of(ask(EFFECTS)))
        assert [worker.stop() for worker in workers] == [0, 0, 0]
    finally:
        for worker in workers:
            worker.close()
        database.close()


@pytest.mark.skipif(postgres.WANTED != "sqlite", reason="of the embedded database")
@within(60)
async def test_a_clean_stop_gives_work_back_and_keeps_its_count_of_failures(own_server, rng):
    server = own_server(env={**PACE, "INDABA_JOBS_CONCURRENCY": "2"}, arguments=["--test-tasks"], users=())
    enqueue(server, 20, "--arguments", '{"ms": 5000}')
    await asyncio.sleep(0.5)
    assert server.stop() == 0
    listing = server.command("jobs", "list").expect(0).out
    assert listing.count("ready") == 20 and "running" not in listing, listing


def test_a_worker_of_its_own_refuses_the_embedded_database(tmp_path):
    worker = Worker(env={"DATABASE_URL": ""}, data=tmp_path / "data")
    done = worker.command("worker")
    assert done.code == 2 and "PostgreSQL" in done.err, (done.code, done.err)
