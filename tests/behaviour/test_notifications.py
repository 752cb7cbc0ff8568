"""The notification stream of an organisation over HTTP."""

import pytest

from harness.client import api_key, make_org
from harness.socket import Socket


async def test_an_admin_posts_a_notification_and_gets_the_event(server, anna):
    org = await make_org(anna)
    event = (await anna.post(org.notifications, {
        "type": "deploy_done", "payload": {"version": "1.2", "ok": True}})).expect(201).json
    assert event["type"] == "deploy_done" and event["version"] == "1.2" and event["ok"] is True
    assert event["stream"] == org.notifications and event["seq"] >= 1 and event["created_at"].endswith("Z")
    assert (await anna.get(f"{org.notifications}/{event['seq']}")).expect(200).json == event


async def test_members_do_not_post_and_api_keys_do(server, anna, ben, people):
    org = await make_org(anna, member=ben, moderator=people.mo, admin=people.carla)
    body = {"type": "note", "payload": {}}
    (await ben.post(org.notifications, body)).problem(403, "forbidden")
    (await people.mo.post(org.notifications, body)).problem(403)
    (await people.carla.post(org.notifications, body)).expect(201)
    (await api_key(server, (await org.key())["key"]).post(org.notifications, body)).expect(201)


async def test_a_repeat_with_the_same_dedupe_key_is_the_first_event(server, anna):
    org = await make_org(anna)
    body = {"type": "note", "payload": {"n": 1}, "dedupe_key": "k"}
    first = (await anna.post(org.notifications, body)).expect(201).json
    assert (await anna.post(org.notifications, body)).expect(200).json == first
    (await anna.post(org.notifications, {**body, "payload": {"n": 2}})).problem(409, "conflict")
    other = await make_org(anna)
    (await anna.post(other.notifications, body)).expect(201)  # the key is the stream's


@pytest.mark.parametrize("name", ["type", "stream", "seq", "created_at", "actor", "ref"])
async def test_a_reserved_name_in_the_payload_is_a_422(server, anna, name):
    org = await make_org(anna)
    told = (await anna.post(org.notifications, {"type": "note", "payload": {name: 1}})).problem(422, "invalid")
    assert name in told["errors"][0]["field"]


@pytest.mark.parametrize("body", [
    {}, {"type": "note"}, {"payload": {}}, {"type": "", "payload": {}}, {"type": "Has Space", "payload": {}},
    {"type": "x" * 65, "payload": {}}, {"type": "welcome", "payload": {}}, {"type": "note", "payload": []},
    {"type": "note", "payload": "text"}, {"type": "note", "payload": {}, "seq": 7},
    {"type": "note", "payload": {}, "dedupe_key": 7}, {"type": "note", "payload": {}, "actor_id": "me"}])
async def test_a_notification_that_is_wrong_is_a_422_that_names_the_field(server, anna, body):
    org = await make_org(anna)
    assert (await anna.post(org.notifications, body)).problem(422, "invalid")["errors"]


async def test_the_list_is_oldest_first_and_pages_by_since(server, anna, ben):
    org = await make_org(anna, member=ben)
    for n in range(7):
        head = (await org.notify(n=n))["seq"]
    newest = (await ben.get(f"{org.notifications}?limit=3")).expect(200).json
    assert set(newest) == {"results", "next_since", "has_more", "epoch", "head"}
    assert [event["seq"] for event in newest["results"]] == [head - 2, head - 1, head]
    assert newest["head"] == head
    seqs, since = [], 0
    while True:
        page = (await ben.get(f"{org.notifications}?since={since}&limit=3")).expect(200).json
        seqs += [event["seq"] for event in page["results"]]
        since = page["next_since"]
        if not page["has_more"]:
            break
    assert seqs == list(range(1, head + 1)) and since == head


async def test_the_list_has_a_second_address(server, anna):
    org = await make_org(anna)
    await org.notify(n=1)
    mine = (await anna.get(f"{org.notifications}?since=0")).expect(200).json
    assert (await anna.get(f"/orgs/{org.slug}/notifications/?since=0")).expect(200).json == mine


async def test_the_query_of_the_list_is_checked(server, anna):
    org = await make_org(anna)
    assert "200" in str((await anna.get(f"{org.notifications}?limit=201")).problem(422)["errors"])
    for query in ("limit=0", "limit=x", "since=-1", "since=1e3", "colour=red"):
        assert (await anna.get(f"{org.notifications}?{query}")).status in (400, 422)


async def test_one_event_is_fetched_by_its_seq(server, anna, dora):
    org = await make_org(anna)
    seq = (await org.notify(n=1))["seq"]
    (await anna.get(f"{org.notifications}/{seq + 1}")).problem(404)
    (await anna.get(f"{org.notifications}/0")).problem(404)
    (await dora.get(f"{org.notifications}/{seq}")).problem(404)


async def test_preferences_mute_counts_but_never_the_stream(server, anna, ben):
    org = await make_org(anna, member=ben)
    path = f"{org.path}/notification-preferences"
    told = (await ben.get(path)).expect(200).json
    assert told["muted_types"] == [] and set(told["push"]) == {"enabled", "types"}
    told["muted_types"] = ["noise"]
    assert (await ben.put(path, told)).expect(200).json["muted_types"] == ["noise"]
    for forced in ("alert", "security"):
        (await ben.put(path, {**told, "muted_types": [forced]})).problem(422)
    head = (await ben.get(f"{org.notifications}/summary")).json["head"]
    (await ben.post(f"{org.notifications}/read", {"up_to": head})).expect(200, 204)
    async with await Socket.open(server, f"/ws/{org.notifications}", ben) as socket:
        await socket.expect("subscribed")
        await org.notify("noise")
        await org.notify("signal")
        assert [event["type"] for event in await socket.events(2)] == ["noise", "signal"]
    assert (await ben.get(f"{org.notifications}/summary")).json["unread"] == 1
    assert (await anna.get(path)).json["muted_types"] == []  # each one's own


async def test_reading_beyond_the_head_is_refused_or_taken_as_the_head(server, anna):
    org = await make_org(anna)
    head = (await org.notify(n=1))["seq"]
    answer = await anna.post(f"{org.notifications}/read", {"up_to": head + 100})
    assert answer.status in (200, 204, 422)
    assert (await anna.get(f"{org.notifications}/summary")).json["last_read_seq"] <= head


async def test_activity_shows_the_last_events_and_counters(server, anna):
    org = await make_org(anna)
    await org.notify("deploy")
    told = (await anna.get(f"{org.path}/activity")).expect(200)
    assert "deploy" in told.text


async def test_injections_come_back_as_they_were_sent(server, anna):
    org = await make_org(anna)
    text = "' \" ;-- $$ % _ \\ ${jndi:x} {{7*7}} \r\n <img onerror=x> \u202e \u2028 🎉 \ufeff"
    event = await org.notify(text=text, **{"key '\"": text})
    whole = (await anna.get(f"{org.notifications}/{event['seq']}")).expect(200).json
    assert whole["text"] == text and whole["key '\""] == text
