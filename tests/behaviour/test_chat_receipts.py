"""How far people have read, and what is unread on all of their devices."""

from harness.client import make_org
from harness.limits import promised
from harness.socket import Socket


async def general(anna, *members):
    org = await make_org(anna, member=list(members))
    await org.make_room(slug="general")
    return org, org.room("general")


async def unread(user, org):
    told = (await user.get("me/unread")).expect(200).json
    (own,) = [one for one in told["orgs"] if one["slug"] == org.slug]
    return {room["slug"]: room["unread"] for room in own["rooms"]}


async def test_two_devices_agree_on_what_is_unread(server, anna, ben):
    org, room = await general(anna, ben)
    for n in range(3):
        (await anna.post(f"{room}/messages", {"body": str(n)})).expect(201)
    assert await unread(ben, org) == {"general": 3} and await unread(anna, org) == {"general": 0}
    async with await Socket.open(server, f"/ws/{room}/", ben) as one, \
            await Socket.open(server, "/ws/me", ben) as other:
        await one.expect("subscribed")
        await other.expect("subscribed")
        await one.send("read_receipt", up_to=2)
        told = await other.until("unread", promised(1))
        assert (told["unread"], told["last_read_seq"]) == (1, 2)
        assert told["room"]["slug"] == "general" and told["org"]["slug"] == org.slug
        event = await one.until("read_receipt")
        assert event["up_to"] == 2 and event["user"] == {"id": ben.id, "username": ben.name}
        assert (await one.ask("read_receipt", up_to=1))["type"] == "ok"
        await other.silence()
    assert await unread(ben, org) == {"general": 1}
    told = (await ben.post(f"{room}/read", {"up_to": 1000})).expect(200).json
    assert told["unread"] == 0 and told["last_read_seq"] == told["head"]


async def test_history_opens_at_the_first_unread_message(server, anna, ben):
    _, room = await general(anna, ben)
    for n in range(10):
        (await anna.post(f"{room}/messages", {"body": str(n)})).expect(201)
    (await ben.post(f"{room}/read", {"up_to": 5})).expect(200)
    told = (await ben.get(f"{room}/messages?anchor=first_unread&limit=5")).json
    assert [message["body"] for message in told["messages"]] == ["7", "6", "5", "4", "3"]
    assert told["has_more"] and told["has_newer"]
