"""What a client may send, and what it is answered."""

import json
import re

import pytest

from harness import raw
from harness.client import Caller, User, make_org, unique
from harness.socket import Socket


async def test_every_frame_adds_one_to_the_count_and_answers_carry_it(server, anna):
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.send("ping")
        assert await socket.expect("pong") == {"type": "pong", "count": 1}
        await socket.send("ping", ref="a")
        await socket.expect("pong", ref="a", count=2)
        await socket.send_text("{broken")
        assert (await socket.error("bad_json"))["count"] == 3
        await socket.send("ping")
        await socket.expect("pong", count=4)


async def test_subscribe_then_events_then_unsubscribe_then_nothing(server, anna):
    org = await make_org(anna)
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.send("subscribe", stream=org.notifications, ref="a")
        told = await socket.expect("subscribed", stream=org.notifications, ref="a", count=1)
        await org.notify(n=1)
        (event,) = await socket.events(1)
        assert event["seq"] == told["head"] + 1 and event["n"] == 1
        await socket.send("unsubscribe", stream=org.notifications, ref="b")
        await socket.expect("unsubscribed", stream=org.notifications, ref="b", count=2)
        await org.notify(n=2)
        await socket.silence()


async def test_one_socket_may_hold_many_streams(server, anna):
    org = await make_org(anna)
    topics = [await org.declare(unique("topic")) for _ in range(3)]
    async with await Socket.open(server, "/ws", anna) as socket:
        for topic in topics:
            await socket.ask("subscribe", stream=topic)
        await socket.ask("subscribe", stream="me")
        for topic in topics:
            await org.publish(topic.rpartition("/")[2], {"type": "moved", "data": {"to": topic}})
        got = await socket.events(3)
        assert {event["stream"]: event["data"]["to"] for event in got} == {t: t for t in topics}


async def test_subscribing_twice_is_one_subscription_which_moves(server, anna):
    org = await make_org(anna)
    for n in range(3):
        await org.notify(n=n)
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.ask("subscribe", stream=org.notifications)
        told = await socket.ask("subscribe", stream=org.notifications, since=1)
        assert told["since"] == 1
        replay = await socket.events(told["head"] - 1)
        assert [event["seq"] for event in replay] == list(range(2, told["head"] + 1))
        await org.notify(n=9)
        (event,) = await socket.events(1)
        assert event["seq"] == told["head"] + 1
        await socket.silence()  # not twice


async def test_an_ack_without_ref_gets_no_answer_and_with_one_gets_ok(server, anna):
    org = await make_org(anna)
    await org.notify(n=1)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna) as socket:
        told = await socket.expect("subscribed")
        await socket.send("ack", stream=org.notifications, seq=told["head"])
        await socket.silence(0.2)
        await socket.send("ack", seq=told["head"], ref="x")  # the stream of the URL
        await socket.expect("ok", ref="x", count=2)


async def test_an_ack_is_refused_where_nothing_is_subscribed_and_beyond_the_head(server, anna):
    org = await make_org(anna)
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.send("ack", stream=org.notifications, seq=1)
        await socket.error("not_subscribed")
        told = await socket.ask("subscribe", stream=org.notifications)
        await socket.send("ack", stream=org.notifications, seq=told["head"] + 100)
        await socket.error("invalid_field")


async def test_unsubscribing_from_what_is_not_subscribed_is_an_error(server, anna):
    org = await make_org(anna)
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.send("unsubscribe", stream=org.notifications, ref="u")
        assert (await socket.error("not_subscribed"))["ref"] == "u"


async def test_a_foreign_stream_and_a_missing_one_get_the_same_error(server, anna, dora):
    org = await make_org(anna)
    async with await Socket.open(server, "/ws", dora) as socket:
        foreign = await socket.ask("subscribe", ref="q", stream=org.notifications)
        missing = await socket.ask("subscribe", ref="q", stream=f"orgs/{unique('none')}/notifications")
        assert foreign["error"]["code"] == "not_found"
        assert foreign["error"] == missing["error"]


async def test_publishing_by_frame_answers_before_the_event_comes(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("cursor"))
    async with await Socket.open(server, f"/ws/{topic}", anna) as socket:
        await socket.expect("subscribed")
        await socket.send("publish", event="moved", data={"x": 1}, dedupe_key="k1", ref="p")
        told = await socket.expect("published", ref="p", stream=topic, seq=1, duplicate=False, count=1)
        event = await socket.expect("moved", stream=topic, seq=told["seq"])
        assert event["data"] == {"x": 1}
        await socket.send("publish", event="moved", data={"x": 1}, dedupe_key="k1", ref="p2")
        await socket.expect("published", ref="p2", seq=1, duplicate=True)
        await socket.send("publish", event="moved", data={"x": 2}, dedupe_key="k1")
        await socket.error("conflict")
        await socket.silence()


async def groups_committed(stranger):
    text = (await stranger.get("/metrics")).expect(200).body.decode()
    return int(re.search(r"^indaba_db_group_size_count (\d+)", text, re.M)[1])


async def test_frames_that_come_together_share_commits_and_keep_their_order(own_server):
    server = own_server()
    anna = User(server, "root")
    stranger = Caller(server)
    org = await make_org(anna)
    topic = await org.declare(unique("cursor"))
    async with await raw.RawSocket.open(server, "/ws?welcome=0",
                                        lines=[f"Authorization: Bearer {anna.access}"]) as socket:
        await socket.send(raw.frame(1, json.dumps({"type": "publish", "stream": topic, "event": "first",
                                                   "data": 0, "ref": 0}).encode()))
        assert json.loads(await socket.text())["seq"] == 1
        before = await groups_committed(stranger)
        frames = [{"type": "publish", "stream": topic, "event": "moved", "data": n, "ref": n} for n in range(1, 31)]
        frames[9]["event"] = "No Name"
        frames[19]["dedupe_key"] = frames[24]["dedupe_key"] = "same"
        await socket.send(b"".join(raw.frame(1, json.dumps(frame).encode()) for frame in frames))
        answers = [json.loads(await socket.text()) for _ in frames]
        groups = await groups_committed(stranger) - before
    assert sorted(answer["ref"] for answer in answers) == list(range(1, 31))
    by_ref = {answer["ref"]: answer for answer in answers}
    assert by_ref[10]["error"]["code"] == "invalid_field"
    assert by_ref[25]["error"]["code"] == "conflict", "the first use of the key had other content"
    stored = [n for n in range(1, 31) if n not in (10, 25)]
    assert [by_ref[n]["seq"] for n in stored] == list(range(2, 30)), "in the order of sending"
    assert groups < len(stored), "each frame waited for the one before"
    page = (await anna.get(f"events?stream={topic}&since=1")).json
    assert [event["data"] for event in page["results"]] == stored


async def test_an_ephemeral_event_has_no_seq_and_is_not_kept(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("cursor"))
    async with await Socket.open(server, f"/ws/{topic}", anna) as socket:
        await socket.expect("subscribed")
        told = await socket.ask("publish", event="moved", data={"x": 1}, ephemeral=True)
        assert told["type"] == "published" and "seq" not in told
        event = await socket.expect("moved", stream=topic, data={"x": 1})
        assert "seq" not in event
    async with await Socket.open(server, f"/ws/{topic}", anna, query={"since": 0}) as later:
        await later.expect("subscribed", head=0)
        await later.silence()


async def test_publishing_where_the_topic_does_not_allow_it_is_forbidden(server, anna, ben):
    org = await make_org(anna, member=ben)
    topic = await org.declare(unique("prices"), client_publish="none")
    async with await Socket.open(server, "/ws", ben) as socket:
        await socket.send("publish", stream=topic, event="moved", data={})
        await socket.error("forbidden")
        await socket.send("publish", stream=org.topic(unique("undeclared")), event="moved", data={})
        await socket.error("not_found")
        await socket.send("publish", stream=org.notifications, event="moved", data={})
        assert (await socket.expect("error"))["error"]["code"] in ("forbidden", "not_found", "invalid_field")


@pytest.mark.parametrize("event", ["welcome", "error", "subscribed", "heartbeat", "goodbye", "published",
                                   "Moved", "a b", "", "x" * 65, "ö"])
async def test_a_published_type_is_a_name_and_none_of_the_protocols_own(server, anna, event):
    org = await make_org(anna)
    topic = await org.declare(unique("cursor"))
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.send("publish", stream=topic, event=event, data={})
        assert (await socket.expect("error"))["error"]["code"] in ("invalid_field", "too_long")


async def test_the_auth_frame_renews_with_a_token_of_the_same_user_only(server, anna, dora):
    async with await Socket.open(server, "/ws", anna) as socket:
        assert (await socket.ask("auth", token=anna.access))["type"] == "ok"
        told = await socket.ask("auth", token=dora.access)
        assert told["type"] == "error" and told["error"]["code"] in ("forbidden", "invalid_field")
        told = await socket.ask("auth", token="broken")
        assert told["type"] == "error"


BAD_FRAMES = [
    ("broken JSON", '{"type":', "bad_json"),
    ("no JSON", "hello", "bad_json"),
    ("empty", "", "bad_json"),
    ("an array", "[]", "bad_json"),
    ("a number", "7", "bad_json"),
    ("rest after the object", '{"type":"ping"} {"type":"ping"}', "bad_json"),
    ("10,000 deep", "[" * 10_000 + "]" * 10_000, "bad_json"),
    ("10,000 deep in a field", '{"type":"ping","ref":' + "[" * 10_000 + "]" * 10_000 + "}", "bad_json"),
    ("a key twice", '{"type":"ping","ref":"a","ref":"b"}', "bad_json"),
    ("a lone surrogate", '{"type":"ping","ref":"\\ud800"}', None),
    ("a NUL", '{"type":"ping","ref":"\\u0000"}', None),
    ("a number out of range", '{"type":"subscribe","stream":"me","since":1e999}', None),
    ("unknown type", '{"type":"dance"}', "unknown_type"),
    ("__proto__", '{"type":"__proto__"}', "unknown_type"),
    ("a server's type", '{"type":"welcome"}', "unknown_type"),
    ("no type", '{"stream":"me"}', "missing_field"),
    ("type is a number", '{"type":7}', "invalid_field"),
    ("no stream", '{"type":"subscribe"}', "missing_field"),
    ("unknown field", '{"type":"ping","colour":"red"}', "invalid_field"),
    ("unknown field of another frame", '{"type":"ping","stream":"me"}', "invalid_field"),
    ("a wrong type of a field", '{"type":"subscribe","stream":7}', "invalid_field"),
    ("since below zero", '{"type":"subscribe","stream":"me","since":-1}', "invalid_field"),
    ("since with a fraction", '{"type":"subscribe","stream":"me","since":1.5}', "invalid_field"),
    ("since is text", '{"type":"subscribe","stream":"me","since":"1"}', "invalid_field"),
    ("last over 500", '{"type":"subscribe","stream":"me","last":501}', "invalid_field"),
    ("a stream that is none", '{"type":"subscribe","stream":"////"}', None),
    ("ack without seq", '{"type":"ack","stream":"me"}', "missing_field"),
    ("publish without event", '{"type":"publish","stream":"orgs/a/topics/b","data":{}}', "missing_field"),
]


@pytest.mark.parametrize("text, code", [case[1:] for case in BAD_FRAMES], ids=[case[0] for case in BAD_FRAMES])
async def test_a_wrong_frame_gets_an_error_and_leaves_the_connection_open(server, anna, text, code):
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.send_text(text)
        told = await socket.next()
        assert told["count"] == 1
        if code is not None:
            assert told["type"] == "error" and told["error"]["code"] == code, told
        await socket.send("ping")
        await socket.expect("pong", count=2)


async def test_the_plain_counter_answers_what_it_does_not_know_with_ok(server, anna):
    async with await Socket.open(server, "/ws/chat/", anna) as socket:
        await socket.send_text('{"anything":"goes","ref":"1"}')
        await socket.expect("ok", ref="1", count=1)
        await socket.send_text('{"type":"dance"}')
        await socket.expect("ok", count=2)
        await socket.send("message", body="to nobody")
        await socket.expect("ok", count=3)
        await socket.send("message", body="x" * 5000)
        await socket.expect("ok", count=4)
        await socket.send("message", body="x" * 5001)
        assert (await socket.error("too_long"))["count"] == 5
        await socket.send("ping")
        await socket.expect("pong", count=6)
        await socket.send("message", receiver_id=None, body="to nobody either")
        await socket.expect("ok", count=7)
        await socket.send_text("[]")
        await socket.error("bad_json")


async def test_the_counter_is_open_where_configured(own_server):
    server = own_server(env={"INDABA_AUTH_ANONYMOUS_COUNTER": "true"})
    async with await Socket.open(server, "/ws/chat/") as socket:
        await socket.send_text('{"hello":1}')
        await socket.expect("ok", count=1)
        await socket.send("subscribe", stream="me")
        await socket.expect("error")


async def test_20_errors_in_a_row_close_with_4029(server, anna):
    async with await Socket.open(server, "/ws", anna) as socket:
        for _ in range(20):
            await socket.send("dance")
        code, _, frames = await socket.closed()
        assert code == 4029
        assert [frame["type"] for frame in frames] == ["error"] * 20 + ["goodbye"]
        assert frames[-1]["total"] == 20


async def test_a_right_frame_starts_the_row_of_errors_anew(server, anna):
    async with await Socket.open(server, "/ws", anna) as socket:
        for _ in range(2):
            for _ in range(19):
                await socket.send("dance")
                await socket.error("unknown_type")
            await socket.send("ping")
            await socket.expect("pong")


async def test_too_many_subscriptions_are_refused_and_the_others_stay(own_server):
    server = own_server(env={"INDABA_LIMITS_SUBSCRIPTIONS": "3"})
    root = User(server, "root")
    org = await make_org(root)
    topics = [await org.declare(f"t{n}") for n in range(4)]
    async with await Socket.open(server, "/ws", root) as socket:
        for topic in topics[:3]:
            assert (await socket.ask("subscribe", stream=topic))["type"] == "subscribed"
        await socket.send("subscribe", stream=topics[3])
        await socket.error("too_many_subscriptions")
        assert (await socket.ask("subscribe", stream=topics[0]))["type"] == "subscribed"


async def test_a_frame_over_64_kib_closes_with_1009(server, anna):
    async with await Socket.open(server, "/ws", anna) as socket:
        padding = 65536 - len('{"type":"ping","ref":""}')
        await socket.send_text('{"type":"ping","ref":"' + "x" * padding + '"}')
        await socket.next()  # exactly 64 KiB is read, whatever it is answered
        await socket.send_text("x" * 65537)
        code, _, frames = await socket.closed()
        assert code == 1009
        assert frames[-1]["type"] == "goodbye"


async def test_a_binary_frame_closes_with_1003_after_goodbye(server, anna):
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.connection.send(b"\x00\x01")
        code, _, frames = await socket.closed()
        assert code == 1003
        assert [frame["type"] for frame in frames] == ["goodbye"]


async def test_text_that_is_not_utf_8_closes_with_1007(server, anna):
    async with await raw.RawSocket.open(server, "/ws", [f"Authorization: Bearer {anna.access}"]) as socket:
        await socket.send(raw.frame(raw.TEXT, b'{"type":"\xff"}'))
        assert await socket.closed() == 1007


async def test_a_close_is_answered_with_goodbye_and_the_same_code(server, anna):
    async with await raw.RawSocket.open(server, "/ws", [f"Authorization: Bearer {anna.access}"]) as socket:
        await socket.text()
        await socket.send(raw.frame(raw.TEXT, '{"type":"ping"}'))
        await socket.text()
        await socket.send(raw.frame(raw.CLOSE, raw.close_payload(1000)))
        goodbye = json.loads(await socket.text())
        assert goodbye["type"] == "goodbye" and goodbye["total"] == 1
        assert await socket.closed() == 1000


async def test_a_frame_split_into_single_bytes_is_read(server, anna):
    async with await raw.RawSocket.open(server, "/ws", [f"Authorization: Bearer {anna.access}"]) as socket:
        await socket.text()
        for byte in raw.frame(raw.TEXT, '{"type":"ping","ref":"slow"}'):
            await socket.send(bytes([byte]))
        assert json.loads(await socket.text()) == {"type": "pong", "ref": "slow", "count": 1}


async def test_sends_over_the_rate_are_told_so_and_do_not_count_as_errors(own_server):
    server = own_server(limits=True)
    root = User(server, "root")
    async with await Socket.open(server, "/ws", root) as socket:
        for _ in range(80):
            await socket.send("ping")
        answers = [await socket.next() for _ in range(80)]
        limited = [a for a in answers if a["type"] == "error"]
        assert answers[0]["type"] == "pong"
        assert limited, "80 frames at once pass a limit of 50 a second"
        assert {a["error"]["code"] for a in limited} == {"rate_limited"}
        assert all(a["error"]["retry_after_ms"] > 0 for a in limited)


async def test_a_payload_over_16_kib_is_announced_and_fetched_by_its_seq(server, anna):
    org = await make_org(anna)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna) as socket:
        await socket.expect("subscribed")
        sent = await org.notify("big", text="x" * 20_000)
        (event,) = await socket.events(1)
        assert set(event) == {"type", "stream", "seq", "created_at", "truncated"}
        assert event["truncated"] is True
        whole = (await anna.get(f"{org.notifications}/{event['seq']}")).expect(200).json
        assert whole["text"] == "x" * 20_000 and whole["seq"] == sent["seq"]


async def test_a_stream_that_was_subscribed_by_two_names_is_found_by_both_and_by_none(server, anna):
    org = await make_org(anna)
    room = await org.make_room()
    name, channel = org.room(room["slug"]), f"channels/{room['id']}"
    async with await Socket.open(server, f"/ws/{name}", anna) as socket:
        await socket.expect("subscribed", stream=name)
        assert (await socket.ask("subscribe", stream=channel))["stream"] == channel
        for named in ({"stream": name}, {"stream": channel}, {}):
            assert (await socket.ask("ack", seq=0, **named))["type"] == "ok", named
            assert (await socket.ask("presence", **named))["type"] == "presence_state", named
        assert (await socket.ask("unsubscribe", stream=name))["type"] == "unsubscribed"
        assert (await socket.ask("unsubscribe", stream=channel))["error"]["code"] == "not_subscribed"


async def test_the_urls_stream_stays_the_same_when_its_organisation_is_renamed(server, anna):
    org = await make_org(anna)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna) as socket:
        await socket.expect("subscribed")
        renamed = unique("renamed")
        (await anna.patch(org.path, {"slug": renamed})).expect(200)
        assert (await socket.ask("ack", seq=0))["type"] == "ok"
        assert (await socket.ask("subscribe", since=0))["type"] == "subscribed"


@pytest.mark.one_node  # another one hears of a rename within a second: see test_many_nodes.py
async def test_a_frame_without_a_stream_reaches_the_room_of_the_url_whatever_it_is_called_now(server, anna):
    org = await make_org(anna)
    room = await org.make_room()
    first = name = room["slug"]
    async with await Socket.open(server, f"/ws/{org.room(name)}", anna) as socket:
        await socket.expect("subscribed")
        for turn in range(8):  # said as soon as the rename is answered: the socket's loop may not have heard of it
            (await anna.patch(org.room(name), {"slug": f"room-{turn}"})).expect(200)
            name = f"room-{turn}"
            assert (await socket.ask("message", body=f"room {turn}"))["type"] == "message_sent"
            was, org.slug = org.path, unique("renamed")
            (await anna.patch(was, {"slug": org.slug})).expect(200)
            assert (await socket.ask("message", body=f"organisation {turn}"))["type"] == "message_sent"
        other = await org.make_room(slug=first)  # takes the name that the URL has
        assert (await socket.ask("message", body="last"))["type"] == "message_sent"
        said = (await anna.get(f"{org.room(name)}/messages")).expect(200).json["messages"]
        assert len(said) == 17 and said[0]["body"] == "last"
        assert (await anna.get(f"{org.room(other['slug'])}/messages")).expect(200).json["messages"] == []
