#!/usr/bin/python3
"""How many empty jobs a second a process runs, four at a time, and how long after its commit a job begins; Celery beside it.

The queue is filled first, and then the worker starts: what is measured is the time from the first job that ended to the last one.
Celery 5 on Redis has the same: a task that does nothing and keeps no result, four processes. All servers are started here, on
loopback, in temporary folders; several rounds in one run, in turn, and the median of the rounds is told.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness import postgres, redis  # noqa: E402
from harness.postgres import free_port  # noqa: E402
from harness.server import Server, Worker  # noqa: E402

AT_A_TIME = "4"
QUIET = {"INDABA_LOG_LEVEL": "warning", "INDABA_JOBS_CONCURRENCY": AT_A_TIME}
TASKS = textwrap.dedent("""
    import os
    from celery import Celery
    app = Celery("empty", broker=os.environ["BROKER"])
    app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False)

    @app.task(name="empty.nothing")
    def nothing():
        pass
""")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: bench/jobs.py --rounds 3 --jobs 400000 --celery-jobs 5000")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured [3]")
    parser.add_argument("--jobs", type=int, default=400_000, help="how many jobs a round [400000]")
    parser.add_argument("--celery-jobs", type=int, default=5_000, help="how many of Celery's [5000]")
    parser.add_argument("--singles", type=int, default=300, help="jobs that come one by one, for the latency [300]")
    return parser.parse_args()


def ended(url):
    done = subprocess.run(["curl", "-s", f"{url}/metrics"], capture_output=True, text=True, check=False).stdout
    found = re.search(r'indaba_jobs_total\{task="test.nothing",outcome="done"\} (\S+)', done)
    return float(found[1]) if found else 0.0


def rate_of(count, total, patience=120):
    """From the first moment at which something had ended to the last."""
    first, until = None, time.monotonic() + patience
    while time.monotonic() < until:
        now, n = time.monotonic(), count()
        if first is None and n > 0:
            first = (now, n)
        if n >= total:
            if now - first[0] < 1:
                raise SystemExit(f"{total} ended within a second: too few to measure, give more")
            return (n - first[1]) / (now - first[0])
        time.sleep(0.02)
    raise SystemExit(f"only {count()} of {total} ended")


def drain_embedded(jobs):
    server = Server(env=QUIET, arguments=["--test-tasks", "--no-jobs"])
    server.start()
    server.command("jobs", "enqueue", "test.nothing", "--count", str(jobs)).expect(0)
    server.stop()
    server.arguments = ["--test-tasks"]
    server.start()
    try:
        return rate_of(lambda: ended(server.url), jobs)
    finally:
        server.close()


def drain_postgres(jobs, database):
    port = free_port()
    env = {**QUIET, "DATABASE_URL": database.url(database.create_database()), "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4}
    server = Server(env=env, arguments=["--test-tasks", "--no-jobs"])
    worker = Worker(env={**env, "INDABA_METRICS_LISTEN": f"127.0.0.1:{port}"}, arguments=["--test-tasks"])
    try:
        server.start()
        server.command("jobs", "enqueue", "test.nothing", "--count", str(jobs)).expect(0)
        worker.start()
        return rate_of(lambda: ended(f"http://127.0.0.1:{port}"), jobs)
    finally:
        worker.close()
        server.close()


def drain_celery(jobs, bus, folder):
    (folder / "empty.py").write_text(TASKS)
    env = {**os.environ, "BROKER": f"{bus.tcp_url}/0", "PYTHONPATH": str(folder), "C_FORCE_ROOT": "1"}
    bus.ask("FLUSHALL")
    fill = f"import empty\nfor n in range({jobs}): empty.nothing.delay()"
    subprocess.run([sys.executable, "-c", fill], env=env, cwd=folder, check=True)
    worker = subprocess.Popen([sys.executable, "-m", "celery", "-A", "empty", "worker", "-c", AT_A_TIME, "--loglevel", "error",
                               "--without-gossip", "--without-mingle"], env=env, cwd=folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)

    def number(*words):
        return int(bus.ask(*words).strip(b":\r\n"))

    def done():
        return jobs - number("LLEN", "celery") - number("HLEN", "unacked")
    try:
        return rate_of(done, jobs)
    finally:
        worker.terminate()
        worker.wait(20)


def waits_of(written, began):
    """From the moment in which the row was written, before its commit, to the beginning of the run: whole milliseconds."""
    written = dict(written)
    return sorted(int(at) - int(written[key.split()[1]]) for key, at in began)


ROWS = "SELECT uuid, created_at FROM jobs WHERE task = 'test.effect'"
RUNS = "SELECT key, value FROM meta WHERE key LIKE 'effect %'"


def one_by_one(server, singles):
    for _ in range(singles):
        server.command("jobs", "enqueue", "test.effect").expect(0)
        time.sleep(0.03)  # the command before it is gone, and its job done
    time.sleep(1)


def latencies_embedded(singles):
    import sqlite3  # noqa: PLC0415
    with Server(env=QUIET, arguments=["--test-tasks"]) as server:
        one_by_one(server, singles)
        database = sqlite3.connect(f"file:{server.data}/indaba.db?mode=ro", uri=True)
        return waits_of(database.execute(ROWS), database.execute(RUNS))


def latencies_of_a_worker(singles, database, bus):
    """Another process, told by Redis."""
    name = database.create_database()
    env = {**QUIET, "DATABASE_URL": database.url(name), "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4, "REDIS_URL": bus.url}
    server, worker = Server(env=env, arguments=["--test-tasks", "--no-jobs"]), Worker(env=env, arguments=["--test-tasks"])
    try:
        server.start()
        worker.start()
        time.sleep(2)
        one_by_one(server, singles)
        def rows(query):
            return [line.split("|") for line in database.sql(query, name).splitlines()]
        return waits_of(rows(ROWS), rows(RUNS))
    finally:
        worker.close()
        server.close()


def main():
    wanted = options()
    found = {"sqlite": [], "postgres": [], "celery": []}
    database, bus = postgres.Postgres(), redis.Redis()
    try:
        # First: the rounds leave PostgreSQL much to tidy.
        waits = {"embedded": latencies_embedded(wanted.singles),
                 "a worker on PostgreSQL": latencies_of_a_worker(wanted.singles, database, bus)}
        with tempfile.TemporaryDirectory(prefix="indaba-bench-") as folder:
            for number in range(wanted.rounds):
                found["sqlite"].append(drain_embedded(wanted.jobs))
                found["postgres"].append(drain_postgres(wanted.jobs, database))
                found["celery"].append(drain_celery(wanted.celery_jobs, bus, pathlib.Path(folder)))
                print(f"round {number + 1}: " + ", ".join(f"{name} {rates[-1]:,.0f}/s" for name, rates in found.items()), file=sys.stderr)
    finally:
        bus.close()
        database.close()
    middle = {name: statistics.median(rates) for name, rates in found.items()}
    print(f"jobs a second, {AT_A_TIME} at a time, median of {wanted.rounds}")
    for name, rates in found.items():
        times = f" ({middle[name] / middle['celery']:.0f} x Celery)" if name != "celery" else ""
        print(f"  {name:<9} {middle[name]:>9,.0f}   {min(rates):,.0f} to {max(rates):,.0f}{times}")
    for name, taken in waits.items():
        print(f"from the row to the run, idle, {name}: p50 {taken[len(taken) // 2]} ms, p99 {taken[len(taken) * 99 // 100]} ms,"
              f" most {taken[-1]} ms, of {len(taken)}")


if __name__ == "__main__":
    main()
