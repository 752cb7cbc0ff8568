"""Who is online: told as it changes to those who follow a stream, and on request."""

import asyncio
import re
import time

import jwt
import pytest

from harness.client import Caller, User, api_key, make_org, unique
from harness.limits import promised, within
from harness.socket import Socket
from harness.sse import EventStream
from harness.tokens import SECRET, claims

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def brief(own_server):
    """Whose last device is gone is offline after two seconds, not fifteen."""
    return own_server(env={"INDABA_PRESENCE_LINGER": "2s"}, arguments=["--no-jobs"])  # whose own commits would count


def register(server, *names):
    return [User(server, unique(name)).register() for name in names]


async def listen(server, stream, user, **options):
    socket = await Socket.open(server, f"/ws/{stream}/", user, **options)
    await socket.expect("subscribed")
    socket.hears_presence = True
    return socket


async def heard(socket, user, timeout=10):
    """The next change that names the user; others' are passed over."""
    deadline = time.monotonic() + timeout
    while True:
        frame = await socket.next(max(0.001, deadline - time.monotonic()))
        if frame["type"] != "presence":
            continue
        for change in frame.get("changes", []):
            if change["user"]["id"] == user.id:
                return frame, change


async def names_in(socket, seconds):
    """Everybody who is named in that time, as often as they are."""
    names = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            frame = await socket.next(left)
        except asyncio.TimeoutError:
            break
        names += [change["user"]["id"] for change in frame.get("changes", [])]
    return names


async def test_who_comes_and_goes_is_told_to_those_who_follow_the_organisation_and_its_rooms(brief):
    anna, ben = register(brief, "anna", "ben")
    org = await make_org(anna, member=[ben])
    await org.make_room(slug="general")
    async with await listen(brief, org.notifications, anna) as news, \
            await listen(brief, org.room("general"), anna) as room:
        await heard(news, anna)
        device = await Socket.open(brief, "/ws", ben)  # it need not follow anything
        for socket, stream in ((news, org.notifications), (room, org.room("general"))):
            frame, change = await heard(socket, ben, promised(3))
            assert set(frame) == {"type", "stream", "changes"} and frame["stream"] == stream
            assert set(change) == {"user", "status", "last_seen"}
            assert change["user"] == {"id": ben.id, "username": ben.name}
            assert change["status"] == "online" and TIME.fullmatch(change["last_seen"])
        left = time.time()
        await device.close()
        frame, change = await heard(news, ben, promised(6))
        assert change["status"] == "offline"
        assert 1.9 < time.time() - left < 2 + promised(2.5)
        seen = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(left))
        assert change["last_seen"].startswith(seen) or left % 60 > 58


async def test_a_person_is_online_as_long_as_one_device_is(brief):
    anna, ben = register(brief, "anna", "ben")
    org = await make_org(anna, member=[ben])
    async with await listen(brief, org.notifications, anna) as news:
        phone = await Socket.open(brief, "/ws", ben)
        laptop = await EventStream.open(brief, "stream=me", ben)
        await heard(news, ben)
        await phone.abort()
        assert ben.id not in await names_in(news, 4)
        laptop.close()
        assert (await heard(news, ben, promised(6)))[1]["status"] == "offline"


async def test_who_comes_back_in_time_never_went(brief):
    anna, ben = register(brief, "anna", "ben")
    org = await make_org(anna, member=[ben])
    async with await listen(brief, org.notifications, anna) as news:
        device = await Socket.open(brief, "/ws", ben)
        await heard(news, ben)
        for _ in range(3):
            await device.abort()
            await asyncio.sleep(0.3)
            device = await Socket.open(brief, "/ws", ben)
        assert ben.id not in await names_in(news, 3)
        await device.close()


async def test_a_long_poll_is_no_device_and_is_not_woken_by_those_who_are(brief):
    anna, ben = register(brief, "anna", "ben")
    org = await make_org(anna, member=[ben])
    async with await listen(brief, org.notifications, anna) as news:
        await heard(news, anna)
        poll = asyncio.create_task(ben.get(f"events?stream={org.notifications}&wait=4"))
        assert await names_in(news, 2) == []
        async with await Socket.open(brief, "/ws", anna):
            page = (await poll).expect(200).json
        assert page["results"] == []


async def test_event_streams_are_told_too(brief):
    anna, ben = register(brief, "anna", "ben")
    org = await make_org(anna, member=[ben])
    async with await EventStream.open(brief, f"stream={org.notifications}", anna) as stream:
        stream.hears_presence = True
        await stream.expect("subscribed")
        async with await Socket.open(brief, "/ws", ben):
            while True:
                name, told, ident = await stream.next()
                assert name == "message" and told["type"] == "presence" and "seq" not in told
                if any(change["user"]["id"] == ben.id for change in told["changes"]):
                    break


async def test_a_private_room_names_only_who_is_in_it(server):
    anna, ben, carla = register(server, "anna", "ben", "carla")
    org = await make_org(anna, member=[ben, carla])
    hidden = org.room((await org.make_room(ben))["slug"])  # anna made it, so she is in it as well
    async with await listen(server, hidden, anna) as room:
        await heard(room, anna)
        async with await Socket.open(server, "/ws", carla), await Socket.open(server, "/ws", ben):
            frame, _ = await heard(room, ben, promised(3))
            assert [change["user"]["id"] for change in frame["changes"]] == [ben.id]
            told = await room.ask("presence")
            assert [user["id"] for user in told["users"]] == sorted([anna.id, ben.id])
            assert told["count_online"] == 2
            assert await names_in(room, 1.5) == []


async def test_nothing_is_heard_of_another_organisation(server):
    anna, dora = register(server, "anna", "dora")
    org = await make_org(anna)
    await make_org(dora)
    async with await listen(server, org.notifications, anna) as news:
        await heard(news, anna)
        async with await Socket.open(server, "/ws", dora):
            assert await names_in(news, 2) == []
            told = await news.ask("presence")
            assert told["users"] == [{"id": anna.id, "username": anna.name}] and told["count_online"] == 1


async def test_the_list_has_who_is_online_and_when_the_others_were_seen(brief):
    anna, ben, carla, dora = register(brief, "anna", "ben", "carla", "dora")
    org = await make_org(anna, member=[ben, carla])
    async with await listen(brief, org.notifications, anna) as news:
        for user in (carla, ben):
            async with await Socket.open(brief, "/ws", user):
                await heard(news, user)
            await heard(news, user, promised(6))
        told = (await anna.get(f"{org.path}/presence")).expect(200).json
        assert told["count"] == 1 and set(told) == {"users", "count"}
        assert [(one["user"]["id"], one["status"]) for one in told["users"]] == [
            (anna.id, "online"), (ben.id, "offline"), (carla.id, "offline")]
        assert told["users"][1]["user"] == {"id": ben.id, "username": ben.name}
        assert all(TIME.fullmatch(one["last_seen"]) for one in told["users"])
        seen = {one["user"]["id"]: one["last_seen"] for one in told["users"]}
        assert len((await ben.get(f"{org.path}/presence?limit=2")).expect(200).json["users"]) == 2
        (await anna.get(f"{org.path}/presence?limit=201")).expect(422)
        (await dora.get(f"{org.path}/presence")).expect(404)
        (await Caller(brief).get(f"{org.path}/presence")).expect(401)
        reader = api_key(brief, (await org.key(("read",)))["key"])
        assert (await reader.get(f"{org.path}/presence")).expect(200).json["count"] == 1
    # It is known after a restart: of those who were gone, and of who was there until the end.
    assert brief.stop() == 0
    brief.start()
    told = (await anna.get(f"{org.path}/presence")).expect(200).json
    assert told["count"] == 0
    again = {one["user"]["id"]: one["last_seen"] for one in told["users"]}
    assert again[ben.id] == seen[ben.id] and again[carla.id] == seen[carla.id]
    assert list(again) == [anna.id, ben.id, carla.id] and again[anna.id] >= seen[anna.id]


async def test_coming_and_going_costs_no_write_each(brief):
    anna, ben = register(brief, "anna", "ben")
    await make_org(anna, member=[ben])

    async def commits():
        text = (await Caller(brief).get("/metrics")).expect(200).text
        return int(float(re.search(r"^indaba_db_commit_seconds_count (\S+)", text, re.M)[1]))

    await asyncio.sleep(1)
    before = await commits()
    for _ in range(20):
        sockets = [await EventStream.open(brief, "stream=me", ben) for _ in range(5)]
        for one in sockets:
            one.close()
    await asyncio.sleep(4)  # gone, and saved
    assert await commits() - before <= 3


async def test_who_has_blocked_somebody_is_not_shown_to_them_on_request(server):
    anna, ben, carla = register(server, "anna", "ben", "carla")
    org = await make_org(anna, member=[ben, carla])
    (await ben.put(f"users/{anna.id}/block")).expect(204)
    async with await Socket.open(server, "/ws", ben), await listen(server, org.notifications, carla) as other, \
            await listen(server, org.notifications, anna) as news:
        await heard(news, ben)  # what is told to all at once tells of all

        async def frame(socket):
            return {user["id"] for user in (await socket.ask("presence"))["users"]}

        async def listed(caller):
            users = (await caller.get(f"{org.path}/presence")).expect(200).json["users"]
            return {one["user"]["id"] for one in users}

        # Each node is told of everybody in a moment; of whom one must not hear, none tells in between either.
        for ask, people in ((lambda: frame(news), {anna.id, carla.id}), (lambda: listed(anna), {anna.id, carla.id}),
                            (lambda: listed(ben), {ben.id, carla.id}), (lambda: frame(other), {anna.id, ben.id, carla.id})):
            deadline = time.monotonic() + promised(3)
            while (told := await ask()) != people:
                assert told < people and time.monotonic() < deadline, (told, people)
                await asyncio.sleep(0.05)


async def test_who_is_removed_is_not_counted_any_more(server):
    anna, ben = register(server, "anna", "ben")
    org = await make_org(anna, member=[ben])
    async with await listen(server, org.notifications, anna) as news, await Socket.open(server, "/ws", ben):
        await heard(news, ben)
        await org.remove(ben)
        told = (await anna.get(f"{org.path}/presence")).expect(200).json
        assert told["count"] == 1 and [one["user"]["id"] for one in told["users"]] == [anna.id]


async def test_the_metrics_tell_of_it(server):
    (anna,) = register(server, "anna")
    org = await make_org(anna)
    async with await listen(server, org.notifications, anna) as news:
        await heard(news, anna)
        text = (await Caller(server).get("/metrics")).expect(200).text
        for name in ("indaba_presence_users", "indaba_presence_changes_total", "indaba_presence_frames_total"):
            assert float(re.search(rf"^{name} (\S+)", text, re.M)[1]) >= 1


class Crowd:
    """Many people without passwords, by another service's tokens."""

    ENV = {"INDABA_AUTH_EXTERNAL_KEY": SECRET, "INDABA_AUTH_EXTERNAL_ALGORITHMS": "HS256",
           "INDABA_AUTH_EXTERNAL_IDS": "true", "INDABA_AUTH_REGISTRATION": "closed",
           "INDABA_PRESENCE_LINGER": "3s"}

    def __init__(self, server, number):
        self.server = server
        self.name = f"person{number}"
        self.token = jwt.encode(claims(number, username=self.name), SECRET, algorithm="HS256")
        self.caller = Caller(server, {"Authorization": f"Bearer {self.token}"})
        self.id = number

    async def introduce(self):
        told = (await self.caller.get("me")).expect(200).json
        assert told["id"] == self.id

    async def connect(self):
        return await Socket.open(self.server, "/ws", token=self.token, max_queue=8, read_limit=2**14)


async def make_crowd(server, size):
    crowd = [Crowd(server, 1000 + n) for n in range(size)]
    for one in crowd:
        await one.introduce()
    return crowd


@within(120)
async def test_above_two_hundred_members_only_the_number_is_told(own_server):
    server = own_server(env=Crowd.ENV, users=())
    crowd = await make_crowd(server, 201)
    org = await make_org(crowd[0].caller, member=crowd[1:201])
    room = org.room((await org.make_room(crowd[1], crowd[2]))["slug"])
    sockets = [await one.connect() for one in crowd[1:3]]
    async with await Socket.open(server, f"/ws/{org.notifications}/", token=crowd[0].token) as news, \
            await Socket.open(server, f"/ws/{room}/", token=crowd[0].token) as small:
        news.hears_presence = small.hears_presence = True
        frame = await news.until("presence")
        assert set(frame) == {"type", "stream", "count_online"} and frame["stream"] == org.notifications
        while frame["count_online"] != 3:
            frame = await news.until("presence")
        sockets.append(await crowd[3].connect())
        assert (await news.until("presence"))["count_online"] == 4
        await heard(small, crowd[0], promised(3))
        assert (await news.ask("presence"))["count_online"] == 4
        await sockets.pop().close()
        assert (await news.until("presence", promised(8)))["count_online"] == 3
    for one in sockets:
        await one.close()


@within(180)
async def test_a_storm_of_reconnects_names_nobody_twice(own_server):
    # Longer than a busy machine takes to connect all of them anew.
    server = own_server(env={**Crowd.ENV, "INDABA_PRESENCE_LINGER": "30s"}, users=())
    crowd = await make_crowd(server, 300)
    halves = [crowd[:150], crowd[150:]]
    orgs = [await make_org(half[0].caller, member=half[1:]) for half in halves]
    watchers = []
    for org, half in zip(orgs, halves):
        watcher = await Socket.open(server, f"/ws/{org.notifications}/", token=half[0].token)
        watcher.hears_presence = True
        watchers.append(watcher)

    async def watch(watcher, until):
        names, frames = [], 0
        while not until.is_set():
            try:
                frame = await watcher.next(0.2)
            except asyncio.TimeoutError:
                continue
            if frame["type"] == "presence":
                frames += 1
                assert "changes" in frame
                names += [change["user"]["id"] for change in frame["changes"]]
        return names, frames

    async def watched(work):
        began, done = time.monotonic(), asyncio.Event()
        watching = [asyncio.create_task(watch(watcher, done)) for watcher in watchers]
        result = await work()
        await asyncio.sleep(2)
        done.set()
        return result, [await one for one in watching], time.monotonic() - began

    async def come():
        sockets = []
        for at in range(0, len(crowd), 25):
            sockets += await asyncio.gather(*(one.connect() for one in crowd[at:at + 25]))
        return sockets

    sockets, told, seconds = await watched(come)
    for (names, frames), half in zip(told, halves):
        assert sorted(names) == [one.id for one in half], "each is named once"
        assert frames <= seconds + 2

    async def cut_and_come():
        for one in sockets:
            await one.abort()
        return await come()

    sockets, told, seconds = await watched(cut_and_come)
    for names, frames in told:
        assert len(names) == len(set(names)) and frames <= seconds + 2
        assert names == [] or seconds > 30, "back in time is no change at all"
    for one in [*sockets, *watchers]:
        await one.abort()


async def test_a_reader_that_is_behind_misses_it_and_loses_nothing_else(own_server):
    server = own_server(env={"INDABA_PRESENCE_LINGER": "1s"})
    anna, ben = register(server, "anna", "ben")
    org = await make_org(anna, member=[ben])
    slow = await listen(server, org.notifications, ben, read_limit=2**14, max_queue=1)
    async with await listen(server, org.notifications, anna) as news:
        await heard(news, anna)
        for n in range(400):  # far more than sockets and an outbox hold, and nobody reads them
            await org.notify(n=n, text="x" * 15_000)
        carla = register(server, "carla")[0]
        await org.add(carla)
        async with await Socket.open(server, "/ws", carla):
            await heard(news, carla)
        await org.notify("last")
        got, names = [], []
        while not got or got[-1]["type"] != "last":
            frame = await slow.next()
            if frame["type"] == "presence":
                names += [change["user"]["id"] for change in frame["changes"]]
            elif "seq" in frame:
                got.append(frame)
        assert carla.id not in names
        assert [event["seq"] for event in got] == list(range(got[0]["seq"], got[0]["seq"] + len(got)))
        assert len(got) >= 402
    await slow.abort()
