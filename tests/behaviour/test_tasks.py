"""Tasks: every change of one makes a `task_event`."""

import pytest

from harness.client import make_org, rows
from harness.socket import Socket


async def test_every_change_of_a_task_is_an_event(server, anna, ben):
    org = await make_org(anna, member=ben)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna) as socket:
        await socket.expect("subscribed")
        task = (await ben.post(f"{org.path}/tasks", {"title": "Paint the door"})).expect(201).json
        assert {"id", "title", "status", "assignee_id"} <= set(task)
        assert task["status"] == "todo" and task["assignee_id"] is None
        path = f"{org.path}/tasks/{task['id']}"
        (await ben.patch(path, {"status": "done"})).expect(200)
        (await ben.patch(path, {"title": "Paint it twice", "assignee_id": anna.id})).expect(200)
        assert (await anna.get(path)).expect(200).json["title"] == "Paint it twice"
        (await ben.delete(path)).expect(204)
        (await ben.get(path)).problem(404)
        events = await socket.events(4)
        assert [event["action"] for event in events] == ["created", "status_changed", "updated", "deleted"]
        assert {event["type"] for event in events} == {"task_event"}
        assert {event["task_id"] for event in events} == {task["id"]}
        assert events[1]["details"] == {"from": "todo", "to": "done"}
        assert all(event["actor"] == {"id": ben.id, "username": "ben"} for event in events)


async def test_a_change_that_changes_nothing_is_no_event(server, anna):
    org = await make_org(anna)
    task = (await anna.post(f"{org.path}/tasks", {"title": "x"})).expect(201).json
    head = (await anna.get(org.notifications)).json["head"]
    (await anna.patch(f"{org.path}/tasks/{task['id']}", {"status": "todo"})).expect(200)
    assert (await anna.get(org.notifications)).json["head"] == head


async def test_tasks_are_listed(server, anna):
    org = await make_org(anna)
    for n in range(3):
        (await anna.post(f"{org.path}/tasks", {"title": f"task {n}"})).expect(201)
    listed = rows((await anna.get(f"{org.path}/tasks")).expect(200).json)
    assert {row["title"] for row in listed} == {"task 0", "task 1", "task 2"}


@pytest.mark.parametrize("body, field", [
    ({}, "title"), ({"title": ""}, "title"), ({"title": "x" * 10_001}, "title"), ({"title": 7}, "title"),
    ({"title": "x", "status": "started"}, "status"), ({"title": "x", "assignee_id": "me"}, "assignee_id"),
    ({"title": "x", "assignee_id": 9007199254740991}, "assignee_id"), ({"title": "x", "id": 7}, "id"),
    ({"title": "x", "created_at": "2020-01-01T00:00:00Z"}, "created_at")])
async def test_a_task_that_is_wrong_is_a_422_that_names_the_field(server, anna, body, field):
    org = await make_org(anna)
    told = (await anna.post(f"{org.path}/tasks", body)).problem(422, "invalid")
    assert [error["field"] for error in told["errors"]] == [field]


async def test_only_members_can_be_assigned(server, anna, dora):
    org = await make_org(anna)
    told = (await anna.post(f"{org.path}/tasks", {"title": "x", "assignee_id": dora.id})).problem(422)
    assert told["errors"][0]["field"] == "assignee_id"


async def test_a_task_of_another_organisation_is_not_there(server, anna, dora):
    org, other = await make_org(anna), await make_org(dora)
    task = (await anna.post(f"{org.path}/tasks", {"title": "canary"})).expect(201).json
    for path in (f"{org.path}/tasks/{task['id']}", f"{other.path}/tasks/{task['id']}"):
        (await dora.get(path)).problem(404)
        (await dora.patch(path, {"title": "stolen"})).problem(404)
        (await dora.delete(path)).problem(404)
    (await anna.get(f"{other.path}/tasks/{task['id']}")).problem(404)


async def test_a_repeat_by_idempotency_key_makes_one_task_and_one_event(server, anna):
    org = await make_org(anna)
    head = (await anna.get(org.notifications)).json["head"]
    for key in ("key-1", '"key-1"'):  # quoted, as the draft writes it, or not
        answer = (await anna.post(f"{org.path}/tasks", {"title": "once"},
                                  headers={"Idempotency-Key": key})).expect(201)
    assert len(rows((await anna.get(f"{org.path}/tasks")).json)) == 1
    assert (await anna.get(org.notifications)).json["head"] == head + 1
    assert answer.json["title"] == "once"
