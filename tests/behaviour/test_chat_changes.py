"""What becomes of a message after it was sent: edits, deletion, reactions."""

import pytest

from harness.client import make_org
from harness.socket import Socket
from harness.sse import EventStream


async def general(anna, *members):
    org = await make_org(anna, member=list(members))
    await org.make_room(slug="general")
    return org.room("general")


async def say(user, room, body):
    return (await user.post(f"{room}/messages", {"body": body})).expect(201).json["id"]


async def test_an_edit_is_told_and_what_it_was_is_kept(server, anna, ben):
    room = await general(anna, ben)
    message = await say(ben, room, "helo")
    async with await Socket.open(server, f"/ws/{room}/", anna) as socket:
        await socket.expect("subscribed")
        edited = (await ben.patch(f"messages/{message}", {"body": "hello"})).expect(200).json
        (event,) = await socket.events(1)
    assert event["type"] == "message_edited" and event["id"] == message and event["body"] == "hello"
    assert event["edited_at"] == edited["edited_at"] and event["actor"]["id"] == ben.id
    versions = (await ben.get(f"messages/{message}/history")).expect(200).json["versions"]
    assert [(version["version"], version["body"]) for version in versions] == [(1, "helo"), (2, "hello")]
    (await anna.get(f"messages/{message}/history")).expect(200)


async def test_nobody_changes_what_is_not_theirs(server, anna, ben, carla, dora):
    room = await general(anna, ben, carla)
    message = await say(ben, room, "hello")
    for other, status in ((carla, 403), (dora, 404)):
        (await other.patch(f"messages/{message}", {"body": "x"})).problem(status)
        (await other.delete(f"messages/{message}")).problem(status)
        (await other.post(f"messages/{message}/restore")).problem(status)
    (await ben.post(f"messages/{message}/restore")).problem(403)
    assert (await ben.get(f"{room}/messages")).json["messages"][0]["body"] == "hello"


async def test_a_deleted_message_is_shown_by_no_later_replay(server, anna, ben):
    room = await general(anna, ben)
    message = await say(ben, room, "regret-1")
    (await ben.patch(f"messages/{message}", {"body": "regret-2"})).expect(200)
    async with await Socket.open(server, f"/ws/{room}/", anna, query={"since": 0}) as socket:
        await socket.expect("subscribed")
        assert [event["body"] for event in await socket.events(2)] == ["regret-1", "regret-2"]
        (await ben.delete(f"messages/{message}")).expect(204)
        (event,) = await socket.events(1)
        assert event["type"] == "message_deleted" and event["id"] == message and "body" not in event
        # The stream is still followed on this loop: what it remembers must be forgotten too.
        for _ in range(4):
            async with await Socket.open(server, f"/ws/{room}/", ben, query={"since": 0}) as again:
                await again.expect("subscribed")
                replayed = await again.events(3)
                assert [event["seq"] for event in replayed] == [1, 2, 3]
                assert "regret" not in "".join(again.frames)
                assert replayed[0]["type"] == "message" and replayed[0]["deleted"] is True
    assert "regret" not in (await anna.get(f"events?stream={room}&since=0")).text
    assert "regret" not in (await anna.get(f"{room}/events/1")).text
    async with await EventStream.open(server, f"stream={room}&since=0", anna) as stream:
        assert "regret" not in str(await stream.events(3))
    (kept,) = (await ben.get(f"{room}/messages")).json["messages"]
    assert kept["deleted"] is True and kept["body"] == ""


async def test_a_moderator_brings_a_deleted_message_back(server, anna, ben):
    room = await general(anna, ben)
    message = await say(ben, room, "hello")
    (await anna.delete(f"messages/{message}")).expect(204)
    (await ben.patch(f"messages/{message}", {"body": "x"})).problem(409, "message_deleted")
    async with await Socket.open(server, f"/ws/{room}/", ben) as socket:
        await socket.expect("subscribed")
        assert (await anna.post(f"messages/{message}/restore")).expect(200).json["body"] == "hello"
        (event,) = await socket.events(1)
        assert event["type"] == "message_restored" and event["body"] == "hello"
    assert (await ben.get(f"{room}/messages")).json["messages"][0]["body"] == "hello"


async def test_reactions_are_told_and_counted(server, anna, ben):
    room = await general(anna, ben)
    message = await say(ben, room, "hello")
    thumb = "%F0%9F%91%8D"
    async with await Socket.open(server, f"/ws/{room}/", ben) as socket:
        await socket.expect("subscribed")
        told = (await anna.put(f"messages/{message}/reactions/{thumb}")).expect(200).json
        assert told == {"reactions": [{"emoji": "👍", "count": 1, "reacted": True}]}
        (event,) = await socket.events(1)
        assert event["type"] == "reaction_added" and event["id"] == message and event["emoji"] == "👍"
        assert event["user"] == {"id": anna.id, "username": anna.name}
        (await anna.put(f"messages/{message}/reactions/{thumb}")).expect(200)
        await socket.silence()
        (kept,) = (await ben.get(f"{room}/messages")).json["messages"]
        assert kept["reactions"] == [{"emoji": "👍", "count": 1, "reacted": False}]
        assert (await anna.delete(f"messages/{message}/reactions/{thumb}")).expect(200).json == {"reactions": []}
        assert (await socket.events(1))[0]["type"] == "reaction_removed"


async def test_the_frames_do_what_the_routes_do(server, anna, ben):
    room = await general(anna, ben)
    message = await say(ben, room, "hello")
    async with await Socket.open(server, f"/ws/{room}/", ben) as socket:
        await socket.expect("subscribed")
        for frame, type_ in [
                ({"type_": "edit", "id": message, "body": "hi"}, "message_edited"),
                ({"type_": "react", "id": message, "emoji": "👍"}, "reaction_added"),
                ({"type_": "react", "id": message, "emoji": "👍", "remove": True}, "reaction_removed"),
                ({"type_": "delete", "id": message}, "message_deleted")]:
            await socket.send(frame.pop("type_"), **frame, ref="f")
            await socket.expect("ok", ref="f")  # the answer comes before the event
            await socket.expect(type_, id=message)
        told = await socket.ask("edit", id=message, body="again")
        assert told["error"]["code"] == "conflict"


@pytest.mark.parametrize("emoji", ["a%20b", "x" * 17, "%0A"])
async def test_a_reaction_is_short_and_without_spaces(server, anna, emoji):
    room = await general(anna)
    message = await say(anna, room, "hello")
    told = (await anna.put(f"messages/{message}/reactions/{emoji}")).problem(422, "invalid")
    assert [error["field"] for error in told["errors"]] == ["emoji"]
