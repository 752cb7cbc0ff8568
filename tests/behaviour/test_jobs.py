"""Background jobs as operators and their organisations see them."""

import asyncio

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


async def test_nobody_but_superusers_sees_what_belongs_to_no_organisation(working):
    root, anna = User(working, "root"), User(working, "anna").register()
    org = await make_org(anna)
    number = enqueue(working, "test.effect")
    await becomes(root, number, "done")
    (await anna.get("admin/jobs")).expect(403)
    assert (await anna.get(f"admin/jobs?org={org.slug}")).expect(200).json["results"] == []
    (await anna.post(f"admin/jobs/{number}/retry")).expect(404)
    zoe = User(working, "zoe").register()
    (await zoe.get(f"admin/jobs?org={org.slug}")).expect(404)
    ben = User(working, "ben").register()
    (await anna.post(f"orgs/{org.slug}/members", {"username": "ben", "role": "member"})).expect(201)
    (await ben.get(f"admin/jobs?org={org.slug}")).expect(403)


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
    assert working.command("jobs", "purge", "--status", "running").code == 1


async def test_work_is_counted(working):
    root = User(working, "root")
    await becomes(root, enqueue(working, "test.effect"), "done")
    text = (await root.get(working.url + "/metrics")).expect(200).body.decode()
    assert 'indaba_jobs_total{task="test.effect",outcome="done"} 1\n' in text
    for name in ("indaba_jobs_queued", "indaba_jobs_running", "indaba_jobs_failed", "indaba_jobs_oldest_seconds"):
        assert f"\n{name} " in text


async def test_a_stream_of_a_task_that_is_not_ones_own_is_no_stream(working):
    anna = User(working, "anna").register()
    for name in ("tasks/01890a5d-ac96-774b-bcce-b302099a8057", "tasks/x"):
        async with await Socket.open(working, "/ws", anna) as socket:
            await socket.send("subscribe", stream=name, ref="r")
            await socket.error("not_found")
