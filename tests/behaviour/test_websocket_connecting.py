"""How a WebSocket is opened, and how one is refused."""

import base64
import os
import re

import pytest

from harness import client, raw
from harness.client import User, make_org, unique
from harness.socket import InvalidStatusCode, Socket, refused


async def test_a_socket_at_ws_gets_a_welcome_and_nothing_is_subscribed(server, anna):
    async with await Socket.open(server, "/ws", anna) as socket:
        welcome = socket.welcome
        assert re.fullmatch(r"[0-9a-f]{32}", welcome["connection_id"])
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", welcome["session_uuid"])
        assert welcome["resumed"] is False
        assert welcome["count"] == 0
        assert welcome["user"] == {"id": anna.id, "username": "anna"}
        assert "org" not in welcome
        assert welcome["heartbeat_seconds"] == 30
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", welcome["server_time"])
        assert welcome["limits"] == {"message_chars": 5000, "frame_bytes": 65536, "messages_per_minute": 60}
        await socket.silence()


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_socket_at_a_streams_path_is_subscribed_to_it(server, anna, slash):
    org = await make_org(anna)
    async with await Socket.open(server, f"/ws/{org.notifications}{slash}", anna) as socket:
        assert socket.welcome["org"] == {"id": org.id, "slug": org.slug}
        told = await socket.expect("subscribed", stream=org.notifications)
        assert told["epoch"]
        assert told["since"] == told["head"]
        event = await org.notify("note", text="hello")
        (got,) = await socket.events(1)
        assert got["seq"] == event["seq"] == told["head"] + 1
        assert got["stream"] == org.notifications


async def test_ws_works_with_a_last_slash_too(server, anna):
    async with await Socket.open(server, "/ws/", anna) as socket:
        assert socket.welcome["user"]["id"] == anna.id


async def test_welcome_0_leaves_that_frame_out(server, anna):
    org = await make_org(anna)
    async with await Socket.open(server, f"/ws/{org.notifications}", anna, query={"welcome": "0"}) as socket:
        await socket.expect("subscribed")


@pytest.mark.parametrize("by", ["protocol", "header"])
async def test_an_access_token_may_travel_as_a_sub_protocol_or_in_a_header(server, anna, by):
    async with await Socket.open(server, "/ws", token=anna.access, by=by) as socket:
        assert socket.welcome["user"]["id"] == anna.id


async def test_a_socket_token_opens_one_socket_and_only_one(server, anna):
    told = (await anna.post("auth/ws-token")).expect(200, 201).json
    assert told["expires_in"] == 60
    async with await Socket.open(server, "/ws", token=told["token"], by="query") as socket:
        assert socket.welcome["user"]["id"] == anna.id
    assert (await refused(server, "/ws", token=told["token"], by="query"))[0] == 4001


async def test_a_socket_token_may_travel_as_a_sub_protocol(server, anna):
    token = (await anna.post("auth/ws-token")).json["token"]
    async with await Socket.open(server, "/ws", token=token, by="protocol") as socket:
        assert socket.welcome["user"]["id"] == anna.id


async def test_a_socket_token_opens_nothing_but_sockets(server, anna):
    token = (await anna.post("auth/ws-token")).json["token"]
    for scheme in ("Bearer", "Token"):
        caller = client.Caller(server, {"Authorization": f"{scheme} {token}"})
        (await caller.get("me")).problem(401)


async def test_an_access_token_in_the_query_is_refused_by_default(server, anna):
    assert (await refused(server, "/ws", token=anna.access, by="query"))[0] == 4001


async def test_an_access_token_in_the_query_opens_where_configured(own_server):
    server = own_server(env={"INDABA_AUTH_QUERY_TOKEN": "true"})
    root = User(server, "root")
    async with await Socket.open(server, "/ws", token=root.access, by="query") as socket:
        assert socket.welcome["user"]["username"] == "root"


async def test_a_session_cookie_opens_a_socket_from_an_allowed_origin_only(server, anna, stranger):
    told = (await stranger.post("auth/session", {"username": "anna", "password": anna.password},
                                headers={"Origin": server.url})).expect(200, 201, 204)
    cookie = told.headers["Set-Cookie"].partition(";")[0]
    async with await Socket.open(server, "/ws", token=cookie, by="cookie", origin=server.url) as socket:
        assert socket.welcome["user"]["id"] == anna.id
    with pytest.raises(InvalidStatusCode) as error:
        await Socket.dial(server, "/ws", token=cookie, by="cookie", origin="https://evil.example")
    assert error.value.status_code == 403


async def test_the_first_credential_that_is_present_is_the_one_that_counts(server, anna):
    headers = {"Authorization": f"Bearer {anna.access}"}
    assert (await refused(server, "/ws", token="broken", by="protocol", headers=headers))[0] == 4001


async def test_the_sub_protocol_answered_is_indaba_v1_then_bearer_then_none(server, anna):
    async with await Socket.open(server, "/ws", anna, protocols=["indaba.v1"]) as socket:
        assert socket.connection.subprotocol == "indaba.v1"
    async with await Socket.open(server, "/ws", anna) as socket:
        assert socket.connection.subprotocol == "Bearer"
    async with await Socket.open(server, "/ws", anna, by="header") as socket:
        assert socket.connection.subprotocol is None
    async with await Socket.open(server, "/ws", anna, by="header", protocols=["chat.v9"]) as socket:
        assert socket.connection.subprotocol is None


async def test_no_answer_to_a_handshake_repeats_a_token(server, anna):
    async with await raw.Raw.open(server) as wire:
        await wire.send(raw.upgrade("/ws", lines=[f"Sec-WebSocket-Protocol: Bearer, {anna.access}"]))
        told = await wire.answer()
        assert told.status == 101
        assert all(anna.access not in value for _, value in told.headers)


async def test_whoever_is_anonymous_or_has_a_broken_token_is_refused_with_4001(server, anna):
    org = await make_org(anna)
    path = f"/ws/{org.notifications}"
    assert (await refused(server, path))[0] == 4001
    assert (await refused(server, path, token="no-token"))[0] == 4001
    assert (await refused(server, path, token=anna.access[:-3] + "AAA"))[0] == 4001
    assert (await refused(server, path, token=anna.refresh_token))[0] == 4001
    assert (await refused(server, "/ws/chat/"))[0] == 4001


async def test_what_is_not_there_and_what_is_not_for_the_caller_are_refused_alike(server, anna, dora):
    org = await make_org(anna)
    foreign = await refused(server, f"/ws/{org.notifications}", dora)
    missing = await refused(server, f"/ws/orgs/{unique('nowhere')}/notifications", dora)
    assert foreign == missing
    assert foreign[0] == 4004


@pytest.mark.parametrize("path", ["/ws/nonsense", "/ws/orgs/x", "/ws/orgs/x/wrong/y", "/ws/tasks/no-uuid",
                                  "/ws/orgs/%00/notifications", "/ws/orgs/../me"])
async def test_a_path_that_names_no_stream_is_refused(server, anna, path):
    async with await raw.Raw.open(server) as wire:
        await wire.send(raw.upgrade(path, lines=[f"Sec-WebSocket-Protocol: Bearer, {anna.access}"]))
        told = await wire.answer()
        if told.status == 101:
            socket = raw.RawSocket(wire.reader, wire.writer)
            assert await socket.closed() == 4004
        else:
            assert told.status in (400, 404)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1",
                                    "http://127.0.0.1:{port}.evil.example", "https://127.0.0.1:{port}",
                                    "http://127.0.0.1:{port}/", "http://LOCALHOST.evil:{port}", ""])
async def test_an_origin_that_is_not_allowed_gets_403_and_no_upgrade(server, anna, origin):
    origin = origin.format(port=server.port)
    lines = [f"Origin: {origin}", f"Sec-WebSocket-Protocol: Bearer, {anna.access}"]
    async with await raw.Raw.open(server) as wire:
        await wire.send(raw.upgrade("/ws", lines=lines))
        told = await wire.answer()
        assert told.status == 403, told


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_both_names_of_a_loopback_address_are_allowed_origins(server, anna, host):
    origin = f"http://{host}:{server.port}"
    async with await Socket.open(server, "/ws", anna, origin=origin) as socket:
        assert socket.welcome["user"]["id"] == anna.id


@pytest.mark.parametrize("query", [{"last": "501"}, {"last": "-1"}, {"last": "many"}, {"since": "-1"},
                                   {"since": "1.5"}, {"since": "9007199254740992"},
                                   {"session_uuid": "x" * 65}, {"session_uuid": "a b"}, {"session_uuid": "ü"}])
async def test_a_query_that_cannot_be_right_is_a_400(server, anna, query):
    org = await make_org(anna)
    with pytest.raises(InvalidStatusCode) as error:
        await Socket.dial(server, f"/ws/{org.notifications}", anna, query=query)
    assert error.value.status_code == 400


async def test_a_parameter_that_is_given_twice_is_a_400(server, anna):
    org = await make_org(anna)
    with pytest.raises(InvalidStatusCode) as error:
        await Socket.dial(server, f"/ws/{org.notifications}?since=1&since=2", anna)
    assert error.value.status_code == 400


@pytest.mark.parametrize("case, request_of, statuses", [
    ("version 8", dict(version="8"), (426,)),
    ("version 777", dict(version="777"), (426,)),
    ("no version", dict(version=None), (400, 426)),
    ("no key", dict(key=""), (400,)),
    ("a key that is not 16 bytes", dict(key=base64.b64encode(b"short").decode()), (400,)),
    ("a key that is not base64", dict(key="!" * 24), (400,)),
    ("two keys", dict(lines=["Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]), (400,)),
    ("no Connection", dict(connection=None), (400, 426)),
    ("Connection: close", dict(connection="close"), (400, 426)),
    ("no Upgrade", dict(upgrade_to=None), (400, 426)),
    ("Upgrade: h2c", dict(upgrade_to="h2c"), (400, 426)),
    ("POST", dict(method="POST"), (400, 405)),
    ("HTTP/1.0", dict(http="HTTP/1.0"), (400, 426, 505)),
    ("a body", dict(lines=["Content-Length: 5"]), (400,)),
])
async def test_a_request_that_is_no_valid_upgrade_is_refused(server, anna, case, request_of, statuses):
    request_of = {**request_of, "lines": [*request_of.get("lines", []),
                                          f"Authorization: Bearer {anna.access}"]}
    async with await raw.Raw.open(server) as wire:
        body = "hello" if case == "a body" else ""
        await wire.send(raw.upgrade("/ws", **request_of) + body.encode())
        told = await wire.answer()
        assert told is not None and told.status in statuses, f"{case}: {told}"
        if told.status == 426:
            assert told.header("Sec-WebSocket-Version") == "13"


async def test_frames_sent_along_with_the_handshake_are_read(server, anna):
    async with await raw.Raw.open(server) as wire:
        hello = raw.upgrade("/ws", lines=[f"Sec-WebSocket-Protocol: Bearer, {anna.access}"])
        await wire.send(hello + raw.frame(raw.TEXT, '{"type":"ping","ref":"early"}'))
        assert (await wire.answer()).status == 101
        socket = raw.RawSocket(wire.reader, wire.writer)
        assert b'"welcome"' in await socket.text()
        assert b'"early"' in await socket.text()


async def test_the_handshakes_tokens_are_matched_without_regard_to_case_and_in_lists(server, anna):
    async with await raw.Raw.open(server) as wire:
        await wire.send(raw.upgrade("/ws", connection="keep-alive, UPGRADE", upgrade_to="WebSocket",
                                    lines=[f"Authorization: Bearer {anna.access}"]))
        assert (await wire.answer()).status == 101


async def test_refusal_over_http_where_configured(own_server):
    server = own_server(env={"INDABA_WS_REFUSAL": "http"})
    root = User(server, "root")
    for path, user, status in [("/ws", None, 401), (f"/ws/orgs/{unique('no')}/notifications", root, 404)]:
        with pytest.raises(InvalidStatusCode) as error:
            await Socket.dial(server, path, user)
        assert error.value.status_code == status


async def test_more_connections_than_a_user_may_have_are_refused_with_4029(own_server):
    server = own_server(limits=True, env={"INDABA_LIMITS_CONNECTIONS_PER_USER": "2"})
    root = User(server, "root")
    first = await Socket.open(server, "/ws", root)
    second = await Socket.open(server, "/ws", root)
    assert (await refused(server, "/ws", root))[0] == 4029
    await first.close()
    third = await Socket.open(server, "/ws", root)  # the place is free again
    await second.close()
    await third.close()


async def test_more_connections_than_an_address_may_have_get_429(own_server):
    server = own_server(limits=True, env={"INDABA_LIMITS_CONNECTIONS_PER_ADDRESS": "2"})
    root = User(server, "root")
    root.access
    opened = [await Socket.open(server, "/ws", root), await Socket.open(server, "/ws", root)]
    async with await raw.Raw.open(server) as wire:
        await wire.send(raw.upgrade("/ws", lines=[f"Authorization: Bearer {root.access}"]))
        told = await wire.answer()
        assert told.status == 429
        assert int(told.header("Retry-After")) >= 1
    for socket in opened:
        await socket.close()


async def test_a_full_server_answers_503_with_retry_after(own_server):
    server = own_server(limits=True, env={"INDABA_LIMITS_CONNECTIONS_TOTAL": "2"})
    root = User(server, "root")
    root.access
    opened = [await Socket.open(server, "/ws", root), await Socket.open(server, "/ws", root)]
    async with await raw.Raw.open(server) as wire:
        await wire.send(raw.upgrade("/ws", lines=[f"Authorization: Bearer {root.access}"]))
        told = await wire.answer()
        assert told.status == 503
        assert int(told.header("Retry-After")) >= 1
    for socket in opened:
        await socket.close()


async def test_a_handshake_that_does_not_come_in_10_s_ends(server):
    async with await raw.Raw.open(server) as wire:
        await wire.send("GET /ws HTTP/1.1\r\nHost: x\r\n")
        assert await wire.ended(timeout=14)
