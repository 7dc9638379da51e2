"""Recognition of recordings afterwards, with its real parts: a niced worker while there is work."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime

from hotline.settings import Settings
from hotline.speech import Speech, models
from ivr.speech.languages import Languages
from ivr.speech.later import LaterParts, LaterRecognition
from ivr.speech.pool import VoskPool
from ivr.speech.ports import Recogniser, SpeechAway
from storage.database import Database
from storage.transcripts import SqlTranscripts
from tickets.model import NewTicket

NICE = 19
LOAD_S = 60.0
CALLS_PER_CORE = 10
"""Live calls that are heard at once before later recognition waits."""


def later(
    settings: Settings,
    speech: Speech,
    database: Database,
    tell: Callable[[NewTicket], Awaitable[object]],
    now: Callable[[], datetime],
) -> LaterRecognition:
    """The background worker of an installation; has nothing to do where speech is off."""
    room = CALLS_PER_CORE * (os.cpu_count() or 1)
    return LaterRecognition(
        LaterParts(
            transcripts=SqlTranscripts(database, settings.node),
            recognising=lambda: _recognising(settings, speech),
            models=_names(settings),
            busy=lambda: speech.calls > room,
            tell=tell,
            home=settings.folders.root,
            now=now,
        )
    )


def _names(settings: Settings) -> dict[str, str]:
    """What is written beside a transcript about who made it."""
    if settings.speech == "vosk":
        return {language: model.name for language, model in models(settings).items()}
    if settings.speech == "remote":
        return dict(settings.speech_servers)
    return {}


@asynccontextmanager
async def _recognising(settings: Settings, speech: Speech) -> AsyncIterator[Recogniser]:
    """A recogniser that live calls hardly notice."""
    if settings.speech != "vosk":
        yield speech.recogniser
        return
    async with AsyncExitStack() as stack:
        pools = {}
        for language, model in models(settings).items():
            pool = VoskPool(model, language=language, workers=1, nice=NICE)
            pools[language] = pool
            pool.start()
            stack.push_async_callback(pool.close)
        for pool in pools.values():
            with suppress(SpeechAway):  # another language's may do
                await pool.ready(LOAD_S)
        yield Languages(pools)
