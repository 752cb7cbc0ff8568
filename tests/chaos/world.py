"""Three nodes on one PostgreSQL through PgBouncer and one Redis, all real, each behind lines that fail when they are told to."""

import asyncio
import contextlib
import glob
import time

from harness import client, postgres, redis
from harness.client import Caller, User, make_org
from harness.lines import Lines
from harness.reader import TROUBLE
from harness.server import Server

NODES = 3
MOST_MEMORY = 600 << 20
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
TOPICS = {"acme": ("a", "b"), "other": ("c",)}


class Door:
    """A node as clients see it; `line` is None where they come to it directly."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.url, self.ws_url = f"http://{host}:{port}", f"ws://{host}:{port}"


class Node:
    def __init__(self, number, server, database, bus, clock):
        self.number, self.server, self.clock = number, server, clock
        self.database, self.bus = database, bus  # the lines
        self.door = self.line = self.direct = None
        self.lock = asyncio.Lock()  # whoever stops, freezes or starts it
        self.most_memory = 0

    def __repr__(self):
        return f"node {self.number}"

    async def start(self):
        """A node may find no database, and ends then: as its service manager would, this starts it again."""
        for _ in range(60):
            with contextlib.suppress(AssertionError):
                await asyncio.to_thread(self.server.start)
                return
            await asyncio.to_thread(self.server.kill)
            await asyncio.sleep(0.5)
        raise AssertionError(f"{self} does not start: {self.server.log_tail()}")

    def is_well(self):
        return not self.lock.locked() and self.server.process is not None


class World:
    """`settings`: of PostgreSQL, name=value."""

    def __init__(self, history, settings=()):
        self.history, self.settings = history, settings
        self.stopping = False
        self.began = time.monotonic()
        self.locks = {name: asyncio.Lock() for name in ("redis", "postgres")}
        self.nodes, self.tasks = [], []

    # -- beginning and end

    async def start(self):
        self.lines = Lines()
        self.postgres = await asyncio.to_thread(postgres.Postgres, self.settings)
        self.redis = await asyncio.to_thread(redis.Redis)
        self.database = self.postgres.create_database()
        for number in range(NODES):
            self.nodes.append(await self.make_node(number))
        await self.settle()

    async def make_node(self, number):
        to_database = self.lines.add(f"database {number}", "127.0.0.1", self.postgres.bouncer_port)
        to_bus = self.lines.add(f"bus {number}", "127.0.0.1", self.redis.port)
        clock = self.lines.folder / f"clock-{number}"
        clock.write_text("+0\n")
        env = {"DATABASE_URL": f"postgres://indaba@/{self.database}?host={self.lines.folder}&port={to_database.port}",
               "REDIS_URL": f"unix://{self.lines.folder}/.s.PGSQL.{to_bus.port}",
               "RATE_LIMITS_ENABLED": "false", "INDABA_DATABASE_WRITERS": "2", "INDABA_DATABASE_READERS": "2"}
        if FAKETIME:
            env |= {"LD_PRELOAD": FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1",
                    "DONT_FAKE_MONOTONIC": "1"}
        node = Node(number, Server(env=env), to_database, to_bus, clock)
        if number == 0:
            node.server.create_user("root", client.PASSWORD, superuser=True)
        await asyncio.to_thread(node.server.start)
        node.server.listen = f"127.0.0.1:{node.server.port}"  # the same after each restart
        node.line = self.lines.add(f"clients {number}", "127.0.0.1", node.server.port)
        node.direct, node.door = Door("127.0.0.1", node.server.port), Door("127.0.0.1", node.line.port)
        return node

    async def settle(self):
        """Organisations, people with long-lived tokens, topics."""
        first = self.nodes[0].server
        root = User(first, "root").sign_in()
        self.tokens, self.ids = {}, {}
        users = {}
        for name in ("ann", "bob", "eve"):
            users[name] = await asyncio.to_thread(User(first, name).register)
            self.ids[name] = users[name].id
        for name in ("root", "ann", "bob", "eve"):
            self.tokens[name] = first.command("token", "create", "--user", name, "--ttl", "30d").expect(0).out.strip()
        self.streams = []
        for slug, topics in TOPICS.items():
            org = await make_org(root, slug=slug, member=[users["ann" if slug == "acme" else "bob"]])
            for topic in topics:
                self.streams.append(await org.declare(topic))
        for stream in self.streams:
            page = (await self.caller("root").get(f"events?stream={stream}&since=0&limit=1")).expect(200).json
            self.history.epochs[stream] = page["streams"][stream]["epoch"]
        await self.until_well(20)

    def close(self):
        for node in self.nodes:
            with contextlib.suppress(ProcessLookupError):
                node.server.close()
        self.redis.close()
        self.postgres.close()
        self.lines.close()

    # -- who asks whom

    def caller(self, name, door=None):
        door = door or self.nodes[0].direct
        return Caller(door, {"Authorization": f"Token {self.tokens[name]}"})

    def any_door(self, rng):
        node = rng.choice(self.nodes)
        return node.door if rng.random() < 0.5 else node.direct

    def reader_of(self, stream):
        return "ann" if stream.startswith("orgs/acme/") else "bob"

    # -- how it is

    def trouble(self, name, what):
        self.history.troubles.append((name, f"at {time.monotonic() - self.began:.1f} s: {what}"))

    async def until_well(self, seconds, on_bus=False):
        """All nodes ready, and each knows of the others; `on_bus`: and speaks to them, which a node does no longer for the
        seconds in which it waits to try Redis again. How long that took; None: it did not come to it."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            states = await asyncio.gather(*(self.is_well(node, on_bus) for node in self.nodes))
            if all(states):
                return time.monotonic() - began
            await asyncio.sleep(0.1)
        return None

    async def is_well(self, node, on_bus):
        stranger = Caller(node.direct)
        try:
            ready = await asyncio.wait_for(stranger.get("/readyz"), 2)
            figures = await asyncio.wait_for(stranger.get("/metrics"), 2)
        except TROUBLE:
            return False
        return (ready.status == 200 and f"indaba_nodes {NODES}\n" in figures.text
                and (not on_bus or "indaba_bus_up 1\n" in figures.text))

    async def watch(self, node):
        """Liveness needs neither the database nor Redis; a node ends only where a fault ends it."""
        stranger, silent = Caller(node.direct), 0
        while not self.stopping:
            await asyncio.sleep(0.5)
            if not node.is_well():
                silent = 0
                continue
            if node.server.process.poll() is not None:
                self.trouble("crash", f"{node} ended with {node.server.process.returncode}: {node.server.log_tail(5)}")
                async with node.lock:
                    await node.start()
                continue
            node.most_memory = max(node.most_memory, node.server.rss_bytes())
            try:
                (await asyncio.wait_for(stranger.get("/healthz"), 3)).expect(200)
                silent = 0
            except (AssertionError, *TROUBLE) as error:
                silent += node.is_well()
                if silent == 2:
                    self.trouble("silent-health", f"{node}: {error!r}")
        if node.most_memory > MOST_MEMORY:
            self.trouble("unbounded-memory", f"{node} took {node.most_memory >> 20} MiB")
