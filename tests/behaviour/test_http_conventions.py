"""What holds for every HTTP route: problems, request ids, CORS, compression, repeats, media types."""

import asyncio
import gzip
import re

import pytest

from harness import client, raw
from harness.client import Caller, make_org, rows, unique


async def test_a_path_works_with_and_without_its_last_slash(server, anna):
    assert (await anna.get("me")).expect(200).json == (await anna.get("me/")).expect(200).json


async def test_401_comes_before_404_and_names_the_scheme(server, stranger):
    answer = await stranger.get(f"orgs/{unique('none')}/notifications")
    answer.problem(401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/api/v1/nowhere", 404), ("GET", "/api/v2/nothing", 404), ("DELETE", "/api/v1/auth/token", 405),
    ("BREW", "/api/v1/me", 405), ("POST", "/api/v1/me", 405)])
async def test_what_is_not_there_is_a_problem_too(server, anna, method, path, status):
    answer = await anna.request(method, path)
    assert answer.status in (status, 501) if method == "BREW" else answer.status == status
    answer.problem(answer.status)
    if answer.status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize("body", ["{", "", "nonsense", '{"slug":"a","slug":"b","name":"x"}', "[1]",
                                  '{"slug":' + "[" * 10_000 + "]" * 10_000 + "}", "\xff"])
async def test_a_body_that_is_no_json_is_malformed(server, anna, body):
    answer = await anna.post("orgs", raw=body.encode("latin-1"), headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422), answer
    answer.problem(answer.status)


async def test_an_unknown_field_or_query_parameter_is_a_422_that_names_it(server, anna):
    told = (await anna.post("orgs", {"slug": unique("o"), "name": "x", "colour": 1})).problem(422, "invalid")
    assert [error["field"] for error in told["errors"]] == ["colour"]
    told = (await anna.get("orgs?colour=red")).problem(422, "invalid")
    assert [error["field"] for error in told["errors"]] == ["colour"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_another_media_type_is_a_415(server, anna, kind):
    answer = await anna.post("orgs", raw=b'{"slug":"x","name":"y"}', headers={"Content-Type": kind} if kind else {})
    answer.problem(415, "unsupported_media_type")


async def test_json_with_a_charset_is_json(server, anna):
    answer = await anna.post("orgs", raw=('{"slug":"%s","name":"ö"}' % unique("o")).encode(),
                             headers={"Content-Type": "application/json; charset=utf-8"})
    assert answer.expect(201).json["name"] == "ö"


async def test_a_body_over_1_mib_is_refused_before_it_is_read(server, anna):
    async with await raw.Raw.open(server) as wire:
        await wire.send(f"POST /api/v1/orgs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {anna.access}\r\n"
                        "Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n")
        assert (await wire.answer()).status == 413
        assert await wire.ended()


async def test_a_request_id_is_taken_made_and_returned(server, anna, stranger):
    answer = await anna.get("me", headers={"X-Request-ID": "abc-123_X.y"})
    assert answer.headers["X-Request-ID"] == "abc-123_X.y"
    made = (await anna.get("me")).headers["X-Request-ID"]
    assert re.fullmatch(r"[A-Za-z0-9_.-]{8,128}", made)
    for bad in ("a b", "x" * 300, '"quoted"', "<script>", "ü"):
        assert (await anna.get("me", headers={"X-Request-ID": bad})).headers["X-Request-ID"] != bad
    told = (await stranger.get("me", headers={"X-Request-ID": "mine-1234"})).problem(401)
    assert told["request_id"] == "mine-1234"


async def test_every_answer_has_the_headers_that_browsers_need(server, anna, stranger):
    for answer in (await anna.get("me"), await stranger.get("me"), await stranger.get("/api/docs/"),
                   await stranger.get("/healthz")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_cors_is_by_allow_list(own_server):
    server = own_server(env={"INDABA_SERVER_ALLOWED_ORIGINS": "https://app.example,https://two.example"})
    root = client.User(server, "root")
    good = await root.get("me", headers={"Origin": "https://app.example"})
    assert good.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "origin" in good.all_of("Vary").lower()
    for bad in ("https://evil.example", "null", "https://app.example.evil.io", "http://app.example",
                "https://APP.example.io", "https://app.example:444"):
        answer = await root.get("me", headers={"Origin": bad})
        assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = await Caller(server).request("OPTIONS", "orgs", headers={
        "Origin": "https://two.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key"})
    assert preflight.status in (200, 204)
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://two.example"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key"))
    refused = await Caller(server).request("OPTIONS", "orgs", headers={
        "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert "Access-Control-Allow-Origin" not in refused.headers


async def test_long_json_is_compressed_where_the_client_takes_it(server, anna):
    org = await make_org(anna)
    for _ in range(20):
        await org.notify(text="the same again and again " * 10)
    path = f"{org.notifications}?since=0"
    plain = await anna.get(path, headers={"Accept-Encoding": "identity"})
    packed = await anna.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "accept-encoding" in packed.all_of("Vary").lower()
    assert gzip.decompress(packed.body) == plain.body
    refused = await anna.get(path, headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "Content-Encoding" not in refused.headers
    short = await anna.get("me", headers={"Accept-Encoding": "gzip"})
    assert len(short.body) > 1024 or "Content-Encoding" not in short.headers


async def test_an_idempotency_key_repeats_the_first_answer(server, anna, ben):
    org = await make_org(anna, member=ben)
    path, key = f"{org.path}/tasks", {"Idempotency-Key": unique("key")}
    first = (await anna.post(path, {"title": "once"}, headers=key)).expect(201).json
    assert (await anna.post(path, {"title": "once"}, headers=key)).expect(201).json == first
    (await anna.post(path, {"title": "twice"}, headers=key)).problem(422, "idempotency_conflict")
    other = (await ben.post(path, {"title": "once"}, headers=key)).expect(201).json  # by caller
    assert other["id"] != first["id"]
    third = (await anna.post(org.notifications, {"type": "note", "payload": {}}, headers=key)).expect(201)
    assert third.json["type"] == "note"  # by path
    assert len(rows((await anna.get(path)).json)) == 2


async def test_the_same_key_sent_by_many_at_once_changes_once(server, anna):
    org = await make_org(anna)
    path, key = f"{org.path}/tasks", {"Idempotency-Key": unique("key")}
    answers = await asyncio.gather(*(anna.post(path, {"title": "x"}, headers=key) for _ in range(20)))
    assert {answer.status for answer in answers} <= {201, 409}
    made = {answer.json["id"] for answer in answers if answer.status == 201}
    assert len(made) == 1 and len(rows((await anna.get(path)).json)) == 1


async def test_a_repeat_outlives_a_restart(own_server):
    server = own_server()
    root = client.User(server, "root")
    org = await make_org(root)
    key = {"Idempotency-Key": "over-a-restart"}
    first = (await root.post(f"{org.path}/tasks", {"title": "x"}, headers=key)).expect(201).json
    assert server.stop() == 0
    server.start()
    root.sign_in()
    assert (await root.post(f"{org.path}/tasks", {"title": "x"}, headers=key)).expect(201).json == first


async def test_a_credential_is_never_kept_for_a_repeat(server, anna):
    key = {"Idempotency-Key": unique("key")}
    first = (await anna.post("auth/ws-token", headers=key)).expect(200, 201).json
    second = (await anna.post("auth/ws-token", headers=key)).expect(200, 201).json
    assert first["token"] != second["token"]


async def test_requests_in_a_pipeline_are_answered_in_order(server, anna):
    async with await raw.Raw.open(server) as wire:
        await wire.send("".join(
            f"GET /api/v1/orgs/none-{n} HTTP/1.1\r\nHost: x\r\nX-Request-ID: number-{n:04}\r\n"
            f"Authorization: Bearer {anna.access}\r\n\r\n" for n in range(30)))
        for n in range(30):
            told = await wire.answer()
            assert told.status == 404 and told.header("X-Request-ID") == f"number-{n:04}"


async def test_head_answers_like_get_without_a_body(server, anna):
    async with await raw.Raw.open(server) as wire:
        await wire.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        head = (await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), 5)).split(b"\r\n")[0]
        assert head.split()[1] in (b"200", b"405")
        if head.split()[1] == b"200":
            assert (await wire.answer()).status == 200


async def test_connection_close_is_honoured(server):
    async with await raw.Raw.open(server) as wire:
        await wire.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await wire.answer()).status == 200
        assert await wire.ended(3)


async def test_ids_that_cannot_be_are_404(server, anna):
    org = await make_org(anna)
    for ident in ("0", "-1", "abc", "9007199254740992", "99999999999999999999999", "1.5", "%00", "1%2f2"):
        answer = await anna.get(f"{org.path}/tasks/{ident}")
        assert answer.status in (400, 404, 422), (ident, answer)


async def test_a_host_that_is_not_served_is_told_with_a_request_id_and_logged(own_server):
    server = own_server(env={"DJANGO_ALLOWED_HOSTS": "chat.example"})
    told = await Caller(server).get("me", headers={"X-Request-ID": "wrong-host"})
    assert told.problem(400, "malformed")["request_id"] == "wrong-host"
    assert told.headers["X-Request-ID"] == "wrong-host"
    assert any(entry.get("request_id") == "wrong-host" for entry in server.log_entries())
    made = await Caller(server).get("me")
    assert made.headers["X-Request-ID"] == made.json["request_id"] != ""
