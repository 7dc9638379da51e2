"""Recognition of recordings afterwards, with its real parts: a niced worker while there is work."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime

import structlog

from hotline.settings import Settings
from hotline.speech import Speech, models
from ivr.speech.languages import Languages
from ivr.speech.later import LaterParts, LaterRecognition
from ivr.speech.pool import VoskPool
from ivr.speech.ports import Recogniser, SpeechAway
from storage.database import Database
from storage.lives import Command, SqlLives
from storage.transcripts import SqlTranscripts
from tickets.errors import EventRefused, UnknownTicket
from tickets.life import SYSTEM, Told
from tickets.model import NewTicket
from tickets.told_data import LONGEST_TEXT
from tickets.transcripts import PendingTranscript

log = structlog.get_logger(__name__)

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
    lives: SqlLives | None = None,
) -> LaterRecognition:
    """The background worker of an installation; has nothing to do where speech is off."""
    added = Added(lives or SqlLives(database), now)
    room = CALLS_PER_CORE * (os.cpu_count() or 1)
    return LaterRecognition(
        LaterParts(
            transcripts=SqlTranscripts(database, settings.node),
            recognising=lambda: _recognising(settings, speech),
            models=_names(settings),
            busy=lambda: speech.calls > room,
            tell=tell,
            tell_added=added.tell,
            home=settings.folders.root,
            now=now,
        )
    )


class Added:
    """What a citizen added to his ticket by telephone is noted there as text."""

    def __init__(self, lives: SqlLives, now: Callable[[], datetime]) -> None:
        self._lives = lives
        self._now = now

    async def tell(self, pending: PendingTranscript, text: str) -> None:
        """Once a recording, durable on return; raises `StoreAway`."""
        said = f"市民来电补充（自动转写）：{text}"[:LONGEST_TEXT]
        told = Told("noted", SYSTEM, self._now(), {"text": said, "recording": pending.path})
        key = f"words-{pending.path.rpartition('/')[2]}"[-100:]
        try:
            await self._lives.tell(Command(pending.tenant, pending.number, told, key=key))
        except (EventRefused, UnknownTicket) as error:
            # Told before in other words (another model's): one text is there already.
            log.warning("words_not_noted", ticket=pending.number, reason=str(error))


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
