"""The faults, each a function of the world and its own random numbers: it breaks something, waits, and heals it again.

A fault holds the lock of what it breaks as a whole (a node, Redis, PostgreSQL); what only goes wrong on a line has none.
`ALONE`: it judges something that other faults would excuse, and so waits until all is well and has the world to itself.
"""

import asyncio
import contextlib
import email.utils
import itertools
import math
import os
import signal
import time

from chaos.clients import SocketReader, attempt, visit
from chaos.history import ACKED, REJECTED, UNKNOWN, Publish, Revocation, text_of
from chaos.world import FAKETIME
from harness.limits import promised
from harness.reader import TROUBLE
from harness.socket import Socket

DRAIN_SECONDS = 12
# Longer than any lease (6 s), and than a node believes what it knows (8 s): the others have gone on without it.
LONG_SECONDS = (9, 12)
LONG_PART = 0.2
_numbers = itertools.count(1)


def seconds_away(rng, least, most):
    return rng.uniform(*LONG_SECONDS) if rng.random() < LONG_PART else rng.uniform(least, most)


# -- nodes

async def kill_node(world, rng):
    """F1"""
    node = rng.choice(world.nodes)
    async with node.lock:
        await asyncio.to_thread(node.server.kill)
        await asyncio.sleep(rng.uniform(0, 1))
        await node.start()


async def drain_node(world, rng):
    """F3"""
    node = rng.choice(world.nodes)
    async with node.lock:
        began = time.monotonic()
        code = await asyncio.to_thread(node.server.stop, DRAIN_SECONDS)
        if code != 0:
            world.trouble("bad-exit", f"{node} ended with {code} after SIGTERM and {time.monotonic() - began:.1f} s")
        await node.start()


async def freeze_node(world, rng):
    """F4"""
    node = rng.choice(world.nodes)
    async with node.lock:
        node.server.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds_away(rng, 0.3, 4))
        node.server.signal(signal.SIGCONT)
        await asyncio.sleep(0.5)  # until it has caught up with what waits for it


async def flap_node(world, rng):
    """F25"""
    node = rng.choice(world.nodes)
    async with node.lock:
        for _ in range(3):
            await asyncio.to_thread(node.server.kill)
            await node.start()
            await asyncio.sleep(rng.uniform(0, 0.3))


async def move_clock(world, rng):
    """F21: the wall clock of one node, and back."""
    node, jump = rng.choice(world.nodes), rng.choice([3600, -3600, 45, -45, -86400])
    node.clock.write_text(f"{jump:+}\n")
    await asyncio.sleep(rng.uniform(1.5, 3))
    told = jump
    for _ in range(10):  # another fault may hold the node up meanwhile
        with contextlib.suppress(*TROUBLE):
            answer = await asyncio.wait_for(world.caller("root", node.direct).get("/healthz"), 2)
            told = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
            if abs(told - jump) <= 5:
                break
        await asyncio.sleep(0.5)
    if FAKETIME and abs(told - jump) > 5:
        world.trouble("no-fault", f"the clock of {node} should be {jump} s off, and is {told:.0f}")
    node.clock.write_text("+0\n")
    await asyncio.sleep(1.1)


# -- Redis

async def stop_redis(world, rng):
    """F5"""
    async with world.locks["redis"]:
        await asyncio.to_thread(world.redis.kill)
        await asyncio.sleep(rng.uniform(0.2, 5))
        await asyncio.to_thread(world.redis.start)


async def restart_redis(world, _):
    """F6: it keeps nothing."""
    async with world.locks["redis"]:
        await asyncio.to_thread(world.redis.restart)


async def flush_redis(world, _):
    """F6"""
    async with world.locks["redis"]:
        await asyncio.to_thread(world.redis.flush)


async def freeze_redis(world, rng):
    """F7"""
    async with world.locks["redis"]:
        world.redis.pause()
        await asyncio.sleep(rng.uniform(0.3, 4))
        world.redis.resume()


async def slow_redis(world, rng):
    """F7: 200 ms each way, more or less."""
    for node in world.nodes:
        node.bus.set(delay=[0.1, 0.3])
    await asyncio.sleep(rng.uniform(1, 4))
    for node in world.nodes:
        node.bus.set(delay=[0, 0])


async def fill_redis(world, rng):
    """F9"""
    async with world.locks["redis"]:
        await asyncio.to_thread(world.redis.ask, "CONFIG", "SET", "maxmemory", rng.choice(["1", "1mb"]))
        await asyncio.sleep(rng.uniform(0.5, 2))
        await asyncio.to_thread(world.redis.ask, "CONFIG", "SET", "maxmemory", "0")


async def redis_read_only(world, rng):
    """F9: as a replica of nobody."""
    async with world.locks["redis"]:
        await asyncio.to_thread(world.redis.ask, "REPLICAOF", "127.0.0.1", "1")
        await asyncio.sleep(rng.uniform(0.5, 2))
        await asyncio.to_thread(world.redis.ask, "REPLICAOF", "NO", "ONE")


async def overflow_redis(world, rng):
    """F10: one node takes no answers, and Redis gives it up."""
    node = rng.choice(world.nodes)
    async with world.locks["redis"]:
        limit = "client-output-buffer-limit"
        await asyncio.to_thread(world.redis.ask, "CONFIG", "SET", limit, "pubsub 64kb 32kb 1")
        node.bus.set(stall=True)
        await asyncio.sleep(rng.uniform(1, 3))
        node.bus.set(stall=False)
        await asyncio.to_thread(world.redis.ask, "CONFIG", "SET", limit, "pubsub 32mb 8mb 60")


async def cut_redis_connections(world, rng):
    """F10"""
    async with world.locks["redis"]:
        await asyncio.to_thread(world.redis.ask, "CLIENT", "KILL", "TYPE", rng.choice(["pubsub", "normal"]))


# -- PostgreSQL

async def restart_postgres(world, rng):
    """F12"""
    async with world.locks["postgres"]:
        await asyncio.to_thread(world.postgres.stop, signal.SIGQUIT)
        await asyncio.sleep(rng.uniform(0, 2))
        await asyncio.to_thread(world.postgres.start)


async def end_backends(world, rng):
    """F12"""
    async with world.locks["postgres"]:
        await asyncio.to_thread(world.postgres.sql, (
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{world.database}'"
            f" ORDER BY md5(pid::text || '{rng.random()}') LIMIT {rng.randint(1, 6)}"))


async def kill_backend(world, rng):
    """F12: PostgreSQL ends all others too, and recovers."""
    async with world.locks["postgres"]:
        pids = await asyncio.to_thread(
            world.postgres.sql, f"SELECT pid FROM pg_stat_activity WHERE datname = '{world.database}' ORDER BY pid")
        if pids:
            os.kill(int(rng.choice(pids.split())), signal.SIGKILL)
        await asyncio.to_thread(world.postgres.until_it_answers)


async def restart_bouncer(world, rng):
    """F12"""
    async with world.locks["postgres"]:
        await asyncio.to_thread(world.postgres.stop_bouncer, rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        await asyncio.to_thread(world.postgres.start_bouncer)


async def freeze_postgres(world, rng):
    """F14"""
    async with world.locks["postgres"]:
        world.postgres.freeze(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0.3, 3))
        world.postgres.freeze(signal.SIGCONT)


async def lock_in_postgres(world, rng):
    """F14: a table, or the rows of the streams by a transaction that stands still."""
    what = rng.choice(["LOCK TABLE events IN ACCESS EXCLUSIVE MODE", "SELECT 1 FROM streams FOR UPDATE"])
    async with world.locks["postgres"]:
        holding = world.postgres.holding(f"SET lock_timeout = '2s'; {what}", world.database)
        await asyncio.to_thread(holding.__enter__)
        try:
            await asyncio.sleep(rng.uniform(0.2, 3))
        finally:
            await asyncio.to_thread(holding.__exit__, None, None, None)


async def take_all_connections(world, rng):
    """F15: PgBouncer has none left, and says nothing."""
    async with world.locks["postgres"]:
        world.postgres.bouncer.send_signal(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0.3, 3))
        world.postgres.bouncer.send_signal(signal.SIGCONT)


async def slow_postgres(world, rng):
    """F14"""
    node = rng.choice(world.nodes)
    node.database.set(delay=[0.01, 0.06])
    await asyncio.sleep(rng.uniform(1, 3))
    node.database.set(delay=[0, 0])


async def lose_answers_of_commits(world, rng):
    """F16"""
    node = rng.choice(world.nodes)
    node.database.set(cut_commits=rng.randint(1, 6))
    await asyncio.sleep(rng.uniform(0.3, 1))
    node.database.set(cut_commits=0)


# -- lines

async def cut_off(world, rng, lines):
    """What was swallowed is gone: TCP would send it again, and so the connections end with the hole."""
    way = rng.choice(["up", "down", "both"])
    for line in lines:
        line.set(hole=way)
    await asyncio.sleep(seconds_away(rng, 0.5, 6))
    for line in lines:
        line.clear(reset=True)


async def cut_off_from_redis(world, rng):
    """F8"""
    await cut_off(world, rng, [rng.choice(world.nodes).bus])


async def cut_off_from_postgres(world, rng):
    """F40"""
    await cut_off(world, rng, [rng.choice(world.nodes).database])


async def cut_off_from_both(world, rng):
    """F40"""
    node = rng.choice(world.nodes)
    await cut_off(world, rng, [node.bus, node.database])


async def refuse_connections(world, rng):
    """F12"""
    node = rng.choice(world.nodes)
    line = rng.choice([node.bus, node.database])
    line.set(refuse=True, reset=True)
    await asyncio.sleep(rng.uniform(0.3, 3))
    line.clear()


# -- clients

async def slow_readers(world, rng):
    """F22"""
    seconds = rng.uniform(1, 4)
    for reader in world.readers:
        if rng.random() < 0.4:
            reader.paused_until = time.monotonic() + seconds
    await asyncio.sleep(seconds)


async def half_open_clients(world, rng):
    """F23: they hear nothing any more, and nobody tells the node."""
    line = rng.choice(world.nodes).line
    line.set(hole=rng.choice(["up", "down", "both"]))
    await asyncio.sleep(rng.uniform(1, 5))
    line.clear(reset=True)


async def storm(world, rng):
    """F24: many come at once, read a little of what was, and are gone."""
    async def one(seed):
        stream = rng.choice(world.streams)
        door = world.any_door(rng)
        with contextlib.suppress(*TROUBLE):
            socket = await Socket.dial(door, f"/ws/{stream}", query={"last": 20, "welcome": "0"},
                                       **world.caller(world.reader_of(stream), door).for_socket())
            await asyncio.sleep(0.5 + seed % 5 / 10)
            socket.connection.transport.abort()
    await asyncio.gather(*(one(n) for n in range(rng.randint(40, 100))))


async def same_key_everywhere(world, rng):
    """F26: by all nodes at the same moment."""
    async def one(n):
        stream, name = rng.choice(world.streams), f"everywhere-{next(_numbers)}"
        publish = Publish(stream, name, text_of(stream, name, n), time.monotonic())
        world.history.publishes.append(publish)
        attempts = [attempt(world.caller("root", node.direct), stream, [publish.text]) for node in world.nodes for _ in range(2)]
        answers = await asyncio.gather(*attempts)
        for outcome, seqs, *_ in answers:
            if outcome == ACKED:
                publish.ack(seqs[0], time.monotonic())
        if not publish.acks:
            publish.outcome = REJECTED if all(outcome == REJECTED for outcome, *_ in answers) else UNKNOWN
            publish.ended = time.monotonic()
    await asyncio.gather(*(one(n) for n in range(8)))


async def abandoned_requests(world, rng):
    """F11: asked, and gone before the answer; whoever asks next must not get it."""
    async def one(n, door, stream, patience):
        name = f"abandoned-{next(_numbers)}"
        publish = Publish(stream, name, text_of(stream, name, n), time.monotonic())
        world.history.publishes.append(publish)
        asking = asyncio.create_task(attempt(world.caller("root", door), stream, [publish.text]))
        done, _ = await asyncio.wait([asking], timeout=patience)
        if not done:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            return
        outcome, seqs, *_ = asking.result()
        publish.outcome, publish.ended = outcome, time.monotonic()
        if seqs:
            publish.ack(seqs[0], publish.ended)
    await asyncio.gather(*(one(n, world.any_door(rng), rng.choice(world.streams), rng.uniform(0, 0.02)) for n in range(60)))


async def visitors(world, rng):
    """F27"""
    visits = [visit(world, rng.choice(world.streams), rng, rng.uniform(0.3, 3)) for _ in range(10)]
    await asyncio.gather(*visits)


# -- access

class Revoked(SocketReader):
    """Reads on one node until it is sent away, and tries to come back."""

    kind = "revoked"
    ended_at = None

    async def run(self):
        self.leaves_at = math.inf
        while not self.stopping and self.ended_at is None:
            self.connections += 1
            with contextlib.suppress(*TROUBLE):
                await self.connect_and_read()
            await asyncio.sleep(0.05)

    def hear(self, frame):
        super().hear(frame)
        if frame["type"] == "goodbye" and frame.get("reason") not in ("shutdown", "draining"):
            self.ended_at = time.monotonic()


class Revoking:
    """Eve reads on one node; her membership ends by another one."""

    def __init__(self, world, rng):
        self.world, self.rng = world, rng
        self.there, self.here = rng.sample(world.nodes, 2)
        self.stream = world.streams[0]

    async def ask(self, method, path, body, wanted):
        while not self.world.stopping:
            with contextlib.suppress(*TROUBLE):
                request = self.world.caller("root", self.here.direct).request(method, path, body)
                answer = await asyncio.wait_for(request, 6)
                if answer.status in wanted:
                    return answer
            await asyncio.sleep(0.05)
        raise asyncio.CancelledError

    async def begin(self):
        eve = self.world.ids["eve"]
        await self.ask("POST", "orgs/acme/members", {"user_id": eve, "role": "member"}, (200, 201, 409, 422))
        page = await self.ask("GET", f"events?stream={self.stream}&since=0&limit=1", None, (200,))
        self.reader = Revoked(self.world, f"eve{next(_numbers)}", self.stream, self.rng, user="eve")
        self.reader.door, self.reader.reading.whole = self.there.direct, False
        self.reader.reading.since = page.json["streams"][self.stream]["head"]
        self.reading = asyncio.create_task(self.reader.run())
        until = time.monotonic() + 5
        while not self.reader.reading.seqs and time.monotonic() < until:
            await asyncio.sleep(0.05)
        if not self.reader.reading.seqs:
            self.world.trouble("no-reading", f"eve read nothing at {self.there} within 5 s")

    async def finish(self, bound, told=True, heal=()):
        """`heal`: lines that are whole again once the time is over; nothing may come then either."""
        await self.ask("DELETE", f"orgs/acme/members/{self.world.ids['eve']}", None, (204, 404))
        revocation = Revocation(self.reader.reading, time.monotonic(), bound, told)
        self.world.history.revocations.append(revocation)
        until = revocation.returned_at + bound + 1.5
        while self.reader.ended_at is None and time.monotonic() < until:
            await asyncio.sleep(0.02)
        revocation.ended_at = self.reader.ended_at
        for line in heal:
            line.clear(reset=True)
        await asyncio.sleep(2 if heal else 0.5)
        self.reader.stopping = True
        self.reading.cancel()
        await asyncio.gather(self.reading, return_exceptions=True)


async def revoke_with_redis(world, rng):
    """F39: within a second, and what a busy machine takes."""
    if await world.until_well(20, on_bus=True) is None:
        world.trouble("not-well", "the nodes did not speak to each other 20 s after a fault")
    revoking = Revoking(world, rng)
    await revoking.begin()
    await revoking.finish(bound=1 + promised(0.2))


async def revoke_without_redis(world, rng):
    """F39: within ten, by the log."""
    revoking = Revoking(world, rng)
    await revoking.begin()
    for node in world.nodes:
        node.bus.set(hole="both")
    await revoking.finish(bound=10 + promised(0.2), heal=[node.bus for node in world.nodes])


async def revoke_on_a_node_that_is_cut_off(world, rng):
    """F39: it hears of nothing, and so must fall silent by itself."""
    revoking = Revoking(world, rng)
    await revoking.begin()
    lines = [revoking.there.bus, revoking.there.database]
    for line in lines:
        line.set(hole="both")
    await revoking.finish(bound=10 + promised(0.2), told=False, heal=lines)


# How often each is drawn. Half an hour has to have stopped and flushed Redis 20 times each, and by these weights has some 35 times.
WEIGHTS = {
    kill_node: 6, drain_node: 2, freeze_node: 3, flap_node: 1, move_clock: 3,
    stop_redis: 8, restart_redis: 2, flush_redis: 8, freeze_redis: 2, slow_redis: 2, fill_redis: 1, redis_read_only: 1,
    overflow_redis: 2, cut_redis_connections: 3,
    restart_postgres: 3, end_backends: 5, kill_backend: 2, restart_bouncer: 3, freeze_postgres: 2, lock_in_postgres: 3, take_all_connections: 2,
    slow_postgres: 2, lose_answers_of_commits: 5,
    cut_off_from_redis: 4, cut_off_from_postgres: 3, cut_off_from_both: 3, refuse_connections: 2,
    slow_readers: 3, half_open_clients: 3, storm: 2, same_key_everywhere: 4, abandoned_requests: 3, visitors: 4,
    revoke_with_redis: 2, revoke_without_redis: 1, revoke_on_a_node_that_is_cut_off: 1,
}
ALONE = {revoke_with_redis, revoke_without_redis, revoke_on_a_node_that_is_cut_off}
