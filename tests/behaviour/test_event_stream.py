"""Server-sent events at /api/v1/events."""

import asyncio
import json
import pathlib
import shutil
import subprocess

import pytest

from harness.client import make_org, unique
from harness.sse import EventStream


async def test_it_opens_with_retry_and_subscribed_and_then_gives_events_unnamed(server, anna):
    org = await make_org(anna)
    head = (await org.notify(n=1))["seq"]
    async with await EventStream.open(server, f"stream={org.notifications}", anna) as stream:
        assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
        assert "no-" in stream.answer.headers["Cache-Control"]
        assert stream.answer.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in stream.answer.headers
        name, data, ident = await stream.expect("subscribed")
        assert stream.parser.retry == 2000
        assert ident
        assert data["streams"][org.notifications]["head"] == head
        assert data["streams"][org.notifications]["epoch"]
        await org.notify(n=2)
        name, event, ident2 = await stream.expect("message")
        assert event["seq"] == head + 1 and event["stream"] == org.notifications
        assert ident2 and ident2 != ident


async def test_since_replays_and_goes_on_live(server, anna):
    org = await make_org(anna)
    for n in range(4):
        head = (await org.notify(n=n))["seq"]
    async with await EventStream.open(server, f"stream={org.notifications}&since={head - 2}", anna) as stream:
        await stream.expect("subscribed")
        assert [e["seq"] for e in await stream.events(2)] == [head - 1, head]
        await org.notify(n=4)
        assert [e["seq"] for e in await stream.events(1)] == [head + 1]


@pytest.mark.parametrize("how", ["header", "cursor"])
async def test_the_last_id_resumes_all_streams_and_wins_over_the_url(server, anna, how):
    org = await make_org(anna)
    topic = await org.declare(unique("t"))
    name = topic.rpartition("/")[2]
    query = f"stream={org.notifications}@0:&stream={topic}@0:".replace(":", "")
    await org.publish(name, {"type": "tick", "data": 1})
    async with await EventStream.open(server, query, anna) as stream:
        _, told, _ = await stream.expect("subscribed")
        head = told["streams"][org.notifications]["head"]
        for _ in range(head + 1):
            _, event, last = await stream.expect("message")
    await org.publish(name, {"type": "tick", "data": 2})
    await org.notify(n="later")
    headers = {"Last-Event-ID": last} if how == "header" else {}
    again = query if how == "header" else f"{query}&cursor={last}"
    async with await EventStream.open(server, again, anna, headers) as stream:
        await stream.expect("subscribed")
        got = {event["stream"]: event for event in await stream.events(2)}
        assert got[topic]["data"] == 2 and got[org.notifications]["n"] == "later"


async def test_the_id_of_subscribed_resumes_where_no_event_came_before_the_break(server, anna):
    org = await make_org(anna)
    async with await EventStream.open(server, f"stream={org.notifications}", anna) as stream:
        _, _, last = await stream.expect("subscribed")
    await org.notify(n="meanwhile")
    async with await EventStream.open(server, f"stream={org.notifications}", anna,
                                      {"Last-Event-ID": last}) as stream:
        await stream.expect("subscribed")
        (event,) = await stream.events(1)
        assert event["n"] == "meanwhile"


async def test_each_stream_has_a_start_of_its_own(server, anna):
    org = await make_org(anna)
    names = [unique("t"), unique("t")]
    for name in names:
        await org.declare(name)
        await org.publish(name, *({"type": "tick", "data": n} for n in range(1, 5)))
    first, second = (org.topic(name) for name in names)
    async with await EventStream.open(server, f"stream={first}@3&stream={second}@1", anna) as stream:
        await stream.expect("subscribed")
        got = await stream.events(4)
        assert [e["seq"] for e in got if e["stream"] == first] == [4]
        assert [e["seq"] for e in got if e["stream"] == second] == [2, 3, 4]


async def test_what_is_gone_is_told_by_a_named_reset(server, anna):
    org = await make_org(anna)
    head = (await org.notify(n=1))["seq"]
    for query, reason in [(f"since={head + 5}", "ahead"), ("since=1&epoch=other", "epoch_changed")]:
        async with await EventStream.open(server, f"stream={org.notifications}&{query}", anna) as stream:
            await stream.expect("subscribed")
            _, reset, _ = await stream.expect("reset")
            assert reset["reason"] == reason and reset["stream"] == org.notifications
            assert reset["head"] == head and reset["oldest"] == 1 and reset["epoch"]


async def test_text_with_line_breaks_cannot_forge_a_field(server, anna):
    org = await make_org(anna)
    text = "a\nid: forged\n\ndata: {\"type\":\"forged\"}\r\n\r\n\rretry: 1\u2028\u0000"
    since = (await org.notify(text=text))["seq"] - 1
    async with await EventStream.open(server, f"stream={org.notifications}&since={since}", anna) as stream:
        await stream.expect("subscribed")
        _, event, ident = await stream.expect("message")
        assert event["text"] == text and "forged" not in ident
        assert stream.parser.retry == 2000


@pytest.mark.parametrize("query, statuses", [
    ("", (400, 422)), ("stream=", (400, 404, 422)), ("stream=nonsense", (404,)), ("stream=me@x", (400, 422)),
    ("stream=me&since=-1", (400, 422)), ("stream=me&stream=me&since=1", (400,)),
    ("stream=me&limit=1001", (422,)), ("stream=me&colour=red", (422,)),
    ("stream=me&wait=26", (422,)), ("&".join(["stream=me"] * 33), (400, 422)),
    ("stream=me&cursor=forged", (400, 422)),
])
@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
async def test_a_query_that_cannot_be_right_is_refused(server, anna, query, statuses, accept):
    answer = await anna.get(f"events?{query}", headers={"Accept": accept})
    assert answer.status in statuses, answer
    answer.problem(answer.status)


@pytest.mark.parametrize("last", ["x" * 100_00, "%0d%0aid:1", "1;2;3", "ÿ"])
async def test_a_last_event_id_that_is_none_of_ours_is_refused(server, anna, last):
    answer = await anna.get("events?stream=me", headers={"Accept": "text/event-stream", "Last-Event-ID": last})
    assert answer.status in (400, 422, 431)


async def test_a_cursor_of_other_streams_shows_nothing_of_them(server, anna, dora):
    org = await make_org(anna)
    await org.notify(secret="canary-cursor")
    page = (await anna.get(f"events?stream={org.notifications}&since=0")).expect(200).json
    answer = await dora.get(f"events?stream=me&cursor={page['cursor']}")
    assert b"canary-cursor" not in answer.body and org.slug.encode() not in answer.body


async def test_one_stream_that_is_not_for_the_caller_makes_all_a_404(server, anna, dora):
    org = await make_org(anna)
    for accept in ("text/event-stream", "application/json"):
        answer = await dora.get(f"events?stream=me&stream={org.notifications}", headers={"Accept": accept})
        answer.problem(404, "not_found")


async def test_strangers_get_401(server, stranger, anna):
    org = await make_org(anna)
    for accept in ("text/event-stream", "application/json"):
        for stream in (org.notifications, "me", "orgs/none/notifications"):
            (await stranger.get(f"events?stream={stream}", headers={"Accept": accept})).problem(401)


async def test_an_origin_that_is_not_allowed_cannot_read_it_with_the_cookie(server, anna, stranger):
    told = await stranger.post("auth/session", {"username": "anna", "password": anna.password},
                               headers={"Origin": server.url})
    cookie = told.headers["Set-Cookie"].partition(";")[0]
    async with await EventStream.open(server, "stream=me", headers={
            "Cookie": cookie, "Origin": "https://evil.example"}, status=None) as stream:
        assert "Access-Control-Allow-Origin" not in stream.answer.headers


NODE_MODULES = pathlib.Path(__file__).resolve().parents[1] / "node_modules"


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
@pytest.mark.skipif(not (NODE_MODULES / "eventsource").exists(), reason="`npm ci` in tests/ was not run")
async def test_the_eventsource_package_reads_it_and_resumes_after_a_restart_of_the_connection(server, anna):
    org = await make_org(anna)
    script = pathlib.Path(__file__).with_name("eventsource_reader.js")
    url = f"{server.url}/api/v1/events?stream={org.notifications}&since=0"
    reader = await asyncio.create_subprocess_exec("node", str(script), url, anna.access, "6",
                                                  stdout=subprocess.PIPE)
    for n in range(8):
        await org.notify(n=n)
        await asyncio.sleep(0.05)
    out, _ = await asyncio.wait_for(reader.communicate(), 30)
    events = [json.loads(line) for line in out.splitlines()]
    seqs = [event["seq"] for event in events if event["type"] != "presence"]
    assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) >= 5


async def test_a_cursor_goes_on_when_its_stream_is_called_otherwise(server, anna):
    org = await make_org(anna)
    room = await org.make_room()
    name = org.room(room["slug"])
    page = (await anna.get(f"events?stream={name}")).expect(200).json
    (await anna.post(f"{name}/messages", {"body": "hello"})).expect(201)
    renamed = unique("renamed")
    (await anna.patch(org.path, {"slug": renamed})).expect(200)
    for now in (f"orgs/{renamed}/rooms/{room['slug']}", f"channels/{room['id']}"):
        told = (await anna.get(f"events?stream={now}&cursor={page['cursor']}")).expect(200).json
        assert [(e["stream"], e["body"]) for e in told["results"]] == [(now, "hello")]
    (await anna.get(f"events?stream=me&cursor={page['cursor']}")).problem(400)


async def test_a_cursor_of_a_stream_that_was_made_anew_is_a_reset(server, anna):
    org = await make_org(anna)
    name = org.room((await org.make_room(slug="again"))["slug"])
    (await anna.post(f"{name}/messages", {"body": "before"})).expect(201)
    asked = f"events?stream={name}&stream=me"
    cursor = (await anna.get(asked)).expect(200).json["cursor"]
    (await anna.delete(name)).expect(204)
    await org.make_room(slug="again")
    told = (await anna.get(f"{asked}&cursor={cursor}")).expect(200).json
    assert [(reset["stream"], reset["reason"]) for reset in told["reset"]] == [(name, "epoch_changed")], told
