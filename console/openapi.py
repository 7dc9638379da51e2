"""The OpenAPI 3.1 document of the API, made of the doors. Pure.

Schemas are pydantic's (JSON Schema 2020-12, which is what 3.1 speaks); only how paths are put
together is ours, see docs/decisions/0250.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from inspect import getdoc
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from console import errors as known
from console.doors import ANYBODY, JSON, Door
from console.errors import ConsoleError
from console.refusals import REFUSALS

Doc = dict[str, Any]

PREFIX = "/api/v1/"
REF = "#/components/schemas/{model}"
_PLACE = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})+))?\}")
_ERROR: Doc = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["id", "message", "message_zh"],
            "properties": {
                "id": {"type": "string", "description": "stable; programs may rely on it"},
                "message": {"type": "string", "description": "what to do, in English"},
                "message_zh": {"type": "string", "description": "the same in Chinese"},
            },
        }
    },
}
_ALWAYS = (known.BadRequest, known.NotFound, known.Internal, known.TimedOut)
_WITH_TOKEN = (
    known.TokenMissing, known.TokenRefused, known.RoleRefused, known.TooManyFailures,
    known.StoreUnavailable,
)  # fmt: skip
_OF_TENANT = (known.TenantRefused, known.UnknownTenant)
_WITH_BODY = (known.BodyTooLarge, known.NotJson, known.Invalid)


def document(doors: Iterable[Door], version: str) -> Doc:
    """The document of all doors below `/api/v1/`."""
    told = [one for one in doors if one.path.startswith(PREFIX)]
    schemas, components = _schemas(told)
    paths: dict[str, Doc] = {}
    for one in told:
        operation = _operation(one, schemas, components)
        paths.setdefault(plain_path(one.path), {})[one.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "12345 hotline",
            "version": version or "0",
            "description": "Calls, seats and tickets of a 12345 hotline. docs/api.md tells more.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR, **components},
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "`hotline token create` makes one.",
                }
            },
        },
    }  # fmt: skip


def plain_path(path: str) -> str:
    """A path as the document has it: its places without their patterns."""
    return _PLACE.sub(r"{\1}", path)


_Schemas = Mapping[tuple[int, str], Doc]


def _schemas(doors: Sequence[Door]) -> tuple[_Schemas, Doc]:
    """A schema for each door's three types (by place and use), and what they share by name."""
    wanted: list[tuple[tuple[int, str], JsonSchemaMode, TypeAdapter[Any]]] = []
    for at, one in enumerate(doors):
        uses: Mapping[str, tuple[Any, JsonSchemaMode]] = {
            "answers": (one.answers, "serialization"), "body": (one.body, "validation"),
            "query": (one.query, "validation"),
        }  # fmt: skip
        wanted += [((at, use), mode, TypeAdapter(t)) for use, (t, mode) in uses.items() if t]
    made, shared = TypeAdapter.json_schemas(wanted, ref_template=REF)
    by_door = {(id(doors[at]), use): schema for ((at, use), _), schema in made.items()}
    return cast(_Schemas, by_door), cast(Doc, shared.get("$defs", {}))


def _operation(one: Door, schemas: _Schemas, components: Doc) -> Doc:
    text = " ".join((getdoc(one.handler) or one.handler.__name__).split())
    first, _, rest = text.partition(". ")
    room = one.handler.__module__.rpartition(".")[2]
    operation: Doc = {
        "operationId": f"{room}_{one.handler.__name__}",
        "summary": first.removesuffix("."),
        "description": "\n\n".join(part for part in (rest, _who(one)) if part),
        "tags": [room],
        "parameters": [*_path_parameters(one), *_query_parameters(one, schemas, components)],
        "responses": dict(_responses(one, schemas)),
    }
    operation["parameters"] += _header_parameters(one)
    if one.roles is ANYBODY:
        operation["security"] = []
    if one.body is not None:
        content = {JSON: {"schema": schemas[id(one), "body"]}}
        operation["requestBody"] = {"required": True, "content": content}
    elif one.upload:
        content = {one.upload: {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _who(one: Door) -> str:
    if one.roles is ANYBODY:
        return "Without a token."
    return f"Roles: {', '.join(sorted(one.roles))}."


def _path_parameters(one: Door) -> Iterator[Doc]:
    for name, pattern in _PLACE.findall(one.path):
        schema: Doc = {"type": "string"}
        if pattern:
            schema["pattern"] = f"^(?:{pattern})$"
        else:
            schema |= {"minLength": 1, "pattern": "^[^/{}]+$"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(one: Door, schemas: _Schemas, components: Doc) -> Iterator[Doc]:
    if one.query is None:
        return
    schema = schemas[id(one), "query"]
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    for name, about in schema.get("properties", {}).items():
        yield {
            "name": name, "in": "query", "required": name in schema.get("required", ()),
            "schema": about, "description": about.get("description", ""),
        }  # fmt: skip


def _header_parameters(one: Door) -> list[Doc]:
    return [
        {
            "name": name, "in": "header", "required": False, "description": meaning,
            "schema": {"type": "string", "maxLength": 100, "pattern": "^[!-~]*$"},
        }
        for name, meaning in (one.headers or {}).items()
    ]  # fmt: skip


def _responses(one: Door, schemas: _Schemas) -> Iterator[tuple[str, Doc]]:
    good: Doc = {"description": HTTPStatus(one.status).phrase}
    if one.answers is not None:
        good["content"] = {JSON: {"schema": schemas[id(one), "answers"]}}
    others = [media for media in one.media if media != JSON]
    for media in others:
        good.setdefault("content", {})[media] = {"schema": {"type": "string"}}
    yield str(one.status), good
    if one.ranges:
        yield "206", good | {"description": HTTPStatus(206).phrase}
    by_status: dict[int, set[str]] = {}
    for error in _errors(one):
        by_status.setdefault(error.status, set()).add(error.id)
    for refusal in one.refusals:
        by_status.setdefault(REFUSALS[refusal].status, set()).add(refusal)
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    for status, ids in sorted(by_status.items()):
        yield str(status), {"description": ", ".join(sorted(ids)), "content": content}


def _errors(one: Door) -> Iterator[type[ConsoleError]]:
    yield from _ALWAYS
    if one.roles is not ANYBODY:
        yield from _WITH_TOKEN
    if "{tenant}" in one.path:
        yield from _OF_TENANT
    if one.body is not None:
        yield from _WITH_BODY
    elif one.query is not None:
        yield known.Invalid
    yield from one.errors
