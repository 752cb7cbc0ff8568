"""Our own tokens, and those of somebody else's identity service."""

import asyncio
import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest

from harness import client, tokens
from harness.client import Caller, User, make_org, unique
from harness.limits import promised, within
from harness.socket import Socket, refused


def bearer(server, token):
    return Caller(server, {"Authorization": f"Bearer {token}"})


async def test_an_access_token_has_the_claims_of_simplejwt(server, anna):
    claims = jwt.decode(anna.access, options={"verify_signature": False})
    assert claims["token_type"] == "access"
    assert claims["exp"] - claims["iat"] == 600
    assert claims["jti"]
    assert str(claims["user_id"]) == str(anna.id)


async def test_a_refresh_token_is_spent_by_use_and_reuse_revokes_the_family(server, stranger):
    user = User(server, unique("reuse")).register()
    first = user.refresh_token
    told = (await stranger.post("auth/token/refresh", {"refresh": first})).expect(200).json
    assert told["refresh"] != first and told["access_expires_in"] == 600
    (await bearer(server, told["access"]).get("me")).expect(200)
    (await stranger.post("auth/token/refresh", {"refresh": first})).problem(401)
    (await stranger.post("auth/token/refresh", {"refresh": told["refresh"]})).problem(401)
    await bearer(server, told["access"]).loses("me", 401)


async def test_a_revoked_refresh_token_ends_its_session_and_sockets(server, stranger):
    user = User(server, unique("out")).register()
    socket = await Socket.open(server, "/ws", user)
    (await stranger.post("auth/token/revoke", {"refresh": user.refresh_token})).expect(204)
    began = time.monotonic()
    code, _, frames = await socket.closed(promised(1))
    assert code == 4001 and time.monotonic() - began < promised(1)
    assert frames[-1]["type"] == "goodbye"
    (await stranger.post("auth/token/refresh", {"refresh": user.refresh_token})).problem(401)


async def test_an_access_token_is_no_refresh_token_and_the_reverse(server, anna, stranger):
    (await stranger.post("auth/token/refresh", {"refresh": anna.access})).problem(401)
    (await bearer(server, anna.refresh_token).get("me")).problem(401)


async def test_a_token_that_is_wrong_in_any_way_is_a_401_with_www_authenticate(server, anna):
    header, payload, signature = anna.access.split(".")
    claims = jwt.decode(anna.access, options={"verify_signature": False})
    wrong = {
        "alg none": tokens.unsigned({"alg": "none", "typ": "JWT"}, claims),
        "alg None": tokens.unsigned({"alg": "None", "typ": "JWT"}, claims),
        "alg nOnE": tokens.unsigned({"alg": "nOnE"}, claims),
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "four parts": f"{anna.access}.AAAA",
        "another key": tokens.sign(claims, "another key of sufficient length", "HS256"),
        "an empty key": tokens.sign(claims, "", "HS256"),
        "padding": anna.access + "=",
        "a space inside": f"{header}. {payload}.{signature}",
        "a changed payload": f"{header}.{payload[:-2]}AA.{signature}",
        "nothing": "",
    }
    for case, token in wrong.items():
        answer = await bearer(server, token).get("me")
        assert answer.status == 401, f"{case}: {answer}"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_signature_that_differs_only_in_unused_bits_is_refused(server, anna):
    head, _, signature = anna.access.rpartition(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(signature[-1])
    if len(signature) % 4 in (2, 3):  # then the last character has bits that no byte uses
        other = f"{head}.{signature[:-1]}{alphabet[last ^ 1]}"
        (await bearer(server, other).get("me")).problem(401)


async def test_password_change_ends_all_other_sessions(server):
    user = User(server, unique("pw")).register()
    other = User(server, user.name).sign_in()
    socket = await Socket.open(server, "/ws", other)
    (await user.post("auth/password", {"old": user.password, "new": "another good password"})).expect(200, 204)
    code, _, _ = await socket.closed(promised(1))
    assert code == 4001
    (await user.get("me")).expect(200)
    await bearer(server, other._access).loses("me", 401)


async def test_revoking_a_session_closes_its_sockets_within_a_second(server):
    user = User(server, unique("sessions")).register()
    phone = User(server, user.name).sign_in()
    socket = await Socket.open(server, "/ws", phone)
    mine = await Socket.open(server, "/ws", user)
    listed = client.rows((await user.get("me/sessions")).expect(200).json)
    assert len(listed) == 2
    other = next(row for row in listed if not row.get("current"))
    (await user.delete(f"me/sessions/{other['id']}")).expect(204)
    began = time.monotonic()
    code, _, _ = await socket.closed(promised(1))
    assert code == 4001 and time.monotonic() - began < promised(1)
    await mine.send("ping")
    await mine.expect("pong")
    await mine.close()


async def test_a_foreign_session_cannot_be_revoked(server, anna, dora):
    row = client.rows((await anna.get("me/sessions")).expect(200).json)[0]
    (await dora.delete(f"me/sessions/{row['id']}")).problem(404)


async def test_a_personal_token_made_by_command_signs_in(server, anna):
    token = server.command("token", "create", "--user", "anna", "--ttl", "1h").expect(0).out.strip()
    assert "\n" not in token
    caller = Caller(server, {"Authorization": f"Token {token}"})
    answer = await caller.get("me")
    if answer.status == 401:
        answer = await bearer(server, token).get("me")
    assert answer.expect(200).json["id"] == anna.id


# -- tokens of an identity service outside

ISSUER, AUDIENCE = "https://id.example", "indaba"


def external(**more):
    return {"INDABA_AUTH_EXTERNAL_ISSUER": ISSUER, "INDABA_AUTH_EXTERNAL_AUDIENCE": AUDIENCE, **more}


def good(**more):
    return tokens.claims(iss=ISSUER, aud=AUDIENCE, **more)


def hs256(**env):
    return external(INDABA_AUTH_EXTERNAL_KEY=tokens.SECRET, INDABA_AUTH_EXTERNAL_ALGORITHMS="HS256", **env)


async def test_hs256_tokens_of_a_django_service_are_accepted(own_server):
    server = own_server(env={"REALTIME_JWT_SECRET": tokens.SECRET})
    token = tokens.sign(tokens.claims(user_id=1), tokens.SECRET, "HS256")
    me = (await bearer(server, token).get("me")).expect(200).json
    root = User(server, "root").sign_in()
    assert me["id"] != root.id, "the number of a foreign user must not make it a local one"
    assert not me.get("superuser") and "superuser" not in (me.get("roles") or [])
    again = tokens.sign(tokens.claims(user_id="1"), tokens.SECRET, "HS256")  # later versions write text
    assert (await bearer(server, again).get("me")).expect(200).json["id"] == me["id"]
    other = tokens.sign(tokens.claims(user_id=2), tokens.SECRET, "HS256")
    assert (await bearer(server, other).get("me")).expect(200).json["id"] != me["id"]
    async with await Socket.open(server, "/ws", token=token) as socket:
        assert socket.welcome["user"]["id"] == me["id"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_asymmetric_tokens_are_accepted_by_public_key(own_server, algorithm):
    key = tokens.private_key(algorithm)
    server = own_server(users=(), env=external(INDABA_AUTH_EXTERNAL_KEY=tokens.public_pem(key),
                                               INDABA_AUTH_EXTERNAL_ALGORITHMS=algorithm))
    (await bearer(server, tokens.sign(good(), key, algorithm)).get("me")).expect(200)
    stranger = tokens.private_key(algorithm)
    (await bearer(server, tokens.sign(good(), stranger, algorithm)).get("me")).problem(401)
    # The public key is public: it must never be taken for a secret.
    head = ".".join(tokens.b64(json.dumps(part).encode())
                    for part in ({"alg": "HS256", "typ": "JWT"}, good()))
    for secret in (tokens.public_pem(key), tokens.public_pem(key).strip(),
                   base64.b64decode("".join(tokens.public_pem(key).splitlines()[1:-1]))):
        secret = secret.encode() if isinstance(secret, str) else secret
        forged = head + "." + tokens.b64(hmac.new(secret, head.encode(), hashlib.sha256).digest())
        (await bearer(server, forged).get("me")).problem(401)


async def test_a_jwks_page_gives_the_keys_by_kid(own_server):
    keys = {name: tokens.private_key(name) for name in ("RS256", "ES256", "EdDSA")}
    page = [tokens.jwk(key, f"key-{name}", name) for name, key in keys.items()]
    with tokens.JwksServer(page) as jwks:
        server = own_server(users=(), env=external(INDABA_AUTH_EXTERNAL_JWKS_URL=jwks.url,
                                                   INDABA_AUTH_EXTERNAL_ALGORITHMS="RS256,ES256,EdDSA"))
        for name, key in keys.items():
            (await bearer(server, tokens.sign(good(), key, name, kid=f"key-{name}")).get("me")).expect(200)
        mixed = tokens.sign(good(), keys["ES256"], "ES256", kid="key-RS256")
        (await bearer(server, mixed).get("me")).problem(401)
        hits = jwks.hits
        for n in range(20):
            unknown = tokens.sign(good(), keys["ES256"], "ES256", kid=f"unknown-{n}")
            (await bearer(server, unknown).get("me")).problem(401)
        assert jwks.hits - hits <= 3, "unknown kids must not make the server fetch the page again and again"


async def test_external_claims_that_are_wrong_are_refused(own_server):
    server = own_server(users=(), env=hs256())
    now = int(time.time())

    def signed(header=None, **changes):
        payload = {name: value for name, value in {**good(), **changes}.items() if value is not None}
        return tokens.sign(payload, tokens.SECRET, "HS256", **(header or {}))

    (await bearer(server, signed()).get("me")).expect(200)
    (await bearer(server, signed(aud=["other", AUDIENCE])).get("me")).expect(200)
    (await bearer(server, signed(exp=now - 50)).get("me")).expect(200)  # one leeway of 60 s
    (await bearer(server, signed(iat=now + 50, nbf=now + 50)).get("me")).expect(200)
    wrong = {
        "expired": signed(exp=now - 70), "no exp": signed(exp=None), "exp is text": signed(exp=str(now + 600)),
        "exp in ms": signed(exp=(now + 600) * 1000), "exp below zero": signed(exp=-1),
        "exp too large": signed(exp=1e308),
        "nbf in the future": signed(nbf=now + 70), "iat in the future": signed(iat=now + 70),
        "wrong issuer": signed(iss="https://evil.example"), "no issuer": signed(iss=None),
        "wrong audience": signed(aud="other"), "wrong audiences": signed(aud=["a", "b"]),
        "no audience": signed(aud=None), "a refresh token": signed(token_type="refresh"),
        "no user": signed(user_id=None), "unknown crit": signed({"crit": ["x"], "x": 1}),
        "HS512": tokens.sign(good(), tokens.SECRET, "HS512"),
        "a JWE": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
    }
    for case, token in wrong.items():
        answer = await bearer(server, token).get("me")
        assert answer.status == 401, f"{case}: {answer}"
    expired = (await bearer(server, wrong["expired"]).get("me")).problem(401)
    assert expired["code"] == "token_expired"


async def test_external_ids_are_the_same_numbers_and_close_local_registration(own_server):
    server = own_server(users=(), env=hs256(INDABA_AUTH_EXTERNAL_IDS="true"))
    me = (await bearer(server, tokens.sign(good(user_id=4711), tokens.SECRET, "HS256")).get("me")).expect(200)
    assert me.json["id"] == 4711
    (await Caller(server).post("auth/register", {"username": "x", "password": client.PASSWORD})).problem(403)


@within(90)
async def test_a_socket_ends_with_its_external_token_unless_that_is_renewed(own_server):
    server = own_server(users=(), env=hs256())
    now = int(time.time())
    # Expired but within the leeway of 60 s, so that the test need not wait for it.
    aging = tokens.sign(good(exp=now - 50), tokens.SECRET, "HS256")
    left = await Socket.open(server, "/ws", token=aging)
    renewed = await Socket.open(server, "/ws", token=aging)
    fresh = tokens.sign(good(), tokens.SECRET, "HS256")
    assert (await renewed.ask("auth", token=fresh))["type"] == "ok"
    code, _, frames = await left.closed(20)
    assert code == 4001
    assert frames[-1]["type"] == "goodbye"
    await asyncio.sleep(max(0, now + 13 - time.time()))
    await renewed.send("ping")
    await renewed.expect("pong")
    await renewed.close()


async def test_an_external_token_may_read_the_topics_that_its_streams_claim_names(own_server):
    server = own_server(env=hs256())
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    await org.declare("prices", read="token", client_publish="none")
    await org.declare("other", read="token", client_publish="none")
    token = tokens.sign(good(streams=["orgs/acme/topics/prices"]), tokens.SECRET, "HS256")
    async with await Socket.open(server, "/ws/orgs/acme/topics/prices", token=token) as socket:
        await socket.expect("subscribed")
        await org.publish("prices", {"type": "tick", "data": 1})
        assert (await socket.events(1))[0]["data"] == 1
        await socket.send("subscribe", stream="orgs/acme/topics/other")
        await socket.error("not_found")
        await socket.send("subscribe", stream="orgs/acme/notifications")
        await socket.error("not_found")
    bare = tokens.sign(good(), tokens.SECRET, "HS256")
    assert (await refused(server, "/ws/orgs/acme/topics/prices", token=bare))[0] == 4004
