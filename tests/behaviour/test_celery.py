"""Celery, both ways: an unmodified Celery 5 runs what Indaba sends, and Indaba runs what Celery's callers send."""

import base64
import importlib
import json
import os
import signal
import time
import urllib.request
import uuid

import pytest

from harness import celery, client
from harness.limits import promised
from harness.redis import Redis
from harness.redis import installed as redis_installed
from harness.server import Server

pytestmark = pytest.mark.skipif(not (redis_installed() and celery.installed()), reason="needs redis-server and Celery")

HEADERS = {"lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries", "timelimit", "root_id", "parent_id",
           "argsrepr", "kwargsrepr", "origin", "ignore_result"}
PROPERTIES = {"correlation_id", "reply_to", "delivery_mode", "delivery_info", "priority", "body_encoding", "delivery_tag"}


class Shop:
    """A Redis, a team's Celery app on it, and Indaba beside it."""

    def __init__(self, **env):
        self.redis = Redis()
        self.app = celery.app(self.redis).app
        self.env = {"CELERY_BROKER_URL": self.redis.url, "INDABA_CELERY_QUEUES": "indaba", "RATE_LIMITS_ENABLED": "false", **env}
        self.servers = []
        self.server = self.node()

    def node(self, **options):
        one = Server(env=self.env, arguments=["--test-tasks"], **options)
        if not one.data.exists():
            one.create_user("anna", client.PASSWORD)
            one.command("org", "create", "shop", "--owner", "anna").expect(0)
        self.servers.append(one)
        return one.start()

    @property
    def raw(self):
        return self.app.backend.client

    def call(self, task, *args, **options):
        return self.app.send_task(task, args, **options)

    def get(self, task, *args, **options):
        return self.call(task, *args, **options).get(timeout=10)

    def sent(self, *words, env=None):
        """indaba celery send …"""
        return self.server.command("celery", "send", *words)

    def events(self, kind):
        """What the organisation was told."""
        token = self.server.command("token", "create", "--user", "anna").expect(0).out.strip()
        request = urllib.request.Request(self.server.url + "/api/v1/orgs/shop/notifications?limit=100",
                                         headers={"Authorization": "Token " + token})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return [event for event in json.loads(answer.read())["results"] if event["type"] == kind]

    def bodies(self, task_id):
        """How often a body of test.sleep began."""
        return sum(one.log_text().count(f'"task_id":"{task_id}"') - one.log_text().count("went to another worker")
                   for one in self.servers)

    def wait(self, question, seconds=10):
        deadline = time.monotonic() + seconds
        while not question():
            assert time.monotonic() < deadline, self.server.log_tail()
            time.sleep(0.02)

    def metric(self, outcome):
        with urllib.request.urlopen(self.server.url + "/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f'indaba_celery_tasks_total{{outcome="{outcome}"}}'):
                    return float(line.split()[-1])
        return 0

    def started(self, task):
        """Until the body of a test.sleep runs."""
        self.wait(lambda: f'"message":"a body runs","task_id":"{task.id}"' in "".join(one.log_text() for one in self.servers))
        return task

    def settled(self):
        """Nothing of our queue waits, or is in hand."""
        return self.raw.llen("indaba") == 0 and not any(value.endswith(b'"indaba"]') for value in self.raw.hvals("unacked"))

    def inspect(self, what, *args):
        """What our worker answers to `celery inspect`."""
        host = os.uname().nodename
        inspect = self.app.control.inspect(destination=[f"indaba-{self.server.pid}@{host}"], limit=1, timeout=5)
        for _ in range(3):  # None: the one message that it waited for was a late answer to somebody else
            if (told := getattr(inspect, what)(*args)) is not None:
                (answer,) = told.values()
                return answer
        raise AssertionError(f"no answer to {what}")

    def close(self):
        self.app.close()
        for one in self.servers:
            one.close()
        self.redis.close()


@pytest.fixture(scope="module")
def shop():
    one = Shop()
    yield one
    one.close()


@pytest.fixture
def own_shop():
    """With a visibility time-out of two seconds, and whatever else a test wants."""
    made = []

    def make(**env):
        made.append(Shop(**{"INDABA_CELERY_VISIBILITY_TIMEOUT": "2s", **env}))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def python(shop):
    with celery.Worker(shop.redis) as worker:
        yield worker


# -- Indaba sends, Celery runs


def test_celery_runs_what_indaba_sends_and_indaba_gets_the_result(shop, python):
    assert json.loads(shop.sent("shop.add", "--args", "[40]", "--kwargs", '{"y": 2}', "--wait", "10s").expect(0).out) == 42
    told = shop.sent("shop.echo", "--args", '["ä\\u2028\\"", [], {}, null, 1.5, true]', "--kwargs", '{"a": {"b": []}}', "--wait", "10s")
    assert json.loads(told.expect(0).out) == {"args": ["ä\u2028\"", [], {}, None, 1.5, True], "kwargs": {"a": {"b": []}}}


def test_a_failure_in_python_has_its_name_and_its_message(shop, python):
    told = shop.sent("shop.lookup", "--args", '["nope"]', "--wait", "10s").expect(1)
    assert "FAILURE: KeyError('nope')" in told.err
    assert "FAILURE: NotRegistered" in shop.sent("shop.unknown", "--wait", "10s").expect(1).err


def test_a_task_that_retries_in_python_is_waited_for(shop, python):
    assert shop.sent("shop.flaky", "--args", "[2]", "--wait", "10s").expect(0).out.strip() == "2"


def test_python_runs_it_not_before_its_eta_and_not_after_it_expired(shop, python):
    began = time.time()
    ran = float(shop.sent("shop.now", "--countdown", "1s", "--wait", "10s").expect(0).out)
    assert ran >= began + 1
    told = shop.sent("shop.now", "--countdown", "1s", "--expires", "500ms", "--wait", "10s").expect(1)
    assert "REVOKED: TaskRevokedError('expired')" in told.err


def test_an_eta_beyond_the_visibility_time_out_is_refused(shop):
    told = shop.sent("shop.now", "--countdown", "2h").expect(2)
    assert "visibility time-out" in told.err
    assert shop.raw.llen("celery") == 0


def test_what_is_no_task_is_refused_before_it_is_sent(shop):
    assert shop.sent("shop add").code != 0
    assert shop.sent("shop.add", "--args", '{"a": 1}').code == 2
    assert shop.sent("shop.add", "--priority", "12").code != 0
    assert shop.sent("shop.add", "--queue", 'a"b').code != 0


def test_python_runs_the_most_urgent_first(shop, python):
    shop.raw.delete("shop.notes")
    for seconds in (4, 0):  # one runs, one is in its worker's hands
        shop.sent("shop.sleepy", "--args", f"[{seconds}]").expect(0)
    for priority in (9, 6, 3, 0):
        shop.sent("shop.note", "--args", f"[{priority}]", "--priority", str(priority)).expect(0)
    shop.wait(lambda: shop.raw.llen("shop.notes") == 4)
    assert shop.raw.lrange("shop.notes", 0, -1) == [b"0", b"3", b"6", b"9"]


def test_limits_of_time_hold_in_python(shop, python):
    told = shop.sent("shop.sleepy", "--args", "[20]", "--soft-time-limit", "1s", "--time-limit", "10s", "--wait", "10s")
    assert told.expect(0).out.strip() == '"asked to stop"'
    told = shop.sent("shop.sleepy", "--args", "[20]", "--time-limit", "1s", "--wait", "10s").expect(1)
    assert "TimeLimitExceeded" in told.err


def test_python_does_not_run_what_its_side_revoked(shop, python):
    running, waiting = str(uuid.uuid4()), str(uuid.uuid4())
    shop.sent("shop.sleepy", "--args", "[60]", "--id", running).expect(0)
    shop.sent("shop.add", "--args", "[1]", "--id", waiting).expect(0)
    shop.wait(lambda: running in json.dumps(shop.app.control.inspect(timeout=1).active()))
    shop.app.control.revoke(waiting)
    shop.app.control.revoke(running, terminate=True)
    for task_id, why in ((running, "terminated"), (waiting, "revoked")):
        with pytest.raises(Exception, match=why) as told:
            shop.app.AsyncResult(task_id).get(timeout=10)
        assert type(told.value).__name__ == "TaskRevokedError"
    assert shop.sent("shop.add", "--args", "[40]", "--kwargs", '{"y": 2}', "--wait", "10s").expect(0).out.strip() == "42"


def test_what_a_killed_worker_of_pythons_had_of_ours_is_run_by_the_next_one(own_shop):
    shop = own_shop(INDABA_CELERY_QUEUES="")
    task_id = str(uuid.uuid4())
    with celery.Worker(shop.redis, "-P", "solo") as first:  # so that all of it ends at once
        shop.sent("shop.patient", "--args", "[2]", "--id", task_id).expect(0)
        shop.wait(lambda: shop.raw.llen("shop.notes") == 1)
        first.process.kill()
        first.process.wait()
    (tag,) = shop.raw.hkeys("unacked")
    shop.raw.zadd("unacked_index", {tag: 1000})  # long ago
    with celery.Worker(shop.redis):
        assert shop.app.AsyncResult(task_id).get(timeout=30) == "slept"
        shop.wait(lambda: not shop.raw.hlen("unacked"))
    assert shop.raw.lrange("shop.notes", 0, -1) == [b"None", b"True"]  # whether it was delivered before


def test_a_message_has_every_member_that_celerys_own_has(shop):
    shop.sent("shop.add", "--args", "[1]", "--queue", "nobody", "--priority", "6", "--countdown", "60s", "--expires", "1h",
              "--time-limit", "30s", "--soft-time-limit", "20s").expect(0)
    shop.call("shop.add", 1, queue="nobody", priority=6, countdown=60, expires=3600, time_limit=30, soft_time_limit=20)
    ours, theirs = (json.loads(raw) for raw in reversed(shop.raw.lrange("nobody\x06\x166", 0, -1)))
    assert set(ours) == set(theirs) == {"body", "content-encoding", "content-type", "headers", "properties"}
    assert set(ours["headers"]) >= set(theirs["headers"]) >= HEADERS
    assert set(ours["properties"]) >= PROPERTIES and set(theirs["properties"]) - set(ours["properties"]) <= {"expiration"}
    assert ours["headers"]["timelimit"] == theirs["headers"]["timelimit"] == [30, 20]
    assert ours["headers"]["argsrepr"] == theirs["headers"]["argsrepr"]
    assert ours["properties"]["delivery_info"] == theirs["properties"]["delivery_info"]
    assert json.loads(base64.b64decode(ours["body"])) == json.loads(base64.b64decode(theirs["body"]))
    uuid.UUID(ours["headers"]["id"]), uuid.UUID(ours["properties"]["delivery_tag"])


# -- Celery's callers send, Indaba runs


def test_indaba_runs_what_python_sends_and_get_returns(shop):
    assert shop.get("test.add", 40, 2) == 42
    assert shop.call("test.echo", ["ä", None, {"a": []}]).get(timeout=10) == {"value": ["ä", None, {"a": []}]}
    assert shop.app.send_task("test.add", kwargs={"x": 1, "y": 2}).get(timeout=10) == 3
    many = [shop.call("test.add", n, n) for n in range(100)]
    assert [one.get(timeout=10) for one in many] == [2 * n for n in range(100)]
    shop.wait(shop.settled)


def test_a_failure_in_indaba_has_its_name_and_its_message(shop):
    failed = shop.call("test.fail", None, True, "disk_full", "The disk is full.")
    with pytest.raises(Exception, match="The disk is full.") as told:
        failed.get(timeout=10)
    assert type(told.value).__name__ == "DiskFull" and failed.state == "FAILURE"
    with pytest.raises(Exception, match="nobody") as told:
        shop.get("nobody", queue="indaba")
    assert type(told.value).__name__ == "NotRegistered"
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        shop.get("test.add", 1, 2, 3)
    with pytest.raises(TypeError, match="multiple values for argument 'x'"):
        shop.app.send_task("test.add", (1,), {"x": 2}).get(timeout=10)


def test_a_task_is_tried_again_and_its_caller_sees_so(shop):
    flaky = shop.call("test.fail", 2)
    states = set()
    shop.wait(lambda: states.add(flaky.state) or flaky.ready())
    assert flaky.get(timeout=10) == {"times": 2} and "RETRY" in states
    with pytest.raises(Exception, match="The disk is full."):
        shop.get("test.fail", 9)  # three retries are all it has
    assert shop.raw.zcard("indaba.delayed") == 0


def test_indaba_runs_it_not_before_its_eta_and_not_after_it_expired(shop):
    began = time.time()
    late = shop.call("test.echo", 1, countdown=3)
    shop.wait(lambda: shop.raw.zcard("indaba.delayed") == 1)
    (scheduled,) = shop.inspect("scheduled")
    assert scheduled["request"]["id"] == late.id and scheduled["priority"] == 0
    late.get(timeout=10)
    assert 3 <= time.time() - began < promised(8)
    expired = shop.call("test.echo", 1, countdown=0.6, expires=0.3)
    with pytest.raises(Exception, match="expired") as told:
        expired.get(timeout=10)
    assert type(told.value).__name__ == "TaskRevokedError" and expired.state == "REVOKED"


def test_the_most_urgent_is_run_first(own_shop):
    shop = own_shop(INDABA_JOBS_CONCURRENCY="1", INDABA_JOBS_PREFETCH="1")
    blocker = shop.started(shop.call("test.sleep", 2))
    tasks = {shop.call("test.sleep", 0, priority=priority).id: priority for priority in (9, 6, 3, 0)}
    blocker.get(timeout=10)
    shop.wait(lambda: shop.raw.exists(*(f"celery-task-meta-{task}" for task in tasks)) == 4)
    began = [entry["task_id"] for entry in shop.server.log_entries() if entry["message"] == "a body runs"]
    assert [tasks[task] for task in began if task in tasks] == [0, 3, 6, 9]


def test_what_was_revoked_does_not_run(own_shop):
    shop = own_shop(INDABA_JOBS_CONCURRENCY="1")
    running = shop.started(shop.call("test.sleep", 20))
    waiting, delayed = shop.call("test.sleep", 0), shop.call("test.sleep", 0, countdown=1)
    shop.wait(lambda: waiting.id in [one["id"] for one in shop.inspect("reserved")])
    waiting.revoke(), delayed.revoke()
    shop.app.control.revoke(running.id, terminate=True)
    for task, why in ((running, "terminated"), (waiting, "revoked"), (delayed, "revoked")):
        with pytest.raises(Exception, match=why):
            task.get(timeout=10)
        assert task.state == "REVOKED"
    assert "slept" not in str([shop.raw.get(f"celery-task-meta-{t.id}") for t in (running, waiting, delayed)])
    assert waiting.id not in shop.server.log_text() and waiting.id in shop.inspect("revoked")
    # Better than Celery's own: a worker that starts later knows it too.
    late = shop.call("test.sleep", 0, countdown=2)
    shop.wait(lambda: shop.raw.zcard("indaba.delayed") == 1)
    late.revoke()
    shop.wait(lambda: shop.raw.zscore("indaba.celery.revoked", late.id))
    shop.server.kill()
    shop.server.start()
    with pytest.raises(Exception, match="revoked"):
        late.get(timeout=10)


@pytest.mark.parametrize("task", ["test.sleep", "test.block"])
def test_limits_of_time_hold_in_indaba(shop, task):
    with pytest.raises(Exception) as told:
        shop.call(task, 20, soft_time_limit=0.3, time_limit=10).get(timeout=10)
    assert type(told.value).__name__ == "SoftTimeLimitExceeded"
    if task == "test.sleep":
        with pytest.raises(Exception, match="0.3") as told:
            shop.app.send_task(task, (3,), {"stubborn": True}, time_limit=0.3).get(timeout=10)
        assert type(told.value).__name__ == "TimeLimitExceeded"


def test_a_canvas_is_refused_and_the_reason_is_told(shop):
    group = importlib.import_module("celery").group
    add = shop.app.signature("test.add", (1, 2), queue="indaba")
    chained = (add | shop.app.signature("test.add", (3,), queue="indaba")).apply_async()
    with pytest.raises(NotImplementedError, match="chain after it"):
        chained.parent.get(timeout=10)
    linked = add.clone()
    linked.link(shop.app.signature("test.add", (3,), queue="indaba"))
    with pytest.raises(NotImplementedError, match="callbacks after it"):
        linked.apply_async().get(timeout=10)
    # A group is no canvas to whoever runs its parts.
    other = shop.app.signature("test.add", (3, 4), queue="indaba")
    assert group([add, other], app=shop.app).apply_async().get(timeout=10) == [3, 7]


def test_nobody_hears_of_a_result_that_is_ignored(shop):
    ignored = shop.call("test.add", 1, 2, ignore_result=True)
    assert shop.get("test.add", 1, 2) == 3
    time.sleep(0.1)
    assert shop.raw.get(f"celery-task-meta-{ignored.id}") is None


def test_progress_can_be_looked_at(shop):
    task = shop.call("test.sleep", 3)
    shop.wait(lambda: task.state == "PROGRESS")
    assert task.info["note"] == "sleeping" and task.get(timeout=10) == "slept"


def message(**changes):
    """A good one, but for what is changed: a member by its path, None to leave it out."""
    whole = {"body": base64.b64encode(json.dumps([[1], {}, {}]).encode()).decode(), "content-encoding": "utf-8",
             "content-type": "application/json", "headers": {"lang": "py", "task": "test.echo", "id": str(uuid.uuid4())},
             "properties": {"body_encoding": "base64", "delivery_info": {"exchange": "", "routing_key": "indaba"},
                            "delivery_tag": str(uuid.uuid4())}}
    for path, value in changes.items():
        *parents, name = path.replace("__", "-").split("_in_")[::-1] if "_in_" in path else [path.replace("__", "-")]
        place = whole
        for parent in parents:
            place = place[parent]
        place.pop(name, None)
        if value is not None:
            place[name] = value
    return whole


POISON = [
    b"no JSON", b"", b"[]", b"7", b"null", b'"text"', b"{}", b"\xff\xfe", b"{" * 5000, b"[" * 100000, b'{"headers": null}',
    message(id_in_headers=None), message(id_in_headers=7), message(id_in_headers="x" * 5000), message(task_in_headers=None),
    message(task_in_headers={}), message(headers=None), message(headers=[]), message(body=None), message(body=5), message(body="%%%"),
    message(body=base64.b64encode(b"{}").decode()), message(body=base64.b64encode(b"[[], [], {}]").decode()),
    message(body=base64.b64encode(b"[{}, {}, {}]").decode()), message(body=base64.b64encode(b"\x80\x04pickle").decode()),
    message(body=base64.b64encode(b"[[" + b"[" * 3000 + b"]" * 3000 + b"], {}, {}]").decode()),
    message(body_encoding_in_properties=None), message(content__type=None), message(content__type="application/x-python-serialize"),
    message(eta_in_headers="soon"), message(expires_in_headers=[]), message(padding="x" * 2_000_000),
    message(headers={"id": str(uuid.uuid4()), "task": "test.echo", "argsrepr": '"headers": {"id": 1}'}, body="x" * 2_000_000),
    message(padding=float("nan")),
]
FINE = [
    message(lang_in_headers=None, **{"content__encoding": None}), message(delivery_tag_in_properties=None),
    message(delivery_info_in_properties=None), message(retries_in_headers="many", timelimit_in_headers=7),
    message(body="[[1], {}, null]", body_encoding_in_properties=None), message(priority_in_properties={}, stamps_in_headers={"a": [1]}),
]


def test_no_message_stops_the_worker(shop):
    shop.raw.delete("indaba.dead")
    before = shop.metric("unreadable")
    for poison in POISON:
        shop.raw.lpush("indaba", poison if isinstance(poison, bytes) else json.dumps(poison))
    for fine in FINE:
        shop.raw.lpush("indaba", json.dumps(fine))
    shop.wait(shop.settled)
    for fine in FINE:
        assert shop.app.AsyncResult(fine["headers"]["id"]).get(timeout=10) == {"value": 1}
    assert shop.raw.llen("indaba.dead") == len(POISON)
    assert shop.metric("unreadable") == before + len(POISON)
    # Where it is known whose it was, the caller need not wait.
    whose = [poison["headers"]["id"] for poison in POISON if isinstance(poison, dict) and isinstance(poison.get("headers"), dict)
             and len(str(poison["headers"].get("id"))) == 36]
    assert len(whose) > 9
    for known in whose:
        with pytest.raises(Exception) as told:
            shop.app.AsyncResult(known).get(timeout=10)
        assert type(told.value).__name__ == "InvalidTaskError"
    with pytest.raises(Exception, match="1 MiB"):
        shop.get("test.echo", "x" * 2_000_000)
    assert shop.get("test.add", 1, 1) == 2
    for _ in range(250):
        shop.raw.lpush("indaba", "no JSON")
    shop.wait(lambda: shop.raw.llen("indaba") == 0)
    assert shop.raw.llen("indaba.dead") == 200


def test_celery_inspect_sees_the_worker(shop):
    running = shop.started(shop.call("test.sleep", 60))
    (name,) = [name for name in shop.app.control.inspect(timeout=1.5).ping() if name.startswith("indaba-")]
    assert name.startswith(f"indaba-{shop.server.pid}@")
    told = celery.command(shop.redis, "inspect", "ping", "-t", "5", "-d", name)
    assert f"{name}: OK" in told and "pong" in told
    (active,) = shop.inspect("active")
    assert active["id"] == running.id and active["name"] == "test.sleep" and active["args"] == [60]
    assert active["delivery_info"]["routing_key"] == "indaba"
    assert "test.add" in shop.inspect("registered") and shop.inspect("reserved") == []
    assert shop.inspect("active_queues")[0]["name"] == "indaba"
    assert shop.get("test.add", 1, 2) == 3
    stats = shop.inspect("stats")
    assert stats["total"]["test.add"] > 0 and stats["pool"]["max-concurrency"] == 4
    assert shop.inspect("query_task", running.id)[running.id][0] == "active"
    assert shop.app.control.ping(timeout=5, limit=1, destination=[name]) == [{name: {"ok": "pong"}}]
    assert "error" in shop.app.control.broadcast("shut_all", reply=True, timeout=5, limit=1, destination=[name])[0][name]
    assert shop.app.control.ping(timeout=1.5, destination=["nobody@vm"]) == []
    shop.app.control.revoke(running.id, terminate=True)


def test_celery_events_shows_the_worker_and_its_tasks(shop):
    with celery.Process(shop.redis, "events", "--dump") as events:
        events.wait_for("heartbeat")
        shop.get("test.add", 1, 2)
        with pytest.raises(Exception, match="disk"):
            shop.get("test.fail", None, True)
        shop.get("test.fail", 1)
        revoked = shop.started(shop.call("test.sleep", 20))
        shop.app.control.revoke(revoked.id, terminate=True)
        name = f"indaba-{shop.server.pid}@"
        for words in (name, "task received: test.add", "task started", "task succeeded", "task failed", "task retried", "task revoked"):
            events.wait_for(words)


def test_an_alert_reaches_the_organisation_once(shop):
    task = shop.call("communityhub.tasks.fanout_alert", "shop", {"title": "Water!"})
    task.get(timeout=10)
    assert [event["title"] for event in shop.events("alert")] == ["Water!"]
    # Delivered again, as a broker may.
    raw = json.loads(json.dumps(message(task_in_headers="communityhub.tasks.fanout_alert", id_in_headers=task.id)))
    raw["body"] = base64.b64encode(json.dumps([["shop", {"title": "Water!"}], {}, {}]).encode()).decode()
    for _ in range(3):
        shop.raw.lpush("indaba", json.dumps(raw))
    shop.wait(shop.settled)
    assert len(shop.events("alert")) == 1
    with pytest.raises(Exception, match="no such organisation") as told:
        shop.get("communityhub.tasks.fanout_alert", "nowhere", {})
    assert type(told.value).__name__ == "NotFound"
    with pytest.raises(Exception, match="reserved"):
        shop.get("communityhub.tasks.fanout_alert", "shop", {"seq": 1})


# -- What goes wrong


def test_a_worker_that_is_killed_has_its_task_run_again_and_its_effect_once(own_shop):
    shop = own_shop()
    task = shop.started(shop.call("test.sleep", 1, "shop"))
    shop.server.kill()
    assert shop.raw.hlen("unacked") == 1
    shop.server.start()
    assert task.get(timeout=10) == "slept"
    assert len(shop.events("slept")) == 1
    assert shop.metric("restored") == 1 and not shop.raw.hlen("unacked")


def test_all_that_a_killed_worker_had_comes_back_together(own_shop):
    shop = own_shop(INDABA_JOBS_CONCURRENCY="30", INDABA_CELERY_VISIBILITY_TIMEOUT="8s")
    tasks = [shop.call("test.sleep", 30) for _ in range(60)]
    shop.wait(lambda: shop.raw.hlen("unacked") == 60)
    shop.server.kill()
    killed = time.monotonic()
    shop.server.start()
    restored = []
    while not restored or restored[-1][1] < 60:
        assert time.monotonic() < killed + 8 + promised(2), restored
        restored.append((time.monotonic(), shop.metric("restored")))
        time.sleep(0.05)
    began = next(at for at, count in restored if count)
    assert restored[-1][0] - began < promised(0.4), restored
    shop.app.control.revoke([task.id for task in tasks], terminate=True)


def test_a_worker_that_stood_still_records_nothing(own_shop):
    shop = own_shop()
    task = shop.started(shop.call("test.sleep", 1, "shop"))
    shop.server.signal(signal.SIGSTOP)
    try:
        other = shop.node(data=None)  # its own database: what it records, the first one cannot know
        assert task.get(timeout=15) == "slept"
        first = shop.raw.get(f"celery-task-meta-{task.id}")
    finally:
        shop.server.signal(signal.SIGCONT)
    shop.wait(lambda: shop.metric("lost") == 1)
    time.sleep(1.2)
    assert shop.raw.get(f"celery-task-meta-{task.id}") == first
    assert other.log_text().count("a body runs") == 1 and not shop.raw.hlen("unacked")


def test_a_worker_of_pythons_restores_what_ours_left(own_shop):
    """The keys are kombu's: a Python worker with the same time-out does it too."""
    shop = own_shop()
    shop.started(shop.call("test.sleep", 30))
    shop.server.kill()
    (tag,) = shop.raw.hkeys("unacked")
    channel = shop.app.connection_for_read().channel()
    shop.wait(lambda: shop.raw.zscore("unacked_index", tag) < time.time() - 2.1)
    channel.visibility_timeout = 2
    channel.qos.visibility_timeout = 2
    channel.qos.restore_visible(interval=1)
    assert shop.raw.hlen("unacked") == 0 and shop.raw.llen("indaba") == 1
    assert json.loads(shop.raw.lindex("indaba", 0))["headers"]["redelivered"] is True


def test_what_a_worker_of_pythons_left_on_our_queue_is_restored(own_shop):
    shop = own_shop()
    raw = json.dumps(message())
    shop.raw.hset("unacked", "theirs", f'[{raw}, "", "indaba"]')
    shop.raw.zadd("unacked_index", {"theirs": time.time() - 10})
    shop.raw.hset("unacked", "of another queue", f'[{raw}, "", "celery"]')
    shop.raw.zadd("unacked_index", {"of another queue": time.time() - 10})
    assert shop.app.AsyncResult(json.loads(raw)["headers"]["id"]).get(timeout=10) == {"value": 1}
    assert shop.raw.hkeys("unacked") == [b"of another queue"]


@pytest.mark.parametrize("what", ["restart", "flush", "pause"])
def test_the_worker_goes_on_when_redis_is_back(own_shop, what):
    shop = own_shop()
    running = shop.started(shop.call("test.sleep", 1, "shop"))
    if what == "pause":
        shop.redis.pause()
        time.sleep(1.5)
        shop.redis.resume()
    else:
        getattr(shop.redis, what)()
    # Redis has forgotten the message; who ran it has not, and its caller is told.
    shop.wait(lambda: shop.redis.answers() and shop.raw.get(f"celery-task-meta-{running.id}"), 15)
    assert shop.app.AsyncResult(running.id).get(timeout=10) == "slept"
    assert len(shop.events("slept")) == 1
    assert shop.get("test.add", 1, 2) == 3


def test_a_clean_stop_lets_the_short_end_and_gives_the_long_back(own_shop):
    shop = own_shop(INDABA_SERVER_DRAIN_TIME="4s", INDABA_JOBS_CONCURRENCY="2", INDABA_CELERY_VISIBILITY_TIMEOUT="1h")
    short, long = shop.started(shop.call("test.sleep", 2)), shop.started(shop.call("test.sleep", 60, priority=3))
    waiting = [shop.call("test.echo", n) for n in range(2)]
    shop.wait(lambda: shop.raw.hlen("unacked") == 4)
    began = time.monotonic()
    assert shop.server.stop() == 0
    assert time.monotonic() - began < 4 + promised(1)
    assert short.get(timeout=5) == "slept"
    assert not shop.raw.hlen("unacked") and not shop.raw.zcard("unacked_index")
    assert [json.loads(raw)["headers"]["id"] for raw in reversed(shop.raw.lrange("indaba", 0, -1))] == [w.id for w in waiting]
    assert [json.loads(raw)["headers"]["id"] for raw in shop.raw.lrange("indaba\x06\x163", 0, -1)] == [long.id]


def test_bodies_that_hang_hold_up_neither_others_nor_the_end(own_shop):
    shop = own_shop(INDABA_JOBS_CONCURRENCY="2", INDABA_SERVER_DRAIN_TIME="1s")
    for hanging in [shop.call("test.block", 600, True, time_limit=0.3) for _ in range(4)]:
        with pytest.raises(Exception, match="0.3"):
            hanging.get(timeout=10)
    assert shop.get("test.add", 1, 2) == 3
    for _ in range(4):
        shop.call("test.block", 600, True, time_limit=0.3)
    shop.wait(lambda: "nothing new begins" in shop.server.log_text())
    waiting = shop.call("test.add", 1, 2)
    began = time.monotonic()
    assert shop.server.stop() == 0
    assert time.monotonic() - began < promised(6)
    left = next(entry for entry in shop.server.log_entries() if entry["message"] == "stopped without jobs that do not come back")
    assert left["count"] == 8
    shop.server.start()
    assert waiting.get(timeout=10) == 3


def test_what_kills_its_workers_again_and_again_is_put_aside(own_shop):
    shop = own_shop()
    raw = message()
    raw["headers"]["x-indaba-restored"] = 10
    shop.raw.hset("unacked", "bad", f'[{json.dumps(raw)}, "", "indaba"]')
    shop.raw.zadd("unacked_index", {"bad": time.time() - 10})
    with pytest.raises(Exception, match="too often") as told:
        shop.app.AsyncResult(raw["headers"]["id"]).get(timeout=10)
    assert type(told.value).__name__ == "WorkerLostError" and shop.raw.llen("indaba.dead") == 1


def test_results_may_be_kept_elsewhere(own_shop):
    results = Redis()
    try:
        shop = own_shop(CELERY_RESULT_BACKEND=results.url)
        task = shop.call("test.add", 1, 2)
        shop.wait(lambda: b"SUCCESS" in results.ask("GET", f"celery-task-meta-{task.id}"))
        assert shop.raw.get(f"celery-task-meta-{task.id}") is None and not shop.raw.hlen("unacked")
    finally:
        results.close()


def test_wrong_settings_are_named_at_the_start(own_server):
    server = own_server(start=False)
    for env, words in (({}, "celery.broker_url"), ({"CELERY_BROKER_URL": "amqp://rabbit//"}, "celery.broker_url"),
                       ({"CELERY_BROKER_URL": "redis://h", "INDABA_CELERY_QUEUES": 'a"b'}, "celery.queues"),
                       ({"CELERY_BROKER_URL": "redis://h", "CELERY_RESULT_BACKEND": "rpc://"}, "celery.result_backend")):
        server.env = {**server.env, "INDABA_CELERY_QUEUES": "q", **env}
        told = server.command("serve", timeout=10)
        assert told.code == 2 and words in told.err, told.err
        for name in env:
            server.env.pop(name)
    assert os.path.exists(server.data)


def ready(shop):
    with urllib.request.urlopen(shop.server.url + "/readyz", timeout=10) as answer:
        return json.loads(answer.read())


def test_what_stands_oddly_among_the_delayed_stops_nobody(own_shop):
    shop = own_shop()
    shop.raw.zadd("indaba.delayed", {"": 9999999998, "x": 9999999999})
    late = shop.call("test.echo", 1, countdown=600)
    shop.wait(lambda: shop.raw.zcard("indaba.delayed") == 3)
    assert [one["request"]["id"] for one in shop.inspect("scheduled")] == [late.id]
    shop.raw.zadd("indaba.delayed", {"": 1, "x": 1})
    shop.wait(lambda: shop.raw.llen("indaba.dead") == 2)
    shop.raw.zadd("indaba.delayed", {"x": 9999999999})
    assert shop.get("test.add", 1, 2) == 3
    assert shop.server.stop() == 0


def test_a_redis_that_refuses_writes_is_told(own_shop):
    shop = own_shop()
    assert shop.get("test.add", 1, 2) == 3
    shop.wait(lambda: "degraded" not in json.dumps(ready(shop)))
    shop.raw.execute_command("REPLICAOF", "127.0.0.1", "1")
    shop.wait(lambda: "refuses" in json.dumps(ready(shop)))
    assert "READONLY" in next(entry["reason"] for entry in shop.server.log_entries() if "Redis refuses" in entry["message"])
    shop.raw.execute_command("REPLICAOF", "NO", "ONE")
    assert shop.get("test.add", 1, 2) == 3
    shop.raw.set("indaba", "no list")
    shop.wait(lambda: "WRONGTYPE" in shop.server.log_text() and "refuses" in json.dumps(ready(shop)))
    shop.raw.delete("indaba")
    assert shop.get("test.add", 1, 2) == 3
    shop.wait(lambda: "refuses" not in json.dumps(ready(shop)))


def test_what_was_lost_is_restored_behind_all_that_others_left(own_shop):
    shop = own_shop()
    shop.server.stop()
    pipe = shop.raw.pipeline()
    for n in range(2100):
        pipe.hset("unacked", f"foreign {n}", '[{"headers": {"id": "x"}}, "", "celery"]')
        pipe.zadd("unacked_index", {f"foreign {n}": 1000 + n})
    raw = message()
    pipe.hset("unacked", "ours", f'[{json.dumps(raw)}, "", "indaba"]')
    pipe.zadd("unacked_index", {"ours": time.time() - 100})
    pipe.hset("unacked", "bad", '[{"a": NaN}, "", "indaba"]')
    pipe.zadd("unacked_index", {"bad": time.time() - 100})
    pipe.execute()
    shop.server.start()
    assert shop.app.AsyncResult(raw["headers"]["id"]).get(timeout=15) == {"value": 1}
    shop.wait(lambda: shop.raw.lrange("indaba.dead", 0, -1) == [b'{"a": NaN}'])
    time.sleep(1.5)
    assert shop.raw.hlen("unacked") == 2100 and shop.raw.llen("indaba.dead") == 1


def test_a_broker_that_is_emptied_costs_no_result_that_is_kept_elsewhere(own_shop):
    results = Redis()
    try:
        shop = own_shop(CELERY_RESULT_BACKEND=results.url)
        for trouble in (shop.redis.flush, shop.redis.restart):
            task = shop.started(shop.call("test.sleep", 1))
            trouble()
            shop.wait(lambda task=task: b"SUCCESS" in results.ask("GET", f"celery-task-meta-{task.id}"), 15)
    finally:
        results.close()


def test_what_is_revoked_long_before_it_is_due_ends_at_once(own_shop):
    shop = own_shop()
    tasks = [shop.call("test.sleep", 0, countdown=14_400 + n) for n in range(300)]
    shop.wait(lambda: shop.raw.zcard("indaba.delayed") == 300)
    revoked = tasks[::3]
    shop.app.control.revoke([task.id for task in revoked])
    for task in revoked:
        with pytest.raises(Exception, match="revoked"):
            task.get(timeout=10)
    assert shop.raw.zcard("indaba.delayed") == 200 and shop.settled()
    assert not any(task.id.encode() in b"".join(shop.raw.zrange("indaba.delayed", 0, -1)) for task in revoked)


def test_a_failure_stands_in_the_log_and_an_unknown_task_is_kept(own_shop):
    shop = own_shop()
    failed = shop.call("test.fail", None, True, "disk_full", "a secret", ignore_result=True)
    unknown = shop.call("nobody.knows", "a secret", queue="indaba")
    with pytest.raises(Exception, match="knows"):
        unknown.get(timeout=10)
    shop.wait(lambda: failed.id in shop.server.log_text())
    told = {entry["task_id"]: entry for entry in shop.server.log_entries() if entry["message"] == "a task ended with an error"}
    assert (told[failed.id]["task"], told[failed.id]["exception"], told[failed.id]["attempt"]) == ("test.fail", "DiskFull", 1)
    assert told[unknown.id]["exception"] == "NotRegistered" and "a secret" not in shop.server.log_text()
    assert [json.loads(raw)["headers"]["id"] for raw in shop.raw.lrange("indaba.dead", 0, -1)] == [unknown.id]
    for _ in range(100):
        shop.call("test.fail", None, True, ignore_result=True)
    shop.wait(shop.settled)
    assert 2 <= shop.server.log_text().count("a task ended with an error") < 30


def test_misspelt_and_missing_arguments_are_refused(shop):
    before = len(shop.events("alert"))
    send = shop.app.send_task
    with pytest.raises(TypeError, match="unexpected keyword argument 'paylod'"):
        send("communityhub.tasks.fanout_alert", kwargs={"org": "shop", "paylod": {"title": "x"}}).get(timeout=10)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'payload'"):
        send("communityhub.tasks.fanout_alert", ("shop",)).get(timeout=10)
    with pytest.raises(TypeError, match="missing 2 required positional arguments: 'x' and 'y'"):
        send("test.add").get(timeout=10)
    assert len(shop.events("alert")) == before


def test_celery_may_name_what_is_meant_for_it_and_nothing_else(shop):
    known = shop.inspect("registered")
    assert {"communityhub.tasks.fanout_alert", "communityhub.tasks.unpin_expired", "communityhub.tasks.archive_old_logs"} <= set(known)
    assert not {"celery.send", "clean-up", "jobs.forget", "end-sessions", "trim-events"} & set(known)
    assert shop.get("communityhub.tasks.unpin_expired", queue="indaba") == {"unpinned": 0}
    for name in ("celery.send", "end-sessions"):
        with pytest.raises(Exception) as told:
            shop.get(name, queue="indaba")
        assert type(told.value).__name__ == "NotRegistered"


def test_a_compressed_body_says_so(shop):
    with pytest.raises(Exception, match="compressed .application/x-gzip."):
        shop.app.send_task("test.add", (1, 2), compression="zlib").get(timeout=10)


# -- The way out of a change in the database: celery.send


def enqueue(shop, task, *args, delay="0s", **options):
    told = shop.server.command("jobs", "enqueue", "celery.send", "--delay", delay, "--arguments",
                               json.dumps({"task": task, "args": args, **options})).expect(0)
    return int(told.out)


def test_a_job_sends_a_task_to_celery_and_a_worker_of_pythons_runs_it_once(own_shop):
    shop = own_shop(INDABA_CELERY_QUEUES="")
    with celery.Worker(shop.redis):
        enqueue(shop, "shop.note", "now")
        enqueue(shop, "shop.note", kwargs={"value": "by its name"})
        shop.wait(lambda: shop.raw.llen("shop.notes") == 2)
        # The server is killed before it sends, while it sends, and after.
        many = [f"{n}" for n in range(24)]
        for value in many:
            enqueue(shop, "shop.note", value, delay="1s" if int(value) % 2 else "0s")
            if int(value) % 6 == 5:
                shop.server.kill()
                shop.server.start()
        shop.wait(lambda: shop.raw.llen("shop.notes") >= 2 + len(many), 30)
        time.sleep(0.5)
        notes = [note.decode() for note in shop.raw.lrange("shop.notes", 0, -1)]
        assert sorted(notes) == sorted(["now", "by its name", *many])


def test_a_job_that_sends_waits_for_a_broker_that_is_away(own_shop):
    shop = own_shop(INDABA_CELERY_QUEUES="")
    shop.redis.kill()
    enqueue(shop, "shop.add", 1, queue="nobody", priority=6, countdown=1, time_limit=20, soft_time_limit=10, ignore_result=True)
    time.sleep(1)
    shop.redis.start()
    shop.wait(lambda: shop.raw.llen("nobody\x06\x166") == 1, 30)
    sent = json.loads(shop.raw.lindex("nobody\x06\x166", 0))
    assert sent["headers"]["timelimit"] == [20, 10] and sent["headers"]["ignore_result"] is True and sent["headers"]["eta"]


def test_what_cannot_be_sent_fails_with_the_reason(own_shop, own_server):
    def failed(server, number, words):
        deadline, out = time.monotonic() + 10, ""
        while not any(line.split()[0] == str(number) and words in line for line in out.splitlines()):
            assert time.monotonic() < deadline, out
            out = server.command("jobs", "list", "--status", "failed").expect(0).out

    shop = own_shop(INDABA_CELERY_QUEUES="")
    failed(shop.server, enqueue(shop, "shop add"), "task")
    failed(shop.server, enqueue(shop, "shop.add", cuontdown=3), "cuontdown")
    failed(shop.server, enqueue(shop, "shop.add", countdown=7200), "visibility time-out")
    without = own_server()
    told = without.command("jobs", "enqueue", "celery.send", "--arguments", '{"task": "shop.add"}').expect(0)
    failed(without, int(told.out), "celery.broker_url is not set")
    # A broker that is another one, or results that Indaba cannot read, are no reason not to start.
    shop.server.stop()
    shop.server.env["CELERY_RESULT_BACKEND"] = "rpc://"
    shop.server.start()
    enqueue(shop, "shop.add", 1, queue="nobody")
    shop.wait(lambda: shop.raw.llen("nobody") == 1)
    shop.server.stop()
    shop.server.env["CELERY_BROKER_URL"] = "amqp://rabbit//"
    shop.server.start()
    failed(shop.server, enqueue(shop, "shop.add"), "redis://")
