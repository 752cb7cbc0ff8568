"""What is measured, on which servers, and which figures matter."""

import dataclasses

LIMITS = ("limit-coalesce", "limit-send", "limit-uring")
PEERS = ("uws", "nchan", "beast", "ws", "socketio", "django")
EVERYONE = ("indaba", *LIMITS, *PEERS)


@dataclasses.dataclass(frozen=True)
class Figure:
    """A number of a run: where it stands in what the client tells, and how it is shown."""

    key: str
    title: str
    path: tuple[str, ...]
    unit: str = ""
    digits: int = 2
    scale: float = 1.0


CPU = Figure("cpu_us", "CPU a delivery", ("server", "cpu_us_per_delivery"), "µs")
USER = Figure("user_us", "user space", ("server", "user_us_per_delivery"), "µs")
DELIVERIES = Figure("deliveries_per_second", "deliveries/s", ("deliveries_per_second",), "", 0)
P50 = Figure("p50_ms", "p50", ("latency_ms", "p50"), "ms")
P99 = Figure("p99_ms", "p99", ("latency_ms", "p99"), "ms")
P999 = Figure("p999_ms", "p99.9", ("latency_ms", "p999"), "ms")
MAX = Figure("max_ms", "max", ("latency_ms", "max"), "ms")
MISSING = Figure("missing", "missing", ("missing",), "", 0)
EVENTS = Figure("events_per_second", "acknowledged events/s", ("events_per_second",), "", 0)
MEMORY = Figure("bytes_per_connection", "memory a connection", ("server", "bytes_per_connection"), "KB", 2, 1 / 1024)
IDLE_CPU = Figure("cpu_percent", "CPU while idle", ("server", "cpu_percent"), "% of a core")
HANDSHAKE = Figure("cpu_us_per_connection", "CPU a handshake", ("server", "cpu_us_per_connection"), "µs", 1)
CONNECTS = Figure("per_second", "connections/s", ("connect", "per_second"), "", 0)
CONNECT_P99 = Figure("connect_p99_ms", "p99 of a handshake", ("connect", "p99_ms"), "ms", 1)
LATE = Figure("late", "too late", ("late_deliveries",), "", 0)
BACK = Figure("seconds", "all back and caught up", ("seconds",), "s")
COLD = Figure("seconds", "all connected and caught up", ("connect", "seconds"), "s")
READS = Figure("reads", "database reads a client", ("database_reads_per_connection",), "", 3)
REQUESTS_ME = Figure("me", "who am I, requests/s", ("me", "requests_per_second"), "", 0)
REQUESTS_PAGE = Figure("page", "a page of 50, requests/s", ("page", "requests_per_second"), "", 0)
STORED_1 = Figure("one", "stored and broadcast/s, 1 in flight", ("one", "requests_per_second"), "", 0)
STORED_32 = Figure("many", "with 32 in flight", ("many", "requests_per_second"), "", 0)
RAW_1 = Figure("rows_1", "1 a commit", ("1", "rows_per_second"), "", 0)
RAW_64 = Figure("rows_64", "rows/s, 64 a commit", ("64", "rows_per_second"), "", 0)
RAW_512 = Figure("rows_512", "512 a commit", ("512", "rows_per_second"), "", 0)
RAW_SEQUENTIAL = Figure("rows_64_sequential", "64 a commit, sequential keys", ("64_sequential", "rows_per_second"), "", 0)

FANOUT = (CPU, USER, DELIVERIES, P50, P99, MISSING)


@dataclasses.dataclass(frozen=True)
class Workload:
    """One line of the programme. The first figure is the one that ratios are made of."""

    name: str
    title: str
    kind: str  # a mode of `indaba bench`, or http, django-publish, sqlite
    servers: tuple[str, ...]
    figures: tuple[Figure, ...]
    options: tuple[str, ...] = ()
    seconds: float = 10
    durable: bool = False
    compressed: bool = False
    cold: bool = False  # the server is restarted on its data before it is measured
    pinned: bool = True
    more_is_better: bool = False


def _fanout(name, title, *options, servers=EVERYONE, **more):
    return Workload(name, title, "fanout", servers, more.pop("figures", FANOUT), options, **more)


WORKLOADS = (
    _fanout("fanout-1", "1,000 readers, 256-byte events, one in flight", "--connections", "1000", "--window", "1"),
    _fanout("fanout-16", "1,000 readers, 256-byte events, 16 in flight", "--connections", "1000", "--window", "16"),
    _fanout("fanout-rate", "5,000 readers, 20 events a second (Indaba commits each before it delivers it)", "--connections", "5000",
            "--rate", "20", durable=True, figures=(CPU, USER, P50, P99, P999, MAX, LATE, MISSING)),
    Workload("storm", "5,000 connections as fast as they are taken (Indaba verifies a JWT and a membership for each)", "storm",
             EVERYONE, (HANDSHAKE, CONNECTS, CONNECT_P99), ("--connections", "5000")),
    Workload("idle", "10,000 idle connections", "idle", EVERYONE, (MEMORY, IDLE_CPU), ("--connections", "10000"), seconds=5, durable=True),
    Workload("idle-18k", "18,000 idle connections, each authenticated, subscribed and resumable", "idle", ("indaba", "limit-coalesce"),
             (MEMORY, IDLE_CPU), ("--connections", "18000"), seconds=5, durable=True),
    Workload("idle-heartbeats", "10,000 idle connections with heartbeats", "idle", ("indaba",), (MEMORY, IDLE_CPU),
             ("--connections", "10000"), seconds=65, durable=True),
    Workload("publish", "64 senders, durable, random de-duplication keys, at full speed", "publish", ("indaba",),
             (EVENTS, P50, P99, MAX), ("--connections", "64", "--window", "16"), durable=True, pinned=False, more_is_better=True),
    Workload("publish-steady", "the same at 15,000 events a second", "publish", ("indaba",), (P99, P50, P999, MAX, EVENTS),
             ("--connections", "64", "--rate", "15000"), durable=True, pinned=False),
    Workload("sqlite", "the same statements alone: SQLite, WAL, synchronous=FULL, random keys", "sqlite", ("sqlite",),
             (RAW_64, RAW_1, RAW_512, RAW_SEQUENTIAL), pinned=False, more_is_better=True),
    Workload("django-publish", "a Django view that stores a message and broadcasts it", "django-publish", ("django",),
             (STORED_1, STORED_32), pinned=False, more_is_better=True),
    Workload("reconnect", "10,000 clients cut at once come back with their position", "reconnect", ("indaba",),
             (BACK, HANDSHAKE, READS), ("--connections", "10000"), durable=True, pinned=False),
    Workload("reconnect-cold", "10,000 clients with a position meet a server that has just been started", "storm", ("indaba",),
             (COLD, HANDSHAKE, READS), ("--connections", "10000"), durable=True, pinned=False, cold=True),
    _fanout("fanout-1k", "1,000 readers, 1 KB events, not compressed", "--connections", "1000", "--window", "1", "--payload", "1024",
            servers=("indaba",)),
    _fanout("fanout-1k-deflate", "1,000 readers, 1 KB events, permessage-deflate", "--connections", "1000", "--window", "1",
            "--payload", "1024", servers=("indaba",), compressed=True),
    Workload("http", "authenticated GETs by wrk, on all cores", "http", ("indaba", "django"), (REQUESTS_ME, REQUESTS_PAGE),
             pinned=False, more_is_better=True),
)
BY_NAME = {workload.name: workload for workload in WORKLOADS}
