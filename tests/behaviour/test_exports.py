"""Exports: started by admins, written in the background, told of on the organisation's stream, downloaded whole."""

import asyncio
import csv
import io
import json
import os
import socket as sockets
import time

import pytest

from harness import postgres
from harness.client import User, make_org, rows, unique
from harness.limits import promised, within
from harness.socket import Socket

MESSAGES = int(os.environ.get("INDABA_EXPORT_MESSAGES", "20000"))


async def export(caller, org, kind, status="done"):
    told = (await caller.post(f"{org.path}/exports", {"kind": kind})).expect(202).json
    return await ended(caller, org, told["job_id"], status)


async def ended(caller, org, job_id, status="done", patience=60 + MESSAGES // 5000):
    for _ in range(patience * 50):
        told = (await caller.get(f"{org.path}/exports/{job_id}")).expect(200).json
        if told["status"] in ("done", "failed"):
            assert told["status"] == status, told
            return told
        await asyncio.sleep(0.02)
    raise AssertionError(f"it did not end: {told}")


async def test_an_export_is_told_of_followed_and_downloaded(server, anna, ben):
    org = await make_org(anna, member=ben)
    for title in ("Paint the door", "=HYPERLINK(\"http://evil\")", "two\nlines, \"quoted\""):
        (await anna.post(f"{org.path}/tasks", {"title": title})).expect(201)
    async with await Socket.open(server, f"/ws/{org.notifications}", ben) as hears, \
            await Socket.open(server, "/ws", anna) as follows:
        await hears.expect("subscribed")
        told = (await anna.post(f"{org.path}/exports", {"kind": "tasks_csv"})).expect(202).json
        assert told["status"] in ("queued", "running", "done")
        stream = f"tasks/{told['task_id']}"
        assert (await follows.ask("subscribe", stream=stream, since=0))["type"] == "subscribed"
        done = await hears.until("export_done")
        url = f"/api/v1/orgs/{org.slug}/exports/{told['job_id']}/download"
        assert done["job_id"] == told["job_id"] and done["status"] == "done" and done["download_url"] == url
        over = await follows.until("task_ended")
        assert over["status"] == "done" and over["result"]["lines"] == 3
    answer = (await anna.get(url)).expect(200)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{org.slug}-tasks-{told["job_id"]}.csv"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    table = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["title"] for row in table] == [
        "Paint the door", "'=HYPERLINK(\"http://evil\")", "two\nlines, \"quoted\""]
    head = (await anna.request("HEAD", url)).expect(200)
    assert head.body == b"" and head.headers["Content-Length"] == answer.headers["Content-Length"]


async def test_only_owners_and_admins_of_that_moment_may_have_it(server, anna, ben, carla, dora, stranger):
    org = await make_org(anna, member=ben, admin=carla)
    told = await export(carla, org, "audit_jsonl")
    for caller, status in ((ben, 403), (dora, 404), (stranger, 401)):
        (await caller.post(f"{org.path}/exports", {"kind": "audit_jsonl"})).problem(status)
        for path in (f"{org.path}/exports", f"{org.path}/exports/{told['job_id']}", told["download_url"]):
            (await caller.get(path)).problem(status)
    for caller in (anna, carla):
        (await caller.get(told["download_url"])).expect(200)
    (await anna.patch(f"{org.path}/members/{carla.id}", {"role": "member"})).expect(200)
    (await carla.get(told["download_url"])).problem(403)
    other = await make_org(dora)
    (await dora.get(f"{other.path}/exports/{told['job_id']}/download")).problem(404)
    # Nor may anybody but its requester follow the work.
    for caller in (anna, ben, dora):
        async with await Socket.open(server, "/ws", caller) as socket:
            answer = await socket.ask("subscribe", stream=f"tasks/{told['task_id']}")
            assert answer["type"] == "error" and answer["error"]["code"] == "not_found"


async def test_messages_are_those_of_all_rooms_as_owners_and_admins_read_them(server, anna, ben):
    org = await make_org(anna, admin=ben)
    open_ = await org.make_room()
    shut = (await ben.post(f"{org.path}/rooms", {"slug": unique("shut"), "private": True})).expect(201).json
    (await anna.post(f"{org.room(open_['slug'])}/messages", {"body": "said in the open"})).expect(201)
    (await ben.post(f"{org.room(shut['slug'])}/messages", {"body": "said behind a door"})).expect(201)
    (await anna.post(f"conversations/{ben.id}/messages", {"body": "said in private"})).expect(201)
    # anna is not in the private room, but may read it.
    (await anna.get(f"{org.room(shut['slug'])}/messages")).expect(200)
    for caller in (anna, ben):
        told = await export(caller, org, "messages_jsonl")
        text = (await caller.get(told["download_url"])).expect(200).text
        bodies = sorted(json.loads(line)["body"] for line in text.splitlines())
        assert bodies == ["said behind a door", "said in the open"]


async def test_who_is_sent_away_hears_nothing_of_their_work_any_more(server, anna, ben):
    org = await make_org(anna, admin=ben)
    told = await export(ben, org, "tasks_csv")
    stream = f"tasks/{told['task_id']}"
    async with await Socket.open(server, "/ws", ben) as socket:
        assert (await socket.ask("subscribe", stream=stream, last=1))["type"] == "subscribed"
    (await anna.delete(f"{org.path}/members/{ben.id}")).expect(204)
    async with await Socket.open(server, "/ws", ben) as socket:
        answer = await socket.ask("subscribe", stream=stream, last=1)
        assert answer["type"] == "error" and answer["error"]["code"] == "not_found"


async def test_one_that_cannot_be_made_says_so(server, anna):
    org = await make_org(anna)
    (await anna.post(f"{org.path}/exports", {"kind": "everything"})).problem(422)
    (await anna.get(f"{org.path}/exports/4503599627370496")).problem(404)
    (await anna.get(f"{org.path}/exports/4503599627370496/download")).problem(404)


async def fill(server, org, room, count):
    """As many messages as no test could send."""
    body = "a message of some length, as people write them, number "
    sql = (f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) INSERT INTO messages "
           f"(room_id, author_id, seq, number, body, created_at) SELECT {room['id']}, "
           f"(SELECT min(user_id) FROM org_members WHERE org_id = {org.id}), i, i, '{body}' || i, 1768000000000 + i FROM n")
    sql_rooms = f"UPDATE rooms SET messages = {count} WHERE id = {room['id']}"
    if server.database is not None:
        for one in (sql, sql_rooms):
            postgres.shared().sql(one, server.database)
        return
    import sqlite3
    server.stop()
    with sqlite3.connect(server.data / "indaba.db") as database:
        database.execute(sql)
        database.execute(sql_rooms)
    database.close()
    server.start()


async def whole(caller, told):
    text = (await caller.get(told["download_url"])).expect(200).text
    ids = [json.loads(line)["id"] for line in text.splitlines()]
    assert ids == sorted(set(ids))
    assert len(text.encode()) == told["bytes"] and len(ids) == told["lines"]
    return ids


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_a_server_that_ends_in_the_middle_leaves_nothing_half(own_server, how):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root)
    room = await org.make_room()
    await fill(server, org, room, MESSAGES)
    told = (await root.post(f"{org.path}/exports", {"kind": "messages_jsonl"})).expect(202).json
    path = f"{org.path}/exports/{told['job_id']}"
    while (now := (await root.get(path)).expect(200).json)["status"] == "queued":
        await asyncio.sleep(0.005)
    assert now["status"] == "running"
    await asyncio.sleep(0.1)
    (await root.get(f"{path}/download")).problem(409, "export_not_ready")
    if how == "kill":
        server.kill()
    else:
        assert server.stop() == 0
    server.start()
    again = await ended(root, org, told["job_id"])
    assert len(await whole(root, again)) == MESSAGES
    events = rows((await root.get(f"{org.notifications}?since=0&limit=200")).json)
    assert [event["job_id"] for event in events if event["type"] == "export_done"] == [told["job_id"]]


async def test_one_that_is_cancelled_failed_and_the_next_one_is_whole(own_server):
    server, count = own_server(), 5 * MESSAGES  # progress is told once a second
    root = User(server, "root")
    org = await make_org(root)
    room = await org.make_room()
    await fill(server, org, room, count)
    async with await Socket.open(server, f"/ws/{org.notifications}", root) as socket:
        await socket.expect("subscribed")
        told = (await root.post(f"{org.path}/exports", {"kind": "messages_jsonl"})).expect(202).json
        again = (await root.post(f"{org.path}/exports", {"kind": "messages_jsonl"})).expect(202).json
        assert again["job_id"] == told["job_id"]
        async with await Socket.open(server, "/ws", root) as follows:
            await follows.ask("subscribe", stream=f"tasks/{told['task_id']}", since=0)
            progress = await follows.until("task_progress")
            assert 0 < progress["progress"] < 1 and progress["note"].endswith(f" of {count}")
            (await root.post(f"admin/jobs/{told['job_id']}/cancel")).expect(200)
            assert (await follows.until("task_ended"))["status"] == "cancelled"
        done = await socket.until("export_done")
        assert done["status"] == "failed" and done["error"]["code"] == "cancelled"
        assert (await ended(root, org, told["job_id"], "failed"))["error"]["code"] == "cancelled"
        (await root.get(f"{org.path}/exports/{told['job_id']}/download")).problem(409, "export_failed")
    told = await export(root, org, "messages_jsonl")
    assert len(await whole(root, told)) == count


async def test_a_slow_reader_holds_only_its_own_download(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root)
    room = await org.make_room()
    await fill(server, org, room, MESSAGES)
    told = await export(root, org, "messages_jsonl")
    before = server.rss_bytes()
    readers = []
    for _ in range(10):
        reader, writer = await asyncio.open_connection(server.host, server.port, limit=4096)
        writer.write((f"GET {told['download_url']} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
                      f"Authorization: Bearer {root.access}\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        readers.append((reader, writer))
    await asyncio.sleep(0.5)
    assert server.rss_bytes() - before < 10 * (1 << 20) + told["bytes"], "what nobody takes is not read"
    (await root.get("me")).expect(200)
    reader, writer = readers[0]
    assert len(await reader.readexactly(told["bytes"])) == told["bytes"]
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200"), "the connection goes on"
    for _, writer in readers:
        writer.close()


async def paced(server, caller, told, pace):
    """A reader that takes a little at a time."""
    plain = sockets.socket()
    plain.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 16 << 10)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (server.host, server.port))
    reader, writer = await asyncio.open_connection(sock=plain, limit=16 << 10)
    writer.write((f"GET {told['download_url']} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
                  f"Authorization: Bearer {caller.access}\r\n\r\n").encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    got = 0
    try:
        while got < told["bytes"] and (some := await reader.read(32 << 10)):
            got += len(some)
            await asyncio.sleep(pace * len(some) / told["bytes"])
    except ConnectionError:
        pass
    writer.close()
    return got


@within(90)
async def test_a_stop_waits_for_downloads_as_long_as_it_may(own_server):
    server = own_server(env={"INDABA_SERVER_DRAIN_TIME": "10s"})
    root = User(server, "root")
    org = await make_org(root)
    room = await org.make_room()
    await fill(server, org, room, MESSAGES)
    told = await export(root, org, "messages_jsonl")
    fast = asyncio.create_task(paced(server, root, told, pace=3))
    slow = asyncio.create_task(paced(server, root, told, pace=60))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    stopping = asyncio.create_task(asyncio.to_thread(server.stop, 60))
    while (await root.get("me")).status != 503:
        await asyncio.sleep(0.02)
    (await root.get(told["download_url"])).expect(503)  # nothing new begins
    assert await fast == told["bytes"]
    assert time.monotonic() - began > 1.5, "the reader was too fast for this test"
    assert await stopping == 0
    assert 9.5 < time.monotonic() - began < 10 + promised(3)
    assert await slow < told["bytes"], "cut, and known by its length to be"


async def test_archived_events_are_in_files_before_they_go(own_server, tmp_path):
    import gzip
    import hashlib
    archive = tmp_path / "archive"
    server = own_server(env={"INDABA_ARCHIVE_DIR": str(archive), "INDABA_STREAMS_RETENTION_NOTIFICATIONS": "1s"})
    root = User(server, "root")
    org = await make_org(root)
    for n in range(3):
        await org.notify(text=f"note {n}")
    server.command("jobs", "enqueue", "archive-logs").expect()
    while not (archive / "manifest.jsonl").exists():
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    head = (await root.get(org.notifications)).json["head"]
    assert head >= 3  # of today: not yet over
    assert (archive / "manifest.jsonl").read_text() == ""
    if server.database is not None:
        postgres.shared().sql("UPDATE events SET created_at = created_at - 172800000", server.database)
    else:
        import sqlite3
        server.stop()
        with sqlite3.connect(server.data / "indaba.db") as database:
            database.execute("UPDATE events SET created_at = created_at - 172800000")
        database.close()
        server.start()
    # By the name that Celery knows it by.
    server.command("jobs", "enqueue", "communityhub.tasks.archive_old_logs").expect()
    for _ in range(500):
        told = (await root.get(f"{org.notifications}?since=0")).expect(200).json
        if not rows(told):
            break
        await asyncio.sleep(0.02)
    named = [json.loads(line) for line in (archive / "manifest.jsonl").read_text().splitlines()]
    lines = []
    for one in named:
        packed = (archive / one["file"]).read_bytes()
        assert hashlib.sha256(packed).hexdigest() == one["sha256"] and len(packed) == one["bytes"]
        of_this = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
        assert [one["first_seq"], one["last_seq"], one["events"]] == [of_this[0]["seq"], of_this[-1]["seq"], len(of_this)]
        lines += [line for line in of_this if one["org_id"] == org.id and one["kind"] == "notifications"]
    assert [line["seq"] for line in lines] == list(range(1, head + 1))
    assert [line["text"] for line in lines if line["type"] not in ("member_added",)] == [f"note {n}" for n in range(3)]
