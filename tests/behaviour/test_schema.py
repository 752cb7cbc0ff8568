"""The API describes itself."""

import json

from harness.client import unique


async def test_the_schema_is_openapi_3_1_and_open_to_all(server, stranger):
    answer = (await stranger.get("/api/schema/")).expect(200)
    assert answer.headers["Content-Type"].startswith("application/")
    schema = answer.json
    assert schema["openapi"].startswith("3.1")
    assert schema["info"]["title"] and schema["info"]["version"]
    paths = schema["paths"]
    assert any(path.endswith("/notifications") for path in paths)
    for path, operations in paths.items():
        named = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for method, operation in operations.items():
            if method in ("parameters", "summary", "description"):
                continue
            assert operation["responses"], f"{method} {path} has no responses"
            declared = {p["name"] for p in operation.get("parameters", []) if p.get("in") == "path"}
            declared |= {p["name"] for p in operations.get("parameters", []) if p.get("in") == "path"}
            assert declared == named, f"{method} {path}: {declared}"


async def test_every_reference_in_the_schema_leads_somewhere_and_operation_ids_are_unique(server, stranger):
    schema = (await stranger.get("/api/schema/")).json

    def walk(node):
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                place = schema
                for part in reference.removeprefix("#/").split("/"):
                    place = place[part.replace("~1", "/").replace("~0", "~")]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(schema)
    ids = [operation["operationId"] for operations in schema["paths"].values()
           for method, operation in operations.items() if "operationId" in operation]
    assert len(ids) == len(set(ids))
    assert "nullable" not in json.dumps(schema)  # that was OpenAPI 3.0


async def test_the_pages_show_every_route(server, stranger):
    page = (await stranger.get("/api/docs/")).expect(200)
    assert page.headers["Content-Type"].startswith("text/html")
    schema = (await stranger.get("/api/schema/")).json
    for path in schema["paths"]:
        shown = page.text.replace("&#123;", "{").replace("&#125;", "}")
        assert path in shown, f"{path} is not on the page"


async def test_what_the_schema_says_of_a_body_is_what_is_checked(server, anna, stranger):
    schema = (await stranger.get("/api/schema/")).json
    path = next(p for p in schema["paths"] if p.rstrip("/").endswith("/orgs"))
    body = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" in body:
        body = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert {"slug", "name"} <= set(body["properties"])
    assert body.get("additionalProperties") is False
    for missing in body["required"]:
        whole = {"slug": unique("o"), "name": "x"}
        whole.pop(missing)
        told = (await anna.post("orgs", whole)).problem(422)
        assert missing in [error["field"] for error in told["errors"]]
