"""`indaba bench`: every mode, against Indaba, its bare echo, and a server that knows nothing of Indaba."""

import asyncio
import contextlib
import json
import os

import pytest
import websockets

from harness.client import make_org
from harness.server import BINARY, environment

# What tools read, in every mode.
KEYS = {"mode", "url", "connections", "processes", "seconds", "events", "events_per_second", "deliveries",
        "deliveries_per_second", "missing", "doubled", "out_of_order", "errors", "latency_ms", "connect", "client",
        "bottleneck", "warnings"}
SERVER_KEYS = {"cpu_seconds", "user_seconds", "system_seconds", "threads", "rss_bytes_before", "rss_bytes_after",
               "cpu_us_per_delivery", "user_us_per_delivery", "cpu_us_per_connection", "bytes_per_connection",
               "cpu_percent"}


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def told(self):
        told = json.loads(self.out)
        assert set(told) >= KEYS, KEYS - set(told)
        return told

    def expect(self, code=0):
        assert self.code == code, f"exit {self.code}, not {code}\nout: {self.out}\nerr: {self.err}"
        return self

    def good(self):
        """Everything connected, everything came, once, in order."""
        told = self.expect(0).told
        assert (told["missing"], told["doubled"], told["out_of_order"], told["errors"]) == (0, 0, 0, {}), told
        assert told["connect"]["failed"] == 0
        if "server" in told:
            assert set(told["server"]) >= SERVER_KEYS
        return told


async def bench(*arguments, json_out=True):
    run = await asyncio.create_subprocess_exec(
        str(BINARY), "bench", *map(str, arguments), *(["--json"] if json_out else []), env=environment(),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await asyncio.wait_for(run.communicate(), 50)
    return Ran(run.returncode, out.decode(), err.decode())


def ws(server):
    return f"ws://{server.host}:{server.port}"


SHORT = ("--seconds", 1, "--warm-up", 0.1, "--timeout", 10)


@pytest.fixture
def indaba(server, anna):
    """What every run against an Indaba stream says, once a topic is there."""
    async def declare(**settings):
        org = await make_org(anna)
        return ("--stream", await org.declare("t", **settings), "--token", anna.access, "--server-pid", server.pid,
                # many connections of one user, from addresses of their own
                "--sources", 20)
    return declare


async def test_fanout_counts_every_delivery_of_a_closed_loop(server, indaba):
    told = (await bench("fanout", ws(server), *await indaba(), *SHORT, "--connections", 10, "--window", 4)).good()
    assert told["mode"] == "fanout" and told["events"] > 0
    assert told["deliveries"] == pytest.approx(10 * told["events"], abs=80)
    assert told["seq"] == {"missing": 0, "doubled": 0, "out_of_order": 0}
    assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["p99"] <= told["latency_ms"]["p999"] <= told["latency_ms"]["max"]
    assert told["server"]["cpu_seconds"] > 0 and told["server"]["threads"][0]["cpu_seconds"] > 0


async def test_fanout_keeps_a_rate_whatever_the_readers_do(server, indaba):
    told = (await bench("fanout", ws(server), *await indaba(durable=False), *SHORT, "--connections", 10, "--rate", 100,
                        "--processes", 2, "--publishers", 2)).good()
    assert 10 < told["events_per_second"] < 150, "never faster than asked; how much slower is the machine's affair"
    assert told["processes"] == 2


async def test_fanout_reads_server_sent_events_and_publishes_by_post(server, indaba):
    told = (await bench("fanout", server.url, *await indaba(), *SHORT, "--connections", 5, "--window", 2)).good()
    assert told["deliveries"] > 0 and "seq" in told


async def test_publish_waits_for_the_answer_to_every_event(server, indaba, anna):
    arguments = await indaba()
    told = (await bench("publish", ws(server), *arguments, *SHORT, "--connections", 4, "--window", 8)).good()
    assert told["events"] > 0 and told["latency_ms"]["max"] > 0
    page = (await anna.get(f"events?stream={arguments[1]}&since=0&limit=1")).expect(200).json
    assert page["streams"][arguments[1]]["head"] >= told["events"]
    by_post = (await bench("publish", server.url, *arguments, *SHORT, "--connections", 2)).good()
    assert by_post["events"] > 0


async def test_idle_tells_the_memory_of_a_connection(own_server):
    server = own_server(arguments=["--test-echo"])
    told = (await bench("idle", ws(server) + "/test/echo", *SHORT, "--connections", 100, "--server-pid", server.pid)).good()
    assert told["connect"]["count"] == 100
    assert 0 <= told["server"]["bytes_per_connection"] < 100_000


async def test_storm_opens_at_once_or_at_a_rate(server, indaba):
    arguments = await indaba()
    told = (await bench("storm", ws(server), *arguments, *SHORT, "--payload", 9, "--connections", 100)).good()
    assert told["connect"]["count"] == 100 and told["server"]["cpu_us_per_connection"] > 0
    slowly = (await bench("storm", ws(server), *arguments, "--connections", 20, "--rate", 50)).good()
    assert slowly["connect"]["seconds"] > 0.35


async def test_echo_finds_its_own_frame(server):
    for more in (("--window", 4), ("--rate", 200), ("--payload", 70_000 - 6_000), ("--compress",)):
        told = (await bench("echo", ws(server) + "/test/echo", *SHORT, "--connections", 4, *more)).good()
        assert told["events"] > 0, more


async def test_reconnect_tells_when_everyone_has_what_was_missed(server, indaba):
    for url in (ws(server), server.url):
        told = (await bench("reconnect", url, *await indaba(), "--connections", 50, "--warm-up", 0.1,
                            "--missed", 7)).good()
        assert told["caught_up"] == 50 and told["connect"]["count"] == 50
        assert told["deliveries"] == 350, "each reader gets each event that it missed, once"


async def test_a_refusal_is_told_by_its_name(server, indaba):
    refused = (await bench("idle", ws(server) + "/api/v1/nowhere", "--connections", 3)).expect(1)
    assert "http_404" in refused.err and refused.out == ""
    stranger = (await bench("idle", ws(server) + "/ws/me", "--await", "subscribed", "--connections", 3)).expect(1)
    assert "closed_4001" in stranger.err
    nobody = (await bench("idle", "ws://127.0.0.1:1/", "--connections", 3)).expect(1)
    assert "ECONNREFUSED" in nobody.err
    too_many = (await bench("idle", ws(server), "--connections", 9_000_000)).expect(1)
    assert "--processes" in too_many.err
    gone = (await bench("idle", ws(server), "--server-pid", 999_999_999)).expect(1)
    assert "no process 999999999" in gone.err


async def test_wrong_usage_is_exit_code_2():
    for arguments in ((), ("dance",), ("fanout",), ("fanout", "ws://x"), ("echo", "wss://x/"), ("idle", "ws://x", "--rate", 1),
                      ("fanout", "ws://x", "--publish", "nothing in it"), ("publish", "ws://x", "--connections", 0)):
        wrong = (await bench(*arguments, json_out=False)).expect(2)
        assert wrong.err.count("\n") == 1 and wrong.out == "", arguments


async def test_people_get_a_table(server):
    ran = (await bench("echo", ws(server) + "/test/echo", *SHORT, "--connections", 2, json_out=False)).expect(0)
    for word in ("echo", "connected", "answered", "latency", "every one, once, in order", "client CPU", "bottleneck"):
        assert word in ran.out, ran.out
    for mode in ("fanout", "idle", "storm", "echo", "publish", "reconnect"):
        told = (await bench(mode, "--help", json_out=False)).expect(0)
        assert f"indaba bench {mode}" in told.out and "Example" in told.out


async def test_a_terminal_sees_how_it_goes(server):
    for quiet in ((), ("--quiet",)):
        ours, theirs = os.openpty()
        run = await asyncio.create_subprocess_exec(
            str(BINARY), "bench", "echo", ws(server) + "/test/echo", *map(str, SHORT), *quiet, env=environment(),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        assert await asyncio.wait_for(run.wait(), 30) == 0
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while piece := os.read(ours, 65536):
                shown += piece
        os.close(ours)
        assert (b"100/100 connected" in shown) == (quiet == ()), shown


class Room:
    """A broadcast server of somebody else: JSON re-written with spaces, in fragments, with faults when asked."""

    def __init__(self, spoil=lambda reader, number: 1):
        self.readers, self.spoil = [], spoil

    async def serve(self, socket, path):
        if path == "/publish":
            await socket.send('{"hello": "publisher"}')
            async for text in socket:
                await self.broadcast(json.loads(text))
            return
        assert path == "/read" and socket.request_headers["X-Room"] == "7"
        assert await socket.recv() == '{"join": 1}'
        self.readers.append(socket)
        await socket.send('{"joined": true}')
        with contextlib.suppress(websockets.ConnectionClosed):
            await socket.wait_closed()

    async def broadcast(self, event):
        text = json.dumps({"kind": "event", "body": json.dumps(event)})
        for place, reader in enumerate(self.readers):
            for _ in range(self.spoil(place, event["n"])):
                with contextlib.suppress(websockets.ConnectionClosed):
                    await reader.send([text[:40], text[40:]])

    @contextlib.asynccontextmanager
    async def open(self):
        async with websockets.serve(self.serve, "127.0.0.1", 0) as serving:
            yield f"ws://127.0.0.1:{serving.sockets[0].getsockname()[1]}"


def in_room(url, seconds=0.5):
    return ("fanout", url + "/read", "--header", "X-Room: 7", "--send", '{"join": 1}', "--await", "joined",
            "--publish-url", url + "/publish", "--publish-await", "hello", "--publish", "{event}", "--connections", 5, "--seconds", seconds, *SHORT[2:])


async def test_any_server_can_be_measured():
    async with Room().open() as url:
        told = (await bench(*in_room(url), "--window", 2)).good()
        assert told["events"] > 0 and "seq" not in told
        at_rate = (await bench(*in_room(url), "--rate", 50)).good()
        # Events that were due just before the measurement and sent just within it count as sent, and not in the latencies.
        assert at_rate["events"] > 0 and at_rate["latency_ms"]["count"] > 0


async def test_what_a_server_loses_or_says_twice_is_found():
    async with Room(lambda reader, number: 0 if (reader, number) == (1, 3) else 1).open() as url:
        lost = (await bench(*in_room(url))).expect(1).told
        assert (lost["missing"], lost["doubled"], lost["out_of_order"]) == (1, 0, 0)
    async with Room(lambda reader, number: 2 if (reader, number) == (0, 2) else 1).open() as url:
        twice = (await bench(*in_room(url))).expect(1).told
        assert (twice["missing"], twice["doubled"], twice["out_of_order"]) == (0, 1, 0)


async def test_a_window_that_lost_an_event_is_given_up_and_told():
    async with Room(lambda reader, number: 0 if number == 2 else 1).open() as url:
        told = (await bench(*in_room(url, seconds=4))).expect(1).told
        assert told["missing"] == 5 and told["events"] > 0
        assert any("window" in warning for warning in told["warnings"])


async def test_a_connection_that_its_server_ends_is_counted():
    async def serve(socket, path):
        await asyncio.sleep(0.3)
        await socket.close(4321, "enough")

    async with websockets.serve(serve, "127.0.0.1", 0) as serving:
        port = serving.sockets[0].getsockname()[1]
        told = (await bench("idle", f"ws://127.0.0.1:{port}/", "--connections", 3, "--seconds", 1, *SHORT[2:])).expect(1).told
    assert told["errors"] == {"closed_4321": 3} and told["connect"]["lost"] == 3


async def test_a_server_that_answers_the_handshake_wrongly_is_refused():
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Sure\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n")
        await writer.drain()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as serving:
        port = serving.sockets[0].getsockname()[1]
        assert "bad_accept" in (await bench("idle", f"ws://127.0.0.1:{port}/", "--connections", 2)).expect(1).err
