"""RFC 6455, case by case, against the echo of `--test-echo`, which uses the production codec.

The cases follow the chapters of the Autobahn test suite: framing, pings, reserved bits, opcodes, fragmentation,
UTF-8, close handling, limits, and compression (12, 13).
"""

import asyncio
import random
import zlib

import pytest
import websockets

from harness.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawSocket, close_payload, frame
from harness.server import Server

ECHO = "/test/echo"


async def echo(server, lines=()):
    return await RawSocket.open(server, ECHO, lines)


# -- 1: framing

@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65535, 65536])
async def test_messages_of_every_size_come_back(server, opcode, size):
    async with await echo(server) as socket:
        payload = bytes(33 + n % 90 for n in range(size))
        await socket.send(frame(opcode, payload))
        await socket.expect(opcode, payload)


async def test_a_message_sent_in_small_pieces_comes_back(server):
    async with await echo(server) as socket:
        payload = bytes(33 + n % 90 for n in range(2000))
        data = frame(BINARY, payload)
        for start in range(0, len(data), 7):
            await socket.send(data[start:start + 7])
        await socket.expect(BINARY, payload)


async def test_many_messages_in_one_packet_come_back_in_order(server):
    async with await echo(server) as socket:
        await socket.send(b"".join(frame(TEXT, f"number {n}") for n in range(500)))
        for n in range(500):
            await socket.expect(TEXT, f"number {n}")


@pytest.mark.parametrize("key", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04"])
async def test_every_mask_is_undone(server, key):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, "masked as you like", key=key))
        await socket.expect(TEXT, "masked as you like")


# -- 2: pings and pongs

@pytest.mark.parametrize("payload", [b"", b"hello", bytes(range(125)), b"\x00\xff\xfe"])
async def test_a_ping_is_answered_with_its_payload(server, payload):
    async with await echo(server) as socket:
        await socket.send(frame(PING, payload))
        await socket.expect(PONG, payload)


async def test_ten_pings_are_answered_in_order(server):
    async with await echo(server) as socket:
        await socket.send(b"".join(frame(PING, f"p{n}") for n in range(10)))
        for n in range(10):
            await socket.expect(PONG, f"p{n}")


async def test_an_unasked_pong_is_ignored(server):
    async with await echo(server) as socket:
        await socket.send(frame(PONG, b"unasked") + frame(TEXT, "then"))
        await socket.expect(TEXT, "then")


# -- 3, 4, and headers that are wrong in themselves

WRONG = {
    "a frame that is not masked": frame(TEXT, "x", masked=False),
    "RSV1": frame(TEXT, "x", rsv=4), "RSV2": frame(TEXT, "x", rsv=2), "RSV3": frame(TEXT, "x", rsv=1),
    "all RSV on a ping": frame(PING, "", rsv=7), "RSV on a close": frame(CLOSE, "", rsv=1),
    **{f"opcode {opcode}": frame(opcode, "x") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a ping of 126 bytes": frame(PING, b"x" * 126), "a close of 126 bytes": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
    "a pong of 126 bytes": frame(PONG, b"x" * 126),
    "a ping in fragments": frame(PING, "x", fin=False), "a close in fragments": frame(CLOSE, "", fin=False),
    "a length of 5 in 2 bytes": frame(TEXT, "hello", length_bytes=2),
    "a length of 5 in 8 bytes": frame(TEXT, "hello", length_bytes=8),
    "a length of 1000 in 8 bytes": frame(TEXT, "x" * 1000, length_bytes=8),
    "a length of 2^63": frame(TEXT, "", length=2**63, length_bytes=8),
    "a continuation of nothing": frame(CONTINUATION, "x"),
    "a last continuation of nothing": frame(CONTINUATION, "x", fin=False),
    "a new message inside of fragments": frame(TEXT, "a", fin=False) + frame(TEXT, "b"),
    "a binary inside of text fragments": frame(TEXT, "a", fin=False) + frame(BINARY, b"b"),
    "a continuation after the last one": frame(TEXT, "a", fin=False) + frame(CONTINUATION, "b")
    + frame(CONTINUATION, "c"),
    "RSV1 on a continuation": frame(TEXT, "a", fin=False) + frame(CONTINUATION, "b", rsv=4),
    "a close of one byte": frame(CLOSE, b"\x03"),
    **{f"close code {code}": frame(CLOSE, close_payload(code))
       for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_breach_of_the_protocol_closes_with_1002(server, case):
    async with await echo(server) as socket:
        await socket.send(WRONG[case])
        assert await socket.closed() == 1002


async def test_what_came_before_the_breach_is_still_answered(server):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, "good") + frame(TEXT, "bad", rsv=2) + frame(TEXT, "never"))
        await socket.expect(TEXT, "good")
        assert await socket.closed() == 1002


# -- 5: fragmentation

async def test_fragments_become_one_message(server):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, "frag", fin=False) + frame(CONTINUATION, "men", fin=False)
                          + frame(CONTINUATION, "ts"))
        await socket.expect(TEXT, "fragments")


async def test_empty_fragments_are_fragments(server):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, "", fin=False) + frame(CONTINUATION, "middle", fin=False)
                          + frame(CONTINUATION, ""))
        await socket.expect(TEXT, "middle")


async def test_control_frames_may_stand_between_fragments(server):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, "a", fin=False) + frame(PING, "now") + frame(CONTINUATION, "b", fin=False)
                          + frame(PONG, "x") + frame(CONTINUATION, "c"))
        await socket.expect(PONG, "now")
        await socket.expect(TEXT, "abc")


async def test_a_ping_between_fragments_is_answered_before_the_message_ends(server):
    async with await echo(server) as socket:
        await socket.send(frame(BINARY, b"a", fin=False))
        await socket.send(frame(PING, "p"))
        await socket.expect(PONG, "p")
        await socket.send(frame(CONTINUATION, b"b"))
        await socket.expect(BINARY, b"ab")


async def test_two_messages_of_fragments_follow_each_other(server):
    async with await echo(server) as socket:
        for word in ("first", "second"):
            for n, char in enumerate(word):
                await socket.send(frame(TEXT if n == 0 else CONTINUATION, char, fin=n == len(word) - 1))
            await socket.expect(TEXT, word)


async def test_a_flood_of_empty_fragments_is_cut(server, anna):
    async with await RawSocket.open(server, "/ws", [f"Authorization: Bearer {anna.access}"]) as socket:
        flood = frame(TEXT, "", fin=False) + frame(CONTINUATION, "", fin=False, key=b"\0\0\0\0") * 200_000
        try:
            await asyncio.wait_for(socket.send(flood), 20)
        except (ConnectionError, asyncio.TimeoutError):
            pass
        assert await socket.closed() in (1002, 1006, 1008, 1009)


# -- 6: UTF-8

GOOD_TEXT = [b"", "κόσμε".encode(), b"\xf4\x8f\xbf\xbf", b"\xef\xbf\xbd", b"\xed\x9f\xbf", b"\xee\x80\x80",
             b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80", b"\x00", b"\xef\xbf\xbe", "🎉".encode() * 50]
BAD_TEXT = {
    "a lone continuation byte": b"\x80", "two": b"\xbf\xbf", "0xff": b"\xff", "0xfe": b"a\xfeb",
    "cut short": b"\xce", "cut in the middle": b"\xce\xba\xe1\xbd", "overlong slash": b"\xc0\xaf",
    "overlong in three": b"\xe0\x80\xaf", "overlong in four": b"\xf0\x80\x80\xaf", "overlong NUL": b"\xc0\x80",
    "a surrogate": b"\xed\xa0\x80", "a pair of them": b"\xed\xa0\x80\xed\xb0\x80", "past U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80", "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "a start where a continuation belongs": b"\xe1\xbdx", "bad after good": "κόσμε".encode() + b"\xed\xa0\x80edited",
}


@pytest.mark.parametrize("text", GOOD_TEXT)
async def test_good_text_comes_back_however_it_is_cut(server, text):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, text))
        await socket.expect(TEXT, text)
        parts = [text[n:n + 1] for n in range(len(text))] or [b""]
        await socket.send(b"".join(frame(TEXT if n == 0 else CONTINUATION, part, fin=n == len(parts) - 1)
                                   for n, part in enumerate(parts)))
        await socket.expect(TEXT, text)


@pytest.mark.parametrize("case", BAD_TEXT)
async def test_bad_text_closes_with_1007(server, case):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, BAD_TEXT[case]))
        assert await socket.closed() == 1007
    async with await echo(server) as socket:
        data = BAD_TEXT[case]
        await socket.send(b"".join(frame(TEXT if n == 0 else CONTINUATION, data[n:n + 1], fin=n == len(data) - 1)
                                   for n in range(len(data))))
        assert await socket.closed() == 1007


async def test_bad_text_fails_at_once_in_an_unfinished_message(server):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, b"\xf4\x90", fin=False))
        assert await socket.closed(3) == 1007


async def test_bad_text_fails_at_once_in_an_unfinished_frame(server):
    async with await echo(server) as socket:
        whole = frame(TEXT, "κόσμε".encode() + b"\xf4\x90" + b"x" * 1000)
        await socket.send(whole[:40])
        assert await socket.closed(3) == 1007


async def test_binary_may_hold_anything(server):
    async with await echo(server) as socket:
        await socket.send(frame(BINARY, bytes(range(256))))
        await socket.expect(BINARY, bytes(range(256)))


# -- 7: closing

@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000,
                                  3999, 4000, 4999])
async def test_a_close_is_answered_with_its_code(server, code):
    async with await echo(server) as socket:
        await socket.send(frame(CLOSE, close_payload(code, "a reason".encode())))
        assert await socket.closed() == code


async def test_a_close_without_code_is_answered(server):
    async with await echo(server) as socket:
        await socket.send(frame(CLOSE))
        assert await socket.closed() in (1000, 1005)


async def test_a_close_with_a_reason_of_123_bytes_is_answered(server):
    async with await echo(server) as socket:
        await socket.send(frame(CLOSE, close_payload(1000, b"r" * 123)))
        assert await socket.closed() == 1000


async def test_a_reason_that_is_not_utf_8_is_1007(server):
    async with await echo(server) as socket:
        await socket.send(frame(CLOSE, close_payload(1000, b"\xff\xfe")))
        assert await socket.closed() in (1002, 1007)


async def test_what_comes_after_a_close_is_not_read(server):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, "before") + frame(CLOSE, close_payload(1000)) + frame(TEXT, "after")
                          + frame(PING, "after"))
        await socket.expect(TEXT, "before")
        assert await socket.closed() == 1000


async def test_a_close_inside_of_fragments_closes(server):
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, "unfinished", fin=False) + frame(CLOSE, close_payload(1000)))
        assert await socket.closed() == 1000


async def test_a_client_that_does_not_answer_a_close_is_let_go(server):
    async with await echo(server) as socket:
        await socket.send(frame(3, "x"))
        got = await socket.frame()
        assert got[0] == CLOSE
        assert await socket.ended(15)


# -- 9, 10: limits and mass

async def test_a_length_that_only_says_it_is_huge_is_refused_before_it_is_read(server):
    before = server.rss_bytes()
    async with await echo(server) as socket:
        await socket.send(frame(BINARY, b"", length=2**62, length_bytes=8))
        assert await socket.closed() in (1002, 1009)
    assert server.rss_bytes() - before < 2**20


async def test_a_megabyte_of_small_messages_comes_back(server):
    async with await echo(server) as socket:
        random_of = random.Random(1)
        messages = [bytes(random_of.choices(range(32, 127), k=random_of.randrange(300))) for _ in range(5000)]

        async def send():
            for start in range(0, len(messages), 100):
                await socket.send(b"".join(frame(TEXT, m, key=b"abcd") for m in messages[start:start + 100]))

        sending = asyncio.create_task(send())
        for message in messages:
            await socket.expect(TEXT, message)
        await sending


# -- 12, 13: permessage-deflate, on a server that has it switched on

@pytest.fixture(scope="module")
def deflating():
    server = Server(env={"RATE_LIMITS_ENABLED": "false", "INDABA_WS_COMPRESSION": "true"},
                    arguments=["--test-echo"])
    with server:
        yield server
    server.close()


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(data):
    return zlib.decompressobj(-15).decompress(data + b"\x00\x00\xff\xff")


OFFER = ["Sec-WebSocket-Extensions: permessage-deflate"]


async def test_compression_is_off_by_default(server, anna):
    async with await RawSocket.open(server, "/ws", [*OFFER, f"Authorization: Bearer {anna.access}"]) as socket:
        assert socket.handshake.header("Sec-WebSocket-Extensions") is None


@pytest.mark.parametrize("offer, accepted", [
    ("permessage-deflate", True), ("permessage-deflate; client_max_window_bits", True),
    ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", True),
    ("permessage-deflate; server_max_window_bits=15", True),
    ("x-unknown, permessage-deflate", True),
    ("permessage-deflate; server_max_window_bits=7", False),
    ("permessage-deflate; server_max_window_bits=16", False), ("permessage-deflate; nonsense", False),
    ("permessage-deflate; client_max_window_bits=99", False),
    ("permessage-deflate; server_no_context_takeover=1", False),
    ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", False),
    ("permessage-deflate; nonsense, permessage-deflate", True), ("x-webkit-deflate-frame", False),
])
async def test_an_offer_is_taken_or_declined(deflating, offer, accepted):
    async with await echo(deflating, [f"Sec-WebSocket-Extensions: {offer}"]) as socket:
        told = socket.handshake.header("Sec-WebSocket-Extensions")
        assert (told is not None) == accepted, told
        if accepted:
            assert "server_no_context_takeover" in told


PAYLOADS = {"nothing": b"", "a word": b"Hello", "60,000 times a": b"a" * 60_000,
            "noise": bytes(random.Random(2).choices(range(256), k=30_000))}


async def expect_inflated(socket, opcode, payload):
    """The server may compress its answer or not."""
    got, data, first = await socket.frame()
    data = inflated(data) if first & 0x40 else data
    same = got == opcode and data == payload  # apart: pytest would print all of it
    assert same, f"{len(data)} bytes instead of {len(payload)}: {data[:60]!r}"


@pytest.mark.parametrize("name", PAYLOADS)
async def test_compressed_messages_come_back(deflating, name):
    async with await echo(deflating, OFFER) as socket:
        for _ in range(3):
            await socket.send(frame(BINARY, deflated(PAYLOADS[name]), rsv=4))
            await expect_inflated(socket, BINARY, PAYLOADS[name])


async def test_a_message_that_is_not_compressed_is_fine_too(deflating):
    async with await echo(deflating, OFFER) as socket:
        await socket.send(frame(TEXT, "plain"))
        await expect_inflated(socket, TEXT, b"plain")


async def test_compressed_fragments_are_one_message(deflating):
    data = deflated(b"fragments of a compressed message " * 20)
    async with await echo(deflating, OFFER) as socket:
        await socket.send(frame(TEXT, data[:5], fin=False, rsv=4) + frame(CONTINUATION, data[5:9], fin=False)
                          + frame(PING, "p") + frame(CONTINUATION, data[9:]))
        await socket.expect(PONG, "p")
        await expect_inflated(socket, TEXT, b"fragments of a compressed message " * 20)


async def test_a_client_may_keep_its_context(deflating):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    async with await echo(deflating, OFFER) as socket:
        if "client_no_context_takeover" in socket.handshake.header("Sec-WebSocket-Extensions"):
            return
        for n in range(3):
            text = f"the same words again, {n}".encode()
            await socket.send(frame(TEXT, (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4))
            await expect_inflated(socket, TEXT, text)


@pytest.mark.parametrize("case, data", [
    ("broken deflate", frame(TEXT, b"\xff\xff\xff\xff", rsv=4)),
    ("RSV2", frame(TEXT, "x", rsv=2)), ("RSV1 on a ping", frame(PING, "", rsv=4)),
    ("RSV1 on a continuation", frame(TEXT, "a", fin=False) + frame(CONTINUATION, "b", rsv=4)),
])
async def test_broken_compression_closes(deflating, case, data):
    async with await echo(deflating, OFFER) as socket:
        await socket.send(data)
        assert await socket.closed() in (1002, 1007)


async def test_compressed_text_must_be_utf_8(deflating):
    async with await echo(deflating, OFFER) as socket:
        await socket.send(frame(TEXT, deflated(b"abc\xff"), rsv=4))
        assert await socket.closed() == 1007


async def test_a_compression_bomb_stops_at_the_limit(deflating):
    bomb = deflated(b"\0" * 2**28)  # 256 MiB in 256 KiB
    before, cpu = deflating.rss_bytes(), deflating.cpu_seconds()
    async with await echo(deflating, OFFER) as socket:
        try:
            await socket.send(frame(BINARY, bomb, rsv=4))
        except ConnectionError:
            pass
        assert await socket.closed() in (1009, 1006)
    assert deflating.rss_bytes() - before < 48 * 2**20
    assert deflating.cpu_seconds() - cpu < 1


async def test_the_independent_client_talks_to_it_compressed(deflating):
    async with websockets.connect(deflating.ws_url + ECHO, compression="deflate") as socket:
        assert socket.extensions
        for text in ("short", "long " * 5000, ""):
            await socket.send(text)
            assert await socket.recv() == text


async def test_random_bytes_after_a_handshake_never_hurt(server):
    random_of = random.Random(3)
    for _ in range(60):
        async with await echo(server) as socket:
            try:
                await socket.send(bytes(random_of.choices(range(256), k=random_of.randrange(1, 400))))
                socket.writer.write_eof()
                await socket.ended(5)
            except ConnectionError:
                pass
    async with await echo(server) as socket:
        await socket.send(frame(TEXT, "alive"))
        await socket.expect(TEXT, "alive")
