"""`kill -9` at the N-th write, pwrite64, ftruncate, fsync, fdatasync, sendmsg of a script of 50 operations, by strace.

The script retries what got no answer under the same key. By default some N of every call are tried;
INDABA_FAULT_SYSCALLS=all tries every N until the script ends without being killed.
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from faults.test_kill import check_database, personal_token
from harness.client import User, blocking_request
from harness.limits import promised
from harness.server import Server
from harness.socket import TROUBLE_NAMES, BlockingSocket

CALLS = ["write", "pwrite64", "ftruncate", "fsync", "fdatasync", "sendmsg", "sendto", "io_uring_enter"]
EVERY = os.environ.get("INDABA_FAULT_SYSCALLS") == "all"
SAMPLES = int(os.environ.get("INDABA_FAULT_SAMPLES", "5"))

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")]


class Script:
    """50 operations: 20 events by HTTP, 10 by frame, 10 notifications, 10 tasks."""

    def __init__(self, server, token):
        self.server, self.token = server, token
        self.headers = {"Authorization": f"{token[0]} {token[1]}"}
        self.acked = {}  # key -> what was answered
        self.deaths = 0
        self.socket = None
        self.listener = None  # has nothing to say, so that every event that it gets leaves by itself

    OPERATIONS = ([("http", n) for n in range(20)] + [("frame", n) for n in range(10)]
                  + [("note", n) for n in range(10)] + [("task", n) for n in range(10)])

    def run(self, recover):
        for kind, n in self.OPERATIONS:
            key = f"{kind}-{n}"
            for attempt in range(5):
                try:
                    self.acked[key] = getattr(self, kind)(key)
                    break
                except TROUBLE_NAMES:
                    assert attempt < 4, f"{key} got no answer five times"
                    self.deaths += 1
                    self.socket = self.listener = None
                    recover()

    def post(self, path, body, **headers):
        answer = blocking_request(self.server, "POST", path, body, {**self.headers, **headers}, timeout=10)
        if answer.status in (500, 503):
            raise ConnectionError(answer.status)
        return answer.expect(200, 201).json

    def open(self):
        return BlockingSocket(self.server, "/ws/orgs/acme/topics/t", self.headers)

    def http(self, key):
        if self.listener is None:
            self.listener = self.open()
        event = {"type": "tick", "data": key, "dedupe_key": key}
        return self.post("orgs/acme/topics/t/events", event)["results"][0]["seq"]

    def frame(self, key):
        if self.socket is None:
            self.socket = self.open()
        self.socket.send({"type": "publish", "event": "tick", "data": key, "dedupe_key": key, "ref": key})
        return self.socket.answer(key)["seq"]

    def note(self, key):
        return self.post("orgs/acme/notifications", {"type": "note", "payload": {"key": key}, "dedupe_key": key})["seq"]

    def task(self, key):
        return self.post("orgs/acme/tasks", {"title": key}, **{"Idempotency-Key": key})["id"]

    def get(self, path):
        return blocking_request(self.server, "GET", path, headers=self.headers).expect(200).json

    def check(self):
        """Everything once, and as it was answered."""
        topic = self.get("events?stream=orgs/acme/topics/t&since=0&limit=1000")["results"]
        assert [event["seq"] for event in topic] == list(range(1, 31)), [event["seq"] for event in topic]
        where = {event["data"]: event["seq"] for event in topic}
        notes = self.get("events?stream=orgs/acme/notifications&since=0&limit=1000")["results"]
        assert [event["seq"] for event in notes] == list(range(1, len(notes) + 1))
        counts = collections.Counter(event["key"] for event in notes if event["type"] == "note")
        where.update({event["key"]: event["seq"] for event in notes if event["type"] == "note"})
        tasks = self.get("orgs/acme/tasks?limit=200")
        tasks = tasks if isinstance(tasks, list) else tasks["results"]
        counts.update(task["title"] for task in tasks)
        where.update({task["title"]: task["id"] for task in tasks})
        created = [event["task_id"] for event in notes if event["type"] == "task_event"]
        assert sorted(created) == sorted(task["id"] for task in tasks)
        assert set(counts.values()) == {1}, counts
        assert where == self.acked


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A data folder with an organisation, a topic and a token, copied for every run."""
    server = Server(data=tmp_path_factory.mktemp("template") / "data", env={"RATE_LIMITS_ENABLED": "false"})
    server.create_user("root", superuser=True)
    server.start()
    root = User(server, "root").sign_in()

    def call(method, path, body):
        blocking_request(server, method, path, body, root.credentials()).expect(200, 201)

    call("POST", "orgs", {"slug": "acme", "name": "Acme"})
    call("PUT", "orgs/acme/topics/t", {"durable": True, "client_publish": "members"})
    token = personal_token(server, "root")
    scheme = next(s for s in ("Token", "Bearer") if blocking_request(
        server, "GET", "me", headers={"Authorization": f"{s} {token}"}).status == 200)
    assert server.stop() == 0
    return server.data, (scheme, token)


class Traced:
    """The server under strace from the moment that it is ready."""

    def __init__(self, template, folder, expression):
        data, self.token = template
        shutil.copytree(data, folder / "data", ignore=shutil.ignore_patterns("*.sock"))
        self.server = Server(data=folder / "data", env={"RATE_LIMITS_ENABLED": "false"}).start()
        self.trace = folder / "trace"
        self.strace = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", str(self.trace), *expression, "-p", str(self.server.pid)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 10
        while not self._attached():
            if self.strace.poll() is not None:  # what the server does by itself has reached the call already
                assert self.server.process.wait(5) == -signal.SIGKILL, self.strace.stderr.read().decode()
                break
            assert time.monotonic() < deadline, "strace does not attach"
            time.sleep(0.02)
        self.slowest = 0.0

    def _attached(self):
        """All threads are traced."""
        tasks = f"/proc/{self.server.pid}/task"
        with contextlib.suppress(OSError):
            return not any(re.search(r"^TracerPid:\s+0$", pathlib.Path(tasks, tid, "status").read_text(), re.M)
                           for tid in os.listdir(tasks))
        return False  # it, or one of its threads, has just gone

    def recover(self):
        if self.server.process.poll() is None:
            try:
                self.server.process.wait(5)  # strace's signal is on its way
            except subprocess.TimeoutExpired:
                raise AssertionError("no answer, but the server is alive") from None
        assert self.server.process.returncode == -signal.SIGKILL, self.server.log_tail()
        began = time.monotonic()
        self.server.start()
        self.slowest = max(self.slowest, time.monotonic() - began)

    def let_go(self):
        """strace waits for ever for a process that dies while it lets go of it; killed, it lets go of all."""
        if self.strace.poll() is None:
            self.strace.send_signal(signal.SIGINT)
            try:
                self.strace.wait(5)
            except subprocess.TimeoutExpired:
                self.strace.kill()
                self.strace.wait(5)

    def close(self):
        self.let_go()
        self.server.close()


def run_script(template, folder, expression):
    """(the script, how often the server died)"""
    folder.mkdir()
    traced = Traced(template, folder, expression)
    try:
        script = Script(traced.server, traced.token)
        script.run(traced.recover)
        traced.let_go()
        if traced.server.process.poll() is not None:  # killed after the last answer
            script.deaths += 1
            traced.recover()
        script.check()
        assert traced.slowest < promised(2), f"ready again after {traced.slowest:.2f} s"
        assert traced.server.stop() == 0
        check_database(traced.server)
        return script
    finally:
        traced.close()
        if not os.environ.get("INDABA_FAULT_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def most_calls(template, tmp_path_factory):
    """How often any one thread makes each call in the script (strace counts by thread)."""
    folder = tmp_path_factory.mktemp("count") / "run"
    folder.mkdir()
    traced = Traced(template, folder, ["-e", "trace=" + ",".join(CALLS)])
    try:
        script = Script(traced.server, traced.token)
        script.run(traced.recover)
        script.check()
    finally:
        traced.close()
    counts = collections.Counter(re.match(r"(\d+) +(\w+)\(", line).groups()
                                 for line in traced.trace.read_text().splitlines()
                                 if re.match(r"\d+ +\w+\(", line))
    return {call: max((n for (_, name), n in counts.items() if name == call), default=0) for call in CALLS}


@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_any_call_loses_and_repeats_nothing(template, most_calls, tmp_path, rng, call):
    most = most_calls[call]
    if EVERY:
        numbers = range(1, most + 10)
    else:
        numbers = sorted({1, *(rng.randint(1, max(1, most)) for _ in range(SAMPLES - 1))})
    died = 0
    for n in numbers:
        script = run_script(template, tmp_path / str(n),
                            ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}"])
        died += script.deaths > 0
        if script.deaths == 0 and EVERY:
            break
    print(f"{call}: up to {most} calls a thread, killed at {died} of {len(list(numbers))} places tried")
    assert died or most == 0, f"{call} was never hit"


def test_an_fsync_that_fails_is_never_acknowledged(template, tmp_path):
    """EIO from the disk: the process ends rather than guess, and what was acknowledged before is there after."""
    folder = tmp_path / "eio"
    folder.mkdir()
    traced = Traced(template, folder, ["-e", "trace=fsync,fdatasync",
                                       "-e", "inject=fsync,fdatasync:error=EIO:when=4+"])
    try:
        script = Script(traced.server, traced.token)
        acked = {}
        for n in range(20):
            try:
                acked[f"k{n}"] = script.http(f"k{n}")
            except (*TROUBLE_NAMES, AssertionError):
                pass
            if traced.server.process.poll() is not None:
                break
        assert traced.server.process.wait(10) == -signal.SIGABRT
        traced.let_go()
        assert 1 <= len(acked) <= 4, f"{len(acked)} writes were acknowledged over a disk that fails"
        traced.server.start()
        kept = {event["data"]: event["seq"] for event in
                script.get("events?stream=orgs/acme/topics/t&since=0&limit=1000")["results"]}
        assert acked.items() <= kept.items(), json.dumps([acked, kept])
    finally:
        traced.close()


