"""A slice of the chaos: `make chaos` runs longer ones."""

import os
import time

import pytest

from chaos import faults, run
from harness import postgres, redis

SECONDS = float(os.environ.get("INDABA_CHAOS_SECONDS", "150"))
SEED = int(os.environ.get("INDABA_TEST_SEED", "0")) or (time.time_ns() & 0x7FFFFFFF)


@pytest.mark.slow
@pytest.mark.skipif(not (postgres.installed() and redis.installed()), reason="PostgreSQL, PgBouncer and Redis are not all installed")
def test_three_nodes_lose_repeat_and_leak_nothing_whatever_breaks():
    found, report = run.run(SEED, SECONDS)
    print(report)
    assert not found.counts, report


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
