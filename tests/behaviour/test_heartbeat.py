"""Connections that live, that are silent, and that are dead; with a heartbeat of one second instead of thirty."""

import asyncio
import contextlib
import json
import sqlite3
import time

import pytest

from harness import postgres, raw
from harness.client import User, make_org, unique
from harness.limits import promised
from harness.raw import PING, PONG, TEXT, RawSocket
from harness.socket import Socket

FAST = {"INDABA_WS_HEARTBEAT": "1s", "INDABA_WS_PONG_TIMEOUT": "1s"}


@pytest.fixture
def fast(own_server):
    return own_server(env=FAST)


async def test_a_heartbeat_and_a_ping_come_together(fast):
    root = User(fast, "root")
    async with await RawSocket.open(fast, "/ws", [f"Authorization: Bearer {root.access}"]) as socket:
        assert json.loads((await socket.frame())[1])["heartbeat_seconds"] == 1
        seen = [await socket.frame(3), await socket.frame(1)]
        assert {opcode for opcode, *_ in seen} == {TEXT, PING}
        beat = next(json.loads(payload) for opcode, payload, _ in seen if opcode == TEXT)
        assert beat["type"] == "heartbeat" and beat["timestamp"].endswith("Z")


async def test_whoever_answers_pings_or_says_anything_stays(own_server):
    patient = own_server(env={**FAST, "INDABA_WS_PONG_TIMEOUT": "3s"})
    root = User(patient, "root")
    async with await Socket.open(patient, "/ws", root) as answering:
        async with await RawSocket.open(patient, "/ws", [f"Authorization: Bearer {root.access}"]) as talking:
            for _ in range(24):  # for longer than both together
                await asyncio.sleep(0.25)
                await talking.send(raw.frame(PONG, b"unasked"))
            await talking.send(raw.frame(TEXT, '{"type":"ping","ref":"still-here"}'))
            while b"still-here" not in (await talking.frame())[1]:
                pass
        await answering.send("ping")
        await answering.expect("pong")


async def test_whoever_is_silent_and_answers_no_ping_is_closed_with_4008(fast):
    root = User(fast, "root")
    began = time.monotonic()
    async with await RawSocket.open(fast, "/ws", [f"Authorization: Bearer {root.access}"]) as socket:
        frames = []
        while True:
            opcode, payload, _ = await socket.frame(8)
            if opcode == raw.CLOSE:
                assert int.from_bytes(payload[:2], "big") == 4008
                break
            frames.append((opcode, payload))
        assert json.loads(frames[-1][1])["type"] == "goodbye"
    # The first ping comes at a random moment of the first heartbeat, so that connections spread.
    assert 1 <= time.monotonic() - began < promised(6)


async def test_a_dead_peer_is_found_where_heartbeats_come_faster_than_the_time_for_a_pong(own_server):
    server = own_server(env={"INDABA_WS_HEARTBEAT": "1s", "INDABA_WS_PONG_TIMEOUT": "2500ms"})
    root = User(server, "root")
    async with await RawSocket.open(server, "/ws", [f"Authorization: Bearer {root.access}"]) as socket:
        while True:
            opcode, payload, _ = await socket.frame(8)
            if opcode == raw.CLOSE:
                break
        assert int.from_bytes(payload[:2], "big") == 4008


async def test_an_answered_ping_confirms_what_was_written_before_it(fast):
    root = User(fast, "root")
    org = await make_org(root, slug="acme")
    topic = await org.declare("t")
    session = unique("s")
    first = await Socket.open(fast, f"/ws/{topic}", root, query={"session_uuid": session})
    await first.expect("subscribed")
    await org.publish("t", *({"type": "tick", "data": n} for n in range(1, 4)))
    await first.events(3)
    await first.silence(2.6)  # at least one ping is answered meanwhile
    await first.abort()
    await org.publish("t", {"type": "tick", "data": 4})
    async with await Socket.open(fast, f"/ws/{topic}", root, query={"session_uuid": session}) as again:
        assert again.welcome["resumed"] is True
        told = await again.expect("subscribed", stream=topic)
        assert told["since"] == 3
        assert [event["seq"] for event in await again.events(1)] == [4]


async def test_without_ack_or_ping_everything_comes_again(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    topic = await org.declare("t")
    first = await Socket.open(server, f"/ws/{topic}", root, query={"session_uuid": "s", "since": 0})
    await org.publish("t", *({"type": "tick", "data": n} for n in range(1, 4)))
    await first.events(3)
    await first.abort()
    async with await Socket.open(server, f"/ws/{topic}", root, query={"session_uuid": "s"}) as again:
        told = await again.expect("subscribed")
        assert told["since"] == 0, "never newer than what is known to have been received"
        assert [event["seq"] for event in await again.events(3)] == [1, 2, 3]


def saved_at(server, session):
    if server.database is not None:
        told = postgres.shared().sql(f"SELECT saved_at FROM socket_sessions WHERE uuid = '{session}'", server.database)
        return int(told) if told else None
    path = next(path for path in server.data.iterdir() if path.suffix in (".db", ".sqlite", ".sqlite3"))
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        row = database.execute("SELECT saved_at FROM socket_sessions WHERE uuid = ?", (session,)).fetchone()
    return row and row[0]


async def test_a_connection_that_only_lives_is_saved_once_and_not_at_each_heartbeat(own_server):
    server = own_server(env={"INDABA_WS_HEARTBEAT": "200ms"})
    root = User(server, "root")
    async with await Socket.open(server, "/ws/me", root, query={"session_uuid": "idle"}) as socket:
        await socket.expect("subscribed")
        deadline = time.monotonic() + 10
        while saved_at(server, "idle") is None and time.monotonic() < deadline:
            with contextlib.suppress(asyncio.TimeoutError):
                await socket.next(0.1)  # answers pings
        first = saved_at(server, "idle")
        assert first is not None
        beats = len(socket.frames)
        while len(socket.frames) < beats + 15:
            with contextlib.suppress(asyncio.TimeoutError):
                await socket.next(0.1)
        assert saved_at(server, "idle") == first
