"""A slice of the chaos: `make chaos` runs longer ones."""

import itertools
import os
import random
import time

import pytest

from chaos import faults, run
from harness import postgres, redis

SECONDS = float(os.environ.get("INDABA_CHAOS_SECONDS", "180"))
SEED = int(os.environ.get("INDABA_TEST_SEED", "0")) or (time.time_ns() & 0x7FFFFFFF)


here = pytest.mark.skipif(not (postgres.installed() and redis.installed()),
                          reason="PostgreSQL, PgBouncer and Redis are not all installed")


@pytest.mark.slow
@here
def test_three_nodes_lose_repeat_and_leak_nothing_whatever_breaks():
    found, report = run.run(SEED, SECONDS)
    print(report)
    assert not found.counts, report


@pytest.mark.slow
@here
def test_a_database_that_forgets_what_it_promised_is_found_out():
    """It says that a commit is kept before it is, and is then killed: what no other part of the system can mend."""
    def drawn():
        for n in itertools.count():
            yield [(faults.restart_postgres, random.Random(f"{SEED}:{n}"))], 2.0
    found, report = run.run(SEED, 12, drawn=drawn(), settings=["synchronous_commit=off", "wal_writer_delay=10s"])
    assert found.counts["lost-write"] > 0, report


def test_the_same_seed_is_the_same_schedule():
    def beginning(seed):
        drawn = run.schedule(seed)
        return [([(fault.__name__, rng.random()) for fault, rng in together], pause) for together, pause in
                (next(drawn) for _ in range(200))]
    assert beginning(7) == beginning(7) != beginning(8)


def test_every_fault_comes_once_before_chance_decides():
    drawn = run.schedule(7)
    first = {fault for _ in range(len(faults.WEIGHTS)) for fault, _ in next(drawn)[0]}
    assert first == set(faults.WEIGHTS)
