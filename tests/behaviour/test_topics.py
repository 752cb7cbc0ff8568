"""Topics: streams whose events a team's own programs make."""

import asyncio
import re

import pytest

from harness.client import Caller, User, api_key, make_org, unique
from harness.socket import Socket, refused


async def test_an_undeclared_topic_is_a_404(server, anna):
    org = await make_org(anna)
    (await anna.post(org.topic("undeclared") + "/events", {"type": "t", "data": 1})).problem(404)
    assert (await refused(server, f"/ws/{org.topic('undeclared')}", anna))[0] == 4004


async def test_one_or_many_events_are_published_and_answered_with_their_seqs(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("prices"))
    one = (await anna.post(topic + "/events", {"type": "tick", "data": {"p": 1}})).expect(200, 201).json
    assert one == {"results": [{"seq": 1, "duplicate": False}]}
    many = (await anna.post(topic + "/events", [{"type": "tick", "data": n} for n in range(3)])).json
    assert many["results"] == [{"seq": n, "duplicate": False} for n in (2, 3, 4)]


async def test_an_event_over_16_kib_is_announced_and_fetched_by_its_seq(server, anna, ben):
    org = await make_org(anna)
    topic = await org.declare(unique("prices"))
    async with await Socket.open(server, f"/ws/{topic}", anna) as socket:
        await socket.expect("subscribed")
        await org.publish(topic.rpartition("/")[2], {"type": "big", "data": "x" * 20_000})
        (event,) = await socket.events(1)
        assert set(event) == {"type", "stream", "seq", "created_at", "truncated"}
    whole = (await anna.get(f"{topic}/events/{event['seq']}")).expect(200).json
    assert whole == {"type": "big", "stream": topic, "seq": 1, "created_at": event["created_at"],
                     "data": "x" * 20_000}
    (await anna.get(f"{topic}/events/2")).problem(404)
    (await ben.get(f"{topic}/events/1")).problem(404)


async def test_an_array_is_all_or_nothing(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("prices"))
    (await anna.post(topic + "/events", [{"type": "tick", "data": 1}, {"type": "No Type", "data": 2}])).problem(422)
    page = (await anna.get(f"events?stream={topic}&since=0")).json
    assert page["results"] == [] and page["streams"][topic]["head"] == 0


async def test_an_array_has_up_to_1000(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("prices"))
    assert len((await org.publish(topic.rpartition("/")[2], *[{"type": "t", "data": 1}] * 1000))["results"]) == 1000
    (await anna.post(topic + "/events", [{"type": "t", "data": 1}] * 1001)).expect(413, 422)
    (await anna.post(topic + "/events", [])).expect(200, 201, 422)


async def test_dedupe_keys_repeat_the_first_answer(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("prices"))
    name = topic.rpartition("/")[2]
    events = [{"type": "t", "data": n, "dedupe_key": f"k{n}"} for n in range(3)]
    await org.publish(name, *events)
    again = await org.publish(name, *events, {"type": "t", "data": 3, "dedupe_key": "k3"})
    assert again["results"] == [{"seq": 1, "duplicate": True}, {"seq": 2, "duplicate": True},
                                {"seq": 3, "duplicate": True}, {"seq": 4, "duplicate": False}]
    (await anna.post(topic + "/events", {"type": "t", "data": "x", "dedupe_key": "k0"})).problem(409, "conflict")


async def test_a_key_sent_by_many_at_once_is_one_event(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("prices"))
    body = {"type": "t", "data": 1, "dedupe_key": "same"}
    answers = await asyncio.gather(*(anna.post(topic + "/events", body) for _ in range(50)))
    results = [answer.expect(200, 201).json["results"][0] for answer in answers]
    assert {result["seq"] for result in results} == {1}
    assert sum(not result["duplicate"] for result in results) == 1


async def test_durable_cannot_change_while_events_are_kept(server, anna):
    org = await make_org(anna)
    name = unique("prices")
    topic = await org.declare(name)
    await org.publish(name, {"type": "t", "data": 1})
    (await anna.put(topic, {"durable": False})).problem(409)
    (await anna.put(topic, {"durable": True, "retention_seconds": 3600})).expect(200)


@pytest.mark.parametrize("body, field", [
    ({"durable": "yes"}, "durable"), ({"durable": True, "retention_seconds": -1}, "retention_seconds"),
    ({"durable": True, "client_publish": "all"}, "client_publish"), ({"durable": True, "read": "all"}, "read"),
    ({"durable": True, "colour": 1}, "colour")])
async def test_a_declaration_that_is_wrong_names_the_field(server, anna, body, field):
    org = await make_org(anna)
    told = (await anna.put(org.topic("prices"), body)).problem(422)
    assert [error["field"] for error in told["errors"]] == [field]


async def test_who_may_declare_publish_and_read(server, anna, ben, dora):
    org = await make_org(anna, member=ben)
    topic = await org.declare(unique("prices"), client_publish="none")
    (await ben.put(org.topic("mine"), {"durable": True})).problem(403)
    (await ben.post(topic + "/events", {"type": "t", "data": 1})).problem(403)
    (await dora.post(topic + "/events", {"type": "t", "data": 1})).problem(404)
    (await dora.get(f"events?stream={topic}")).problem(404)
    key = api_key(server, (await org.key(("publish",)))["key"])
    (await key.post(topic + "/events", {"type": "t", "data": 1})).expect(200, 201)
    async with await Socket.open(server, f"/ws/{topic}", ben, query={"since": 0}) as socket:
        assert (await socket.events(1))[0]["data"] == 1


async def test_deep_or_huge_data_is_refused_and_the_server_lives(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("prices"))
    deep = '{"type":"t","data":' + "[" * 10_000 + "]" * 10_000 + "}"
    answer = await anna.post(topic + "/events", raw=deep.encode(), headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422)
    huge = '{"type":"t","data":"' + "x" * (1024 * 1024) + '"}'
    (await anna.post(topic + "/events", raw=huge.encode(),
                     headers={"Content-Type": "application/json"})).problem(413, "too_large")
    (await anna.get("me")).expect(200)


async def test_data_comes_back_as_it_was_sent(server, anna):
    org = await make_org(anna)
    name = unique("prices")
    topic = await org.declare(name)
    data = [None, True, -1, 1.5, 1e-9, 9007199254740991, "", "ö🎉\u0000\u2028", {"": {"a.b": []}}, [[]]]
    await org.publish(name, *({"type": "t", "data": value} for value in data))
    got = (await anna.get(f"events?stream={topic}&since=0")).json["results"]
    assert [event["data"] for event in got] == data


async def queries(stranger):
    text = (await stranger.get("/metrics")).expect(200).body.decode()
    return int(re.search(r"^indaba_db_reads_total (\d+)", text, re.M)[1])


async def test_who_comes_back_costs_no_query(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root)
    topic = await org.declare("prices", durable=False)
    stranger = Caller(server)

    async def come():
        async with await Socket.open(server, f"/ws/{topic}", root) as socket:
            await socket.expect("subscribed")

    await come()
    before = await queries(stranger)
    for _ in range(30):
        await come()
    # The server's own questions (is the database well?) are a few in so short a time.
    assert await queries(stranger) - before < 15
