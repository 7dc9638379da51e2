"""The citizen comes to whoever has him: what his session does from one turn of a talk to the next.

It may take its time (a busy machine, a sound that is played first), and meanwhile anything may
happen to the talk. So before each step it is looked who has him now; and since only his session
knows whether he has been with somebody, it alone says what that one's end means: the end of his
talk, or that nobody has him.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from ivr.talk import TalkEvent, TalkState, Wish, wish
from ivr.talk_parts import Talk
from telephony.call import Call

SETTLE_S = 0.2
"""How long after a bridge of three has ended Asterisk is asked who is left."""
JOIN_TRIES = 25
"""How often the citizen is joined with a leg that lives: while it leaves its talk with the third
party Asterisk refuses, and that takes a moment on a busy machine."""
_OVER_WITHOUT_FIRST = frozenset({TalkState.TALKING, TalkState.ADDING})

log = structlog.get_logger(__name__)


class Joiner:
    """Joins citizens. `saw` tells a talk what has happened, `lives` asks for a leg."""

    def __init__(
        self, saw: Callable[[Talk, TalkEvent], bool], lives: Callable[[str], Awaitable[bool]]
    ) -> None:
        self._saw = saw
        self._lives = lives

    def first_left(self, talk: Talk) -> None:
        """The leg of whoever has the citizen is gone. Once he has been elsewhere his session comes
        (or has come) to that leg by `join`, and finds out."""
        if talk.parted == 0 or talk.status.state not in _OVER_WITHOUT_FIRST:
            self._saw(talk, TalkEvent.FIRST_LEFT)

    async def join(self, call: Call, talk: Talk) -> None:
        """Be with whoever has him now; returns when that is over, or somebody else has him."""
        first, parted = talk.status.first, talk.parted
        if talk.taken_over:
            talk.taken_over = False
            await call.moment()
        await call.remember(**{**talk.story.variables("talking"), "SEAT": first.seat_id})
        for _ in range(JOIN_TRIES):
            if parted != talk.parted or talk.status.first != first:
                return
            beside = wish(talk.status) is Wish.BESIDE_FIRST
            joined = await call.join(first.channel, beside=beside)
            if parted != talk.parted:
                return
            if joined:
                await self.left_alone(talk)
                return
            if not await self._lives(first.leg_id):
                break
            log.info("leg_not_free_yet", call_id=talk.call_id, leg=first.leg_id)
            await call.music(True)
            await asyncio.sleep(SETTLE_S)
        if parted == talk.parted and talk.status.first == first:
            self._saw(talk, TalkEvent.JOIN_FAILED)

    async def left_alone(self, talk: Talk) -> None:
        """Nobody sent the citizen anywhere and his bridge is over: who was in it has left him."""
        if talk.status.state is not TalkState.THREE_WAY:
            self._saw(talk, TalkEvent.FIRST_LEFT)
            return
        await asyncio.sleep(SETTLE_S)
        talk.status = replace(talk.status, beside=False)
        asked = (
            (talk.status.third, TalkEvent.THIRD_LEFT),
            (talk.status.first, TalkEvent.FIRST_LEFT),
        )
        for party, event in asked:
            if party is not None and not await self._lives(party.leg_id):
                self._saw(talk, event)
