"""The machine misbehaves: the disk is full, the process stands still, the clock jumps."""

import asyncio
import contextlib
import glob
import signal
import subprocess
import time

import pytest

from faults.test_kill import caller_with, personal_token
from harness.client import Caller, User, make_org
from harness.limits import within
from harness.reader import whole_log
from harness.socket import Socket


# The library itself: the program `faketime` would stand between us and the server's signals.
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


@contextlib.contextmanager
def small_disk(folder, size="160m"):
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True,
                          check=False)
    if done.returncode != 0:
        pytest.skip("a disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@within(90)
async def test_a_full_disk_refuses_writes_serves_reads_and_heals_by_itself(own_server, tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        server = own_server(data=disk / "data")
        server.log_path = tmp_path / "log"  # of the next start; the log itself must not count here
        assert server.stop() == 0
        server.start()
        root = User(server, "root")
        org = await make_org(root, slug="acme")
        topic = await org.declare("t")
        name = "t"
        await org.publish(name, {"type": "tick", "data": "before"})
        socket = await Socket.open(server, f"/ws/{topic}", root)
        await socket.expect("subscribed")
        with open(disk / "ballast", "wb") as ballast:
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(b"x" * 65536)
                    ballast.flush()
        acked, refused = [], []
        for n in range(200):
            answer = await root.post(topic + "/events", {"type": "tick", "data": [n, "x" * 5000]})
            (acked if answer.status in (200, 201) else refused).append((n, answer))
            if len(refused) >= 5:
                break
        assert refused, "the disk was never full"
        assert {answer.status for _, answer in refused} <= {503, 507}, refused[0]
        assert (await Caller(server).get("/readyz")).status == 503
        (await Caller(server).get("/healthz")).expect(200)
        log = await whole_log(root, topic)
        assert log[1] == "before", "reads go on"
        assert [data[0] for seq, data in log.items() if seq > 1] == [n for n, _ in acked]
        (disk / "ballast").unlink()
        deadline = time.monotonic() + 15
        while (await root.post(topic + "/events", {"type": "tick", "data": "after"})).status not in (200, 201):
            assert time.monotonic() < deadline, "writes do not come back when there is room again"
            await asyncio.sleep(0.3)
        while (await Caller(server).get("/readyz")).status != 200:
            assert time.monotonic() < deadline + 15
            await asyncio.sleep(0.3)
        while (await socket.until("tick"))["data"] != "after":
            pass
        await socket.close()
        server.kill()
        server.start()
        root.sign_in()
        assert list((await whole_log(root, topic)).values())[-1] == "after"
        server.kill()


@within(60)
async def test_a_process_that_stood_still_goes_on_as_if_nothing_was(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    topic = await org.declare("t")
    socket = await Socket.open(server, f"/ws/{topic}", root)
    await socket.expect("subscribed")
    server.signal(signal.SIGSTOP)
    waiting = [asyncio.create_task(root.post(topic + "/events", {"type": "tick", "data": n})) for n in range(10)]
    await asyncio.sleep(3)
    server.signal(signal.SIGCONT)
    for answer in await asyncio.gather(*waiting):
        answer.expect(200, 201)
    assert [event["seq"] for event in await socket.events(10)] == list(range(1, 11))
    await socket.send("ping")
    await socket.expect("pong")
    await socket.close()


@within(120)
@pytest.mark.skipif(not FAKETIME, reason="faketime is not installed")
async def test_a_clock_that_jumps_changes_no_order_and_loses_nothing(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    topic = await org.declare("t")
    caller = await caller_with(server, personal_token(server, "root"))
    old, env = root.access, server.env
    wanted = []
    for jump in (None, "-2h", "+1h", "-30d", "@2037-06-01 00:00:00", None):
        if server.process is not None:
            assert server.stop() == 0
        server.env = {**env, **({} if jump is None else {
            "LD_PRELOAD": FAKETIME[0], "FAKETIME": jump, "DONT_FAKE_MONOTONIC": "1"})}
        server.start()
        if jump and jump.startswith("@"):
            (await Caller(server, {"Authorization": f"Bearer {old}"}).get("me")).problem(401, "token_expired")
        # A token may be from the future, or long past, by the clock of now.
        now = caller if (await caller.get("me")).status == 200 else User(server, "root").sign_in()
        async with await Socket.open(server, f"/ws/{topic}", query={"since": len(wanted)}, **now.for_socket()) as socket:
            await socket.expect("subscribed", head=len(wanted))
            for _ in range(3):
                wanted.append(f"{jump}-{len(wanted)}")
                (await now.post(topic + "/events", {"type": "tick", "data": wanted[-1]})).expect(200, 201)
            got = await socket.events(3)
            assert [event["data"] for event in got] == wanted[-3:]
    # In 2037 everything of today was old, and retention took it; it says so, and what is left has no hole.
    page = (await now.get(f"events?stream={topic}&since=0&limit=1000")).expect(200).json
    (reset,) = page["reset"]
    assert reset["reason"] == "expired" and reset["head"] == len(wanted)
    page = (await now.get(f"events?stream={topic}&since={reset['oldest'] - 1}&limit=1000")).expect(200).json
    assert page["reset"] == []
    assert [event["seq"] for event in page["results"]] == list(range(reset["oldest"], len(wanted) + 1))
    assert [event["data"] for event in page["results"]] == wanted[reset["oldest"] - 1:]
