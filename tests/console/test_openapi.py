"""The OpenAPI document is what the server does: every route is in it, every answer as it says."""

import pytest
import schemathesis
from schemathesis.core.failures import Failure, FailureGroup

from console.app import doors
from console.doors import get
from console.openapi import document, plain_path
from tests.console.against_document import ask, served, strict
from tests.console.conftest import Caller


async def test_every_route_of_the_api_is_in_the_served_document(nobody: Caller) -> None:
    status, told, headers = await nobody.ask("/api/v1/openapi.json")
    assert (status, told["openapi"]) == (200, "3.1.0")
    assert headers["ETag"]
    told_of = {(path, method) for path, one in told["paths"].items() for method in one}
    routed = {
        (plain_path(one.path), one.method.lower())
        for one in doors()
        if one.path.startswith("/api/v1/")
    }
    assert told_of == routed
    operations = [one for path in told["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in operations]
    assert len(ids) == len(set(ids))
    assert all(one["summary"] and one["description"] for one in operations)


async def test_what_may_be_told_of_a_ticket_is_in_the_document(nobody: Caller) -> None:
    _, told, _ = await nobody.ask("/api/v1/openapi.json")
    where = "/api/v1/tenants/{tenant}/tickets/{number}/events"
    body = told["paths"][where]["post"]["requestBody"]["content"]["application/json"]["schema"]
    event = told["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    by_name = {one["title"]: one["properties"]["data"] for one in event["oneOf"]}
    assert by_name["dispatched"]["required"] == ["lead"]
    assert "joined" not in by_name


def test_answers_are_as_documented_whatever_is_asked(sqlite_url: str) -> None:
    with served(sqlite_url) as here:
        assert ask(here, 5, seed=12345) > 40


def test_an_answer_that_the_document_does_not_tell_of_is_found(sqlite_url: str) -> None:
    """The check itself can fail: the same server held against a document that is wrong."""
    with served(sqlite_url) as here:
        wrong = [get("/api/v1/status", one.handler, dict[str, int]) for one in doors()
                 if one.path == "/api/v1/status"]  # fmt: skip
        schema = schemathesis.openapi.from_dict(strict(document(wrong, "1")))
        with pytest.raises((Failure, FailureGroup)):
            ask(here, 2, seed=1, schema=schema)
