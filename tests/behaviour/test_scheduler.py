"""`indaba scheduler`: a process that puts work into the queue when its time has come."""

import time

import pytest

from harness import postgres
from harness.limits import promised
from harness.scheduler import Scheduler
from harness.server import run

needs_postgres = pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL or PgBouncer is not installed")

EACH_SECOND = '[jobs.schedule.each-second]\ntask = "jobs.forget"\nevery = "1s"\narguments = { n = 1 }\n'


@pytest.fixture
def database():
    one = postgres.shared()
    name = one.create_database()
    run("migrate", "up", env={"DATABASE_URL": one.url(name), "INDABA_DATA_DIR": str(one.folder / "none")}).expect(0)
    return name


@pytest.fixture
def scheduler(database):
    made = []

    def make(schedule=""):
        made.append(Scheduler(postgres.shared().url(database), schedule))
        return made[-1]

    yield make
    for one in made:
        one.close()


def until(seconds, what):
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


def test_the_embedded_database_has_no_second_process(tmp_path):
    refused = run("scheduler", data=tmp_path / "data").expect(2)
    assert refused.out == ""
    assert "`indaba serve`, which runs the jobs and has the schedule in it" in refused.err


def test_its_help_has_an_example():
    assert "Example:\n  indaba scheduler" in run("scheduler", "--help").expect(0).out


@needs_postgres
def test_what_an_operator_adds_is_enqueued_when_it_is_due(database, scheduler):
    one = scheduler(EACH_SECOND).start()

    def jobs():
        return postgres.shared().sql("SELECT task, arguments, state FROM jobs WHERE unique_key LIKE 'each-second@%'", database).split("\n")

    assert set(until(10, lambda: len(jobs()) >= 2 and jobs())) == {'jobs.forget|{"n":1}|ready'}
    kept = postgres.shared().sql("SELECT name, timing FROM job_schedule ORDER BY name", database).split("\n")
    assert "each-second|every 1s" in kept and "forget-jobs|every 300s" in kept
    assert one.stop() == 0
    said = [entry["message"] for entry in one.log_entries()]
    assert "started" in said and said[-1] == "stopped"


@needs_postgres
def test_it_knows_every_task_that_a_server_knows(database, scheduler):
    one = scheduler('[jobs.schedule.often]\ntask = "archive-logs"\nevery = "1s"\n').start()
    until(10, lambda: postgres.shared().sql("SELECT 1 FROM jobs WHERE task = 'archive-logs'", database))
    kept = postgres.shared().sql("SELECT name FROM job_schedule ORDER BY name", database).split("\n")
    assert kept == ["clean-up", "end-sessions", "forget-jobs", "often", "trim-events", "unpin-expired"]
    assert one.stop() == 0


@needs_postgres
def test_who_stops_gives_the_schedule_to_the_next_at_once(database, scheduler):
    def leads(one):
        return any("this process has the schedule" in entry["message"] for entry in one.log_entries())

    first = scheduler().start()
    until(5, lambda: leads(first))
    assert first.stop() == 0
    second = scheduler().start()
    until(promised(0.75), lambda: leads(second))
    assert second.stop() == 0


@needs_postgres
def test_a_schedule_that_is_wrong_is_refused_with_a_sentence(scheduler):
    for schedule, why in ((EACH_SECOND.replace("jobs.forget", "dance"), "there is no task dance"),
                          (EACH_SECOND.replace("1s", "0s"), "a duration of 1s or more"),
                          (EACH_SECOND.replace("each-second", "forget-jobs"), "has an entry forget-jobs of its own")):
        one = scheduler(schedule)
        refused = run("scheduler", "--config", one.config, env=one.env).expect(2)
        assert why in refused.err and refused.err.count("\n") == 1
