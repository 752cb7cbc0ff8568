"""One run: three nodes under load, faults by a seed, and the verdict.

The seed decides which faults come in which order and what each of them chooses; how long the program takes to come back decides how many
fit into the time.
"""

import asyncio
import collections
import random
import sys
import time

from chaos import clients, faults
from chaos.checker import check
from chaos.history import ACKED, REJECTED, History, Publish, text_of
from chaos.world import NODES, World
from harness import client
from harness.reader import TROUBLE, whole_log

HEAL_SECONDS = 10
QUIET_EVERY = 60  # seconds; then all must come to rest, in the middle of a long run too
HALF_AN_HOUR = 1800
LEAST_FAULTS = 500  # in half an hour
LEAST_RATE = 500  # events a second


def schedule(seed):
    """Endless: (the faults that come together, the pause before them)."""
    rng = random.Random(f"schedule:{seed}")
    names, weights = zip(*faults.WEIGHTS.items(), strict=True)
    drawn = 0
    first = list(names)  # each of them once, before chance decides
    rng.shuffle(first)
    while True:
        together = [first.pop() if first else rng.choices(names, weights)[0]]
        if rng.random() < 0.3 and together[0] not in faults.ALONE:
            other = rng.choices(names, weights)[0]
            together += [other] if other not in faults.ALONE and other is not together[0] else []
        yield [(fault, random.Random(f"{seed}:{drawn + n}")) for n, fault in enumerate(together)], rng.uniform(0, 0.6)
        drawn += len(together)


def percentiles(seconds):
    ordered = sorted(seconds) or [0]
    return ", ".join(f"{name} {ordered[min(len(ordered) - 1, int(len(ordered) * part))]:.2f} s"
                     for name, part in (("p50", 0.5), ("p99", 0.99), ("at most", 1)))


def judge(faults_drawn, events, seconds, least_faults=None, least_rate=None):
    """(what the report says of each rate, which of those that were asked for are missed)."""
    told, missed = [], []
    for name, value, least, asked in (
            ("faults in half an hour", faults_drawn / seconds * HALF_AN_HOUR, least_faults or LEAST_FAULTS, least_faults is not None),
            ("events a second", events / seconds, least_rate or LEAST_RATE, least_rate is not None)):
        met = value >= least
        told.append(f"at least {least:g} {name}: {'met' if met else 'NOT MET'} ({value:.0f})")
        if asked and not met:
            missed.append(name)
    return told, missed


class Run:
    """`drawn`: what breaks, as schedule() tells it; `settings` are PostgreSQL's."""

    def __init__(self, seed, seconds, say, drawn=None, settings=()):
        self.seed, self.seconds, self.say = seed, seconds, say
        self.drawn = drawn or schedule(seed)
        self.history = History()
        self.world = World(self.history, settings)
        self.counts, self.order = collections.Counter(), []
        self.reading, self.publishing, self.watching = [], [], []
        self.to_head, self.on_lines, self.probes = [], collections.Counter(), 0

    async def __call__(self):
        world = self.world
        try:
            await world.start()
            self.begin_load()
            self.began = world.began = time.monotonic()
            await self.break_things()
            await self.come_to_rest(last=True)
            self.loaded = time.monotonic() - self.began
            await self.read_logs()
            for node in self.world.nodes:
                for line in (node.database, node.bus, node.line):
                    self.on_lines.update(line.counts())
            await self.agree_on_presence()
        finally:
            world.stopping = True
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            await client.close_session()
            await asyncio.to_thread(world.close)
        return check(self.history)

    # -- load

    def begin_load(self):
        world, rng = self.world, random.Random(f"load:{self.seed}")

        def own():
            return random.Random(rng.random())
        self.publishers = [clients.Publisher(world, f"p{n}", stream, own(), batch=32, pause=0.04)
                           for n, stream in enumerate(world.streams * 2)]
        self.publishers += [clients.Publisher(world, f"single{n}", stream, own(), batch=1, pause=0.05)
                            for n, stream in enumerate(world.streams)]
        world.readers = [kind(world, f"r{n}", stream, own())
                         for n, (kind, stream) in enumerate((kind, stream) for stream in world.streams for kind in clients.KINDS)]
        self.reading = [asyncio.create_task(reader.run()) for reader in world.readers]
        self.publishing = [asyncio.create_task(publisher.run()) for publisher in self.publishers]
        self.watching = [asyncio.create_task(world.watch(node)) for node in world.nodes]

    @property
    def tasks(self):
        return [*self.reading, *self.publishing, *self.watching]

    def check_tasks(self):
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()

    # -- faults

    async def break_things(self):
        quiet_at = self.began + QUIET_EVERY
        for together, pause in self.drawn:
            if time.monotonic() - self.began > self.seconds:
                return
            await asyncio.sleep(pause)
            alone = any(fault in faults.ALONE for fault, _ in together)
            if (alone or time.monotonic() > quiet_at) and await self.world.until_well(20) is None:
                self.world.trouble("not-well", "the nodes were not ready, or did not know each other, 20 s after a fault")
            if time.monotonic() > quiet_at:
                await self.come_to_rest()
                quiet_at = time.monotonic() + QUIET_EVERY
            for fault, _ in together:
                self.counts[fault.__name__] += 1
                self.order.append(fault.__name__)
            self.say(f"{time.monotonic() - self.began:7.1f} s  {' and '.join(fault.__name__ for fault, _ in together)}")
            await asyncio.gather(*(fault(self.world, rng) for fault, rng in together))
            self.check_tasks()

    # -- rest

    async def come_to_rest(self, last=False):
        """The faults are healed: publishing goes on at once everywhere, and every reader comes to the head in time."""
        healed = time.monotonic()
        if last:
            for publisher in self.publishers:
                publisher.stopping = True
            _, late = await asyncio.wait(self.publishing, timeout=20)
            if late:
                self.world.trouble("not-available", f"{len(late)} publishers have no answer 20 s after the last fault")
        heads = await self.heads()
        while (behind := self.behind(heads)) and time.monotonic() - healed < HEAL_SECONDS + (10 if last else 0):
            await asyncio.sleep(0.05)
        took = time.monotonic() - healed
        self.to_head.append(took)
        if behind and not last:
            self.world.trouble("not-live", f"{len(behind)} readers are not where the head was {took:.0f} s ago: {behind[0].reading.name}")
        elif took > HEAL_SECONDS:
            self.world.trouble("not-live", f"readers came to the head {took:.1f} s after the last fault")
        await self.probe()
        self.check_tasks()

    async def probe(self):
        """Every node takes what is sent to it, at the first attempt."""
        world = self.world
        if await world.until_well(HEAL_SECONDS) is None:
            return world.trouble("not-well", f"the nodes were not ready, or did not know each other, {HEAL_SECONDS} s after a fault")
        for node in world.nodes:
            for stream in world.streams:
                self.probes += 1
                name = f"probe{self.probes}"
                publish = Publish(stream, name, text_of(stream, name, 1), time.monotonic())
                self.history.publishes.append(publish)
                publish.outcome, seqs, code, _ = await clients.attempt(world.caller("root", node.direct), stream, [publish.text])
                if seqs:
                    publish.ack(seqs[0], time.monotonic())
                else:
                    world.trouble("not-available", f"{node} answered {code!r} when all was well")

    def behind(self, heads):
        return [reader for reader in self.world.readers if reader.last < heads[reader.stream]]

    async def heads(self):
        """By any node that answers."""
        heads = {}
        for stream in self.world.streams:
            for n in range(100):
                caller = self.world.caller("root", self.world.nodes[n % NODES].direct)
                try:
                    page = await asyncio.wait_for(caller.get(f"events?stream={stream}&since=0&limit=1"), 3)
                except TROUBLE:
                    await asyncio.sleep(0.1)
                    continue
                if page.status == 200:
                    heads[stream] = page.json["streams"][stream]["head"]
                    break
                await asyncio.sleep(0.1)
        return heads

    async def read_logs(self):
        world = self.world
        for stream in world.streams:
            log = await whole_log(world.caller("root"), stream)
            self.history.logs[stream] = [log[seq] for seq in range(1, len(log) + 1)]
        await asyncio.sleep(3)
        for stream in world.streams:
            log = await whole_log(world.caller("root", world.nodes[1].direct), stream)
            self.history.later[stream] = [log[seq] for seq in range(1, len(log) + 1)]
        for reader in world.readers:
            reader.stopping = True
        await asyncio.wait(self.reading, timeout=HEAL_SECONDS)
        holes = world.postgres.sql(
            "SELECT s.id FROM streams s LEFT JOIN events e ON e.stream_id = s.id GROUP BY s.id, s.head, s.oldest"
            " HAVING count(e.seq) <> s.head - s.oldest + 1 OR coalesce(max(e.seq), s.oldest - 1) <> s.head", world.database)
        if holes:
            world.trouble("broken-store", f"streams with holes: {holes}")

    async def agree_on_presence(self):
        """One person on one node: all nodes know of her, and of nobody else."""
        world = self.world
        online = clients.SessionReader(world, "last", world.streams[0], random.Random(0), user="ann")
        online.reading.whole = False
        task = asyncio.create_task(online.run())
        told = {}
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for node in world.nodes:
                page = (await world.caller("root", node.direct).get("orgs/acme/presence?limit=50")).expect(200).json
                told[str(node)] = {one["user"]["username"] for one in page["users"] if one["status"] == "online"}
            if all(names == {"ann"} for names in told.values()):
                break
            await asyncio.sleep(0.2)
        self.history.presence += [(node, names, {"ann"}) for node, names in told.items()]
        online.stopping = True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    # -- report

    def events(self):
        return sum(map(len, self.history.logs.values()))

    def report(self, found, rates):
        history = self.history
        outcomes = collections.Counter(publish.outcome for publish in history.publishes)
        took = time.monotonic() - self.began
        readers = self.world.readers
        refusals, waits = collections.Counter(), []
        for publisher in self.publishers:
            refusals.update(publisher.codes)
            waits += publisher.waits
        lines = [
            f"seed {self.seed}: {sum(self.counts.values())} faults in {took:.0f} s",
            *(f"  {count:4} {name}: {getattr(faults, name).__doc__.split(':')[0]}" for name, count in sorted(self.counts.items())),
            f"{self.events()} events; {outcomes[ACKED]} acknowledged, {outcomes[REJECTED]} given up as refused,"
            f" {outcomes['unknown']} as unknown; {sum(p.repeats for p in self.publishers)} batches repeated",
            f"refused attempts: {dict(refusals)}; a refusal took {percentiles(waits)}",
            f"{sum(len(r.seqs) for r in history.readings)} deliveries to {len(history.readings)} readers over"
            f" {sum(r.connections for r in readers)} connections;"
            f" {sum(getattr(r, 'resumed', 0) for r in readers)} sessions resumed, {sum(r.known for r in readers)} events known already",
            f"{len(history.revocations)} revocations;"
            f" at the head {', '.join(f'{seconds:.1f}' for seconds in self.to_head)} s after the faults",
            f"on the lines: {dict(self.on_lines)}",
            *rates,
            f"most memory: {', '.join(f'{node.most_memory >> 20} MiB' for node in self.world.nodes)}",
        ]
        lines.append("nothing lost, doubled, out of order or leaked" if not found.counts else f"ANOMALIES\n{found}")
        return "\n".join(lines)


def run(seed, seconds, say=lambda line: print(line, file=sys.stderr, flush=True), least_faults=None, least_rate=None, **options):
    """The anomalies, the report, and the names of the rates that were asked for and are missed."""
    one = Run(seed, seconds, say, **options)
    found = asyncio.run(one())
    rates, missed = judge(sum(one.counts.values()), one.events(), one.loaded, least_faults, least_rate)
    return found, one.report(found, rates), missed
