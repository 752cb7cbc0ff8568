"""Searching the messages of an organisation's rooms."""

from urllib.parse import urlencode

from harness.client import api_key, make_org, unique


async def world(anna, *members):
    org = await make_org(anna, member=list(members))
    await org.make_room(slug="general", name="General")
    return org, org.room("general")


async def search(caller, org, q="", **more):
    query = urlencode({"q": q, **more}) if q or not more else urlencode(more)
    return (await caller.get(f"orgs/{org.slug}/search?{query}")).expect(200).json


async def found(caller, org, q="", **more):
    return [message["body"] for message in (await search(caller, org, q, **more))["results"]]


async def say(caller, room, body, **more):
    return (await caller.post(f"{room}/messages", {"body": body, **more})).expect(201).json


async def test_a_result_is_the_message_its_room_and_where_it_was_found(server, anna, ben):
    org, room = await world(anna, ben)
    sent = await say(anna, room, "The <b>budget</b> of the Café is final")
    (hit,) = (await search(ben, org, "budget cafe"))["results"]
    assert hit["id"] == sent["id"] and hit["seq"] == sent["seq"] and hit["created_at"] == sent["created_at"]
    assert hit["author"] == {"id": anna.id, "username": anna.name}
    assert hit["body"] == "The <b>budget</b> of the Café is final"
    assert hit["room"]["slug"] == "general" and hit["room"]["name"] == "General"
    assert hit["highlights"] == [
        "The &lt;b&gt;<mark>budget</mark>&lt;/b&gt; of the <mark>Café</mark> is final"]
    (shown,) = (await ben.get(f"{room}/messages")).json["messages"]
    assert shown == {name: value for name, value in hit.items() if name not in ("room", "highlights")}


async def test_words_phrases_beginnings_and_operators(server, anna, ben):
    org, room = await world(anna, ben)
    await org.make_room(slug="ops")
    first = await say(anna, room, "see https://example.com/report")
    await say(ben, org.room("ops"), "final report", reply_to=None)
    await say(ben, room, "the report is not final", reply_to=first["id"])
    (await ben.put(f"messages/{first['id']}/reactions/ok")).expect(200)
    assert await found(anna, org, "report final") == ["the report is not final", "final report"]
    assert await found(anna, org, '"final report"') == ["final report"]
    assert await found(anna, org, "rep* not") == ["the report is not final"]
    assert await found(anna, org, "rep") == []
    assert await found(anna, org, "report in:ops") == ["final report"]
    assert await found(anna, org, room="ops") == ["final report"]
    assert await found(anna, org, f"from:{anna.name}") == ["see https://example.com/report"]
    assert await found(anna, org, "has:link") == await found(anna, org, "has:reaction")
    assert await found(anna, org, "has:reply") == ["the report is not final"]
    assert await found(anna, org, "report before:2026-01-01") == []
    assert len(await found(anna, org, "report", after="2026-01-01")) == 3
    assert await found(anna, org, "report in:nowhere") == [] and await found(anna, org, "from:nobody") == []


async def test_what_cannot_be_meant_is_refused_by_name(server, anna):
    org, _ = await world(anna)
    for query, field in (("", "q"), ("q=before:soon", "q"), ("before=soon", "before"), ("q=has:all", "q"),
                         ("q=a*", "q"), ("q=in:a&room=b", "room"), ("q=" + "x" * 201, "q"),
                         ("q=x&limit=201", "limit"), ("q=x&sort=old", "sort")):
        told = (await anna.get(f"orgs/{org.slug}/search?{query}")).problem(422, "invalid")
        assert told["errors"][0]["field"] == field, (query, told)
    (await anna.get(f"orgs/{org.slug}/search?q=x&cursor=abc")).problem(400, "malformed")


async def test_nothing_that_is_typed_is_syntax(server, anna):
    org, room = await world(anna)
    await say(anna, room, "plain text, near the body, or not")
    for typed in ('"', '"" "', "(", ")))", "NEAR(a b)", "text AND", "NOT", "^text", "{body}: x", "' OR 1=1 --", "-text",
                  "\x01\x02", "!!!", "\u202e", "x" * 200, '"' * 199 + "x", "text OR NOT NEAR"):
        answer = await anna.get(f"orgs/{org.slug}/search?" + urlencode({"q": typed}))
        assert answer.status in (200, 422), (typed, answer)
        assert "fts5" not in answer.text and "sql" not in answer.text.lower(), (typed, answer)
    assert len(await found(anna, org, "NEAR OR NOT -text")) == 1


async def test_a_message_is_found_as_it_is_now(server, anna, ben):
    org, room = await world(anna, ben)
    message = f"messages/{(await say(ben, room, 'first words'))['id']}"
    (await ben.patch(message, {"body": "second thoughts"})).expect(200)
    assert await found(anna, org, "first") == [] and await found(anna, org, "second") == ["second thoughts"]
    (await ben.delete(message)).expect(204)
    assert await found(anna, org, "second") == []
    (await anna.post(f"{message}/restore")).expect(200)
    assert await found(ben, org, "second") == ["second thoughts"]


async def test_a_search_finds_what_its_caller_could_open(server, anna, ben, carla):
    org, _ = await world(anna, ben)
    await org.make_room(slug="secret", private=True)
    secret = org.room("secret")
    await say(anna, secret, "the plan")
    key = api_key(server, (await org.key(("read",)))["key"])
    assert await found(anna, org, "plan") == await found(key, org, "plan") == ["the plan"]
    assert await found(ben, org, "plan") == await found(ben, org, "plan in:secret") == []
    (await carla.get(f"orgs/{org.slug}/search?q=plan")).problem(404)
    (await anna.post(f"{secret}/members", {"user_id": ben.id})).expect(201)
    assert await found(ben, org, "plan") == ["the plan"]
    (await anna.delete(f"{secret}/members/{ben.id}")).expect(204)
    assert await found(ben, org, "plan") == []
    (await anna.delete(secret)).expect(204)
    assert await found(anna, org, "plan") == []


async def test_pages_go_on_where_they_were_while_messages_arrive(server, anna):
    org, room = await world(anna)
    word = unique("note").replace("-", "")
    for n in range(7):
        await say(anna, room, f"{word} {n}")
    told, cursor = [], {}
    while True:
        page = await search(anna, org, word, limit=3, **cursor)
        told += [message["body"].split()[1] for message in page["results"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        await say(anna, room, f"{word} new")
    assert told == ["6", "5", "4", "3", "2", "1", "0"]
    (await anna.get(f"orgs/{org.slug}/search?" + urlencode({"q": "other", **cursor}))).problem(400, "malformed")
