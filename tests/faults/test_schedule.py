"""Two schedulers, one of them killed, frozen, stopped or cut off every few seconds, with clocks that jump: every slot fires once.

INDABA_FAULT_SCHEDULE=600 is the run of ten minutes; else 20 seconds.
"""

import contextlib
import datetime
import os
import signal
import threading
import time

import pytest

from harness import postgres
from harness.scheduler import FAKETIME, Scheduler
from harness.server import run

psycopg2 = pytest.importorskip("psycopg2", reason="python3-psycopg2 is not installed")

SECONDS = float(os.environ.get("INDABA_FAULT_SCHEDULE", "20"))
ENTRIES = """
[jobs.schedule.each-second]
task = "jobs.forget"
every = "1s"
[jobs.schedule.each-other-second]
task = "jobs.forget"
every = "2s"
arguments = { n = 2 }
[jobs.schedule.each-minute]
task = "jobs.forget"
crontab = "* * * * *"
zone = "Europe/Berlin"
"""
INTERVALS = {"each-second": 1000, "each-other-second": 2000, "each-minute": 60_000}
LEASE = 6.0
MOST_LATE = 15_000  # ms: the lease of who died, and a start on a busy machine

pytestmark = [pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL or PgBouncer is not installed"), pytest.mark.slow]


class Worker(threading.Thread):
    """Takes jobs away as soon as they are there, so that no key protects a slot from being fired again, and writes them down."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.jobs, self.ending = url, [], threading.Event()

    def run(self):
        while not self.ending.is_set():
            with contextlib.suppress(psycopg2.OperationalError), contextlib.closing(psycopg2.connect(self.url)) as connection:
                connection.autocommit = True
                while not self.ending.wait(0.1):
                    self.take(connection)

    def take(self, connection):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM jobs RETURNING unique_key, task, arguments, created_at")
            self.jobs += cursor.fetchall()

    def end(self):
        self.ending.set()
        self.join()
        with contextlib.closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            self.take(connection)


class World:
    def __init__(self):
        self.postgres = postgres.Postgres()
        self.database = self.postgres.create_database()
        url = self.postgres.url(self.database)
        run("migrate", "up", env={"DATABASE_URL": url, "INDABA_DATA_DIR": str(self.postgres.folder / "none")}).expect(0)
        self.schedulers = [Scheduler(url, ENTRIES, name) for name in "AB"]
        self.worker = Worker(self.postgres.url(self.database, bouncer=False))
        self.done = []

    def start(self):
        for one, jump in zip(self.schedulers, (86_400, -86_400)):
            one.move_clock(jump)
            one.start()
        self.worker.start()

    def close(self):
        for one in self.schedulers:
            one.close()
        if self.worker.is_alive():
            self.worker.ending.set()
            self.worker.join()
        self.postgres.close()

    def leader(self, rng):
        """One that thinks that it leads; a paused one may, too."""
        said = {one: [entry["message"] for entry in one.log_entries()] for one in self.schedulers}
        leaders = [one for one, lines in said.items() if last_of(lines) == "this process has the schedule"]
        return rng.choice(leaders or self.schedulers)


def last_of(lines):
    return next((line for line in reversed(lines) if line == "started" or line.endswith("has the schedule")), None)


# -- what goes wrong

def kill(world, rng, one):
    one.kill()
    time.sleep(rng.uniform(0, 1))
    one.start()


def stop(world, rng, one):
    assert one.stop() == 0, one.log_text()[-2000:]
    one.start()


def freeze(world, rng, one):
    one.signal(signal.SIGSTOP)
    time.sleep(rng.choice((rng.uniform(0.2, 2), LEASE + rng.uniform(1.5, 4))))
    one.signal(signal.SIGCONT)


def end_connections(world, rng, one):
    world.postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                       " AND pid <> pg_backend_pid()", world.database)


def move_clock(world, rng, one):
    one.move_clock(rng.choice((3600, -3600, 45, -45, 86_400, -86_400, 30 * 86_400)))


FAULTS = (kill, kill, kill, kill, stop, freeze, freeze, end_connections)


# -- and what came of it

def slots_of(jobs, name):
    return sorted((slot_of(key), created) for key, *_, created in jobs if key.startswith(f"{name}@"))


def slot_of(key):
    return round(datetime.datetime.fromisoformat(key.partition("@")[2].replace("Z", "+00:00")).timestamp() * 1000)


def findings(jobs, began, ended):
    """Everything that is wrong with the jobs of a run, from and to in milliseconds; and how late the latest was."""
    found, latest = [], 0
    for name, interval in INTERVALS.items():
        fired = slots_of(jobs, name)
        slots = [slot for slot, _ in fired]
        for slot, created in fired:
            if created < slot:
                found.append(f"{name}: {slot} fired {slot - created} ms before its time")
            latest = max(latest, created - slot)
        found += [f"{name}: {slot} fired twice" for slot in sorted({slot for slot in slots if slots.count(slot) > 1})]
        distinct = sorted(set(slots))
        for one, next_one in zip(distinct, distinct[1:]):
            if next_one - one != interval:
                found.append(f"{name}: nothing fired between {one} and {next_one}")
        if not distinct and ended - began > interval + MOST_LATE:
            found.append(f"{name}: never fired")
        if distinct and (distinct[0] > began + interval + MOST_LATE or distinct[-1] < ended - interval - MOST_LATE):
            found.append(f"{name}: from {distinct[0]} to {distinct[-1]} is not from {began} to {ended}")
        if name == "each-minute":
            found += [f"{name}: {slot} is no minute" for slot in slots if slot % 60_000]
    if latest > MOST_LATE:
        found.append(f"one was {latest} ms late")
    return found, latest


def test_the_checker_finds_what_is_wrong():
    def jobs(*seconds, name="each-second", late=5):
        return [(f"{name}@2026-01-01T00:00:{second:02}.000Z", "jobs.forget", "{}", 1767225600_000 + second * 1000 + late)
                for second in seconds]

    began, ended = 1767225600_000, 1767225605_000
    assert findings(jobs(1, 2, 3), began, ended) == ([], 5)
    assert "twice" in findings(jobs(1, 2, 2, 3), began, ended)[0][0]
    assert "nothing fired between" in findings(jobs(1, 3), began, ended)[0][0]
    assert "before its time" in findings(jobs(1, late=-1), began, ended)[0][0]
    assert "late" in findings(jobs(1, late=20_000), began, ended)[0][0]
    assert "never" in findings([], began, ended + 60_000)[0][0]
    assert "is not from" in findings(jobs(1, 2), began, ended + 60_000)[0][0]
    assert "no minute" in findings(jobs(30, name="each-minute"), began, ended)[0][0]


def test_every_slot_fires_once(rng):
    world = World()
    try:
        world.start()
        began = time.time()
        while time.time() < began + SECONDS:
            time.sleep(rng.uniform(0.5, 3))
            one = world.leader(rng) if rng.random() < 0.7 else rng.choice(world.schedulers)
            fault = rng.choice(FAULTS)
            world.done.append(f"{time.time() - began:.1f} s: {fault.__name__} {one.name}")
            fault(world, rng, one)
            if rng.random() < 0.5:
                move_clock(world, rng, rng.choice(world.schedulers))
        time.sleep(LEASE + 3)
        for one in world.schedulers:
            assert one.stop() == 0, one.log_text()[-2000:]
        ended = time.time()
        world.worker.end()
        found, latest = findings(world.worker.jobs, began * 1000, ended * 1000)
        terms = int(world.postgres.sql("SELECT term FROM leases WHERE name = 'schedule'", world.database))
        logs = [entry for one in world.schedulers for entry in one.log_entries()]
        print(f"{len(world.worker.jobs)} slots fired, the latest {latest} ms late; {len(world.done)} faults, {terms} leaders")
        assert not found, "\n".join(found[:20] + world.done)
        assert terms >= min(5, SECONDS / 10), "the lease stayed where it was"
        if FAKETIME:
            told = [datetime.datetime.fromisoformat(entry["timestamp"].replace("Z", "+00:00")).timestamp() for entry in logs]
            assert any(abs(moment - began) > 80_000 for moment in told), "no clock jumped"
    finally:
        world.close()
