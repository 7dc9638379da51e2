"""A ticket's audio, for supervisors: with byte ranges, and each play in the log."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from console.doors import get
from console.errors import BadRange, NoAudio, TicketNotFound
from console.guard import allowed
from console.ports import Role
from console.services import SERVICES
from tickets.model import Ticket

NUMBER = "{number:[0-9]{1,20}}"

log = structlog.get_logger(__name__)


async def recording(request: web.Request) -> web.StreamResponse:
    """The whole call."""
    return await _play(request, "recording", request.app[SERVICES].audio.recording)


async def voice(request: web.Request) -> web.StreamResponse:
    """The spoken request."""
    return await _play(request, "voice", request.app[SERVICES].audio.voice)


async def _play(
    request: web.Request, what: str, find: Callable[[Ticket], Path | None]
) -> web.StreamResponse:
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    path = find(await request.app[SERVICES].tickets.get(tenant.id, number))
    answer = await play_file(request, path, f"{number}-{what}.wav")
    log.info("audio_played", tenant=tenant.id, ticket=number, what=what, token=identity.token_id)
    return answer


async def play_file(request: web.Request, path: Path | None, name: str) -> web.StreamResponse:
    """Send a WAV file, or the range of it that is asked for; raises `NoAudio`, `BadRange`."""
    size_bytes = await asyncio.to_thread(_size, path) if path else None
    if path is None or size_bytes is None:
        raise NoAudio
    _check_range(request, size_bytes)
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "audio/wav",
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _check_range(request: web.Request, size_bytes: int) -> None:
    """FileResponse would answer these without a body."""
    try:
        start = request.http_range.start
    except ValueError as mistake:
        raise BadRange(size_bytes) from mistake
    if start is not None and start >= size_bytes:
        raise BadRange(size_bytes)


PLAYED: dict[str, Any] = {
    "roles": (Role.ADMIN, Role.SUPERVISOR), "media": ("audio/wav",), "ranges": True,
    "errors": (TicketNotFound, NoAudio, BadRange),
}  # fmt: skip
ROUTES = (
    get(f"/api/v1/tenants/{{tenant}}/tickets/{NUMBER}/recording", recording, **PLAYED),
    get(f"/api/v1/tenants/{{tenant}}/tickets/{NUMBER}/voice", voice, **PLAYED),
)
UNBOUNDED = (recording, voice)
