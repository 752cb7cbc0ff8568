"""Messages in rooms: sending by HTTP and by socket, sending again, reading back."""

import asyncio
import json

from harness.client import User, make_org
from harness.socket import Socket


async def general(anna, *members):
    org = await make_org(anna, member=list(members))
    await org.make_room(slug="general")
    return org.room("general")


async def test_a_message_by_http_reaches_everybody_as_it_stands_in_history(server, anna, ben):
    room = await general(anna, ben)
    async with await Socket.open(server, f"/ws/{room}/", ben) as socket:
        await socket.expect("subscribed")
        sent = (await anna.post(f"{room}/messages", {"body": "hello", "client_message_id": "c-1"})).expect(201).json
        (event,) = await socket.events(1)
    assert event == {
        "type": "message", "stream": room, "seq": 1, "created_at": sent["created_at"], "id": sent["id"],
        "author": {"id": anna.id, "username": anna.name}, "body": "hello", "client_message_id": "c-1",
        "reply_to": None, "thread_id": None, "attachments": []}
    (kept,) = (await ben.get(f"{room}/messages")).expect(200).json["messages"]
    assert sent == {**kept, "duplicate": False}
    assert kept == {name: value for name, value in event.items() if name not in ("type", "stream")} | {
        "edited_at": None, "deleted": False, "reactions": []}


async def test_a_message_by_socket_is_answered_before_its_event(server, anna):
    room = await general(anna)
    async with await Socket.open(server, f"/ws/{room}/", anna) as socket:
        await socket.expect("subscribed")
        await socket.send("message", body="hello", client_message_id="c-1", ref="c")
        answer = await socket.expect("message_sent", ref="c", client_message_id="c-1", seq=1, duplicate=False, count=1)
        event = await socket.expect("message", seq=1, id=answer["id"], body="hello")
        assert event["created_at"] == answer["created_at"]


async def test_a_repeat_is_answered_with_the_first_message_and_told_to_nobody(server, anna, ben):
    room = await general(anna, ben)
    async with await Socket.open(server, f"/ws/{room}/", ben) as reader, \
            await Socket.open(server, "/ws", anna) as socket:
        await reader.expect("subscribed")
        said = {"stream": room, "body": "hello", "client_message_id": "c-1"}
        first = await socket.ask("message", **said)
        again = await socket.ask("message", **said)
        assert (again["id"], again["seq"], again["duplicate"]) == (first["id"], first["seq"], True)
        by_http = (await anna.post(f"{room}/messages", {"body": "hello", "client_message_id": "c-1"})).expect(200).json
        assert by_http["id"] == first["id"] and by_http["duplicate"] is True
        other = await socket.ask("message", **{**said, "body": "another"})
        assert other["error"]["code"] == "conflict"
        (await anna.post(f"{room}/messages", {"body": "x", "client_message_id": "c-1"})).problem(409, "conflict")
        await reader.events(1)
        await reader.silence()


async def test_a_message_sent_by_many_at_once_is_one(server, anna):
    room = await general(anna)
    body = {"body": "hello", "client_message_id": "c-1"}
    answers = await asyncio.gather(*(anna.post(f"{room}/messages", body) for _ in range(30)))
    assert sorted(answer.status for answer in answers) == [200] * 29 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1


async def test_a_repeat_after_a_restart_is_still_the_first_message(own_server):
    server = own_server()
    anna = User(server, "root")
    room = await general(anna)
    body = {"body": "hello", "client_message_id": "c-1"}
    first = (await anna.post(f"{room}/messages", body)).expect(201).json
    server.stop()
    server.start()
    again = (await anna.post(f"{room}/messages", body)).expect(200).json
    assert (again["id"], again["seq"]) == (first["id"], first["seq"])


async def test_messages_of_one_socket_keep_their_order(server, anna):
    room = await general(anna)
    async with await Socket.open(server, f"/ws/{room}/", anna) as socket:
        await socket.expect("subscribed")
        for n in range(50):
            await socket.send("message", body=str(n))
        assert [event["body"] for event in await socket.events(50)] == [str(n) for n in range(50)]
    kept = (await anna.get(f"{room}/messages")).json["messages"]
    assert [message["body"] for message in kept] == [str(n) for n in reversed(range(50))]


async def test_frames_that_are_wrong_say_what_is(server, anna):
    room = await general(anna)
    async with await Socket.open(server, f"/ws/{room}/", anna) as socket:
        await socket.expect("subscribed")
        for frame, code in [
                ({}, "missing_field"), ({"body": 1}, "invalid_field"), ({"body": "x" * 5001}, "too_long"),
                ({"body": "a", "colour": 1}, "invalid_field"), ({"body": "a", "reply_to": 1}, "invalid_field"),
                ({"body": "a", "attachments": [1]}, "invalid_field"), ({"body": "a", "stream": "me"}, "not_found")]:
            told = await socket.ask("message", **frame)
            assert told["type"] == "error" and told["error"]["code"] == code, (frame, told)
        await socket.silence()


async def test_sixty_messages_in_a_minute(own_server):
    server = own_server(limits=True, env={"INDABA_LIMITS_MESSAGES_PER_MINUTE": "5"})
    anna = User(server, "root")
    room = await general(anna)
    async with await Socket.open(server, f"/ws/{room}/", anna) as socket:
        await socket.expect("subscribed")
        for n in range(5):
            assert (await socket.ask("message", body=str(n)))["type"] == "message_sent"
        told = await socket.ask("message", body="one too many", client_message_id="c-9")
        assert told["client_message_id"] == "c-9", "the sender knows which one"
        assert told["error"]["code"] == "rate_limited" and told["error"]["retry_after_ms"] > 0
        refused = await anna.post(f"{room}/messages", {"body": "one too many"})
        refused.problem(429, "rate_limited")
        assert int(refused.headers["Retry-After"]) > 0


async def test_on_the_plain_counter_a_message_without_a_receiver_reaches_nobody(server, anna):
    room = await general(anna)
    async with await Socket.open(server, "/ws/chat/", anna) as socket:
        await socket.ask("subscribe", stream=room)
        assert (await socket.ask("message", stream=room, body="to nobody"))["type"] == "ok"
        await socket.silence()


async def test_history_goes_both_ways_from_any_message(server, anna):
    room = await general(anna)
    ids = [(await anna.post(f"{room}/messages", {"body": str(n)})).expect(201).json["id"] for n in range(10)]

    async def page(query):
        told = (await anna.get(f"{room}/messages?{query}")).expect(200).json
        return "".join(message["body"] for message in told["messages"]), told["has_more"], told["has_newer"]

    assert await page("limit=3") == ("987", True, False)
    assert await page(f"before_id={ids[7]}&limit=3") == ("654", True, True)
    assert await page(f"before_id={ids[3]}&limit=5") == ("210", False, True)
    assert await page(f"after_id={ids[3]}&limit=3") == ("654", True, True)
    assert await page(f"after_id={ids[6]}") == ("987", True, False)
    assert await page(f"around_id={ids[5]}&limit=5") == ("76543", True, True)
    told = (await anna.get(f"{room}/messages?before_id=5&after_id=3")).problem(422, "invalid")
    assert told["errors"]
    told = (await anna.get(f"{room}/messages?limit=201")).problem(422, "invalid")
    assert "200" in json.dumps(told["errors"])


async def test_what_was_missed_is_replayed_in_order(server, anna, ben):
    room = await general(anna, ben)
    for n in range(5):
        (await anna.post(f"{room}/messages", {"body": str(n)})).expect(201)
    async with await Socket.open(server, f"/ws/{room}/", ben, query={"since": 2}) as socket:
        await socket.expect("subscribed", since=2, head=5)
        assert [event["body"] for event in await socket.events(3)] == ["2", "3", "4"]


async def test_a_long_message_is_announced_and_fetched_whole(server, anna):
    room = await general(anna)
    async with await Socket.open(server, f"/ws/{room}/", anna) as socket:
        await socket.expect("subscribed")
        (await anna.post(f"{room}/messages", {"body": "𝄞" * 5000})).expect(201)
        (event,) = await socket.events(1)
        assert event.get("truncated") is True and "body" not in event
    whole = (await anna.get(f"{room}/events/{event['seq']}")).expect(200).json
    assert whole["body"] == "𝄞" * 5000 and whole["type"] == "message"
