"""One of three nodes is killed with its sockets, behind nginx: its readers go on at the others, and miss nothing.

INDABA_FAULT_NODE=full takes 5,000 sockets instead of 600.
"""

import asyncio
import json
import os
import random
import time

import pytest

from harness import nginx, postgres, raw, redis
from harness.client import Caller, User, make_org
from harness.limits import promised, within

SOCKETS = 5000 if os.environ.get("INDABA_FAULT_NODE") == "full" else 600
AT_ONCE = 100
BACK_WITHIN = 10.0

pytestmark = pytest.mark.skipif(not (postgres.installed() and redis.installed() and nginx.installed()),
                                reason="PostgreSQL, Redis or nginx is not installed")


class Reader:
    """A socket that comes back where it was, as a client of ours does: soon, and not all at one moment."""

    def __init__(self, front, path, token, head, rng):
        self.front, self.path, self.token, self.rng = front, path, token, rng
        self.seq, self.live, self.lost = head, False, 0

    async def run(self, gate):
        while True:
            try:
                async with gate:
                    reader, writer = await self.connect()
                self.live = True
                await self.read(reader)
            except (OSError, EOFError, asyncio.IncompleteReadError):
                pass
            self.live = False
            self.lost += 1
            await asyncio.sleep(self.rng.uniform(0.1, 1.0))

    async def connect(self):
        reader, writer = await asyncio.open_connection(self.front.host, self.front.port)
        writer.write(raw.upgrade(f"{self.path}?since={self.seq}&welcome=0", host=f"{self.front.host}:{self.front.port}",
                                 lines=[f"Authorization: Token {self.token}"]))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        if b" 101 " not in head.split(b"\r\n")[0]:
            writer.close()
            raise EOFError(head[:80])
        return reader, writer

    async def read(self, reader):
        while True:
            first, size = await reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2))
            payload = await reader.readexactly(size)
            if first & 0x0F == raw.CLOSE:
                raise EOFError(payload)
            if first & 0x0F == raw.TEXT:
                self.take(json.loads(payload))

    def take(self, event):
        assert event["type"] != "reset", event
        if event["type"] == "tick":
            assert event["seq"] <= self.seq + 1, f"{self.seq} is followed by {event['seq']}"
            self.seq = max(self.seq, event["seq"])


async def publish(caller, path, acknowledged):
    """Until it is cancelled; an answer that was lost is asked for again under its key."""
    while True:
        event = {"type": "tick", "data": {"n": len(acknowledged)}, "dedupe_key": f"tick-{len(acknowledged)}"}
        try:
            answer = await caller.post(f"{path}/events", [event])
        except OSError:
            continue
        except Exception as lost:  # aiohttp's own, whose names the harness hides
            if "ClientError" not in {base.__name__ for base in type(lost).__mro__}:
                raise
            continue
        if answer.status == 200:
            acknowledged.append(answer.json["results"][0]["seq"])
        await asyncio.sleep(0.05)


async def until(is_so, seconds, what):
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, what()
        await asyncio.sleep(0.02)
    return time.monotonic() - began


@within(240)
async def test_the_readers_of_a_killed_node_go_on_at_the_others_and_miss_nothing(own_server, rng):
    shared = postgres.shared()
    with redis.Redis() as bus:
        env = {"DATABASE_URL": shared.url(shared.create_database()), "REDIS_URL": bus.url, "INDABA_LOG_LEVEL": "warning"}
        nodes = [own_server(env=env, users=("root",) if n == 0 else ()) for n in range(3)]
        org = await make_org(User(nodes[0], "root").sign_in())
        topic = await org.declare("ticks")
        token = nodes[0].command("token", "create", "--user", "root", "--ttl", "1h").expect(0).out.strip()
        with nginx.Nginx(nodes) as front:
            caller = Caller(front, {"Authorization": f"Token {token}"})
            acknowledged, gate = [], asyncio.Semaphore(AT_ONCE)
            readers = [Reader(front, f"/ws/{topic}", token, 0, random.Random(rng.random())) for _ in range(SOCKETS)]
            tasks = [asyncio.create_task(reader.run(gate)) for reader in readers]
            try:
                await until(lambda: all(reader.live for reader in readers), 90,
                            lambda: f"{sum(r.live for r in readers)} of {SOCKETS} came in")
                tasks.append(asyncio.create_task(publish(caller, topic, acknowledged)))
                await until(lambda: len(acknowledged) >= 20, 20, lambda: f"{len(acknowledged)} events stored")
                nodes[1].kill()
                await until(lambda: any(reader.lost for reader in readers), promised(5), lambda: "nobody lost anything")
                away = len([reader for reader in readers if not reader.live])
                goal = acknowledged[-1]
                took = await until(lambda: all(r.live and r.seq >= goal for r in readers), promised(BACK_WITHIN),
                                   lambda: f"{sum(r.live for r in readers)} of {SOCKETS} are back; behind: "
                                           f"{sum(r.seq < goal for r in readers)}")
                print(f"{SOCKETS} sockets, {sum(r.lost > 0 for r in readers)} lost theirs ({away} at once); all back after {took:.1f} s")
                assert sum(reader.lost > 0 for reader in readers) >= SOCKETS // 6, "the killed node had few of them"
                tasks.pop().cancel()
                await until(lambda: all(r.seq >= acknowledged[-1] for r in readers), promised(5), lambda: "somebody is behind")
                assert acknowledged == list(range(1, len(acknowledged) + 1))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
