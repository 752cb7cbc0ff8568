"""The commands that make what is needed before anyone can sign in; beside a running server and before it."""

import pytest

from harness.client import PASSWORD, Caller, User, api_key
from harness.server import run


async def work(server, command):
    assert command("user", "create", "paula", "--password-stdin", stdin="a good password\n").expect(0).out.strip()
    again = command("user", "create", "paula", "--password-stdin", stdin="a good password\n")
    assert again.code != 0 and "paula" in again.err
    assert command("user", "create", "weak", "--password-stdin", stdin="x\n").code != 0
    assert command("org", "create", "acme", "--name", "Acme", "--owner", "paula").expect(0).out.strip()
    assert command("org", "create", "acme2", "--name", "Acme", "--owner", "nobody").code != 0
    key = command("key", "create", "--org", "acme", "--scopes", "publish").expect(0).out
    assert key.count("\n") == 1
    token = command("token", "create", "--user", "paula").expect(0).out.strip()
    assert token
    return key.strip(), token


async def check(server, key, token):
    paula = User(server, "paula", "a good password").sign_in()
    assert (await paula.get("orgs/acme")).expect(200).json["role"] == "owner"
    (await api_key(server, key).post("orgs/acme/notifications", {"type": "note", "payload": {}})).expect(201)
    by_token = [(await Caller(server, {"Authorization": f"{scheme} {token}"}).get("me")).status
                for scheme in ("Token", "Bearer")]
    assert 200 in by_token


async def test_before_the_server_runs(own_server):
    server = own_server(start=False, users=())
    key, token = await work(server, server.command)
    server.start()
    await check(server, key, token)


async def test_beside_a_running_server(own_server):
    server = own_server(users=())
    key, token = await work(server, server.command)
    await check(server, key, token)


async def test_a_password_changed_by_command_ends_the_sessions(own_server):
    server = own_server()
    root = User(server, "root").sign_in()
    server.command("user", "password", "root", "--password-stdin", stdin="another good password\n").expect(0)
    (await root.get("me")).problem(401)
    User(server, "root", "another good password").sign_in()
    (await Caller(server).post("auth/token", {"username": "root", "password": PASSWORD})).problem(401)


def test_migrate_tells_where_the_schema_stands(own_server):
    server = own_server(start=False, users=())
    server.command("migrate", "up").expect(0)
    assert server.command("migrate", "status").expect(0).out.strip()


@pytest.mark.parametrize("arguments", [["key", "create", "--org", "none", "--scopes", "publish"],
                                       ["key", "create", "--org", "none", "--scopes", "everything"],
                                       ["token", "create", "--user", "none"], ["user", "password", "none"]])
def test_what_is_not_there_is_said_in_one_line(own_server, arguments):
    server = own_server(users=())
    done = server.command(*arguments, stdin="some password\n")
    assert done.code != 0 and done.out == ""
    assert len(done.err.strip().splitlines()) == 1


def test_secrets_are_not_taken_from_the_command_line(tmp_path):
    done = run("user", "create", "x", "--password", "secret", "--data", tmp_path)
    assert done.code == 2


@pytest.mark.parametrize(("setting", "value", "said"), [
    ("INDABA_JOBS_LEASE", "0s", "jobs.lease must be 1s or more"),
    ("INDABA_JOBS_SOFT_LIMIT", "40s", "jobs.hard_limit no less than that"),
])
def test_limits_of_jobs_that_make_no_sense_are_refused_at_the_start(tmp_path, setting, value, said):
    refused = run("serve", "--listen", "127.0.0.1:0", data=tmp_path / "data", env={setting: value}).expect(2)
    assert said in refused.err


def test_a_worker_is_not_started_for_a_queue_without_a_name(tmp_path):
    assert "a queue has a name" in run("worker", "--queues", "", data=tmp_path / "data").expect(2).err
