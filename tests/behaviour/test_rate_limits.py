"""Limits that count by time, with the settings that a new installation has."""

import asyncio

import pytest
import websockets

from harness.client import Caller, User, make_org, unique
from harness.socket import Socket


def tells_its_limit(answer, limit):
    assert answer.status == 429
    told = {name: int(answer.headers[name]) for name in
            ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")}
    assert told["RateLimit-Limit"] == limit and told["RateLimit-Remaining"] == 0
    assert told["Retry-After"] == told["RateLimit-Reset"] >= 1


async def test_password_routes_take_10_a_minute_of_an_address(own_server):
    server = own_server(limits=True)
    nobody = Caller(server)
    answers = [await nobody.post("auth/token", {"username": f"nobody-{n}", "password": "wrong password"})
               for n in range(12)]
    assert [answer.status for answer in answers[:10]] == [401] * 10
    limited = answers[10]
    limited.problem(429, "rate_limited")
    assert int(limited.headers["Retry-After"]) >= 1
    assert limited.headers["RateLimit-Limit"] == "10"
    assert limited.headers["RateLimit-Remaining"] == "0"
    assert int(limited.headers["RateLimit-Reset"]) >= 1
    (await nobody.get("/healthz")).expect(200)


async def test_a_forwarded_address_from_nobody_that_is_trusted_changes_nothing(own_server):
    server = own_server(limits=True)
    nobody = Caller(server)
    answers = [await nobody.post("auth/token", {"username": f"nobody-{n}", "password": "wrong password"},
                                 headers={"X-Forwarded-For": f"10.0.0.{n}", "Forwarded": f"for=10.0.0.{n}"})
               for n in range(12)]
    assert answers[-1].status == 429


async def test_behind_a_trusted_proxy_each_address_has_its_own(own_server):
    server = own_server(limits=True, env={"INDABA_SERVER_TRUSTED_PROXIES": "127.0.0.1"})
    nobody = Caller(server)
    answers = [await nobody.post("auth/token", {"username": f"nobody-{n}", "password": "wrong password"},
                                 headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(12)]
    assert {answer.status for answer in answers} == {401}


async def test_an_account_takes_5_failures_in_15_minutes(own_server):
    server = own_server(limits=True)
    nobody = Caller(server)
    wrong = [await nobody.post("auth/token", {"username": "root", "password": "wrong password"}) for _ in range(6)]
    assert [answer.status for answer in wrong[:5]] == [401] * 5
    wrong[5].problem(429, "rate_limited")
    tells_its_limit(wrong[5], 5)
    right = await nobody.post("auth/token", {"username": "root", "password": User(server, "root").password})
    right.problem(429)


async def test_writes_are_120_a_minute_of_a_user_and_reads_are_not_counted(own_server):
    server = own_server(limits=True)
    root = User(server, "root")
    org = await make_org(root)
    statuses = []
    for n in range(125):
        statuses.append((await root.post(org.notifications, {"type": "note", "payload": {"n": n}})).status)
    assert statuses.count(429) >= 1 and statuses[:100] == [201] * 100
    assert 429 not in [(await root.get("me")).status for _ in range(10)]


async def test_socket_tokens_are_60_a_minute_of_a_session(own_server):
    server = own_server(limits=True)
    root = User(server, "root")
    statuses = [(await root.post("auth/ws-token")).status for _ in range(62)]
    assert statuses[:59].count(429) == 0 and statuses[-1] == 429


async def test_requests_for_tokens_may_be_counted_by_the_second_of_an_address(own_server):
    server = own_server(limits=True, env={"AUTH_RPS_IP": "4"})
    nobody = Caller(server)

    async def tries(path, body):
        answers = await asyncio.gather(*(nobody.post(path, body) for _ in range(8)))
        return [answer for answer in answers if answer.status == 429]

    for path, body in (("auth/token/refresh", {"refresh": "not one"}),
                       ("auth/token", {"username": "nobody", "password": "wrong password"})):
        limited = await tries(path, body)
        assert limited, path
        assert {answer.headers["RateLimit-Limit"] for answer in limited} == {"4"}
        assert {int(answer.headers["Retry-After"]) for answer in limited} == {1}
        await asyncio.sleep(1.1)
    # More than 10 a minute, if not at once.
    root = User(server, "root")
    for _ in range(5):
        for _ in range(3):
            (await nobody.post("auth/token", {"username": "root", "password": root.password})).expect(200)
        await asyncio.sleep(1.1)


async def test_an_address_opens_so_many_sockets_a_second(own_server):
    server = own_server(limits=True, env={"INDABA_LIMITS_HANDSHAKES_PER_SECOND": "5"})
    root = User(server, "root")
    assert root.access  # signed in before the second begins
    sockets = await asyncio.gather(*(Socket.open(server, "/ws", root) for _ in range(5)))
    with pytest.raises(websockets.exceptions.InvalidStatusCode) as refusal:
        await Socket.dial(server, "/ws", root)
    assert refusal.value.status_code == 429
    assert int(refusal.value.headers["Retry-After"]) >= 1
    assert refusal.value.headers["RateLimit-Limit"] == "5"
    metrics = (await Caller(server).get("/metrics")).text
    assert 'indaba_handshakes_rejected_total{reason="handshake_rate"} 1' in metrics
    await asyncio.sleep(1.1)
    sockets.append(await Socket.open(server, "/ws", root))
    for socket in sockets:
        await socket.close()


async def test_events_that_are_kept_count_by_socket_as_by_http(own_server):
    server = own_server(limits=True, env={"INDABA_LIMITS_WRITES_PER_MINUTE": "10"})
    root = User(server, "root")
    org = await make_org(root)
    topic = await org.declare("prices", client_publish="members")
    async with await Socket.open(server, "/ws", root) as socket:
        answers = [await socket.ask("publish", stream=topic, event="t", data=n) for n in range(10)]
        limited = answers[-1]
        assert limited["error"]["code"] == "rate_limited" and limited["error"]["retry_after_ms"] > 0
        assert (await socket.ask("publish", stream=topic, event="t", data=1, ephemeral=True))["type"] == "published"
        (await root.post(f"{topic}/events", {"type": "t", "data": 1})).problem(429)


async def test_an_api_key_publishes_far_more_by_socket_than_a_user(own_server):
    server = own_server(limits=True)
    root = User(server, "root")
    org = await make_org(root)
    topic = await org.declare("prices")
    key = (await org.key())["key"]
    async with await Socket.open(server, "/ws", token=key, by="token") as socket:
        for n in range(180):
            while (await socket.ask("publish", stream=topic, event="t", data=n))["type"] == "error":
                await asyncio.sleep(0.05)  # 50 frames a second
    assert (await root.get(f"events?stream={topic}&since=0&limit=1")).json["streams"][topic]["head"] == 180


async def test_every_limit_says_how_much_is_allowed(own_server):
    server = own_server(limits=True, env={"INDABA_LIMITS_MESSAGES_PER_MINUTE": "3",
                                          "INDABA_LIMITS_SEARCHES_PER_MINUTE": "2",
                                          "INDABA_LIMITS_CONNECTIONS_PER_USER": "1"})
    root, ben = User(server, "root"), User(server, "ben").register()
    org = await make_org(root, member=ben)
    slow = await org.make_room(slow_mode_seconds=60)
    first, second = [await ben.post(f"{org.room(slow['slug'])}/messages", {"body": "hi"}) for _ in range(2)]
    first.expect(201)
    tells_its_limit(second, 1)
    room = await org.make_room()
    for _ in range(3):
        limited = await root.post(f"{org.room(room['slug'])}/messages", {"body": "hi"})
    limited.expect(201)
    tells_its_limit(await root.post(f"{org.room(room['slug'])}/messages", {"body": "hi"}), 3)
    for _ in range(2):
        (await root.get(f"{org.path}/search?q=hi")).expect(200)
    tells_its_limit(await root.get(f"{org.path}/search?q=hi"), 2)
    async with await Socket.open(server, "/ws", root):
        tells_its_limit(await root.get("events?stream=me"), 1)


async def test_a_refused_repeat_is_not_kept(own_server):
    server = own_server(limits=True)
    root = User(server, "root")
    org = await make_org(root)
    key = {"Idempotency-Key": unique("k")}
    answers = await asyncio.gather(*(root.post(org.notifications, {"type": "note", "payload": {"n": n}})
                                     for n in range(130)))
    assert 429 in [answer.status for answer in answers]
    (await root.post(org.notifications, {"type": "note", "payload": {}}, headers=key)).problem(429)


async def test_all_of_it_is_off_where_configured(server, stranger):
    answers = await asyncio.gather(*(
        stranger.post("auth/token", {"username": f"nobody-{n}", "password": "wrong password"}) for n in range(14)))
    assert {answer.status for answer in answers} == {401}
