"""Background jobs as operators and their organisations see them."""

import asyncio
import time

import pytest

from harness.client import User, make_org
from harness.socket import Socket


@pytest.fixture
def working(own_server):
    return own_server(arguments=["--test-tasks"])


def enqueue(server, *words):
    return int(server.command("jobs", "enqueue", *words).expect(0).out)


async def becomes(root, number, status, seconds=10):
    for _ in range(seconds * 50):
        page = (await root.get("admin/jobs")).expect(200).json
        found = next(job for job in page["results"] if job["id"] == number)
        if found["status"] == status:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(found)


async def test_what_became_of_a_job_is_listed_newest_first(working):
    root = User(working, "root")
    numbers = [enqueue(working, "test.effect") for _ in range(3)]
    done = await becomes(root, numbers[0], "done")
    assert done["task"] == "test.effect" and done["progress"] == 1 and done["failures"] == 0
    assert done["created_at"] <= done["begun_at"] <= done["ended_at"]
    await becomes(root, numbers[2], "done")
    first = (await root.get("admin/jobs?limit=2&task=test.effect")).expect(200).json
    assert [job["id"] for job in first["results"]] == [numbers[2], numbers[1]]
    rest = (await root.get(f"admin/jobs?limit=2&task=test.effect&cursor={first['next_cursor']}")).expect(200).json
    assert [job["id"] for job in rest["results"]] == [numbers[0]] and rest["next_cursor"] is None
    assert (await root.get("admin/jobs?status=failed")).expect(200).json["results"] == []
    (await root.get("admin/jobs?status=lost")).expect(422)


async def test_a_job_is_cancelled_and_run_again(working):
    root = User(working, "root")
    number = enqueue(working, "test.effect", "--delay", "1h")
    assert (await root.post(f"admin/jobs/{number}/cancel")).expect(200).json["status"] == "cancelled"
    assert (await root.post(f"admin/jobs/{number}/cancel")).expect(409).json["code"] == "job_ended"
    (await root.post(f"admin/jobs/{number}/retry")).expect(200)
    await becomes(root, number, "done")
    assert (await root.post(f"admin/jobs/{number}/retry")).expect(409).json["code"] == "job_not_ended"
    (await root.post("admin/jobs/999999/retry")).expect(404)


async def test_a_job_that_a_newer_one_replaces_is_not_run_again(own_server):
    server = own_server(arguments=["--no-jobs"])  # nobody begins them meanwhile
    root = User(server, "root")
    org = await make_org(root)
    numbers = []
    for _ in range(2):
        told = (await root.post(f"{org.path}/exports", {"kind": "tasks_csv"})).expect(202).json
        numbers.append(told["job_id"])
        if len(numbers) == 1:
            (await root.post(f"admin/jobs/{told['job_id']}/cancel")).expect(200)
    refused = (await root.post(f"admin/jobs/{numbers[0]}/retry")).problem(409, "job_replaced")
    assert f"Job {numbers[1]} " in refused["detail"]
    (await root.patch("me", {"locale": "af"})).expect(200)
    afrikaans = await root.post(f"admin/jobs/{numbers[0]}/retry")
    assert "taak" in afrikaans.problem(409, "job_replaced")["detail"]
    by_command = server.command("jobs", "retry", numbers[0])
    assert by_command.code == 1 and f"Job {numbers[1]} " in by_command.err, by_command.err
    # Where the newer one is gone, there is nothing in the way.
    (await root.post(f"admin/jobs/{numbers[1]}/cancel")).expect(200)
    assert (await root.post(f"admin/jobs/{numbers[0]}/retry")).expect(200).json["status"] == "ready"


async def test_nobody_but_superusers_sees_what_belongs_to_no_organisation(working):
    root, anna = User(working, "root"), User(working, "anna").register()
    org = await make_org(anna)
    number = enqueue(working, "test.effect")
    await becomes(root, number, "done")
    assert (await anna.get("admin/jobs")).expect(200).json["results"] == []
    assert (await anna.get(f"admin/jobs?org={org.slug}")).expect(200).json["results"] == []
    (await anna.post(f"admin/jobs/{number}/retry")).expect(404)
    zoe = User(working, "zoe").register()
    (await zoe.get(f"admin/jobs?org={org.slug}")).expect(404)
    ben = User(working, "ben").register()
    (await anna.post(f"orgs/{org.slug}/members", {"username": "ben", "role": "member"})).expect(201)
    (await ben.get(f"admin/jobs?org={org.slug}")).expect(403)
    (await ben.get("admin/jobs")).problem(403, "forbidden")


async def test_admins_see_the_jobs_of_all_their_organisations_and_of_no_other(own_server):
    server = own_server()
    anna, ben = User(server, "anna").register(), User(server, "ben").register()
    orgs = [await make_org(anna, admin=ben), await make_org(anna, member=ben), await make_org(anna, admin=ben)]
    numbers = []
    for _ in range(2):
        for org in orgs:
            told = (await anna.post(f"{org.path}/exports", {"kind": "tasks_csv"})).expect(202).json
            numbers.append((told["job_id"], org.id))
            while (await anna.get(f"{org.path}/exports/{told['job_id']}")).json["status"] != "done":
                await asyncio.sleep(0.02)
    for user, mine in ((anna, orgs), (ben, [orgs[0], orgs[2]])):
        wanted = [number for number, org in reversed(numbers) if org in [one.id for one in mine]]
        seen, path = [], "admin/jobs?limit=3&task=orgs.export"
        while path:
            page = (await user.get(path)).expect(200).json
            seen += [job["id"] for job in page["results"]]
            after = page["next_cursor"]
            path = after and f"admin/jobs?limit=3&task=orgs.export&cursor={after}"
        assert seen == wanted
    (await ben.get(f"admin/jobs?org={orgs[1].slug}")).expect(403)


async def test_the_commands_do_what_the_routes_do(working):
    number = enqueue(working, "test.effect", "--delay", "1h")
    assert working.command("jobs", "cancel", number).expect(0).out == "cancelled\n"
    assert "cancelled" in working.command("jobs", "list", "--status", "cancelled").expect(0).out
    refused = working.command("jobs", "cancel", number)
    assert refused.code == 1 and refused.err.count("\n") == 1, refused.err
    working.command("jobs", "retry", number).expect(0)
    assert working.command("jobs", "enqueue", "no.such").code == 1
    assert working.command("jobs", "enqueue", "test.effect", "--arguments", "[]").code == 2
    await becomes(User(working, "root"), number, "done")
    assert working.command("jobs", "purge", "--status", "done").expect(0).out == "1\n"
    for wrong in (["purge", "--status", "running"], ["list", "--status", "lost"],
                  ["enqueue", "test.effect", "--count", "0"]):
        refused = working.command("jobs", *wrong)
        assert refused.code == 2 and wrong[-2] in refused.err, refused.err


async def test_work_is_counted(working):
    root = User(working, "root")
    await becomes(root, enqueue(working, "test.effect"), "done")
    deadline = time.monotonic() + 10  # it is done a moment before it is counted
    while 'indaba_jobs_total{task="test.effect",outcome="done"} 1\n' not in (
            text := (await root.get(working.url + "/metrics")).expect(200).body.decode()):
        assert time.monotonic() < deadline, text
        await asyncio.sleep(0.02)
    for name in ("indaba_jobs_queued", "indaba_jobs_running", "indaba_jobs_failed", "indaba_jobs_oldest_seconds"):
        assert f"\n{name} " in text


async def test_whoever_runs_no_jobs_tells_of_those_that_nobody_runs(own_server):
    server = own_server(arguments=["--test-tasks", "--no-jobs"])
    root = User(server, "root")
    enqueue(server, "test.effect")
    async with asyncio.timeout(20):
        while 'indaba_jobs_queued 1\n' not in (await root.get(server.url + "/metrics")).text:
            await asyncio.sleep(0.2)
        while 'indaba_jobs_oldest_seconds 0\n' in (await root.get(server.url + "/metrics")).text:
            await asyncio.sleep(0.2)
    assert '"queued":1' in (await root.get(server.url + "/status")).expect(200).text


@pytest.mark.parametrize("limits, code", [
    ({"INDABA_JOBS_SOFT_LIMIT": "200ms", "INDABA_JOBS_HARD_LIMIT": "400ms"}, "time_limit"),
    ({"INDABA_JOBS_MAX_RETRIES": "0"}, "disk_full")])
async def test_tasks_that_say_nothing_have_the_limits_of_the_configuration(own_server, limits, code):
    server = own_server(arguments=["--test-tasks"], env=limits)
    root = User(server, "root")
    task = {"time_limit": ("test.effect", '{"ms": 3000}'), "disk_full": ("test.fail", '{}')}[code]
    job = await becomes(root, enqueue(server, task[0], "--arguments", task[1]), "failed")
    assert job["error"]["code"] == code, job
    assert job["failures"] == 1


async def test_a_stream_of_a_task_that_is_not_ones_own_is_no_stream(working):
    anna = User(working, "anna").register()
    for name in ("tasks/01890a5d-ac96-774b-bcce-b302099a8057", "tasks/x"):
        async with await Socket.open(working, "/ws", anna) as socket:
            await socket.send("subscribe", stream=name, ref="r")
            await socket.error("not_found")


async def test_whoever_asked_for_a_task_is_told_what_became_of_it(own_server):
    server = own_server(arguments=["--no-jobs"])
    anna, ben = (User(server, name).register() for name in ("anna", "ben"))
    org = await make_org(anna)
    (await anna.post(f"{org.path}/members", {"username": "ben", "role": "admin"})).expect(201)
    told = (await ben.post(f"{org.path}/exports", {"kind": "tasks_csv"})).expect(202).json
    status = f"mentor/task-status/{told['task_id']}"
    assert (await ben.get(status)).expect(200).json == {"task_id": told["task_id"], "status": "pending"}
    for asks, path in ((anna, status), (ben, "mentor/task-status/x"), (ben, status[:-1])):
        assert (await asks.get(path)).expect(404).json["detail"] == "Task not found."
    (await anna.post(f"admin/jobs/{told['job_id']}/cancel")).expect(200)
    cancelled = (await ben.get(status)).expect(200).json
    assert cancelled == {"task_id": told["task_id"], "status": "failed", "error": "It was cancelled."}
    (await anna.delete(f"{org.path}/members/{ben.id}")).expect(204)
    (await ben.get(status)).expect(404)


async def test_a_task_that_is_done_tells_its_result(working):
    anna = User(working, "anna").register()
    org = await make_org(anna)
    told = (await anna.post(f"{org.path}/exports", {"kind": "tasks_csv"})).expect(202).json
    async with asyncio.timeout(10):
        while (status := (await anna.get(f"mentor/task-status/{told['task_id']}")).expect(200).json)["status"] != "ready":
            assert status == {"task_id": told["task_id"], "status": "pending"}
            await asyncio.sleep(0.02)
    assert set(status) == {"task_id", "status", "result"}
