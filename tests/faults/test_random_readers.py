"""Four publishers as fast as they can; readers that start and reconnect at random moments in all three ways."""

import asyncio
import os
import random

from harness.client import User, make_org
from harness.limits import within
from harness.reader import KINDS, Publisher, check_log, check_readers, whole_log

SECONDS = float(os.environ.get("INDABA_FAULT_SECONDS", "8"))


@within(SECONDS + 60)
async def test_every_reader_gets_every_seq_once_in_order(own_server, rng):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    topic = await org.declare("t")
    publishers = [Publisher(root, topic, f"p{n}", random.Random(rng.random())) for n in range(4)]
    publishing = [asyncio.create_task(publisher.run()) for publisher in publishers]
    readers, reading, head = [], [], None

    def has_all(reader):
        return head is not None and reader.last >= head

    loop = asyncio.get_running_loop()
    ends = loop.time() + SECONDS
    while loop.time() < ends:
        if len(readers) < 18:
            now = max((seq for p in publishers for seq in p.acked.values()), default=0)
            kind = KINDS[len(readers) % 3]
            reader = kind(server, topic, root, rng.randint(0, now), random.Random(rng.random()))
            readers.append(reader)
            reading.append(asyncio.create_task(reader.run(has_all)))
        await asyncio.sleep(rng.uniform(0, SECONDS / 15))
        for task in reading + publishing:
            if task.done():
                task.result()  # a breach ends the test at once
    for publisher in publishers:
        publisher.stopping = True
    await asyncio.gather(*publishing)
    log = await whole_log(root, topic)
    head = max(log)
    await asyncio.wait_for(asyncio.gather(*reading), 40)
    check_log(log, publishers)
    check_readers(readers, log)
    print(f"{head} events, {len(readers)} readers, {sum(r.connections for r in readers)} connections")
    assert head > 100
    assert set(log.values()) == {key for publisher in publishers for key in publisher.acked}
