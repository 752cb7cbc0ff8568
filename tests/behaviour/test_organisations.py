"""Organisations, their members and roles, invitations, API keys."""

import asyncio

import pytest

from harness.client import User, api_key, make_org, rows, unique

RANKS = ["member", "moderator", "admin", "owner"]


async def test_any_user_may_make_an_organisation_and_owns_it(server):
    ben = User(server, unique("ben")).register()
    slug = unique("org")
    told = (await ben.post("orgs", {"slug": slug, "name": "Ben & Co"})).expect(201).json
    assert told["slug"] == slug and told["name"] == "Ben & Co" and told["role"] == "owner"
    assert (await ben.get(f"orgs/{slug}")).expect(200).json == told
    assert slug in [row["slug"] for row in rows((await ben.get("orgs")).expect(200).json)]


async def test_a_slug_is_taken_once(server, anna, dora):
    org = await make_org(anna)
    answer = await dora.post("orgs", {"slug": org.slug, "name": "Another"})
    assert answer.status in (409, 422)


@pytest.mark.parametrize("slug", ["", "A B", "../x", "a/b", "ö", "x" * 200, "-", "a\u0000b", "%2e%2e"])
async def test_a_slug_is_a_slug(server, anna, slug):
    told = (await anna.post("orgs", {"slug": slug, "name": "x"})).problem(422)
    assert told["errors"][0]["field"] == "slug"


async def test_renaming_keeps_the_streams(server, anna):
    org = await make_org(anna)
    head = (await org.notify(n=1))["seq"]
    other = unique("renamed")
    (await anna.patch(org.path, {"slug": other, "name": "Renamed"})).expect(200)
    page = (await anna.get(f"orgs/{other}/notifications")).expect(200).json
    assert page["head"] >= head
    (await anna.get(org.path)).problem(404)


async def test_what_is_foreign_looks_like_what_is_missing(server, anna, dora):
    org = await make_org(anna)
    for path in ("", "/members", "/api-keys", "/notifications", "/tasks", "/notifications/summary"):
        foreign = (await dora.get(f"orgs/{org.slug}{path}")).problem(404)
        missing = (await dora.get(f"orgs/{unique('none')}{path}")).problem(404)
        for told in (foreign, missing):
            told.pop("request_id")
            told.pop("instance", None)
        assert foreign == missing
    for method, path, body in [("PATCH", "", {"name": "x"}), ("DELETE", "", None),
                               ("POST", "/members", {"user_id": dora.id, "role": "owner"}),
                               ("POST", "/notifications", {"type": "note", "payload": {}})]:
        (await dora.request(method, f"orgs/{org.slug}{path}", body)).problem(404)


async def test_members_are_added_by_name_or_id_and_listed(server, anna, ben, people):
    org = await make_org(anna)
    (await anna.post(f"{org.path}/members", {"username": "ben", "role": "member"})).expect(201)
    (await anna.post(f"{org.path}/members", {"user_id": people.carla.id, "role": "admin"})).expect(201)
    listed = rows((await ben.get(f"{org.path}/members")).expect(200).json)
    roles = {row.get("username") or row["user"]["username"]: row["role"] for row in listed}
    assert roles == {"anna": "owner", "ben": "member", "carla": "admin"}
    assert "email" not in str(listed)
    again = await anna.post(f"{org.path}/members", {"username": "ben", "role": "member"})
    assert again.status == 409
    assert (await anna.post(f"{org.path}/members", {"username": unique("no"), "role": "member"})).status in (404, 422)
    (await anna.post(f"{org.path}/members", {"username": "mo", "role": "emperor"})).problem(422)


async def test_changes_of_members_are_events(server, anna, ben):
    org = await make_org(anna)
    head = (await anna.get(org.notifications)).expect(200).json["head"]
    await org.add(ben)
    (await anna.patch(f"{org.path}/members/{ben.id}", {"role": "moderator"})).expect(200)
    await org.remove(ben)
    events = (await anna.get(f"{org.notifications}?since={head}")).expect(200).json["results"]
    assert [event["type"] for event in events] == ["member_added", "member_role_changed", "member_removed"]


async def test_nobody_acts_on_an_equal_or_higher_role(server, anna, people):
    org = await make_org(anna, admin=[people.ben, people.carla], moderator=people.mo, member=people.emil)
    ben, carla, mo, emil = people.ben, people.carla, people.mo, people.emil
    members = f"{org.path}/members"
    (await ben.patch(f"{members}/{carla.id}", {"role": "member"})).problem(403)
    (await ben.delete(f"{members}/{carla.id}")).problem(403)
    (await ben.delete(f"{members}/{anna.id}")).problem(403)
    (await ben.patch(f"{members}/{ben.id}", {"role": "owner"})).problem(403)
    (await ben.patch(f"{members}/{emil.id}", {"role": "owner"})).problem(403)
    (await ben.post(members, {"user_id": people.dora.id, "role": "owner"})).problem(403)
    (await mo.patch(f"{members}/{emil.id}", {"role": "moderator"})).problem(403)
    (await emil.delete(f"{members}/{mo.id}")).problem(403)
    (await emil.post(members, {"user_id": people.dora.id, "role": "member"})).problem(403)
    (await ben.patch(f"{members}/{mo.id}", {"role": "member"})).expect(200)
    (await ben.delete(f"{members}/{emil.id}")).expect(204)


async def test_the_last_owner_can_neither_leave_nor_be_demoted(server, anna, ben, root):
    org = await make_org(anna, admin=ben)
    me = f"{org.path}/members/{anna.id}"
    (await anna.delete(me)).problem(409, "last_owner")
    (await anna.patch(me, {"role": "admin"})).problem(409, "last_owner")
    (await anna.patch(f"{org.path}/members/{ben.id}", {"role": "owner"})).expect(200)
    (await anna.delete(me)).expect(204)
    await anna.loses(org.path)
    (await ben.delete(f"{org.path}/members/{ben.id}")).problem(409, "last_owner")


async def test_two_owners_that_leave_at_once_leave_one(server, anna, ben):
    org = await make_org(anna, owner=ben)
    answers = await asyncio.gather(anna.delete(f"{org.path}/members/{anna.id}"),
                                   ben.delete(f"{org.path}/members/{ben.id}"))
    assert sorted(answer.status for answer in answers) == [204, 409]


async def test_only_owners_delete_and_admins_change_an_organisation(server, anna, people):
    org = await make_org(anna, admin=people.ben, moderator=people.mo)
    (await people.ben.delete(org.path)).problem(403)
    (await people.mo.patch(org.path, {"name": "x"})).problem(403)
    (await people.ben.patch(org.path, {"name": "New name"})).expect(200)
    (await people.ben.patch(org.path, {"id": 1})).problem(422)
    (await anna.delete(org.path)).expect(204)


async def test_an_invitation_makes_a_member(server, anna, dora, stranger):
    org = await make_org(anna)
    invite = (await anna.post(f"{org.path}/invites", {"max_uses": 1})).expect(201).json
    assert invite["max_uses"] == 1 and invite["code"] in invite["url"] and invite["expires_at"].endswith("Z")
    (await stranger.post(f"invites/{invite['code']}/accept")).problem(401)
    (await dora.post(f"invites/{invite['code']}/accept")).expect(200, 201)
    assert (await dora.get(org.path)).expect(200).json["role"] == "member"
    user = User(server, unique("late")).register()
    answer = await user.post(f"invites/{invite['code']}/accept")
    assert answer.status in (404, 409, 410)
    (await user.post("invites/guessed/accept")).problem(404)
    (await dora.delete(f"{org.path}/members/{dora.id}")).expect(204)


async def test_a_single_use_invitation_is_used_once_even_by_many_at_once(server, anna):
    org = await make_org(anna)
    code = (await anna.post(f"{org.path}/invites", {"max_uses": 1})).expect(201).json["code"]
    users = [User(server, unique("race")).register() for _ in range(4)]
    answers = await asyncio.gather(*(user.post(f"invites/{code}/accept") for user in users))
    assert sum(answer.status in (200, 201) for answer in answers) == 1


async def test_members_do_not_invite(server, anna, ben):
    org = await make_org(anna, member=ben)
    (await ben.post(f"{org.path}/invites", {})).problem(403)


async def test_an_api_key_is_shown_once_and_does_what_its_scopes_say(server, anna, ben):
    org, other = await make_org(anna, member=ben), await make_org(anna)
    made = await org.key(("publish",), name="deploys")
    key = api_key(server, made["key"])
    listed = (await anna.get(f"{org.path}/api-keys")).expect(200)
    assert made["key"] not in listed.text
    assert [row["name"] for row in rows(listed.json)] == ["deploys"]
    (await key.post(org.notifications, {"type": "note", "payload": {}})).expect(201)
    assert (await key.get(org.notifications)).status in (403, 404)
    assert (await key.post(other.notifications, {"type": "note", "payload": {}})).status == 404
    (await key.post(f"{org.path}/members", {"user_id": ben.id, "role": "owner"})).expect(403)
    assert (await key.get("me")).status in (401, 403)
    assert (await key.post("orgs", {"slug": unique("x"), "name": "x"})).status in (401, 403)
    (await ben.get(f"{org.path}/api-keys")).problem(403)
    (await anna.post(f"{org.path}/api-keys", {"name": "x", "scopes": ["everything"]})).problem(422)
    (await api_key(server, made["key"][:-2] + "xx").get("me")).problem(401)


async def test_organisations_can_be_for_superusers_to_make(own_server):
    server = own_server(env={"INDABA_ORGS_CREATION": "superusers"})
    root = User(server, "root")
    (await User(server, "paul").register().post("orgs", {"slug": "x1", "name": "x"})).problem(403)
    (await root.post("orgs", {"slug": "x2", "name": "x"})).expect(201)
