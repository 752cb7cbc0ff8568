"""A chat over a line that cuts connections and loses acknowledgements: every message is there once, for everybody in the same order.

Fifty people in five rooms, and five pairs of them in conversations, send, edit, delete, react and read. Whatever is not
answered is sent again under the same client_message_id, by socket or by HTTP. The server is killed meanwhile.
"""

import asyncio
import collections
import contextlib
import os
import random
import sys
import time

from faults.test_kill import check_database
from harness.chatter import Device, KeyedEventStream, KeyedLongPoll, Person, key_of
from harness.client import Caller, User, make_org
from harness.faulty_proxy import FaultyProxy
from harness.limits import within
from harness.reader import TROUBLE

FULL = os.environ.get("INDABA_FAULT_CHAT") == "full"
PEOPLE, ROOMS, PAIRS = 50, 5, 5
MESSAGES = 20_000 if FULL else 2_000
KILLS = 3 if FULL else 1
EMOJI = [("👍", "%F0%9F%91%8D"), ("🎉", "%F0%9F%8E%89")]
STYLES = ["url", "subscribe", "resume"]


class World:
    """Who is there, and how the streams are called by each of them."""

    def __init__(self, server, rng):
        self.server, self.rng = server, rng
        self.org, self.people, self.readers, self.devices = None, [], [], []
        self.room_of, self.peer_of = {}, {}
        self.messages = 0  # answered
        self.done = False

    async def settle(self, line):
        root = User(self.server, "root").sign_in()
        users = [User(self.server, f"p{n:02}") for n in range(PEOPLE)]
        for start in range(0, PEOPLE, 4):
            await asyncio.gather(*(asyncio.to_thread(user.register) for user in users[start:start + 4]))
        self.org = await make_org(root, slug="acme", member=users)
        for n in range(ROOMS):
            members = users[n::ROOMS] if n % 2 else ()  # every other one is private
            await self.org.make_room(*members, slug=f"room{n}")
        for n, user in enumerate(users):
            person = Person(user, user.access, line, random.Random(self.rng.random()))
            self.people.append(person)
            self.room_of[person] = self.org.room(f"room{n % ROOMS}")
        for n in range(PAIRS):
            one, other = self.people[2 * n], self.people[2 * n + 1]
            self.peer_of[one], self.peer_of[other] = other, one
        for n, person in enumerate(self.people):
            streams = [self.room_of[person]]
            style = STYLES[n % 3]
            if person in self.peer_of:
                streams.append(f"conversations/{self.peer_of[person].id}")
                style = "resume" if n % 2 else "subscribe"
            person.device = Device(person, line, streams, style, random.Random(self.rng.random()))
            self.devices.append(person.device)
        for n in range(ROOMS):
            person = self.people[n]
            self.readers += [kind(line, self.room_of[person], person.caller, 0, random.Random(self.rng.random()),
                                  patience=(0.2, 4)) for kind in (KeyedEventStream, KeyedLongPoll)]

    async def live(self, person, count):
        """One person's part: `count` messages, and what one does with messages."""
        rng, room = person.rng, self.room_of[person]
        for n in range(count):
            stream = room
            if person in self.peer_of and rng.random() < 0.2:
                stream = f"conversations/{self.peer_of[person].id}"
            earlier = [message for message in person.sent[-20:]
                       if message.stream == stream and not message.deleted]
            reply_to = rng.choice(earlier).id if earlier and rng.random() < 0.05 else None
            await person.say(stream, stream, f"{person.name} says {n}", reply_to)
            self.messages += 1
            await self.do_something_else(person, room)

    async def do_something_else(self, person, room):
        rng, dice = person.rng, person.rng.random()
        mine = [message for message in person.sent[-10:] if not message.deleted]
        if dice < 0.02 and mine:
            message = rng.choice(mine)
            if not message.edited:
                await person.edit(message)
        elif dice < 0.03 and mine:
            await person.delete(rng.choice(mine))
        elif dice < 0.06:
            theirs = [message for other in self.people if self.room_of[other] == room and other is not person
                      for message in other.sent[-1:] if message.stream == room and not message.deleted]
            if theirs:
                await person.react(rng.choice(theirs), *rng.choice(EMOJI))
        elif dice < 0.12:
            stream = rng.choice(person.device.streams)
            if person.device.last(stream):
                await person.read_up_to(stream, stream, person.device.last(stream))
        elif dice < 0.125 and person.sent:
            message = rng.choice(person.sent)
            await person.mark_unread(message, message.stream)

    def direct(self, person):
        return Caller(self.server, person.caller.credentials())


def check_alive(tasks):
    for task in tasks:
        if task.done():
            task.result()  # a breach ends the test at once


async def kill_now_and_then(world, tasks):
    for n in range(KILLS):
        while world.messages < MESSAGES * (n + 1) / (KILLS + 1):
            check_alive(tasks)
            await asyncio.sleep(0.05)
        world.server.kill()
        await asyncio.to_thread(world.server.start)


async def log_of(caller, stream):
    """The keys of all events by seq - 1, and the events, from pages."""
    events = []
    while True:
        page = (await caller.get(f"events?stream={stream}&since={len(events)}&limit=1000")).expect(200).json
        assert page["reset"] == []
        for event in page["results"]:
            assert event["seq"] == len(events) + 1, f"{event['seq']} after {len(events)} in {stream}"
            events.append(event)
        if not page["has_more"]:
            assert page["streams"][stream]["head"] == len(events)
            return events


async def history_of(caller, path):
    """All messages, oldest first: read from the end to the beginning, and once more the other way."""
    back, place = [], ""
    while not back or page["has_more"]:
        page = (await caller.get(f"{path}/messages?limit=200{place}")).expect(200).json
        back += page["messages"]
        place = f"&before_id={back[-1]['id']}"
    back.reverse()
    forth, page = back[:1], {"has_newer": True}
    while page["has_newer"]:
        page = (await caller.get(f"{path}/messages?limit=200&after_id={forth[-1]['id']}")).expect(200).json
        forth += reversed(page["messages"])
    assert back == forth, f"the history of {path} is another one from its beginning"
    return back


def check_messages(stream, events, history, expected):
    """The stream and the history have each message of the model once, in one order, as the model has it."""
    told = [(event["id"], event["seq"]) for event in events if event["type"] == "message"]
    assert told == [(row["id"], row["seq"]) for row in history], f"stream and history of {stream} differ"
    assert [ident for ident, _ in told] == sorted({ident for ident, _ in told})
    rows = collections.Counter(row["client_message_id"] for row in history)
    assert rows == collections.Counter(message.key for message in expected), f"{stream}: lost or double"
    by_id = {message.id: message for message in expected}
    for row in history:
        message = by_id[row["id"]]
        assert (row["seq"], row["client_message_id"]) == (message.seq, message.key)
        assert row["author"]["id"] == message.author.id
        assert row["deleted"] == message.deleted and row["body"] == ("" if message.deleted else message.body), row
        assert bool(row["edited_at"]) == message.edited
        counts = collections.Counter(emoji for emoji, _ in message.reactions)
        assert {one["emoji"]: one["count"] for one in row["reactions"]} == ({} if message.deleted else counts)
    for event in events:
        if event["type"] == "message" and by_id[event["id"]].deleted:
            assert not event.get("body"), f"the log still shows a deleted message: {event}"


def check_receipts_move_forward(events):
    highest = {}
    for event in events:
        if event["type"] == "read_receipt":
            user = event["user"]["id"]
            assert event["up_to"] > highest.get(user, 0), f"a receipt moved back: {event}"
            highest[user] = event["up_to"]
    return highest


def unread_of(person, stream, messages):
    position = person.read.get(stream, (0, 0))[0]
    return sum(message.seq > position for message in messages)


async def settle_down(world, tasks):
    """Until every device has told what it has, and all readers have everything."""
    for person in world.people:
        for stream in person.device.streams:
            reads = [reader for reader in world.readers if reader.stream == stream]
            while True:
                check_alive(tasks)
                with contextlib.suppress(*TROUBLE):
                    await person.device.acknowledge(stream)
                page = await world.direct(person).get(f"events?stream={stream}&since=1&limit=1")
                head = page.expect(200).json["streams"][stream]["head"]
                if all(reader.last >= head for reader in reads) and person.device.last(stream) >= head:
                    break
                await asyncio.sleep(0.1)


async def check_room(world, room, caller):
    people = [person for person in world.people if world.room_of[person] == room]
    expected = [message for person in people for message in person.sent if message.stream == room]
    events = await log_of(caller, room)
    history = await history_of(caller, room)
    check_messages(room, events, history, expected)
    check_receipts_move_forward(events)
    keys = [key_of(event) for event in events]
    for person in people:
        assert person.device.seen[room] == keys, f"{person.device} saw another order"
    for reader in world.readers:
        if reader.stream == room:
            assert reader.keys() == keys, f"{reader} saw another order"
    receipts = (await caller.get(f"{room}/receipts")).expect(200).json["results"]
    told = {person.id: person.read[room][1] for person in people if person.read.get(room, (0, 0))[1]}
    assert {one["user"]["id"]: one["up_to"] for one in receipts} == told
    return expected


async def check_unread(world, by_room):
    for person in world.people:
        counts = (await world.direct(person).get("me/unread")).expect(200).json
        (org,) = counts["orgs"]
        rooms = {world.org.room(room["slug"]): room["unread"] for room in org["rooms"]}
        room = world.room_of[person]
        assert rooms[room] == unread_of(person, room, by_room[room]), f"{person.name}: {rooms}, {person.read}"


async def wait_for_delivered(world, pair, newest):
    """Devices acknowledge, and what was delivered is told a little later: the two sides of a conversation agree."""
    one, other = pair
    path = f"conversations/{other.id}"
    for _ in range(200):
        told = (await world.direct(one).get(f"{path}/receipts")).expect(200).json["results"]
        delivered = {row["user"]["id"]: row["delivered"] for row in told}
        if all(delivered.get(person.id, 0) == newest[person] for person in pair):
            return {row["user"]["id"]: row["up_to"] for row in told if row["up_to"]}
        for person, peer in ((one, other), (other, one)):
            with contextlib.suppress(*TROUBLE):
                await person.device.acknowledge(f"conversations/{peer.id}")
        await asyncio.sleep(0.05)
    raise AssertionError(f"delivered are {delivered}, not {[(person.id, newest[person]) for person in pair]}")


async def check_conversation(world, one, other, tasks):
    streams = {one: f"conversations/{other.id}", other: f"conversations/{one.id}"}
    expected = [message for person in streams for message in person.sent if message.stream == streams[person]]
    newest = {person: max((m.seq for m in expected if m.author is not person), default=0) for person in streams}
    read = await wait_for_delivered(world, (one, other), newest)
    positions = {person.id: person.read.get(streams[person], (0, 0))[1] for person in streams}
    assert read == {ident: told for ident, told in positions.items() if told}
    await settle_down(world, tasks)
    logs = {person: await log_of(world.direct(person), streams[person]) for person in streams}
    keys = [key_of(event) for event in logs[one]]
    assert keys == [key_of(event) for event in logs[other]]
    history = await history_of(world.direct(one), streams[one])
    check_messages(streams[one], logs[one], history, expected)
    check_receipts_move_forward(logs[one])
    for person in streams:
        assert person.device.seen[streams[person]] == keys, f"{person.device} saw another order"
        counts = (await world.direct(person).get("me/unread")).expect(200).json["conversations"]
        unread = unread_of(person, streams[person], expected)
        assert [row["unread"] for row in counts] == ([unread] if unread else [])


def report(world, line, seconds):
    devices = world.devices
    print(f"{world.messages} messages in {seconds:.1f} s; {sum(p.attempts for p in world.people)} attempts, "
          f"{sum(p.repeats for p in world.people)} answered by a repeat; {sum(d.connections for d in devices)} sockets, "
          f"{sum(d.resumed for d in devices)} resumed, {sum(d.repeated for d in devices)} events skipped as known; "
          f"{sum(len(seen) for d in devices for seen in d.seen.values())} events live; "
          f"{sum(r.connections for r in world.readers)} connections of other readers; {KILLS} kills\n{line.told}",
          file=sys.stderr)


@within(600 if FULL else 90)
async def test_every_message_exists_once_and_all_see_the_same_order(own_server, rng):
    server = own_server()
    server.listen = f"127.0.0.1:{server.port}"  # the same after each restart
    world = World(server, rng)
    with FaultyProxy(server, rng.randrange(1 << 30), mean_life=1.0 if FULL else 0.5) as line:
        await world.settle(line)
        tasks = [asyncio.create_task(device.run()) for device in world.devices]
        tasks += [asyncio.create_task(reader.run(lambda reader: world.done)) for reader in world.readers]
        began = time.monotonic()
        share = MESSAGES // PEOPLE
        lives = [asyncio.create_task(world.live(person, share)) for person in world.people]
        await kill_now_and_then(world, tasks + lives)
        await asyncio.gather(*lives)
        seconds = time.monotonic() - began
        await settle_down(world, tasks)
        for one, other in list(world.peer_of.items())[::2]:
            await check_conversation(world, one, other, tasks)
        world.done = True
        for device in world.devices:
            device.stopping = True
            await device.hang_up()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        line.stop()
    report(world, line, seconds)
    by_room = {}
    for person in world.people[:ROOMS]:
        room = world.room_of[person]
        by_room[room] = await check_room(world, room, world.direct(person))
    await check_unread(world, by_room)
    assert world.messages == MESSAGES and sum(person.repeats for person in world.people) > 0
    assert server.stop() == 0
    check_database(server)
