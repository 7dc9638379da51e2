"""Spoken conversations that nobody leads any more (a machine that lost its power, an engine that
died while its caller hung up): each becomes its ticket, once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from ivr.ending import LEAST_VOICE_S
from ivr.intake_door import resumed_intake
from ivr.ports import Tickets
from tickets.kept import KeptTalk
from tickets.model import NewTicket

EVERY_S = 10.0
"""Also after the start: whoever is still there has come back by then."""
LEFT_AFTER_S = 20.0

log = structlog.get_logger(__name__)
Parts = Callable[[KeptTalk], Awaitable[Sequence[tuple[str, float]]]]
"""The recordings there are of a conversation, in order, with their seconds."""


class LeftTalks(Protocol):
    """The journal, as far as it is needed here."""

    async def left(self, older_s: float) -> Sequence[KeptTalk]: ...
    async def forget(self, call_id: str) -> None: ...


def ticket_left(kept: KeptTalk, parts: Sequence[tuple[str, float]]) -> NewTicket:
    """What is to be made of a conversation that was broken off for good."""
    intake = resumed_intake(kept, parts)
    spoken = intake.request()
    told = [part for part in parts if part[1] >= LEAST_VOICE_S] or list(parts)
    voice, voice_s = told[-1] if told else ("", 0.0)
    new = kept.new
    return replace(
        new,
        facts=replace(new.facts, kind=intake.kind or new.facts.kind),
        voice_path=voice,
        voice_s=voice_s,
        confirmed=spoken.confirmed,
        first_callback=new.first_callback or bool(spoken.danger),
        spoken=spoken,
    )


async def take_left(
    journal: LeftTalks,
    tickets: Tickets,
    parts: Parts,
    led: Callable[[str], bool],
    *,
    older_s: float = LEFT_AFTER_S,
) -> int:
    """Make the ticket of every conversation that is left; how many. `led` tells whether a call is
    being led now: its own end will make its ticket."""
    made = 0
    for kept in await journal.left(older_s):
        call_id = kept.new.facts.call_id
        if led(call_id):
            continue
        number = await tickets.create(ticket_left(kept, await parts(kept)))
        await journal.forget(call_id)
        log.warning("talk_left", call_id=call_id, tenant=kept.new.facts.tenant, ticket=number)
        made += 1
    return made


async def watch_left(
    journal: LeftTalks, tickets: Tickets, parts: Parts, led: Callable[[str], bool]
) -> None:
    """For ever."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await take_left(journal, tickets, parts, led)
        except Exception:  # one that can't be taken in must not keep the others waiting for ever
            log.exception("talk_left_not_taken")
