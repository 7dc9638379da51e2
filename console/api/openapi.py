"""`/api/v1/openapi.json`: what this server understands, for programs."""

from collections.abc import Iterable
from hashlib import sha256

from aiohttp import ETag, web

from console.doors import ANYBODY, Door, get
from console.live import encode
from console.openapi import document

DOCUMENT = web.AppKey("openapi", bytes)


def encoded(doors: Iterable[Door], version: str) -> bytes:
    """The document of these doors as it is sent."""
    return encode(document(doors, version))


async def show(request: web.Request) -> web.Response:
    """This document (OpenAPI 3.1)."""
    content = request.app[DOCUMENT]
    answer = web.Response(body=content, content_type="application/json", charset="utf-8")
    answer.etag = ETag(sha256(content).hexdigest()[:32])
    answer.headers["Cache-Control"] = "no-cache"
    return answer


ROUTES = (get("/api/v1/openapi.json", show, dict[str, object], roles=ANYBODY),)
