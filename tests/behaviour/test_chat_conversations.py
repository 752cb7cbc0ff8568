"""Conversations of two people: by their own streams, by HTTP, and over the plain counter's socket."""

import asyncio

import pytest

from harness.client import User, make_org, unique
from harness.limits import promised
from harness.socket import Socket, refused


@pytest.fixture
def anna(server):
    """Of her own: the shared ones meet in every other test."""
    return User(server, unique("anna")).register()


@pytest.fixture
def ben(server):
    return User(server, unique("ben")).register()


async def acquaint(anna, ben):
    return await make_org(anna, member=[ben])


async def test_both_hear_the_first_word_under_the_name_of_the_other(server, anna, ben):
    await acquaint(anna, ben)
    async with await Socket.open(server, f"/ws/conversations/{ben.id}/", anna) as hers, \
            await Socket.open(server, f"/ws/conversations/{anna.id}", ben) as his:
        await hers.expect("subscribed", stream=f"conversations/{ben.id}", head=0)
        await his.expect("subscribed", stream=f"conversations/{anna.id}", head=0)
        sent = await hers.ask("message", body="hello", client_message_id="c-1")
        assert sent["type"] == "message_sent" and sent["client_message_id"] == "c-1" and sent["seq"] == 1
        for socket, peer in ((hers, ben), (his, anna)):
            event = await socket.expect("message", stream=f"conversations/{peer.id}", seq=1)
            assert event["id"] == sent["id"] and event["body"] == "hello"
            assert event["author"] == {"id": anna.id, "username": anna.name}
    told = (await ben.get(f"communication/chats/conversation/{anna.id}/")).expect(200).json
    assert [message["body"] for message in told["messages"]] == ["hello"] and told["has_more"] is False


async def test_the_old_path_takes_messages_and_pages_back(server, anna, ben):
    await acquaint(anna, ben)
    path = f"communication/chats/conversation/{ben.id}/"
    ids = [(await anna.post(path, {"body": str(n)})).expect(201).json["id"] for n in range(5)]
    page = (await ben.get(f"communication/chats/conversation/{anna.id}/?before_id={ids[3]}&limit=2")).expect(200).json
    assert [message["id"] for message in page["messages"]] == [ids[2], ids[1]] and page["has_more"] is True
    (await anna.post(path, {"body": "0", "client_message_id": "x"})).expect(201)
    assert (await anna.post(path, {"body": "0", "client_message_id": "x"})).expect(200).json["duplicate"] is True
    (await anna.post(path, {"body": "1", "client_message_id": "x"})).problem(409, "conflict")


async def test_the_plain_counters_socket_writes_to_a_person(server, anna, ben):
    await acquaint(anna, ben)
    async with await Socket.open(server, f"/ws/conversations/{anna.id}/", ben) as his, \
            await Socket.open(server, "/ws/chat/", anna, query={"session_uuid": "plain"}) as hers:
        await his.expect("subscribed")
        assert (await hers.ask("message", receiver_id=ben.id, message="hi"))["type"] == "message_sent"
        await his.expect("message", body="hi")
        assert (await hers.ask("message", body="to nobody"))["type"] == "ok"
        assert (await hers.ask("message", receiver_id=999999, body="?"))["error"]["code"] == "not_found"
        await his.silence()


async def test_who_is_a_stranger_is_not_there(server, anna, ben, dora):
    await acquaint(anna, ben)
    assert await refused(server, f"/ws/conversations/{dora.id}/", anna) == (4004, "not_found")
    (await anna.get(f"communication/chats/conversation/{dora.id}/")).problem(404, "not_found")
    (await anna.post(f"conversations/{dora.id}/messages", {"body": "hello"})).problem(404, "not_found")
    (await anna.post("conversations", {"user_id": dora.id})).problem(404, "not_found")


async def test_a_message_of_two_others_is_told_to_nobody(server, anna, ben, dora):
    await acquaint(anna, ben)
    sent = (await anna.post(f"conversations/{ben.id}/messages", {"body": "hello"})).expect(201).json
    (await dora.get(f"messages/{sent['id']}/history")).problem(404, "not_found")
    (await dora.patch(f"messages/{sent['id']}", {"body": "x"})).problem(404, "not_found")
    assert (await dora.get("conversations")).expect(200).json["results"] == []


async def test_a_conversation_ends_with_the_last_common_organisation(server, anna, ben):
    org = await acquaint(anna, ben)
    async with await Socket.open(server, f"/ws/conversations/{anna.id}/", ben) as his, \
            await Socket.open(server, "/ws", anna) as hers:
        await his.expect("subscribed")
        await hers.ask("subscribe", stream=f"conversations/{ben.id}")
        (await anna.delete(f"{org.path}/members/{ben.id}")).expect(204)
        code, _, _ = await his.closed(promised(2))
        assert code == 4003
        ended = await hers.expect("unsubscribed", stream=f"conversations/{ben.id}", code=4003)
        assert ended["reason"].startswith("access_lost")


async def test_delivered_and_read_are_told_and_counted(server, anna, ben):
    await acquaint(anna, ben)
    async with await Socket.open(server, f"/ws/conversations/{ben.id}/", anna) as hers, \
            await Socket.open(server, f"/ws/conversations/{anna.id}/", ben) as his, \
            await Socket.open(server, "/ws/me", ben) as me:
        for socket in (hers, his, me):
            await socket.expect("subscribed")
        sent = await hers.ask("message", body="hello")
        await his.expect("message", seq=sent["seq"])
        counts = (await ben.get("me/unread")).json["conversations"]
        assert [(one["user"]["id"], one["unread"]) for one in counts] == [(anna.id, 1)]
        await his.send("ack", seq=sent["seq"])
        delivered = await hers.until("delivery_receipt")
        assert delivered["user"] == {"id": ben.id, "username": ben.name} and delivered["up_to"] == sent["seq"]
        await his.send("read_receipt", message_ids=[sent["id"]])
        read = await hers.until("read_receipt")
        assert read["user"]["id"] == ben.id and read["up_to"] == sent["seq"]
        assert (await me.until("unread"))["unread"] == 1  # with the message
        unread = await me.until("unread")
        assert unread["unread"] == 0
        assert unread["conversation"] == {"user_id": anna.id} and unread["last_read_seq"] == sent["seq"]
    assert (await ben.get("me/unread")).json["conversations"] == []


async def test_blocked_people_do_not_write(server, anna, ben):
    await acquaint(anna, ben)
    (await ben.put(f"users/{anna.id}/block")).expect(204)
    (await anna.post(f"conversations/{ben.id}/messages", {"body": "hello"})).problem(403, "forbidden")
    (await ben.delete(f"users/{anna.id}/block")).expect(204)
    (await anna.post(f"conversations/{ben.id}/messages", {"body": "hello"})).expect(201)


async def test_both_begin_at_once_and_have_one_conversation(server, anna, ben):
    await acquaint(anna, ben)
    await asyncio.gather(*(who.post(f"conversations/{peer.id}/messages", {"body": "hello"})
                           for who, peer in [(anna, ben), (ben, anna)] * 10))
    one = (await anna.get(f"conversations/{ben.id}/messages")).json["messages"]
    other = (await ben.get(f"conversations/{anna.id}/messages")).json["messages"]
    assert len(one) == 20 and [m["id"] for m in one] == [m["id"] for m in other]
