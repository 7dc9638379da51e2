"""Recognises recordings afterwards: those that were taken without recognition, the oldest first.

What waits stands in SQL, so a restart goes on where this one ended. A recording is recognised
again when the engine dies between its last word and the row that says so: its words are the same
then, and so is the ticket's fact they make.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import structlog

from ivr.speech.ports import (
    BYTES_PER_S,
    Final,
    Hearing,
    Recogniser,
    SpeechAway,
    SpeechEvent,
    SpeechLost,
    Word,
)
from ivr.speech.said import UNHEARD, plausible
from recordings.naming import outside
from recordings.pcm import pcm_blocks
from tickets.errors import StoreAway
from tickets.model import NewTicket
from tickets.spoken import Question, SpokenAnswer, SpokenRequest, SpokenWord, request_of
from tickets.transcripts import PendingTranscript, Transcript, Transcripts, TranscriptStatus

log = structlog.get_logger(__name__)

MOST_TRIES = 3
_TOGETHER = 20
_LOOK_AGAIN_S = 10.0
_BUSY_S = 1.0
_GONE = "its file is gone"


@dataclass(frozen=True, slots=True)
class LaterParts:
    """What it leans on: `recognising` gives a recogniser of low priority while there is work (may
    raise `SpeechAway`), `models` tells the name of each language's, `busy` whether live calls need
    the machine; `tell` makes the ticket's fact durable, `tell_added` the text of what a citizen
    added to a ticket."""

    transcripts: Transcripts
    recognising: Callable[[], AbstractAsyncContextManager[Recogniser]]
    models: Mapping[str, str]
    busy: Callable[[], bool]
    tell: Callable[[NewTicket], Awaitable[object]]
    tell_added: Callable[[PendingTranscript, str], Awaitable[object]]
    home: Path
    now: Callable[[], datetime]


class _Broke(Exception):
    """Recognition was lost in the middle."""


class LaterRecognition:
    """The background worker; `run` goes on for ever."""

    def __init__(self, parts: LaterParts) -> None:
        self._parts = parts
        self.done = 0

    async def run(self) -> None:
        """Work while there is something to do; outages are waited out."""
        while True:
            try:
                found = await self.work_once()
            except (StoreAway, SpeechAway) as error:
                log.info("later_recognition_waits", reason=str(error))
                found = 0
            except Exception:  # whatever it was: calls are taken without this
                log.exception("later_recognition_failed")
                found = 0
            if not found:
                await asyncio.sleep(_LOOK_AGAIN_S)

    async def work_once(self) -> int:
        """Take what waits, up to some; how many were dealt with. Raises `StoreAway`, and
        `SpeechAway` when nothing can be recognised now."""
        parts = self._parts
        if not await parts.transcripts.pending(tuple(parts.models), limit=1):
            return 0
        async with parts.recognising() as recogniser:
            able = [language for language in parts.models if recogniser.able(language)]
            waiting = await parts.transcripts.pending(able, limit=_TOGETHER)
            for pending in waiting:
                await self._deal_with(pending, recogniser)
        return len(waiting)

    async def _deal_with(self, pending: PendingTranscript, recogniser: Recogniser) -> None:
        try:
            try:
                words = await self._words(pending, recogniser)
            except FileNotFoundError:
                await self._give_up(pending, TranscriptStatus.BAD, _GONE)
            except ValueError as error:
                await self._give_up(pending, TranscriptStatus.BAD, str(error))
            else:
                await self._keep(pending, words)
        except (StoreAway, SpeechAway):
            raise
        except Exception as error:  # one strange recording must not keep the others waiting
            if pending.tries + 1 >= MOST_TRIES:
                await self._give_up(pending, TranscriptStatus.FAILED, repr(error))
            else:
                await self._parts.transcripts.tried(pending, repr(error))

    async def _keep(self, pending: PendingTranscript, words: tuple[SpokenWord, ...]) -> None:
        """First the ticket's fact, then the row: a fact told twice is one, no fact is a loss."""
        parts = self._parts
        if any(word.text != UNHEARD for word in words):
            request = _request(pending, words)
            if pending.fact is not None:
                await parts.tell(replace(pending.fact, spoken=request))
            else:
                await parts.tell_added(pending, request.text)
        made = Transcript(
            pending.path,
            TranscriptStatus.DONE,
            words=words,
            confidence=round(sum(w.confidence for w in words) / len(words), 4) if words else 0.0,
            model=parts.models[pending.language],
        )
        await parts.transcripts.made(pending, made, parts.now())
        self.done += 1
        log.info(
            "recording_recognised", tenant=pending.tenant, path=pending.path, words=len(words),
            confidence=made.confidence,
        )  # fmt: skip

    async def _give_up(
        self, pending: PendingTranscript, status: TranscriptStatus, reason: str
    ) -> None:
        log.warning(
            "recording_not_recognised", tenant=pending.tenant, path=pending.path,
            status=status.value, reason=reason,
        )  # fmt: skip
        made = Transcript(pending.path, status, reason=reason)
        await self._parts.transcripts.made(pending, made, self._parts.now())

    async def _words(
        self, pending: PendingTranscript, recogniser: Recogniser
    ) -> tuple[SpokenWord, ...]:
        """All words of a recording, a second of it at a time."""
        file = outside(self._parts.home, pending.path)
        heard: list[Word] = []
        lost: list[str] = []

        def told(event: SpeechEvent) -> None:
            if isinstance(event, Final):
                heard.extend(event.words)
            elif isinstance(event, SpeechLost):
                lost.append(event.reason)

        hearing = recogniser.open(f"later:{pending.path}", pending.language, told)
        try:
            await self._feed(hearing, file, lost)
            heard += (await hearing.flush()).words
        finally:
            hearing.close()
        if lost:
            raise _Broke(lost[0])
        return plausible(heard)

    async def _feed(self, hearing: Hearing, file: Path, lost: list[str]) -> None:
        blocks = pcm_blocks(file, BYTES_PER_S)
        while (block := await asyncio.to_thread(next, blocks, b"")) and not lost:
            while self._parts.busy():  # noqa: ASYNC110 - nobody tells when calls get fewer
                await asyncio.sleep(_BUSY_S)
            hearing.feed(block)
            await hearing.caught_up()


def _request(pending: PendingTranscript, words: tuple[SpokenWord, ...]) -> SpokenRequest:
    """What was said, as the answer to what happened: a person has to look at it."""
    answer = SpokenAnswer(
        Question.MATTER, words=words, recording=pending.path,
        begin_s=words[0].begin_s, end_s=words[-1].end_s,
    )  # fmt: skip
    return request_of(pending.language, (answer,))
