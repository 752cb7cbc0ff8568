"""Fixtures: one server for the tests that can share it, people, and async tests without a plugin."""

import asyncio
import atexit
import inspect
import os
import random
import sys
import time
import types

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from harness import client, postgres, redis  # noqa: E402
from harness.server import BINARY, ManyNodes, Server  # noqa: E402

SEED = int(os.environ.get("INDABA_TEST_SEED", "0")) or (time.time_ns() & 0x7FFFFFFF)
NODES = int(os.environ.get("INDABA_TEST_NODES", "1"))  # on PostgreSQL
HANGS_AFTER = 180  # seconds beyond what an async test may take: servers start and stop around it
# Limits that count by time, user or address would make tests depend on each other.
UNLIMITED = {"RATE_LIMITS_ENABLED": "false"}


def pytest_report_header():
    return f"program: {BINARY}; INDABA_TEST_SEED={SEED}"


def pytest_collection_modifyitems(items):
    for item in items:  # one that hangs where no event loop can end it is a failure with its stack, too
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(HANGS_AFTER + getattr(item.function, "seconds", 60)))
    if not BINARY.exists():
        raise pytest.UsageError(f"{BINARY} is not built: run `make build`, or set INDABA_BINARY")
    if NODES > 1:
        for item in items:
            if item.get_closest_marker("one_node"):
                item.add_marker(pytest.mark.skip(reason="about the figures of one process"))
    if postgres.WANTED != "sqlite":
        for item in items:
            if item.get_closest_marker("embedded"):
                item.add_marker(pytest.mark.skip(reason="about the embedded database"))


async def end_tasks():
    """What a failed test leaves behind. Again and again: Python 3.11's wait_for() may lose a cancellation."""
    for _ in range(50):
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.1)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """`async def test_…` runs in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    seconds = getattr(pyfuncitem.obj, "seconds", 60)

    async def scenario():
        try:
            await asyncio.wait_for(pyfuncitem.obj(**wanted), seconds)
        finally:
            await end_tasks()
            await client.close_session()

    asyncio.run(scenario())
    return True


@pytest.fixture
def rng(request):
    """Random decisions of one test: the same for the same INDABA_TEST_SEED."""
    return random.Random(f"{SEED}:{request.node.nodeid}")


def make_shared(**options):
    """One server, or INDABA_TEST_NODES of them that take turns: what works on one must work on several."""
    if NODES == 1:
        return Server(**options)
    bus = redis.Redis()
    atexit.register(bus.close)
    return ManyNodes(bus.url, NODES - 1, **options)


@pytest.fixture(scope="session")
def server():
    """Shared. Whoever changes its settings, stops it or counts what it does takes `own_server`."""
    shared = make_shared(env=UNLIMITED, arguments=["--test-echo"])
    shared.create_user("root", client.PASSWORD, superuser=True)
    with shared:
        yield shared
        assert shared.process.poll() is None, f"the server died:\n{shared.log_tail()}"
        code = shared.stop()
        assert code == 0, f"exit code {code}:\n{shared.log_tail()}"


@pytest.fixture(autouse=True)
def the_shared_server_lives(request):
    """A test that kills the shared server fails itself, and only itself."""
    shared = request.getfixturevalue("server") if "server" in request.fixturenames else None
    yield
    if shared is not None and shared.process.poll() is not None:
        code, tail = shared.process.returncode, shared.log_tail(5)
        shared.start()
        pytest.fail(f"the server died ({code}):\n{tail}")


@pytest.fixture
def own_server():
    """Makes servers for one test: own_server(env={…}, arguments=[…])."""
    made = []

    def make(*, start=True, limits=False, users=("root",), **options):
        options["env"] = {**({} if limits else UNLIMITED), **options.get("env", {})}
        one = Server(**options)
        made.append(one)
        for name in users:
            one.create_user(name, client.PASSWORD, superuser=name == "root")
        return one.start() if start else one

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def people(server):
    """Accounts that tests share; what belongs to a test (organisations, tasks) it makes itself."""
    made = {name: client.User(server, name).register()
            for name in ("anna", "ben", "carla", "mo", "dora", "emil")}
    made["root"] = client.User(server, "root").sign_in()
    return types.SimpleNamespace(**made)


@pytest.fixture
def anna(people):
    """Owner of the organisations that tests make."""
    return people.anna


@pytest.fixture
def ben(people):
    """A member where a test adds him."""
    return people.ben


@pytest.fixture
def carla(people):
    """Another member where a test adds her."""
    return people.carla


@pytest.fixture
def dora(people):
    """Of another organisation, always."""
    return people.dora


@pytest.fixture
def root(people):
    """A superuser."""
    return people.root


@pytest.fixture
def stranger(server):
    """Nobody: no credentials."""
    return client.Caller(server)
