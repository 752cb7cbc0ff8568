"""What Indaba sets out to reach, each judged by the medians of one programme."""

import dataclasses
import operator
from collections.abc import Callable

from .results import Results


@dataclasses.dataclass(frozen=True)
class Target:
    text: str
    value: Callable[[Results], float | None]
    limit: float
    most: bool = True  # at most; otherwise at least
    unit: str = ""

    def met(self, value):
        return (operator.le if self.most else operator.ge)(value, self.limit)


def _median(workload, key, scale=1.0):
    def value(results):
        found = results.median(workload, "indaba", key)
        return None if found is None else found * scale
    return value


def _ratio(workload, other, key="cpu_us", **more):
    return lambda results: results.ratio(workload, "indaba", other, key, **more)


def _cheaper(workload, other):
    def value(results):
        found = results.ratio(workload, "indaba", other, "cpu_us")
        return None if not found else 1 / found
    return value


def _compression(results):
    return results.ratio("fanout-1k-deflate", "indaba", "indaba", "cpu_us", other_workload="fanout-1k")


def _raw(results):
    return results.ratio("publish", "indaba", "sqlite", "events_per_second", other_workload="sqlite", other_key="rows_64")


def _django(key):
    return lambda results: results.ratio("publish", "indaba", "django", "events_per_second", other_workload="django-publish",
                                         other_key=key)


TARGETS = (
    Target("one in flight: CPU a delivery over the coalescing limit's", _ratio("fanout-1", "limit-coalesce"), 1.1, unit="×"),
    Target("16 in flight: CPU a delivery over the coalescing limit's", _ratio("fanout-16", "limit-coalesce"), 1.2, unit="×"),
    Target("one in flight: user space a delivery", _median("fanout-1", "user_us"), 0.5, unit="µs"),
    Target("16 in flight: user space a delivery", _median("fanout-16", "user_us"), 0.08, unit="µs"),
    Target("one in flight: cheaper than uWebSockets", _cheaper("fanout-1", "uws"), 1.0, most=False, unit="×"),
    Target("16 in flight: cheaper than uWebSockets", _cheaper("fanout-16", "uws"), 1.0, most=False, unit="×"),
    Target("one in flight: cheaper than nchan", _cheaper("fanout-1", "nchan"), 1.2, most=False, unit="×"),
    Target("16 in flight: cheaper than nchan", _cheaper("fanout-16", "nchan"), 1.2, most=False, unit="×"),
    Target("one in flight: cheaper than Django Channels", _cheaper("fanout-1", "django"), 15, most=False, unit="×"),
    Target("16 in flight: cheaper than Django Channels", _cheaper("fanout-16", "django"), 100, most=False, unit="×"),
    Target("durable, 20 a second to 5,000: p99 above the coalescing limit's",
           lambda results: results.difference("fanout-rate", "indaba", "limit-coalesce", "p99_ms"), 15, unit="ms"),
    Target("the same: CPU a delivery over the coalescing limit's", _ratio("fanout-rate", "limit-coalesce"), 1.15, unit="×"),
    Target("durable publishing, 64 senders: acknowledged events a second", _median("publish", "events_per_second"), 25_000, most=False),
    Target("the same over the raw rate of the same statements, 64 a commit", _raw, 0.6, most=False, unit="×"),
    Target("the same over the Django view, one in flight", _django("one"), 50, most=False, unit="×"),
    Target("the same over the Django view, 32 in flight", _django("many"), 50, most=False, unit="×"),
    Target("durable publishing at 15,000 a second: p99", _median("publish-steady", "p99_ms"), 25, unit="ms"),
    Target("memory a connection, 10,000", _median("idle", "bytes_per_connection", 1 / 1024), 1.5, unit="KB"),
    Target("memory a connection, 18,000", _median("idle-18k", "bytes_per_connection", 1 / 1024), 1.5, unit="KB"),
    Target("10,000 idle with heartbeats: CPU", _median("idle-heartbeats", "cpu_percent"), 1.0, unit="% of a core"),
    Target("CPU a handshake, JWT verified", _median("storm", "cpu_us_per_connection"), 45, unit="µs"),
    Target("storm: connections a second", _median("storm", "per_second"), 15_000, most=False),
    Target("10,000 cut at once: all back and caught up", _median("reconnect", "seconds"), 5, unit="s"),
    Target("the same: database reads a client", _median("reconnect", "reads"), 0.05),
    Target("1 KB events, compressed over not compressed: CPU a delivery", _compression, 1.5, unit="×"),
    Target("HTTP, who am I: requests a second", _median("http", "me"), 40_000, most=False),
    Target("HTTP, a page of 50 events: requests a second", _median("http", "page"), 8_000, most=False),
)
