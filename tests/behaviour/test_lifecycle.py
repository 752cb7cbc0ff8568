"""Starting, stopping, and what is refused at the start."""

import asyncio
import json
import os
import signal
import socket as sockets
import ssl
import subprocess
import time

import aiohttp
import pytest
import websockets

from harness import raw
from harness.client import Caller, User, make_org
from harness.limits import promised, within
from harness.server import Server, run
from harness.socket import Socket
from harness.sse import EventStream


def test_the_last_line_on_standard_output_is_the_address(own_server):
    server = own_server()
    assert server.stdout_lines[-1] == f"listening on {server.url}"


def test_it_is_ready_within_2_seconds(own_server):
    server = own_server()
    assert server.start_seconds < promised(2)
    assert server.stop() == 0
    server.start()
    assert server.start_seconds < promised(2)


@within(40)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_says_goodbye_closes_with_1001_and_exits_0_within_10_s(own_server, number):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root)
    opened = [await Socket.open(server, f"/ws/{org.notifications}", root) for _ in range(10)]
    stream = await EventStream.open(server, f"stream={org.notifications}", root)
    await stream.expect("subscribed")
    polling = asyncio.create_task(root.get(f"events?stream={org.notifications}&wait=25"))
    for socket in opened:
        await socket.expect("subscribed")
    await asyncio.sleep(0.2)
    began = time.monotonic()
    server.signal(number)
    ends = await asyncio.gather(*(socket.closed(10 + promised(0.5)) for socket in opened))
    delays = set()
    for code, _, frames in ends:
        assert code == 1001
        assert frames[-1]["type"] == "goodbye" and frames[-1]["reason"] == "shutdown"
        assert frames[-1]["total"] == 0
        delays.add(frames[-1]["reconnect_after_ms"])
    assert len(delays) > 1, "each has a delay of its own"
    with pytest.raises(EOFError):
        while True:
            name, data, _ = await stream.next(10 + promised(0.5))
            assert name == "goodbye" and data["reason"] == "shutdown"
    (await polling).expect(200, 503)
    code = await asyncio.to_thread(server.process.wait, 10 + promised(0.5))
    assert code == 0 and time.monotonic() - began < 10 + promised(0.5)


@within(40)
async def test_while_draining_readyz_is_503_and_new_connections_are_refused(own_server):
    server = own_server()
    root = User(server, "root")
    token = root.access
    waiting = [await Socket.open(server, "/ws", root) for _ in range(30)]
    keep = await raw.Raw.open(server)
    server.signal(signal.SIGTERM)
    while (await Caller(server).get("/readyz")).status != 503:
        await asyncio.sleep(0.02)
    seen = {}
    for path in ("/readyz", "/healthz", "/api/v1/me"):
        async with await raw.Raw.open(server) as wire:
            await wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                            f"Origin: {server.url}\r\nX-Request-ID: while-draining\r\n\r\n")
            seen[path] = (await wire.answer())
    assert seen["/readyz"].status == 503
    assert seen["/healthz"].status == 200
    refused = seen["/api/v1/me"]
    assert refused.status == 503 and refused.header("Retry-After")
    assert refused.header("X-Request-ID") == "while-draining"
    assert json.loads(refused.body)["request_id"] == "while-draining"
    assert refused.header("Access-Control-Allow-Origin") == server.url, "a page must be able to read why"
    assert any(entry.get("request_id") == "while-draining" and entry["status"] == 503
               for entry in server.log_entries())
    async with await raw.Raw.open(server) as wire:
        await wire.send(raw.upgrade("/ws", lines=[f"Authorization: Bearer {token}"]))
        told = await wire.answer()
        assert told.status == 503 and told.header("Retry-After")
    keep.close()
    for socket in waiting:
        assert (await socket.closed(10 + promised(0.5)))[0] == 1001
    assert await asyncio.to_thread(server.process.wait, 10 + promised(0.5)) == 0


@within(40)
async def test_every_write_that_was_answered_before_the_end_is_there_after_it(own_server):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root)
    answered = []

    async def write(worker):
        for n in range(10_000):
            try:
                answer = await root.post(org.notifications, {"type": "note", "payload": {"at": [worker, n]}})
            except Exception:
                return
            if answer.status == 201:
                answered.append(answer.json["seq"])
            elif answer.status == 503:
                return

    writers = [asyncio.create_task(write(worker)) for worker in range(4)]
    await asyncio.sleep(0.5)
    server.signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.process.wait, 10 + promised(0.5)) == 0
    await asyncio.gather(*writers)
    server.start()
    root.sign_in()
    seqs, since = [], 0
    while True:
        page = (await root.get(f"events?stream={org.notifications}&since={since}&limit=1000")).expect(200).json
        if not page["results"]:
            break
        seqs += [event["seq"] for event in page["results"]]
        since = seqs[-1]
    assert set(answered) <= set(seqs) and seqs == list(range(1, len(seqs) + 1))


async def test_a_second_signal_does_not_break_the_first(own_server):
    server = own_server()
    root = User(server, "root")
    socket = await Socket.open(server, "/ws", root)
    server.signal(signal.SIGTERM)
    await asyncio.sleep(0.1)
    server.signal(signal.SIGTERM)
    await socket.closed(10 + promised(0.5))
    assert await asyncio.to_thread(server.process.wait, 10 + promised(0.5)) == 0


async def test_sighup_and_sigpipe_end_nothing(own_server):
    server = own_server()
    root = User(server, "root")
    async with await Socket.open(server, "/ws", root) as socket:
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGHUP):
            server.signal(number)
            await asyncio.sleep(0.1)
        await socket.send("ping")
        await socket.expect("pong")
    (await Caller(server).get("/readyz")).expect(200)


def test_a_port_that_is_taken_is_said_with_the_next_free_one(own_server):
    first = own_server()
    done = run("serve", "--listen", f"127.0.0.1:{first.port}", "--data", first.data.parent / "other")
    assert done.code == 2
    said = done.err.strip().splitlines()[-1]
    assert str(first.port) in said
    assert any(str(port) in said for port in range(first.port + 1, first.port + 30)), said


def test_a_second_process_on_the_same_data_is_refused(own_server):
    first = own_server()
    done = run("serve", "--listen", "127.0.0.1:0", "--data", first.data)
    assert done.code not in (0, None) and done.code > 0
    assert str(first.data) in done.err
    assert first.process.poll() is None


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.embedded
def test_a_takeover_waits_for_the_end_of_the_other_and_goes_on_from_there(own_server):
    first = own_server()
    second = Server(data=first.data, arguments=["--takeover"], listen=f"127.0.0.1:{first.port}")
    second.start(wait=False)
    try:
        until(lambda: "waiting for another process" in second.log_text())
        assert second.process.poll() is None and first.process.poll() is None
        assert first.stop() == 0
        began = time.monotonic()
        second.wait_ready()
        assert time.monotonic() - began < promised(2), "the gap"
        assert second.port == int(second.listen.rpartition(":")[2])
        assert User(second, "root").access, "whom the first one made"
        assert second.stop() == 0
    finally:
        second.kill()


@pytest.mark.embedded
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_of_a_takeover(own_server, number):
    first = own_server()
    second = Server(data=first.data, arguments=["--takeover"])
    second.start(wait=False)
    try:
        until(lambda: "waiting for another process" in second.log_text())
        second.signal(number)
        assert second.process.wait(5) == 0
        assert first.process.poll() is None
    finally:
        second.kill()


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    done = run("serve", "--listen", "127.0.0.1:0", "--data", blocker / "data")
    assert done.code == 2
    assert str(blocker) in done.err and "Traceback" not in done.err


@pytest.mark.parametrize("env, word", [
    ({"INDABA_SERVER_LISTEN": "nonsense"}, "listen"), ({"INDABA_LOG_LEVEL": "shouting"}, "log"),
    ({"INDABA_AUTH_REGISTRATION": "maybe"}, "registration"), ({"INDABA_SERVER_LOOPS": "many"}, "loops"),
    ({"INDABA_NO_SUCH_SETTING": "1"}, "INDABA_NO_SUCH_SETTING"),
    ({"INDABA_TLS_CERT": "/nowhere/cert.pem"}, "tls"),
    ({"INDABA_AUTH_EXTERNAL_ALGORITHMS": "none", "INDABA_AUTH_EXTERNAL_KEY": "x" * 40}, "algorithms"),
    ({"REDIS_URL": "rediss://redis.example:6379"}, "TLS"),
])
def test_a_wrong_setting_is_exit_2_with_one_sentence_that_names_it(tmp_path, env, word):
    arguments = ["serve", "--data", tmp_path / "data"]
    if "INDABA_SERVER_LISTEN" not in env:
        arguments += ["--listen", "127.0.0.1:0"]
    done = run(*arguments, env=env, timeout=20)
    assert done.code == 2, (done.out, done.err)
    lines = [line for line in done.err.strip().splitlines() if line]
    assert len(lines) == 1, done.err
    assert word in lines[0]


def test_an_unknown_setting_in_the_file_is_exit_2(tmp_path):
    (tmp_path / "indaba.toml").write_text('[server]\nlisten = "127.0.0.1:0"\ncolour = "red"\n')
    done = run("serve", "--data", tmp_path / "data", cwd=tmp_path, timeout=20)
    assert done.code == 2 and "colour" in done.err


def test_flags_over_environment_over_file_over_defaults(tmp_path):
    (tmp_path / "indaba.toml").write_text('[log]\nlevel = "warning"\n[session]\nttl = "5m"\n')
    shown = run("config", "show", "--data", tmp_path / "flag", cwd=tmp_path,
                env={"INDABA_LOG_LEVEL": "error", "INDABA_DATA_DIR": "env"}).expect(0).out
    assert "error" in shown and "5m" in shown and str(tmp_path / "flag") in shown
    assert "warning" not in shown.replace("log.level", "")


def test_config_show_masks_secrets_and_files_may_hold_them(tmp_path):
    (tmp_path / "secret").write_text("canary-secret-of-sufficient-length\n")
    env = {"INDABA_AUTH_EXTERNAL_KEY_FILE": str(tmp_path / "secret"),
           "DATABASE_URL": "postgres://u:canary-dsn@db/x"}
    done = run("config", "show", env=env, cwd=tmp_path)
    assert "canary" not in done.out + done.err
    table = run("config", "env", cwd=tmp_path).expect(0).out
    for name in ("INDABA_SERVER_LISTEN", "INDABA_AUTH_REGISTRATION", "RATE_LIMITS_ENABLED", "DATABASE_URL"):
        assert name in table
    run("config", "check", cwd=tmp_path).expect(0)
    run("config", "check", cwd=tmp_path, env={"INDABA_LOG_LEVEL": "x"}).expect(2)


def test_wrong_usage_is_exit_2(tmp_path):
    for arguments in (["dance"], ["serve", "--colour", "red"], ["user", "create"], []):
        done = run(*arguments, cwd=tmp_path)
        assert done.code == 2, (arguments, done.out, done.err)
    assert "'dance'" in run("dance", cwd=tmp_path).err
    assert "'dance'" in run("jobs", "dance", cwd=tmp_path).err
    run("--help").expect(0)
    assert run("--version").expect(0).out.strip()


async def test_demo_has_people_and_an_organisation(own_server):
    server = own_server(users=(), arguments=["--demo"])
    password_file = server.data / "demo-password"
    assert oct(password_file.stat().st_mode & 0o777) == "0o600"
    password = password_file.read_text().strip()
    assert any(password in line for line in server.stdout_lines[:-1])
    for name, role in [("anna", "owner"), ("ben", "member"), ("carla", "member")]:
        user = User(server, name, password).sign_in()
        assert (await user.get("orgs/demo")).expect(200).json["role"] == role
        rooms = (await user.get("orgs/demo/rooms")).expect(200).json["results"]
        assert [room["slug"] for room in rooms] == ["general"]
    assert server.stop() == 0
    server.start()  # again, with what is there
    User(server, "anna", password).sign_in()
    assert server.stop() == 0
    other = own_server(users=(), arguments=["--demo"], env={"INDABA_DEMO_PASSWORD": "given password"})
    User(other, "anna", "given password").sign_in()


async def test_the_data_is_for_its_owner_only(own_server):
    server = own_server()
    assert (server.data / "control.sock").stat().st_mode & 0o777 == 0o600
    for path in server.data.iterdir():
        assert path.stat().st_mode & 0o007 == 0 or server.data.stat().st_mode & 0o007 == 0, path


async def test_tls_speaks_https_and_wss(own_server, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    server = own_server(env={"INDABA_TLS_CERT": str(tmp_path / "cert.pem"),
                             "INDABA_TLS_KEY": str(tmp_path / "key.pem")})
    assert server.scheme == "https"
    context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{server.url}/api/v1/auth/session", ssl=context,
                                json={"username": "root", "password": User(server, "root").password},
                                headers={"Origin": server.url}) as answer:
            cookie = answer.headers["Set-Cookie"]
            assert cookie.startswith("__Host-") and "secure" in cookie.lower()
            assert "Strict-Transport-Security" in answer.headers
    async with websockets.connect(server.ws_url + "/ws", ssl=context, origin=server.url,
                                  extra_headers={"Cookie": cookie.partition(";")[0]}) as socket:
        assert json.loads(await socket.recv())["type"] == "welcome"
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with sockets.create_connection((server.host, server.port)) as plain, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(plain)


async def test_few_file_descriptors_pause_accepting_without_spinning(own_server):
    server = own_server(wrapper=["prlimit", "--nofile=64"])
    opened = [await asyncio.open_connection(server.host, server.port) for _ in range(100)]
    await asyncio.sleep(0.3)
    before = server_cpu(server)
    await asyncio.sleep(1.5)
    assert server_cpu(server) - before < 0.4, "it spins while it has no descriptors"
    for _, writer in opened:
        writer.close()
    deadline = time.monotonic() + 10
    while True:
        try:
            (await Caller(server).get("/healthz")).expect(200)
            break
        except Exception:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)


def server_cpu(server):
    fields = open(f"/proc/{server.process.pid}/stat").read().rpartition(")")[2].split()  # prlimit execs
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
