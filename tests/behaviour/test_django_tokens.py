"""Tokens of a Django site: SimpleJWT's by the shared secret, REST framework's from its tables."""

import asyncio

import pytest

from harness import django, postgres
from harness.client import Caller
from harness.redis import Redis
from harness.redis import installed as redis_installed
from harness.socket import Socket, refused

pytestmark = pytest.mark.skipif(not (redis_installed() and django.installed() and postgres.installed()),
                                reason="needs PostgreSQL, redis-server, Django and Channels")


@pytest.fixture(scope="module")
def database():
    return postgres.shared().url(postgres.shared().create_database(), bouncer=False)


@pytest.fixture(scope="module")
def site(database):
    """Django's tables, in the database that will be Indaba's too."""
    with Redis() as redis, django.Django("pubsub", redis.tcp_url, database) as one:
        yield one


@pytest.fixture
def both(site, database, own_server):
    def make(**env):
        return own_server(env={"DATABASE_URL": database, "DJANGO_SECRET_KEY": django.SECRET,
                               "INDABA_AUTH_DJANGO_TOKENS": "true", **env}, users=())
    return make


async def test_either_token_of_a_user_opens_sockets_and_calls_the_api_as_the_same_user(site, both):
    server = both()
    await asyncio.to_thread(site.create_user, "nora")
    jwt, token = site.jwt("nora"), site.drf_token("nora")
    assert len(token) == 40
    ids = set()
    for credential, ways in ((jwt, ("protocol", "header")), (token, ("protocol", "token", "header"))):
        for by in ways:
            async with await Socket.open(server, "/ws", token=credential, by=by) as socket:
                ids.add(socket.welcome["user"]["id"])
    for header in (f"Bearer {jwt}", f"Token {token}", f"Bearer {token}"):
        caller = Caller(server, {"Authorization": header})
        (await caller.get("orgs")).expect(200)
    assert len(ids) == 1


async def test_what_is_no_token_or_whose_user_is_not_active_is_refused(site, both):
    server = both()
    await asyncio.to_thread(site.create_user, "olaf")
    token = site.drf_token("olaf")
    for wrong in ("0" * 40, token[:-1], token + "0", token.upper(), token[:-1] + "'"):
        if wrong != token:
            assert (await refused(server, "/ws", token=wrong))[0] == 4001, wrong
    await asyncio.to_thread(site.shell, "from django.contrib.auth.models import User\n"
                                        "User.objects.filter(username='olaf').update(is_active=False)")
    assert (await refused(server, "/ws", token=token))[0] == 4001


async def test_without_the_setting_they_are_nothing(site, both):
    server = both(INDABA_AUTH_DJANGO_TOKENS="false")
    await asyncio.to_thread(site.create_user, "pia")
    assert (await refused(server, "/ws", token=site.drf_token("pia")))[0] == 4001


async def test_with_the_same_numbers_the_user_has_djangos(site, both, own_server):
    database = postgres.shared().create_database()
    with Redis() as redis, django.Django("pubsub", redis.tcp_url, postgres.shared().url(database, bouncer=False)) as other:
        for name in ("q1", "q2", "quinn"):
            number = await asyncio.to_thread(other.create_user, name)
        token = other.drf_token("quinn")
        server = own_server(env={"DATABASE_URL": postgres.shared().url(database), "INDABA_AUTH_DJANGO_TOKENS": "true",
                                 "INDABA_AUTH_EXTERNAL_IDS": "true"}, users=())
        async with await Socket.open(server, "/ws", token=token) as socket:
            assert socket.welcome["user"]["id"] == number == 3
            assert socket.welcome["user"]["username"] == "quinn"


def test_the_setting_needs_postgresql(own_server):
    server = own_server(start=False, users=(), env={"INDABA_AUTH_DJANGO_TOKENS": "true", "DATABASE_URL": ""})
    told = server.command("config", "check")
    assert told.code == 2 and "auth.django_tokens" in told.err
