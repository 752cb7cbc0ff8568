"""Readers that stop and readers that are slow: the server's memory is bounded, the healthy do not notice, nobody loses.

By default a slice of the full run; INDABA_FAULT_SLOW=full takes 500 stopped, 100 slow and 100 healthy readers for 60 s,
with the settings that a new installation has.
"""

import asyncio
import json
import os
import pathlib

import pytest

from harness.client import User, make_org
from harness.limits import within
from harness.server import BINARY

LOADTOOL = pathlib.Path(os.environ.get("INDABA_LOADTOOL", BINARY.parent / "loadtool"))
FULL = os.environ.get("INDABA_FAULT_SLOW") == "full"
STOPPED, SLOW, HEALTHY, SECONDS = (500, 100, 100, 60) if FULL else (100, 20, 20, 15)
# In the slice a queue may stand still for 5 s only, so that the test need not last half a minute.
STALL = {} if FULL else {"INDABA_WS_STALL_TIMEOUT": "5s"}

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not LOADTOOL.exists(), reason=f"{LOADTOOL} is not built (target `loadtool`)")]


async def load(server, root, topic, *arguments):
    run = await asyncio.create_subprocess_exec(
        str(LOADTOOL), "--port", str(server.port), "--token", root.access, "--stream", topic, "--server-pid",
        str(server.pid), *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await run.communicate()
    assert run.returncode == 0, err.decode()
    return json.loads(out)


def whole(group):
    """Every reader of the group has every event, once, in order."""
    assert group["complete"] == group["readers"], group
    assert (group["missing"], group["duplicates"], group["out_of_order"], group["resets"]) == (0, 0, 0, 0), group


@within(SECONDS * 3 + 240)
async def test_readers_that_do_not_keep_up_cost_little_and_lose_nothing(own_server):
    server = own_server(env=STALL)
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    alone = await load(server, root, await org.declare("alone"), "--group", f"healthy:{HEALTHY}:full",
                       "--rate", 1000, "--payload", 100, "--seconds", SECONDS)
    whole(alone["groups"]["healthy"])
    topic = await org.declare("crowded")
    told = await load(server, root, topic, "--group", f"healthy:{HEALTHY}:full",
                      "--group", f"slow:{SLOW}:10240:4096", "--group", f"stopped:{STOPPED}:0:4096",
                      "--rate", 1000, "--payload", 100, "--seconds", SECONDS, "--finish", 120)
    groups = told["groups"]
    growth = told["server_rss_peak_publishing"] - told["server_rss_connected"]
    growth_each = growth / (STOPPED + SLOW + HEALTHY)
    p99, p99_alone = groups["healthy"]["p99_ms"], alone["groups"]["healthy"]["p99_ms"]
    print(f"{told['events_per_second']:.0f} events/s; memory +{growth / 2**20:.1f} MiB, "
          f"{growth_each / 1024:.1f} KiB a connection; healthy p99 "
          f"{p99:.2f} ms, alone {p99_alone:.2f} ms; closed while publishing: "
          + ", ".join(f"{name} {group['closes_while_publishing']}" for name, group in groups.items()))
    assert told["errors"] == {}
    # Bad readers must not hold up the publisher; what the machine gives beside other work is another matter.
    assert told["acked"] >= (0.95 if FULL else 0.4) * alone["acked"], "the publisher was held up"
    for group in groups.values():
        whole(group)
    assert groups["healthy"]["closes"] == {} and groups["slow"]["closes"] == {}
    closed = [entry["close_code"] for entry in server.log_entries() if entry.get("close_code") == 4009]
    assert len(closed) == STOPPED, f"{len(closed)} of {STOPPED} were closed as stalled"
    assert growth_each < 64 * 1024
    if FULL:
        assert p99 <= 1.5 * p99_alone
    assert server.stop() == 0


@within(120)
async def test_connections_that_are_cut_at_random_under_full_speed_lose_nothing(own_server, rng):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    for via in ("frames", "http"):
        topic = await org.declare(f"by-{via}")
        told = await load(server, root, topic, "--group", "readers:50:full", "--publishers", 4, "--via", via,
                          "--batch", 20, "--seconds", 5, "--reconnects", 100, "--seed", rng.randrange(2**31))
        group = told["groups"]["readers"]
        print(f"{via}: {told['events_per_second']:.0f} events/s, {told['deliveries_per_second']:.0f} deliveries/s, "
              f"{group['reconnects']} reconnects")
        assert told["errors"] == {} and told["acked"] == told["sent"] == told["head"]
        assert group["reconnects"] > 100
        whole(group)
