"""What concerns somebody reaches them on `me`, once a message, as they want it."""

from harness.client import make_org
from harness.limits import promised
from harness.socket import Socket


async def test_a_mention_a_reply_and_a_direct_message_come_on_me(server, anna, ben):
    org = await make_org(anna, member=[ben])
    room = await org.make_room(slug="general")
    path = org.room("general")
    async with await Socket.open(server, "/ws/me", ben) as me:
        await me.expect("subscribed")
        sent = (await anna.post(f"{path}/messages", {"body": f"@{ben.name}, look"})).expect(201).json
        told = await me.until("mention", promised(1))
        assert told["message_id"] == sent["id"] and told["author"] == {"id": anna.id, "username": anna.name}
        assert told["room"] == {"id": room["id"], "slug": "general", "name": room["name"]}
        assert told["org"]["slug"] == org.slug and told["unread"] == 1 and "body" not in told
        unread = await me.until("unread", promised(1))
        assert unread["unread"] == 1 and unread["room"]["id"] == room["id"]

        mine = (await ben.post(f"{path}/messages", {"body": "I do"})).expect(201).json
        await anna.post(f"{path}/messages", {"body": "and?", "reply_to": mine["id"]})
        assert (await me.until("reply", promised(1)))["unread"] == 1

        (await anna.post(f"conversations/{ben.id}/messages", {"body": "psst"})).expect(201)
        told = await me.until("direct_message", promised(1))
        assert told["conversation"] == {"user_id": anna.id}


async def test_a_muted_room_says_nothing(server, anna, ben):
    org = await make_org(anna, member=[ben])
    await org.make_room(slug="general")
    path = org.room("general")
    wanted = {"level": "mentions", "muted_until": "2100-01-01T00:00:00.000Z"}
    assert (await ben.put(f"{path}/notification-preferences", wanted)).expect(200).json == wanted
    assert (await ben.get(f"{path}/notification-preferences")).expect(200).json == wanted
    async with await Socket.open(server, "/ws/me", ben) as me:
        await me.expect("subscribed")
        (await anna.post(f"{path}/messages", {"body": f"@{ben.name} @room"})).expect(201)
        await me.silence()
        await ben.put(f"{path}/notification-preferences", {"level": "mentions"})
        (await anna.post(f"{path}/messages", {"body": "everybody: @room"})).expect(201)
        await me.until("room_mention", promised(1))
