"""Registering, signing in, one's own account."""

import asyncio
import re
import time

import pytest

from harness import client
from harness.client import PASSWORD, Caller, User, make_org, rows, unique
from harness.limits import promised


async def test_registering_answers_with_the_user_and_tokens(server, stranger):
    name = unique("new")
    told = (await stranger.post("auth/register", {
        "username": name, "password": PASSWORD, "display_name": "New Person",
        "email": f"{name}@example.org", "locale": "af"})).expect(201).json
    assert set(told) >= {"user", "access", "refresh", "access_expires_in"}
    assert told["access_expires_in"] == 600
    assert told["user"]["username"] == name
    me = (await Caller(server, {"Authorization": f"Bearer {told['access']}"}).get("me")).expect(200).json
    assert me["id"] == told["user"]["id"]
    assert me["display_name"] == "New Person" and me["email"] == f"{name}@example.org" and me["locale"] == "af"
    assert me["orgs"] == []


async def test_a_username_that_is_taken_is_a_conflict(server, anna, stranger):
    answer = await stranger.post("auth/register", {"username": "anna", "password": PASSWORD})
    assert answer.status in (409, 422)
    answer.problem(answer.status)


@pytest.mark.parametrize("body, field", [
    ({"password": PASSWORD}, "username"), ({"username": "x"}, "password"),
    ({"username": "", "password": PASSWORD}, "username"),
    ({"username": "a" * 1000, "password": PASSWORD}, "username"),
    ({"username": "okay", "password": "short"}, "password"),
    ({"username": "okay", "password": "x" * 1025}, "password"),
    ({"username": "okay", "password": PASSWORD, "is_superuser": True}, "is_superuser"),
    ({"username": "okay", "password": PASSWORD, "id": 1}, "id"),
    ({"username": 7, "password": PASSWORD}, "username"),
    ({"username": "a b\u0000c", "password": PASSWORD}, "username"),
])
async def test_registering_with_something_wrong_names_the_field(server, stranger, body, field):
    told = (await stranger.post("auth/register", body)).problem(422, "invalid")
    assert field in [error["field"] for error in told["errors"]], told
    assert all(set(error) >= {"field", "code", "message"} for error in told["errors"])


async def test_signing_in(server, anna, stranger):
    told = (await stranger.post("auth/token", {"username": "anna", "password": PASSWORD})).expect(200).json
    assert set(told) == {"access", "refresh", "access_expires_in", "user"}
    assert told["user"]["id"] == anna.id


async def test_a_wrong_password_and_an_unknown_user_look_alike(server, stranger, anna):
    wrong = await stranger.post("auth/token", {"username": "anna", "password": "wrong password"})
    unknown = await stranger.post("auth/token", {"username": unique("nobody"), "password": "wrong password"})
    first, second = wrong.problem(401), unknown.problem(401)
    for told in (first, second):
        told.pop("request_id")
        told.pop("instance", None)
    assert first == second


async def test_an_unknown_user_takes_as_long_as_a_wrong_password(server, stranger, anna):
    async def seconds(name):
        began = time.monotonic()
        (await stranger.post("auth/token", {"username": name, "password": "wrong password"})).problem(401)
        return time.monotonic() - began

    # In turns, so that a busy machine is slow for both; without a hash it would be a twentieth.
    nobody, known, unknown = unique("nobody"), [], []
    for _ in range(8):
        known.append(await seconds("anna"))
        unknown.append(await seconds(nobody))
    assert min(unknown) > min(known) / 4, f"{unknown} s against {known} s tell that there is no such user"


async def test_me_shows_roles_and_organisations(server, anna, ben):
    org = await make_org(anna, moderator=ben)
    me = (await ben.get("me")).expect(200).json
    assert set(me) >= {"id", "username", "display_name", "email", "locale", "time_zone", "quiet_hours",
                       "avatar", "roles", "orgs"}
    assert {"slug": org.slug, "role": "moderator"} in [
        {"slug": row["slug"], "role": row["role"]} for row in me["orgs"]]


async def test_me_can_be_changed_but_not_what_is_not_ones_to_change(server):
    user = User(server, unique("me")).register()
    told = (await user.patch("me", {"display_name": "Ännie 🎉", "locale": "af",
                                    "time_zone": "Africa/Johannesburg"})).expect(200).json
    assert told["display_name"] == "Ännie 🎉" and told["locale"] == "af"
    for field, value in [("id", 1), ("roles", ["superuser"]), ("is_superuser", True), ("orgs", []),
                         ("created_at", "2020-01-01T00:00:00.000Z")]:
        problem = (await user.patch("me", {field: value})).problem(422, "invalid")
        assert [error["field"] for error in problem["errors"]] == [field]
    (await user.patch("me", {"locale": "no locale!"})).problem(422)


async def test_errors_are_told_in_the_users_language(server, stranger):
    english = (await stranger.get("me", headers={"Accept-Language": "en"})).problem(401)
    afrikaans = (await stranger.get("me", headers={"Accept-Language": "af-ZA, en;q=0.5"})).problem(401)
    assert english["detail"] != afrikaans["detail"]
    assert english["code"] == afrikaans["code"] == "unauthenticated"
    assert (await stranger.get("me", headers={"Accept-Language": "xx"})).problem(401)["detail"] == english["detail"]
    user = User(server, unique("af")).register()
    (await user.patch("me", {"locale": "af"})).expect(200)
    mine = (await user.get("orgs/there-is-none", headers={"Accept-Language": "en"})).problem(404)
    other = (await User(server, unique("en")).register().get("orgs/there-is-none")).problem(404)
    assert mine["detail"] != other["detail"]


async def test_a_password_change_needs_the_old_one(server, stranger):
    user = User(server, unique("pw")).register()
    wrong = await user.post("auth/password", {"old": "not it at all", "new": "another good password"})
    assert wrong.status in (401, 403, 422)
    (await user.post("auth/password", {"old": PASSWORD, "new": "another good password"})).expect(200, 204)
    (await stranger.post("auth/token", {"username": user.name, "password": PASSWORD})).problem(401)
    (await stranger.post("auth/token", {"username": user.name,
                                        "password": "another good password"})).expect(200)


async def test_a_password_reset_always_answers_202_and_a_wrong_token_nothing(server, stranger, anna):
    for body in ({"username": "anna"}, {"username": unique("nobody")}, {"email": "nobody@example.org"}):
        (await stranger.post("auth/password/reset", body)).expect(202)
    answer = await stranger.post("auth/password/reset/confirm", {"token": "guess", "password": PASSWORD})
    assert answer.status in (400, 401, 404, 422)


async def test_a_deleted_account_cannot_sign_in_and_its_name_is_gone(server, anna, stranger):
    user = User(server, unique("leaver")).register()
    org = await make_org(anna, member=user)
    (await org.owner.post(f"{org.path}/tasks", {"title": "stays"})).expect(201)
    task = (await user.post(f"{org.path}/tasks", {"title": "by the leaver"})).expect(201).json
    (await user.delete("me")).expect(204)
    (await stranger.post("auth/token", {"username": user.name, "password": PASSWORD})).problem(401)
    members = rows((await anna.get(f"{org.path}/members")).expect(200).json)
    assert user.name not in str(members)
    (await anna.get(f"{org.path}/tasks/{task['id']}")).expect(200)


async def test_the_last_owner_of_an_organisation_cannot_delete_the_account(server):
    owner = User(server, unique("owner")).register()
    await make_org(owner)
    answer = await owner.delete("me")
    assert answer.status in (204, 409)
    if answer.status == 409:
        assert answer.problem(409)["code"] == "last_owner"


async def test_blocking_is_idempotent_and_of_somebody_who_exists(server, anna, ben):
    for _ in range(2):
        (await anna.put(f"users/{ben.id}/block")).expect(200, 204)
    for _ in range(2):
        (await anna.delete(f"users/{ben.id}/block")).expect(204)
    (await anna.put("users/9007199254740991/block")).problem(404)
    assert (await anna.put(f"users/{anna.id}/block")).status in (403, 409, 422)


async def test_unread_counts_are_absolute_and_fall_with_reading(server, anna, ben):
    org = await make_org(anna, member=ben)
    for n in range(3):
        head = (await org.notify(n=n))["seq"]

    async def unread():
        return (await ben.get(f"{org.notifications}/summary")).expect(200).json

    before = await unread()
    assert before["head"] == head and before["unread"] >= 3
    (await ben.post(f"{org.notifications}/read", {"up_to": head - 1})).expect(200, 204)
    assert (await unread())["unread"] == 1 and (await unread())["last_read_seq"] == head - 1
    (await ben.post(f"{org.notifications}/read", {"up_to": head - 2})).expect(200, 204)
    assert (await unread())["last_read_seq"] == head - 1, "a receipt never moves back"
    assert (await ben.get("me/unread")).expect(200).json is not None


# -- the session cookie of the web client

async def cookie_of(server, caller, name):
    told = (await caller.post("auth/session", {"username": name, "password": PASSWORD},
                              headers={"Origin": server.url})).expect(200, 201, 204)
    return told.headers["Set-Cookie"]


async def test_the_session_cookie_is_http_only_and_same_site(server, anna, stranger):
    cookie = await cookie_of(server, stranger, "anna")
    assert re.search(r";\s*HttpOnly", cookie, re.I)
    assert re.search(r";\s*SameSite=(Lax|Strict)", cookie, re.I)
    assert re.search(r";\s*Path=/(;|$)", cookie, re.I)
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 22  # 128 bits


async def test_a_change_by_cookie_must_come_from_an_allowed_origin(server, anna, stranger):
    cookie = (await cookie_of(server, stranger, "anna")).partition(";")[0]
    (await stranger.get("me", headers={"Cookie": cookie})).expect(200)
    body = {"slug": unique("org"), "name": "By cookie"}
    for origin in (None, "null", "https://evil.example", f"{server.url}.evil.example"):
        headers = {"Cookie": cookie, **({"Origin": origin} if origin else {})}
        (await stranger.post("orgs", body, headers=headers)).problem(403)
    (await stranger.post("orgs", body, headers={"Cookie": cookie, "Origin": server.url})).expect(201)


async def test_signing_out_ends_the_session(server, anna, stranger):
    cookie = (await cookie_of(server, stranger, "anna")).partition(";")[0]
    headers = {"Cookie": cookie, "Origin": server.url}
    (await stranger.delete("auth/session", headers=headers)).expect(204)
    await stranger.loses("me", 401, headers=headers)


async def test_a_cookie_that_the_client_brought_is_not_taken_over(server, anna, stranger):
    name = (await cookie_of(server, stranger, "anna")).partition("=")[0]
    told = await stranger.post("auth/session", {"username": "anna", "password": PASSWORD},
                               headers={"Origin": server.url, "Cookie": f"{name}=chosen-by-an-attacker"})
    assert "chosen-by-an-attacker" not in told.headers["Set-Cookie"]


# -- who may register

async def test_registration_is_by_invitation_unless_configured(own_server):
    server = own_server(env={"INDABA_AUTH_REGISTRATION": "invite"})
    root = User(server, "root")
    nobody = Caller(server)
    (await nobody.post("auth/register", {"username": "carl", "password": PASSWORD})).problem(403)
    org = await make_org(root, slug="acme")
    invite = (await root.post(f"{org.path}/invites", {})).expect(201).json
    assert set(invite) >= {"code", "url", "expires_at", "max_uses"}
    told = (await nobody.post("auth/register", {"username": "carl", "password": PASSWORD,
                                                "invite": invite["code"]})).expect(201).json
    carl = User(server, "carl").take(told)
    (await carl.get(org.path)).expect(200)
    (await nobody.post("auth/register", {"username": "eve", "password": PASSWORD,
                                         "invite": "guessed"})).expect(403, 404, 422)


async def test_registration_can_be_closed(own_server):
    server = own_server(env={"INDABA_AUTH_REGISTRATION": "closed"})
    (await Caller(server).post("auth/register", {"username": "carl", "password": PASSWORD})).problem(403)


async def test_many_sign_ins_at_once_are_queued_not_refused_and_nothing_else_waits(server, anna, stranger):
    signing_in = [asyncio.create_task(stranger.post("auth/token", {"username": "anna", "password": PASSWORD}))
                  for _ in range(12)]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    (await stranger.get("/healthz")).expect(200)
    assert time.monotonic() - began < promised(0.25)
    answers = await asyncio.gather(*signing_in)
    assert {answer.status for answer in answers} == {200}
    assert client.PASSWORD not in server.log_text()
