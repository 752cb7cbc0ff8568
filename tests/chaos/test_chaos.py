"""A slice of the chaos: `make chaos` runs longer ones."""

import collections
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
    found, report, _ = run.run(SEED, SECONDS)
    print(report)
    assert not found.counts, report


@pytest.mark.slow
@here
def test_a_database_that_forgets_what_it_promised_is_found_out():
    """It says that a commit is kept before it is, and is then killed: what no other part of the system can mend."""
    def drawn():
        for n in itertools.count():
            yield [(faults.restart_postgres, random.Random(f"{SEED}:{n}"))], 2.0
    found, report, _ = run.run(SEED, 12, drawn=drawn(), settings=["synchronous_commit=off", "wal_writer_delay=10s"])
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


def test_half_an_hour_stops_and_flushes_redis_often_enough():
    """By 550 faults, which such a run has at the least: 20 of each are wanted, whatever the seed."""
    for seed in range(20):
        counts, drawn = collections.Counter(), run.schedule(seed)
        while counts.total() < 550:
            counts.update(fault for fault, _ in next(drawn)[0])
        assert min(counts[faults.stop_redis], counts[faults.flush_redis]) >= 20


def test_some_nodes_are_away_for_longer_than_their_leases_last():
    rng = random.Random(7)
    away = [faults.seconds_away(rng, 0.3, 4) for _ in range(500)]
    assert 50 < sum(seconds > 8.5 for seconds in away) < 150 and max(away) <= 12


def test_rates_are_told_and_those_that_were_asked_for_are_judged():
    told, missed = run.judge(faults_drawn=50, events=90_001, seconds=180)
    assert told == ["at least 500 faults in half an hour: met (500)", "at least 500 events a second: met (500)"] and not missed
    told, missed = run.judge(faults_drawn=49, events=80_000, seconds=180)
    assert [line.split(": ")[1] for line in told] == ["NOT MET (490)", "NOT MET (444)"] and not missed
    assert run.judge(49, 80_000, 180, least_rate=400)[1] == []
    assert run.judge(49, 80_000, 180, least_faults=500, least_rate=600)[1] == ["faults in half an hour", "events a second"]
