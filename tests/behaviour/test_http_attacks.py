"""Requests that try to be two, to be endless, or to be something else: each gets its refusal, and what follows on the
connection is never answered as somebody else's."""

import asyncio
import time

import pytest

from harness import raw
from harness.client import Caller
from harness.limits import promised

SMUGGLED = "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Request-ID: smuggled-request\r\n\r\n"


def post(*lines, body=""):
    return "POST /api/v1/auth/token HTTP/1.1\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n" + body


HOST, JSON = "Host: 127.0.0.1", "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"

REFUSED = {
    "Content-Length and Transfer-Encoding": post(HOST, JSON, "Content-Length: 4", CHUNKED, body="0\r\n\r\n" + SMUGGLED),
    "Transfer-Encoding and Content-Length": post(HOST, JSON, CHUNKED, "Content-Length: 4", body="0\r\n\r\n" + SMUGGLED),
    "xchunked": post(HOST, JSON, "Transfer-Encoding: xchunked", body="0\r\n\r\n" + SMUGGLED),
    "identity": post(HOST, JSON, "Transfer-Encoding: identity", body=SMUGGLED),
    "chunked is not last": post(HOST, JSON, "Transfer-Encoding: chunked, identity", body="0\r\n\r\n" + SMUGGLED),
    "gzip, chunked": post(HOST, JSON, "Transfer-Encoding: gzip, chunked", body="0\r\n\r\n" + SMUGGLED),
    "chunked twice": post(HOST, JSON, CHUNKED, CHUNKED, body="0\r\n\r\n" + SMUGGLED),
    "a space before the colon": post(HOST, JSON, "Transfer-Encoding : chunked", body="0\r\n\r\n" + SMUGGLED),
    "a space before Content-Length's colon": post(HOST, JSON, "Content-Length : 4", body="{}  " + SMUGGLED),
    "a folded line": post(HOST, JSON, "Transfer-Encoding:\r\n chunked", body="0\r\n\r\n" + SMUGGLED),
    "a folded header": post(HOST, "X-A: b\r\n c", JSON, "Content-Length: 2", body="{}" + SMUGGLED),
    "length +5": post(HOST, JSON, "Content-Length: +5", body="{}   " + SMUGGLED),
    "length -1": post(HOST, JSON, "Content-Length: -1", body=SMUGGLED),
    "length 0x5": post(HOST, JSON, "Content-Length: 0x5", body="{}   " + SMUGGLED),
    "length 5,5": post(HOST, JSON, "Content-Length: 5,5", body="{}   " + SMUGGLED),
    "length 5 6": post(HOST, JSON, "Content-Length: 5 6", body="{}   " + SMUGGLED),
    "an empty length": post(HOST, JSON, "Content-Length:", body=SMUGGLED),
    "two lengths": post(HOST, JSON, "Content-Length: 2", "Content-Length: 5", body="{}   " + SMUGGLED),
    "length 2^64": post(HOST, JSON, "Content-Length: 18446744073709551616", body="{}" + SMUGGLED),
    "chunk size 0x2": post(HOST, JSON, CHUNKED, body="0x2\r\n{}\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size -1": post(HOST, JSON, CHUNKED, body="-1\r\n{}\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size +2": post(HOST, JSON, CHUNKED, body="+2\r\n{}\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size 2^64": post(HOST, JSON, CHUNKED, body="10000000000000002\r\n{}\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk longer than said": post(HOST, JSON, CHUNKED, body="2\r\n{}xx\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk extension of 1 MB": post(HOST, JSON, CHUNKED, body="2;" + "x" * 2**20 + "\r\n{}\r\n0\r\n\r\n"),
    "CR only": f"GET /healthz HTTP/1.1\r{HOST}\r\r" + SMUGGLED,
    "NUL in a header": post(HOST, "X-A: a\0b", JSON, "Content-Length: 2", body="{}" + SMUGGLED),
    "a control byte in a name": post(HOST, "X\x01A: b", JSON, "Content-Length: 2", body="{}" + SMUGGLED),
    "a line without colon": post(HOST, "nonsense", JSON, "Content-Length: 2", body="{}" + SMUGGLED),
    "an empty name": post(HOST, ": b", JSON, "Content-Length: 2", body="{}" + SMUGGLED),
    "two Hosts": "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + SMUGGLED,
    "no Host": "GET /healthz HTTP/1.1\r\n\r\n" + SMUGGLED,
    "absolute URI with another Host": "GET http://a.example/healthz HTTP/1.1\r\nHost: b.example\r\n\r\n" + SMUGGLED,
    "HTTP/0.9": "GET /healthz\r\n" + SMUGGLED,
    "HTTP/2.0 in text": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.1x": f"GET /healthz HTTP/1.1x\r\n{HOST}\r\n\r\n" + SMUGGLED,
    "http/1.1": f"GET /healthz http/1.1\r\n{HOST}\r\n\r\n" + SMUGGLED,
    "two spaces": f"GET  /healthz HTTP/1.1\r\n{HOST}\r\n\r\n" + SMUGGLED,
    "a tab": f"GET\t/healthz HTTP/1.1\r\n{HOST}\r\n\r\n" + SMUGGLED,
    "a space first": f" GET /healthz HTTP/1.1\r\n{HOST}\r\n\r\n" + SMUGGLED,
    "a TLS hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 200 + "\r\n\r\n",
}


@pytest.mark.parametrize("case", REFUSED)
async def test_an_ambiguous_request_is_refused_and_ends_the_connection(server, case):
    async with await raw.Raw.open(server) as wire:
        try:
            await wire.send(REFUSED[case])
        except ConnectionError:
            pass
        told = await wire.answer()
        if told is not None:
            assert told.status in (400, 413, 431, 501, 505), f"{case}: {told}"
            rest = b""
            try:
                rest = await asyncio.wait_for(wire.reader.read(65536), 3)
            except (ConnectionError, asyncio.TimeoutError):
                pass
            assert b"smuggled-request" not in rest and b"HTTP/1.1" not in rest, f"{case}: a second answer {rest!r}"
        assert await wire.ended(3), f"{case}: the connection stays"


@pytest.mark.parametrize("case, request_of", [
    ("bare LF between headers", f"GET /healthz HTTP/1.1\n{HOST}\n\n"),
    ("bare LF in a chunked body", post(HOST, JSON, CHUNKED, body="2\n{}\n0\n\n")),
])
async def test_lines_that_end_in_a_bare_lf_are_refused_or_read_as_one_request(server, case, request_of):
    async with await raw.Raw.open(server) as wire:
        await wire.send(request_of)
        wire.writer.write_eof()
        answers = []
        while (told := await wire.answer(5)) is not None:
            answers.append(told.status)
        assert len(answers) <= 1, f"{case}: {answers}"


async def test_upgrade_to_h2c_is_ignored_or_refused(server):
    async with await raw.Raw.open(server) as wire:
        await wire.send(f"GET /healthz HTTP/1.1\r\n{HOST}\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n")
        assert (await wire.answer()).status in (200, 400, 426)


async def test_the_answer_to_a_body_belongs_to_it_and_the_next_request_to_itself(server):
    async with await raw.Raw.open(server) as wire:
        body = '{"username":"x","password":"y"}' + " " * 30
        await wire.send(post(HOST, JSON, f"Content-Length: {len(body)}", "X-Request-ID: first-request", body=body)
                        + f"GET /api/v1/me HTTP/1.1\r\n{HOST}\r\nX-Request-ID: second-request\r\n\r\n")
        assert (await wire.answer()).header("X-Request-ID") == "first-request"
        second = await wire.answer()
        assert second.header("X-Request-ID") == "second-request" and second.status == 401


async def test_a_chunked_body_split_at_every_byte_is_read(server, anna):
    body = '{"slug":"","name":"x"}'
    chunks = "".join(f"1\r\n{char}\r\n" for char in body) + "0\r\nTrailer: x\r\n\r\n"
    request = (f"POST /api/v1/orgs HTTP/1.1\r\n{HOST}\r\n{JSON}\r\n{CHUNKED}\r\n"
               f"Authorization: Bearer {anna.access}\r\n\r\n{chunks}")
    async with await raw.Raw.open(server) as wire:
        for byte in request.encode():
            wire.writer.write(bytes([byte]))
            await wire.writer.drain()
        assert (await wire.answer()).status == 422


@pytest.mark.parametrize("case, request_of, statuses", [
    ("a header of 9 KiB", f"GET /healthz HTTP/1.1\r\n{HOST}\r\nX-A: {'x' * 9 * 1024}\r\n\r\n", (431,)),
    ("40 KiB of headers", f"GET /healthz HTTP/1.1\r\n{HOST}\r\n" + f"X-A: {'x' * 4000}\r\n" * 10 + "\r\n", (431,)),
    ("101 headers", f"GET /healthz HTTP/1.1\r\n{HOST}\r\n" + "X-A: b\r\n" * 101 + "\r\n", (431,)),
    ("a target of 9 KiB", f"GET /{'x' * 9 * 1024} HTTP/1.1\r\n{HOST}\r\n\r\n", (414, 431)),
    ("an unknown method", f"BREW /healthz HTTP/1.1\r\n{HOST}\r\n\r\n", (405, 501)),
    ("a method of 1 KiB", f"{'A' * 1024} /healthz HTTP/1.1\r\n{HOST}\r\n\r\n", (400, 405, 431, 501)),
    ("CONNECT", f"CONNECT a.example:443 HTTP/1.1\r\n{HOST}\r\n\r\n", (400, 405, 501)),
    ("TRACE", f"TRACE /healthz HTTP/1.1\r\n{HOST}\r\n\r\n", (405, 501)),
    ("Expect: 100-continue over the limit",
     post(HOST, JSON, "Content-Length: 99999999", "Expect: 100-continue"), (413, 417)),
])
async def test_what_is_too_large_or_unknown_gets_its_own_status(server, case, request_of, statuses):
    async with await raw.Raw.open(server) as wire:
        try:
            await wire.send(request_of)
        except ConnectionError:
            pass
        told = await wire.answer()
        assert told is not None and told.status in statuses, f"{case}: {told}"


async def test_expect_100_continue_is_answered_before_the_body(server):
    body = '{"username":"x","password":"y"}'
    async with await raw.Raw.open(server) as wire:
        await wire.send(post(HOST, JSON, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        told = await wire.answer()
        if told.status == 100:
            await wire.send(body)
            told = await wire.answer()
        assert told.status == 401


@pytest.mark.parametrize("path", ["/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
                                  "/api/v1/%00", "/%c0%ae%c0%ae/", "/api/v1/me%00", "/api/v1/orgs/%2e%2e/me",
                                  "//etc/passwd", "/api/v1/orgs/a%2fb", "/%", "/%zz", "/assets/../../x",
                                  "/api/v1/orgs/\xff"])
async def test_a_path_cannot_leave_its_place(server, anna, path):
    async with await raw.Raw.open(server) as wire:
        await wire.send(f"GET {path} HTTP/1.1\r\n{HOST}\r\nAuthorization: Bearer {anna.access}\r\n\r\n")
        told = await wire.answer()
        assert told is None or told.status in (400, 401, 404, 200), told
        if told is not None and told.status == 200:  # the web client's page, for any path of its own
            assert b"root:" not in told.body and b"anna" not in told.body


async def test_slow_headers_end_after_10_s_and_do_not_hold_up_others(server):
    slow = [await raw.Raw.open(server) for _ in range(200)]
    for wire in slow:
        await wire.send("GET /healthz HTTP/1.1\r\nX-A: ")
    began, ended = time.monotonic(), False
    worst = 0.0
    while time.monotonic() - began < 10 + promised(1) and not ended:
        asked = time.monotonic()
        (await Caller(server).get("/healthz")).expect(200)
        worst = max(worst, time.monotonic() - asked)
        for wire in slow[:5]:
            try:
                await wire.send("x")
            except ConnectionError:
                pass
        try:
            data = await asyncio.wait_for(slow[0].reader.read(100), 1)
            ended = data == b"" or data.startswith(b"HTTP/1.1 408")
        except asyncio.TimeoutError:
            pass
        except ConnectionError:
            ended = True
    assert ended, "a request whose header never ends was kept for more than 14 s"
    assert worst < promised(0.5)
    for wire in slow:
        wire.close()


async def test_the_server_survived_all_of_it(server):
    (await Caller(server).get("/readyz")).expect(200)
    assert server.process.poll() is None
