"""Workers die, stand still and lose their database: every job runs, its effect is there once, and never before its time."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import time

import pytest

from harness import postgres
from harness.limits import within
from harness.server import Worker

# `INDABA_FAULT_JOBS=100000:200` for as many as a release is tried with.
# They come in waves, one every few kills, so that each kill meets work.
JOBS, KILLS = map(int, os.environ.get("INDABA_FAULT_JOBS", "4000:12").split(":"))
KILLS_A_WAVE = 4
LEASE = 2.0
PACE = {"INDABA_JOBS_LEASE": f"{LEASE:g}s", "INDABA_JOBS_CONCURRENCY": "8"}
EFFECTS = "SELECT key, value FROM meta WHERE key LIKE 'effect %'"


def enqueue(server, count, *options):
    for _ in range(40):
        done = server.command("jobs", "enqueue", "test.effect", "--count", str(count), *options)
        if "cannot be reached" not in done.err:
            break
        time.sleep(0.25)  # the database has just come back: the server has not heard of it yet
    done.expect(0)


async def enqueue_wave(server, kill):
    """A third at once, a third that last a little, a third that have to wait."""
    if kill % KILLS_A_WAVE != 0:
        return
    waves = -(-KILLS // KILLS_A_WAVE)
    wave = kill // KILLS_A_WAVE
    count = JOBS * (wave + 1) // waves - JOBS * wave // waves
    third = count // 3
    for words in ([third], [third, "--arguments", '{"ms": 40}'], [count - 2 * third, "--delay", "3s"]):
        await asyncio.to_thread(enqueue, server, *words)


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


# The server's own schedule has jobs too.
LEFT = "SELECT count(*) FROM jobs WHERE task LIKE 'test.%' AND state IN ('scheduled', 'ready', 'running')"
ALL = "SELECT uuid, state, due_at FROM jobs WHERE task LIKE 'test.%'"


@pytest.mark.skipif(postgres.WANTED != "sqlite", reason="of the embedded database")
@within(120 + KILLS * 2 + JOBS // 500)
async def test_jobs_inside_the_server_survive_its_deaths(own_server, rng):
    server = own_server(env=PACE, arguments=["--test-tasks"], users=())
    for kill in range(KILLS):
        await enqueue_wave(server, kill)
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
    check(ask(ALL), effects_of(ask(EFFECTS)))
    assert server.stop() == 0


async def break_workers(server, workers, database, rng):
    """kill -9, SIGSTOP for longer than the lease, the database's restart; one after the other, at random."""
    for kill in range(KILLS):
        await enqueue_wave(server, kill)
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
        workers = [Worker(env=env, arguments=["--test-tasks"], data=tmp_path / f"w{n}") for n in range(3)]
        for worker in workers:
            await asyncio.to_thread(worker.start)
        await break_workers(server, workers, database, rng)

        def ask(sql):
            return [line.split("|") for line in database.sql(sql, name).splitlines()]

        await until_done(lambda: int(ask(LEFT)[0][0]), 90 + JOBS / 300)
        jobs = [(uuid, state, int(due)) for uuid, state, due in ask(ALL)]
        check(jobs, effects_of(ask(EFFECTS)))
        assert [worker.stop() for worker in workers] == [0, 0, 0]
    finally:
        for worker in workers:
            worker.close()
        database.close()


@pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL 15 and PgBouncer are not installed")
@within(120)
async def test_what_is_done_while_the_database_is_away_is_recorded_when_it_is_back(own_server, tmp_path):
    """And counts as no failure, however long that was; whoever was cut off as well takes nothing from others."""
    database = postgres.Postgres()
    workers = []
    try:
        name = database.create_database()
        env = {**PACE, "DATABASE_URL": database.url(name), "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4}
        server = own_server(env=env, arguments=["--no-jobs", "--test-tasks"], users=())
        enqueue(server, 8, "--arguments", '{"ms": 1500}')
        workers = [Worker(env=env, arguments=["--test-tasks"], data=tmp_path / f"w{n}") for n in range(2)]
        for worker in workers:
            await asyncio.to_thread(worker.start)
        await asyncio.sleep(0.7)
        database.stop(signal.SIGQUIT)
        await asyncio.sleep(3 * LEASE)
        database.start()

        def ask(sql):
            return [line.split("|") for line in database.sql(sql, name).splitlines()]

        await until_done(lambda: int(ask(LEFT)[0][0]), 60)
        assert ask("SELECT state, failures, count(*) FROM jobs WHERE task LIKE 'test.%' GROUP BY 1, 2") == [["done", "0", "8"]]
        assert len(ask(EFFECTS)) == 8
        assert [worker.stop() for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.close()
        database.close()


@pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL 15 and PgBouncer are not installed")
@within(120)
async def test_a_long_queue_is_taken_from_its_front(own_server, tmp_path):
    """PostgreSQL has no statistics of a queue that was filled a moment ago, and is not to read all of it for each claim."""
    database, jobs = postgres.Postgres(), 100_000
    worker = None
    try:
        name = database.create_database()
        env = {"DATABASE_URL": database.url(name), "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4}
        server = own_server(env=env, arguments=["--no-jobs", "--test-tasks"], users=())
        server.command("jobs", "enqueue", "test.nothing", "--count", str(jobs)).expect(0)
        worker = Worker(env=env, arguments=["--test-tasks"], data=tmp_path / "worker")
        await asyncio.to_thread(worker.start)
        await until_done(lambda: int(database.sql(LEFT, name)), 60)
        assert worker.stop() == 0
        await asyncio.sleep(1.5)  # PostgreSQL tells what it counted once a second
        read = int(database.sql("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'jobs'", name))
        assert 0 < read < 20 * jobs, f"{read} entries of the indexes were read for {jobs} jobs"
    finally:
        if worker:
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


@pytest.mark.skipif(postgres.WANTED != "sqlite", reason="of the embedded database")
@within(60)
async def test_a_job_that_kills_the_server_does_not_do_so_for_ever(own_server):
    server = own_server(env=PACE, arguments=["--test-tasks"], users=())
    enqueue(server, 3, "--delay", "1s")
    server.command("jobs", "enqueue", "test.crash", "--delay", "1s").expect(0)
    deaths = 0
    while True:
        try:
            await asyncio.to_thread(server.process.wait, 3)
        except subprocess.TimeoutExpired:
            break
        deaths += 1
        assert deaths <= 11
        with contextlib.suppress(AssertionError):  # it may end before it has said that it is ready
            await asyncio.to_thread(server.start)
    assert deaths == 11, "once, and ten times under suspicion"
    await until_done(lambda: len(server.command("jobs", "list", "--status", "ready").out.splitlines()) - 1, 10)
    failed = server.command("jobs", "list", "--status", "failed").expect(0).out
    assert "test.crash" in failed and "ended in the middle" in failed and failed.count("test.") == 1, failed
    assert server.command("jobs", "list", "--status", "done").out.count("test.effect") == 3


def test_a_worker_of_its_own_refuses_the_embedded_database(tmp_path):
    worker = Worker(env={"DATABASE_URL": ""}, data=tmp_path / "data")
    done = worker.command("worker")
    assert done.code == 2 and "PostgreSQL" in done.err, (done.code, done.err)
