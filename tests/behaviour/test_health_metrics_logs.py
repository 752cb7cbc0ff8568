"""What an operator sees: health, status, metrics, logs."""

import asyncio
import gzip
import re
import urllib.request

import pytest

from harness import raw
from harness.client import Caller, User, make_org, unique
from harness.socket import BlockingSocket, Socket

LOG_MEMBERS = {"timestamp", "level", "logger", "message"}


async def test_health_paths_answer_strangers(server, stranger):
    for path in ("/healthz", "/livez", "/readyz", "/health"):
        (await stranger.get(path)).expect(200)
        (await stranger.get(path + "/")).expect(200)


@pytest.mark.one_node
async def test_status_tells_what_runs(server, stranger, anna):
    async with await Socket.open(server, "/ws", anna) as socket:
        await socket.ask("subscribe", stream="me")
        told = (await stranger.get("/status")).expect(200).json
        assert set(told) >= {"version", "color", "uptime_s", "started_at", "connections", "subscriptions",
                             "streams", "database", "redis", "jobs", "draining"}
        assert told["connections"] >= 1 and told["subscriptions"] >= 1 and told["draining"] is False


def samples(text):
    """{name{labels}: value} of Prometheus text; every line must be well-formed."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, value = line.rpartition(" ")
        assert re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?", name), line
        found[name] = float(value)
    return found


async def test_metrics_count_what_happens(own_server):
    server = own_server()
    root = User(server, "root")
    nobody = Caller(server)
    org = await make_org(root, slug="metrics-canary-org")
    before = samples((await nobody.get("/metrics")).expect(200).text)
    async with await Socket.open(server, f"/ws/{org.notifications}", root) as socket:
        await socket.expect("subscribed")
        during = samples((await nobody.get("/metrics")).text)
        assert during["websocket_connections_active"] == before.get("websocket_connections_active", 0) + 1
        await org.notify(n=1)
        await socket.events(1)
        await socket.send("ping")
        await socket.expect("pong")
        await socket.send("dance")
        await socket.error("unknown_type")
        await socket.send("ack", stream="me", seq=1)
        await socket.error("not_subscribed")
        await socket.send("subscribe", stream="nowhere")
        await socket.error("not_found")
    for _ in range(20):
        text = (await nobody.get("/metrics")).text
        after = samples(text)
        if after["websocket_connections_active"] == before.get("websocket_connections_active", 0):
            break
        await asyncio.sleep(0.1)
    assert after["websocket_connections_active"] == before.get("websocket_connections_active", 0)
    assert after["websocket_connections_total"] == before.get("websocket_connections_total", 0) + 1
    families = {re.split(r"[{ ]", name)[0] for name in after}
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in families}
    for wanted in ("websocket_messages_total", "websocket_errors_total", "websocket_message_duration_seconds",
                   "app_startup_time_seconds", "indaba_http_requests_total",
                   "indaba_http_request_duration_seconds", "indaba_events_published_total",
                   "indaba_events_delivered_total", "indaba_publish_to_delivery_seconds",
                   "indaba_outbox_bytes", "indaba_db_commit_seconds", "indaba_loop_lag_seconds",
                   "process_cpu_seconds_total", "process_resident_memory_bytes"):
        assert wanted in names, f"{wanted} is missing"
    for direction, type_, least in (("in", "ping", 1), ("in", "other", 1), ("out", "welcome", 1), ("out", "event", 1),
                                    ("out", "subscribed", 1), ("out", "pong", 1), ("out", "error", 1)):
        name = f'websocket_messages_total{{type="{type_}",direction="{direction}"}}'
        assert after[name] - before.get(name, 0) >= least, name
    for type_, code in (("other", "unknown_type"), ("ack", "not_subscribed"), ("subscribe", "not_found")):
        assert after[f'websocket_errors_total{{type="{type_}",code="{code}"}}'] == 1
    types = set(re.findall(r'websocket_messages_total\{[^}]*type="([^"]*)"', text))
    assert "ping" in types and "dance" not in types, "`type` takes known types only"
    assert "metrics-canary-org" not in text, "no label takes an organisation's name"
    assert "root" not in re.findall(r'"([^"]*)"', text)


async def test_metrics_tell_what_waits_for_a_reader_that_does_not_read(own_server):
    server = own_server()
    root = User(server, "root")
    nobody = Caller(server)
    org = await make_org(root)

    async def waiting(until):
        for _ in range(100):
            told = samples((await nobody.get("/metrics")).text)["indaba_outbox_bytes"]
            if until(told):
                return told
            await asyncio.sleep(0.05)
        return told

    assert await waiting(lambda told: told == 0) == 0
    stuck = await asyncio.to_thread(BlockingSocket, server, f"/ws/{org.notifications}",
                                    {"Authorization": f"Bearer {root.access}"})
    for _ in range(60):
        await org.notify(text="x" * 15_000)
    assert 0 < await waiting(lambda told: told > 0) < 64 * 1024
    stuck.file.close()
    stuck.wire.close()
    assert await waiting(lambda told: told == 0) == 0


async def test_metrics_may_listen_on_a_port_of_their_own(own_server):
    with_socket = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = with_socket.sockets[0].getsockname()[1]
    with_socket.close()
    await with_socket.wait_closed()
    server = own_server(env={"INDABA_METRICS_LISTEN": f"127.0.0.1:{port}"})
    text = await asyncio.to_thread(
        lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode())
    assert "websocket_connections_active" in text
    (await Caller(server).get("/metrics")).expect(404)


async def test_the_log_is_json_lines_and_tells_of_connections(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    socket = await Socket.open(server, f"/ws/{org.notifications}", root)
    connection = socket.welcome["connection_id"]
    await socket.send("ping")
    await socket.until("pong")
    await socket.close()
    await asyncio.sleep(0.3)
    entries = server.log_entries()
    assert entries and all(LOG_MEMBERS <= set(entry) for entry in entries)
    about = [entry for entry in entries if entry.get("connection_id") == connection]
    assert len(about) >= 2, "opening and closing are logged"
    closing = next(entry for entry in about if "close_code" in entry)
    assert closing["close_code"] == 1000 and closing["org_slug"] == "acme"
    assert "close_reason" in closing and closing["messages_in"] == 1 and closing["messages_out"] >= 2
    assert {entry["user_id"] for entry in about if "user_id" in entry} == {root.id}
    assert all(entry["org_id"] == org.id for entry in about if "org_slug" in entry)


async def test_the_log_leaves_out_what_does_not_apply(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root)
    room = await org.make_room()
    (await Caller(server).get("me")).expect(401)
    for path in ("/ws", f"/ws/channels/{room['id']}"):
        await (await Socket.open(server, path, root)).close()
    await asyncio.sleep(0.3)
    entries = server.log_entries()
    for name in ("org_id", "org_slug", "user_id"):
        assert all(entry[name] for entry in entries if name in entry), name
    slugs = [entry.get("org_slug") for entry in entries if entry["message"] == "connection closed"]
    assert slugs == [None, org.slug]


async def test_metrics_are_compressed_where_the_client_takes_it(own_server):
    server = own_server()
    async with await raw.Raw.open(server) as wire:
        await wire.send("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
        told = await wire.answer()
    assert told.header("Content-Encoding") == "gzip"
    assert "websocket_connections_active" in samples(gzip.decompress(told.body).decode())


async def test_no_log_metric_or_error_ever_shows_a_secret(own_server):
    server = own_server(env={"INDABA_LOG_LEVEL": "debug", "DEBUG": "true"})
    canary = "canary-" + unique("secret")
    server.create_user("canary-user", canary + "-password")
    user = User(server, "canary-user", canary + "-password").sign_in()
    org = await make_org(user)
    secrets = [canary, user.access, user.refresh_token, user.access.rpartition(".")[2]]
    await org.notify(text=canary + "-body")
    await org.declare("cursor")
    key = (await org.key())["key"]
    ws_token = (await user.post("auth/ws-token")).json["token"]
    invite = (await user.post(f"{org.path}/invites", {})).json["code"]
    cookie = (await Caller(server).post("auth/session", {"username": "canary-user", "password": user.password},
                                        headers={"Origin": server.url})).headers["Set-Cookie"]
    secrets += [key, ws_token, invite, cookie.partition("=")[2].partition(";")[0]]
    async with await Socket.open(server, "/ws", token=ws_token, by="query",
                                 query={"session_uuid": "x"}) as socket:
        await socket.send("publish", stream=org.topic("cursor"), event="t", data=canary + "-frame", ref="1")
        await socket.expect("published")
        await socket.send_text('{"type":"' + canary + '-type"}')
        await socket.send_text(canary + "-broken")
        await socket.error("unknown_type")
        await socket.error("bad_json")
    answers = [
        await Caller(server, {"Authorization": f"Bearer {canary}-token"}).get("me"),
        await user.get(f"me?token={canary}-query"),
        await Caller(server).post("auth/token", {"username": "canary-user", "password": canary + "-wrong"}),
        await Caller(server).post("auth/register", {"username": canary + "-u", "password": canary[:3]}),
        await user.post("auth/password", {"old": canary + "-wrong", "new": canary + "-new"}),
        await Caller(server).post("auth/token/refresh", {"refresh": canary + "-refresh"}),
    ]
    async with await raw.Raw.open(server) as wire:
        await wire.send(f"GET /{canary}-path HTTP/9.9\r\n{canary}-header: x\r\n\r\n")
        await wire.ended(3)
    await asyncio.sleep(0.3)
    metrics = (await Caller(server).get("/metrics")).text + (await Caller(server).get("/status")).text
    shown = (await Caller(server).get("/api/schema/")).text
    assert server.stop() == 0
    log = server.log_text()
    assert len(log.splitlines()) == len(server.log_entries())
    for secret in secrets:
        if secret != canary:
            assert secret not in log, f"{secret[:12]}… is in the log"
        for place in (metrics, shown):
            assert secret not in place
    for piece in ("password", "body", "frame", "query", "wrong", "new", "refresh", "token"):
        assert f"{canary}-{piece}" not in log, f"the {piece} is in the log"
    for answer in answers:
        for piece in ("password", "wrong", "refresh", "token"):
            assert f"{canary}-{piece}" not in answer.text
    stored = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    for secret in (user.password, user.refresh_token, key, ws_token):
        assert secret.encode() not in stored, "secrets are kept hashed"


async def test_a_request_is_logged_under_its_id(server, anna):
    ident = unique("request")
    (await anna.get("me", headers={"X-Request-ID": ident})).expect(200)
    (await anna.get("/api/v1/nowhere", headers={"X-Request-ID": ident + "-2"})).expect(404)
    for _ in range(20):
        if ident in server.log_text():
            break
        await asyncio.sleep(0.05)
    entries = [entry for entry in server.log_entries() if entry.get("request_id") == ident]
    assert entries and "duration_ms" in entries[0]
