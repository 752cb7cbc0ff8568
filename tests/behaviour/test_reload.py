"""SIGHUP: limits and origins are taken anew from the file, and connections that are open stay."""

import asyncio

import pytest
import websockets

from harness.client import User, make_org
from harness.socket import Socket, refused

PAGE = "https://page.example"


@pytest.fixture
def configured(own_server, tmp_path):
    """A server with a file, and what writes it anew and sends the signal."""
    file = tmp_path / "indaba.toml"

    def start(text):
        file.write_text(text)
        return own_server(limits=True, env={"INDABA_CONFIG": str(file)})

    async def reload(server, text, outcome="configuration reloaded"):
        def told():
            return server.log_text().count(outcome)
        before = told()
        file.write_text(text)
        server.signal(1)
        for _ in range(100):
            if told() > before:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"no {outcome!r} in the log:\n{server.log_tail()}")

    start.reload = reload
    return start


async def test_limits_of_changes_are_taken_anew(configured):
    server = configured("[limits]\nwrites_per_minute = 3\n")
    root = User(server, "root")
    org = await make_org(root)
    note = {"type": "note", "payload": {}}
    statuses = [(await root.post(org.notifications, note)).status for _ in range(4)]
    assert statuses[-1] == 429
    await configured.reload(server, "[limits]\nwrites_per_minute = 1000\n")
    assert [(await root.post(org.notifications, note)).status for _ in range(10)] == [201] * 10
    await configured.reload(server, "[limits]\nwrites_per_minute = 3\n")
    (await root.post(org.notifications, note)).problem(429, "rate_limited")
    await configured.reload(server, "[limits]\nwrites_per_minute = 3\n[rate_limits]\nenabled = false\n")
    (await root.post(org.notifications, note)).expect(201)


async def test_limits_of_sockets_are_taken_anew_and_open_ones_obey_them(configured):
    server = configured("[limits]\nconnections_per_user = 2\nsubscriptions = 1\n")
    root = User(server, "root")
    org = await make_org(root)
    async with await Socket.open(server, f"/ws/{org.notifications}", root) as socket, \
            await Socket.open(server, "/ws", root) as other:
        await socket.expect("subscribed")
        assert (await refused(server, "/ws", root))[0] == 4029
        await socket.send("subscribe", stream="me")
        await socket.error("too_many_subscriptions")
        await configured.reload(server, "[limits]\nconnections_per_user = 3\nsubscriptions = 2\n"
                                        "message_chars = 77\nframe_bytes = 1024\n")
        async with await Socket.open(server, "/ws", root) as third:
            assert third.welcome["limits"]["message_chars"] == 77
            assert third.welcome["limits"]["frame_bytes"] == 1024
        assert (await socket.ask("subscribe", stream="me"))["type"] == "subscribed"
        await org.notify(n=1)
        assert [event["n"] for event in await socket.events(1)] == [1]
        await other.send("ping", ref="x" * 1100)
        assert (await other.closed())[0] == 1009
        await socket.send("ping")
        await socket.until("pong")


async def test_the_limit_of_a_body_is_taken_anew(configured):
    server = configured("[limits]\nbody_bytes = 1000\n")
    root = User(server, "root")
    org = await make_org(root)
    long = {"type": "note", "payload": {"text": "x" * 2000}}
    (await root.post(org.notifications, long)).problem(413)
    await configured.reload(server, "[limits]\nbody_bytes = 10000\n")
    (await root.post(org.notifications, long)).expect(201)


async def test_origins_are_taken_anew(configured):
    server = configured("")
    root = User(server, "root")
    with pytest.raises(websockets.exceptions.InvalidStatusCode) as refusal:
        await Socket.dial(server, "/ws", root, origin=PAGE)
    assert refusal.value.status_code == 403
    assert "Access-Control-Allow-Origin" not in (await root.get("me", headers={"Origin": PAGE})).headers
    await configured.reload(server, f'[server]\nallowed_origins = ["{PAGE}"]\n')
    async with await Socket.open(server, "/ws", root, origin=PAGE) as socket:
        answer = await root.get("me", headers={"Origin": PAGE})
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        await configured.reload(server, "")
        await socket.send("ping")
        await socket.expect("pong")
    assert "Access-Control-Allow-Origin" not in (await root.get("me", headers={"Origin": PAGE})).headers


async def test_a_mistake_in_the_file_changes_nothing(configured):
    server = configured("[limits]\nwrites_per_minute = 1000\n")
    root = User(server, "root")
    org = await make_org(root)
    await configured.reload(server, "[limits]\nwrites_per_minute = 0\nno_such_limit = 1\n",
                            outcome="the configuration was not reloaded")
    statuses = [(await root.post(org.notifications, {"type": "note", "payload": {}})).status for _ in range(5)]
    assert statuses == [201] * 5
