"""The bridge to Django's channel layer: a Django project as it is, and Indaba beside it."""

import asyncio
import json
import time

import pytest
import websockets

from harness import client, django, postgres
from harness.client import make_org
from harness.limits import promised, within
from harness.redis import Redis
from harness.redis import installed as redis_installed
from harness.socket import Socket

pytestmark = pytest.mark.skipif(not (redis_installed() and django.installed()), reason="needs redis-server, Django and Channels")

TYPES_IN = "task.status_changed,note"
TYPES_OUT = "deploy.finished"


class Site:
    """Redis, Django and Indaba, and what the tests say to them."""

    def __init__(self, layer):
        self.layer = layer
        self.redis = Redis()
        self.django = django.Django(layer, self.redis.tcp_url)

    def env(self, **more):
        return {"INDABA_BRIDGE_LAYER": self.layer, "PUBSUB_REDIS_URL": self.redis.url,
                "INDABA_BRIDGE_TYPES_IN": TYPES_IN, "INDABA_BRIDGE_TYPES_OUT": TYPES_OUT, **more}

    async def say(self, group, message, times=1):
        return await asyncio.to_thread(self.django.say, group, message, times)

    async def consumer(self, group):
        connection = await websockets.connect(self.django.ws_url(group))
        assert json.loads(await connection.recv()) == {"type": "joined", "group": group}
        return connection

    async def ready(self, org, caller):
        """Until what Django says arrives: the layer is joined, and this node leads."""
        for _ in range(100):
            await self.say(org.group, {"type": "note", "ping": True})
            page = (await caller.get(f"orgs/{org.slug}/notifications")).json
            if any(event["type"] == "note" for event in page["results"]):
                return
            await asyncio.sleep(0.1)
        raise AssertionError("nothing arrives from Django")

    def close(self):
        self.django.close()
        self.redis.close()


@pytest.fixture(scope="module", params=["pubsub", "core"])
def site(request):
    one = Site(request.param)
    yield one
    one.close()


@pytest.fixture
def bridged(site, own_server):
    def make(**env):
        return own_server(env=site.env(**env))
    return make


async def org_of(server):
    root = await asyncio.to_thread(client.User(server, "root").sign_in)
    org = await make_org(root)
    org.group = f"org-{org.id}"
    return root, org


async def test_what_django_says_to_an_organisation_is_an_event_that_is_kept(site, bridged):
    server = bridged()
    root, org = await org_of(server)
    await site.ready(org, root)
    async with await Socket.open(server, f"/ws/orgs/{org.slug}/notifications", root) as socket:
        await socket.expect("subscribed")
        await site.say(org.group, {"type": "task.status_changed", "task_id": 7, "status": "done",
                                   "more": {"ö": [1, 2.5, None, True]}})
        (event,) = await socket.events(1)
        while event["type"] == "note":
            (event,) = await socket.events(1)
    assert event["stream"] == f"orgs/{org.slug}/notifications"
    assert (event["type"], event["task_id"], event["status"]) == ("task.status_changed", 7, "done")
    assert event["more"] == {"ö": [1, 2.5, None, True]}
    kept = (await root.get(f"orgs/{org.slug}/notifications/{event['seq']}")).expect(200).json
    assert kept["task_id"] == 7


async def test_what_django_says_to_a_user_stands_in_their_own_stream(site, bridged):
    server = bridged()
    root, org = await org_of(server)
    await site.ready(org, root)
    async with await Socket.open(server, "/ws/me", root) as socket:
        await socket.expect("subscribed")
        await site.say(f"user-{root.id}", {"type": "note", "text": "for you"})
        event = await socket.until("note")
    assert event["text"] == "for you" and event["stream"] == "me" and event["seq"] >= 1


async def test_events_of_a_topic_go_one_way_or_the_other_kept_or_not(site, bridged):
    server = bridged(INDABA_BRIDGE_GROUPS="prices-<slug> orgs/<slug>/topics/prices ephemeral in=price out=said,"
                                          "log-<slug> orgs/<slug>/topics/log in=line,org-<id> orgs/<id>/notifications")
    root, org = await org_of(server)
    prices, log = await org.declare("prices"), await org.declare("log")
    await site.ready(org, root)
    async with await Socket.open(server, "/ws", root) as socket:
        for stream in (prices, log):
            assert (await socket.ask("subscribe", stream=stream))["type"] == "subscribed"
        await site.say(f"prices-{org.slug}", {"type": "price", "of": "tea", "is": 3})
        tick = await socket.until("price")
        assert "seq" not in tick and tick["data"] == {"of": "tea", "is": 3}
        await site.say(f"log-{org.slug}", {"type": "line", "n": 1})
        line = await socket.until("line")
        assert line["seq"] == 1 and line["data"] == {"n": 1}


async def test_an_event_of_indaba_reaches_a_consumer_of_django(site, bridged):
    server = bridged()
    root, org = await org_of(server)
    await site.ready(org, root)
    consumer = await site.consumer(org.group)
    published = (await root.post(f"orgs/{org.slug}/notifications", {
        "type": "deploy.finished", "payload": {"version": "1.2", "steps": [1, {"ok": True}]}})).expect(201).json
    told = json.loads(await asyncio.wait_for(consumer.recv(), 10))
    assert told["seq"] == published["seq"] and told["created_at"] == published["created_at"]
    assert (told["version"], told["steps"]) == ("1.2", [1, {"ok": True}])
    await consumer.close()


async def test_neither_side_ends_the_other_by_a_type_that_it_does_not_know(site, bridged):
    server = bridged()
    root, org = await org_of(server)
    await site.ready(org, root)
    consumer = await site.consumer(f"user-{root.id}")
    # To Django goes what is named, and nothing else: Django's consumer has no handler for it, and would end.
    await root.post(f"orgs/{org.slug}/notifications", {"type": "unheard.of", "payload": {}})
    # From Django comes what is named, and nothing else; reserved names and members least of all.
    for message in ({"type": "unheard.of"}, {"type": "welcome"}, {"type": "error", "error": {}}, {"type": "No Type"},
                    {"type": "x" * 5000}, {"type": "note", "seq": 1}, {"type": "note", "stream": "orgs/other/notifications"},
                    {"type": "note", "text": "x" * 300_000}):
        await site.say(org.group, message)
    await site.say("org-999999", {"type": "note"})
    await site.say("user-999999", {"type": "note"})
    await site.say("org-007", {"type": "note"})
    await site.say(org.group, {"type": "note", "last": True})
    for _ in range(100):
        page = (await root.get(f"orgs/{org.slug}/notifications?limit=200")).json["results"]
        if any(event.get("last") for event in page):
            break
        await asyncio.sleep(0.05)
    told = [event for event in page if not event.get("ping")]
    assert [event["type"] for event in told] == ["unheard.of", "note"]
    assert server.process.poll() is None
    await consumer.send(json.dumps({"text": "still here"}))
    answer = json.loads(await asyncio.wait_for(consumer.recv(), 10))
    assert answer["text"] == "still here"
    await consumer.close()
    refused = [entry for entry in server.log_entries() if entry["message"] == "a message of Django is refused"]
    assert 1 <= len(refused) <= 6, refused  # once a minute a reason


async def test_bytes_that_are_no_message_harm_nothing(site, bridged):
    server = bridged()
    root, org = await org_of(server)
    await site.ready(org, root)
    for junk in (b"", b"\xc1", b"\x81\xa4type\x01", b"\x91" * 10_000, b"\xdf\xff\xff\xff\xff", b"not msgpack at all"):
        if site.layer == "pubsub":
            site.redis.ask("PUBLISH", f"asgi__group__{org.group}", junk)
        else:
            channel = site.redis.ask("ZRANGE", f"asgi:group:{org.group}", 0, -1).split(b"\r\n")[2]
            site.redis.ask("ZADD", b"asgi" + channel.partition(b"!")[0] + b"!", 1, b"0123456789ab" + junk)
    await site.say(org.group, {"type": "note", "last": True})
    for _ in range(100):
        page = (await root.get(f"orgs/{org.slug}/notifications?limit=200")).json["results"]
        if any(event.get("last") for event in page):
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError(server.log_tail())


async def test_a_thousand_messages_come_all_once_and_in_order(site, bridged):
    server = bridged()
    root, org = await org_of(server)
    await site.ready(org, root)
    async with await Socket.open(server, f"/ws/orgs/{org.slug}/notifications", root) as socket:
        await socket.expect("subscribed")
        await site.say(org.group, {"type": "task.status_changed", "of": "many"}, times=1000)
        numbers = []
        while len(numbers) < 1000:
            event = await socket.next(20)
            if event.get("of") == "many":
                numbers.append(event["number"])
    assert numbers == list(range(1000))


@within(120)
@pytest.mark.slow
async def test_a_thousand_messages_a_second_are_all_kept_once_in_order_and_read(site, bridged):
    rate, seconds = 1000, 20
    server = bridged(INDABA_BRIDGE_GROUPS="log-<slug> orgs/<slug>/topics/log in=line,org-<id> orgs/<id>/notifications")
    root, org = await org_of(server)
    log = await org.declare("log")
    await site.ready(org, root)
    async with await Socket.open(server, f"/ws/{log}", root) as socket:
        await socket.expect("subscribed")
        saying = asyncio.create_task(asyncio.to_thread(
            site.django.keep_saying, f"log-{org.slug}", {"type": "line", "text": "x" * 100}, rate, seconds))
        read = [(event["seq"], event["data"]["number"]) for event in await socket.events(rate * seconds, 90)]
    told = await saying
    assert told["dropped"] == 0 and told["took"] < promised(seconds * 1.1), told
    assert read == [(number + 1, number) for number in range(rate * seconds)]
    kept, since = [], 0
    while page := (await root.get(f"events?stream={log}&since={since}&limit=500")).expect(200).json["results"]:
        kept += [(event["seq"], event["data"]["number"]) for event in page]
        since = page[-1]["seq"]
    assert kept == read


@within(120)
@pytest.mark.slow
async def test_a_thousand_events_a_second_reach_a_consumer_of_django_all_once_and_in_order(site, bridged):
    rate, seconds, at_once = 1000, 10, 20
    # What waits for a consumer that is behind is not what this is about: on a busy machine Django takes fewer than a thousand.
    server = bridged(INDABA_BRIDGE_GROUPS="log-<slug> orgs/<slug>/topics/log out=deploy.finished,org-<id> orgs/<id>/notifications",
                     INDABA_BRIDGE_CAPACITY=str(rate * seconds))
    root, org = await org_of(server)
    log = await org.declare("log")
    await site.ready(org, root)
    consumer = await site.consumer(f"log-{org.slug}")

    async def publish():
        began = time.monotonic()
        for first in range(0, rate * seconds, at_once):
            await asyncio.sleep(max(0, began + first / rate - time.monotonic()))
            events = [{"type": "deploy.finished", "data": {"number": first + n}} for n in range(at_once)]
            (await root.post(f"{log}/events", events)).expect(200)
        return time.monotonic() - began

    publishing = asyncio.create_task(publish())
    told = [json.loads(await asyncio.wait_for(consumer.recv(), 30))["seq"] for _ in range(rate * seconds)]
    assert await publishing < promised(seconds * 1.1)
    assert told == list(range(1, rate * seconds + 1))
    await consumer.close()


async def test_redis_goes_away_and_comes_back(site, bridged):
    server = bridged()
    root, org = await org_of(server)
    await site.ready(org, root)
    consumer = await site.consumer(org.group)
    site.redis.kill()
    for _ in range(100):
        ready = await client.Caller(server).get("/readyz")
        if ready.expect(200).json["checks"]["channel_layer"]["status"] == "degraded":
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError(ready.text)
    # Indaba goes on; what it would tell Django is lost, as a channel layer loses it.
    (await root.post(f"orgs/{org.slug}/notifications", {"type": "deploy.finished", "payload": {}})).expect(201)
    site.redis.start()
    await asyncio.sleep(1)
    await consumer.close()
    for _ in range(100):  # Django's own connections come back by themselves, at the second try
        try:
            await site.say(org.group, {"type": "note", "again": True})
        except OSError:
            pass
        page = (await root.get(f"orgs/{org.slug}/notifications")).json["results"]
        if any(event.get("again") for event in page):
            break
        await asyncio.sleep(0.2)
    else:
        raise AssertionError(server.log_tail())
    told = (await client.Caller(server).get("/metrics")).expect(200).text
    assert "indaba_bridge_up 1" in told and 'indaba_bridge_messages_total{outcome="delivered"}' in told


async def test_core_keeps_what_is_said_during_a_restart(site, bridged):
    if site.layer != "core":
        pytest.skip("Redis' PUBLISH keeps nothing")
    server = bridged()
    root, org = await org_of(server)
    await site.ready(org, root)
    assert server.stop() == 0
    await site.say(org.group, {"type": "note", "of": "restart"}, times=200)
    server.start()
    for _ in range(200):
        page = (await root.get(f"orgs/{org.slug}/notifications?limit=200")).json["results"]
        told = [event["number"] for event in page if event.get("of") == "restart"]
        if len(told) == 200 or (told and told[-1] == 199):
            break
        await asyncio.sleep(0.05)
    assert told == list(range(200 - len(told), 200)) and len(told) >= 190


@pytest.mark.skipif(not postgres.installed(), reason="needs PostgreSQL")
async def test_two_nodes_append_what_django_says_once_and_the_second_takes_over(site, own_server):
    url = postgres.shared().url(postgres.shared().create_database())
    env = site.env(DATABASE_URL=url, INDABA_DATABASE_WRITERS="2", INDABA_DATABASE_READERS="2")
    first = own_server(env=env)
    second = own_server(env=env, users=())
    root, org = await org_of(first)
    await site.ready(org, root)
    await site.say(org.group, {"type": "task.status_changed", "of": "both"}, times=100)

    async def told(of, count, by):
        for _ in range(600):
            page = (await by.get(f"orgs/{org.slug}/notifications?limit=200")).json["results"]
            numbers = [event["number"] for event in page if event.get("of") == of]
            if len(numbers) >= count:
                return numbers
            await asyncio.sleep(0.05)
        raise AssertionError(f"{numbers}\n{first.log_tail(5)}\n{second.log_tail(5)}")

    assert await told("both", 100, root) == list(range(100))
    # The leader is killed. Core keeps what is said until the other one leads; what is said by PUBLISH meanwhile is lost.
    first.kill()
    if site.layer == "pubsub":
        while "this node takes what Django says" not in second.log_text():
            await asyncio.sleep(0.1)
    await site.say(org.group, {"type": "task.status_changed", "of": "other"}, times=50)
    other = await asyncio.to_thread(client.User(second, "root").sign_in)
    assert await told("other", 50, other) == list(range(50))
    page = (await other.get(f"orgs/{org.slug}/notifications?limit=200")).json["results"]
    assert len([event for event in page if event.get("of") == "both"]) == 100
