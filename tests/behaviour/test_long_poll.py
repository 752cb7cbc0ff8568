"""The same URL without `text/event-stream`: pages, and answers that wait."""

import asyncio
import time

from harness.client import make_org, unique
from harness.limits import promised
from harness.socket import Socket


async def test_pages_are_oldest_first_and_go_on_by_cursor(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("t"))
    await org.publish(topic.rpartition("/")[2], *({"type": "tick", "data": n} for n in range(1, 8)))
    query, seqs = f"stream={topic}&since=0&limit=3", []
    while True:
        page = (await anna.get(f"events?{query}")).expect(200).json
        assert set(page) == {"results", "cursor", "has_more", "reset", "streams"}
        assert page["streams"][topic]["head"] == 7 and page["streams"][topic]["epoch"]
        assert page["reset"] == []
        seqs += [event["seq"] for event in page["results"]]
        query = f"stream={topic}&limit=3&cursor={page['cursor']}"
        if not page["has_more"]:
            break
        assert len(page["results"]) == 3
    assert seqs == list(range(1, 8))


async def test_an_empty_answer_is_held_until_something_comes(server, anna):
    org = await make_org(anna)
    page = (await anna.get(f"events?stream={org.notifications}")).expect(200).json
    began = time.monotonic()
    waiting = asyncio.create_task(
        anna.get(f"events?stream={org.notifications}&cursor={page['cursor']}&wait=25"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await org.notify(n="now")
    answer = (await waiting).expect(200).json
    assert 0.3 <= time.monotonic() - began < promised(3)
    assert [event["n"] for event in answer["results"]] == ["now"]
    assert answer["cursor"] != page["cursor"]


async def test_the_wait_ends_with_an_empty_answer(server, anna):
    org = await make_org(anna)
    head = (await anna.get(f"events?stream={org.notifications}")).json["streams"][org.notifications]["head"]
    began = time.monotonic()
    answer = (await anna.get(f"events?stream={org.notifications}&since={head}&wait=1")).expect(200).json
    assert 0.9 <= time.monotonic() - began < promised(3)
    assert answer["results"] == [] and answer["has_more"] is False and answer["cursor"]


async def test_what_is_there_is_answered_without_waiting(server, anna):
    org = await make_org(anna)
    await org.notify(n=1)
    began = time.monotonic()
    answer = (await anna.get(f"events?stream={org.notifications}&since=0&wait=25")).expect(200).json
    assert answer["results"] and time.monotonic() - began < promised(1)


async def test_several_streams_come_in_one_answer(server, anna):
    org = await make_org(anna)
    names = [unique("t") for _ in range(3)]
    for name in names:
        await org.declare(name)
        await org.publish(name, {"type": "tick", "data": name})
    query = "&".join(f"stream={org.topic(name)}@0" for name in names)
    answer = (await anna.get(f"events?{query}")).expect(200).json
    assert {event["stream"] for event in answer["results"]} == {org.topic(name) for name in names}
    assert set(answer["streams"]) == {org.topic(name) for name in names}
    await org.publish(names[1], {"type": "tick", "data": "again"})
    query = "&".join(f"stream={org.topic(name)}" for name in names)
    answer = (await anna.get(f"events?{query}&cursor={answer['cursor']}&wait=5")).expect(200).json
    assert [event["data"] for event in answer["results"]] == ["again"]


async def test_a_position_may_carry_its_epoch(server, anna):
    org = await make_org(anna)
    head = (await org.notify(n=1))["seq"]
    told = (await anna.get(f"events?stream={org.notifications}&since=0")).json
    epoch = told["streams"][org.notifications]["epoch"]
    right = (await anna.get(f"events?stream={org.notifications}@{head - 1}:{epoch}")).expect(200).json
    assert [event["seq"] for event in right["results"]] == [head] and right["reset"] == []
    wrong = (await anna.get(f"events?stream={org.notifications}@{head - 1}:other&wait=20")).expect(200).json
    (reset,) = wrong["reset"]
    assert reset["reason"] == "epoch_changed" and reset["head"] == head and reset["epoch"] == epoch
    assert reset["stream"] == org.notifications and reset["oldest"] == 1
    await org.notify(n="next")
    after = (await anna.get(f"events?stream={org.notifications}&cursor={wrong['cursor']}")).json
    assert [event["seq"] for event in after["results"]] == [head + 1]


async def test_a_page_has_what_was_answered_before_it_was_asked_for(server, anna):
    """Publisher and reader are on connections of their own, so on loops of their own."""
    org = await make_org(anna)
    async with await Socket.open(server, f"/ws/{org.notifications}/", anna):  # the stream is in memory
        for n in range(300):
            seq = (await org.notify(n=n))["seq"]
            answers = await asyncio.gather(*(
                anna.get(f"events?stream={org.notifications}&since={seq - 1}") for _ in range(4)))
            for answer in answers:
                assert [event["seq"] for event in answer.json["results"]] == [seq]


async def test_a_position_ahead_of_the_head_is_reset_at_once(server, anna):
    org = await make_org(anna)
    began = time.monotonic()
    told = (await anna.get(f"events?stream={org.notifications}&since=1000&wait=20")).expect(200).json
    assert time.monotonic() - began < promised(2)
    assert [reset["reason"] for reset in told["reset"]] == ["ahead"]


async def test_the_limit_is_100_unless_asked_and_1000_at_most(server, anna):
    org = await make_org(anna)
    topic = await org.declare(unique("t"))
    for _ in range(2):
        await org.publish(topic.rpartition("/")[2], *({"type": "tick", "data": n} for n in range(600)))
    page = (await anna.get(f"events?stream={topic}&since=0")).expect(200).json
    assert len(page["results"]) == 100 and page["has_more"] is True
    page = (await anna.get(f"events?stream={topic}&since=0&limit=1000")).expect(200).json
    assert [event["seq"] for event in page["results"]] == list(range(1, 1001)) and page["has_more"] is True
    (await anna.get(f"events?stream={topic}&since=0&limit=0")).problem(422)


async def test_a_caller_that_leaves_while_waiting_disturbs_nobody(server, anna):
    org = await make_org(anna)
    waiting = [asyncio.create_task(anna.get(f"events?stream={org.notifications}&wait=25")) for _ in range(5)]
    await asyncio.sleep(0.2)
    for task in waiting:
        task.cancel()
    await org.notify(n=1)
    (await anna.get("me")).expect(200)
