"""`/api/v1/openapi.json`: what this server understands, for programs."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256

from aiohttp import ETag, web

from console.doors import ANYBODY, Door, get
from console.live import encode
from console.openapi import document


class Document:
    """The document of these doors, made when somebody first asks for it: no start of an engine
    waits the tenth of a second it takes, and in a thread no call does either."""

    def __init__(self, doors: Sequence[Door], version: str) -> None:
        self._doors = doors
        self._version = version
        self._turn = asyncio.Lock()
        self._content = b""

    async def content(self) -> bytes:
        """As it is sent."""
        async with self._turn:
            if not self._content:
                self._content = await asyncio.to_thread(self._encoded)
        return self._content

    def _encoded(self) -> bytes:
        return encode(document(self._doors, self._version))


DOCUMENT = web.AppKey("openapi", Document)


async def show(request: web.Request) -> web.Response:
    """This document (OpenAPI 3.1)."""
    content = await request.app[DOCUMENT].content()
    answer = web.Response(body=content, content_type="application/json", charset="utf-8")
    answer.etag = ETag(sha256(content).hexdigest()[:32])
    answer.headers["Cache-Control"] = "no-cache"
    return answer


ROUTES = (get("/api/v1/openapi.json", show, dict[str, object], roles=ANYBODY),)
