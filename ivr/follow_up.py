"""The call in which a citizen is told the result and asked (回访): what is said, in which order.

Nothing personal is said before he has pressed a key: an answering machine, or whoever else picks
up, hears only who calls. His answers are on the channel before the next question is put, so that
the engine after us goes on where we were; whoever hangs up has said what he has said.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from ivr.follow_up_ear import NO_KEY, YES_KEY, Ear
from ivr.numbers import digits
from telephony.call import Call, CallInfo
from telephony.errors import CallEnded
from tickets.follow_up import FollowUpState, Heard, Leg, verdict

MARK = "follow_up"
"""HL_CALLBACK of these calls."""
GREETED_TIMES, ASKED_TIMES = 2, 2
LONGEST_S = 600.0
"""A conversation that takes longer is ended: the line is needed."""
SKIP_KEY = "#"
FAREWELLS = {
    FollowUpState.SATISFIED: "followup/thanks",
    FollowUpState.UNSATISFIED: "followup/again",
    FollowUpState.MIXED: "followup/person",
}

log = structlog.get_logger(__name__)


class FollowUpDesk(Protocol):
    """The follow-ups, seen from a conversation. Never raises for an outage of the store."""

    @property
    def ear(self) -> Ear:
        """How answers are heard."""
        ...

    async def wanted(self, leg: Leg) -> bool:
        """Whether he is still to be asked; True while that can't be known."""
        ...

    def reply_sound(self, leg: Leg) -> str:
        """The reply as a file that Asterisk can play, without its ending; "" when there is none."""
        ...

    async def conclude(self, leg: Leg, heard: Heard) -> None:
        """What came of the call; durable on return, safe to tell twice."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far he has come. As text it is what HL_KEYS holds: `1`, then `y`, `n` or `-` for each
    question that is done with."""

    reached: bool = False
    answers: tuple[bool | None, ...] = ()

    def __str__(self) -> str:
        if not self.reached:
            return ""
        return YES_KEY + "".join(_SIGNS[answer] for answer in self.answers)

    @classmethod
    def parse(cls, text: str) -> "Progress":
        """`str`, back; anything else: nothing has been said."""
        if not text.startswith(YES_KEY) or len(text) > 3 or set(text[1:]) - set(_MEANS):
            return cls()
        return cls(True, tuple(_MEANS[sign] for sign in text[1:]))

    def heard(self, info: CallInfo, result: str) -> Heard:
        """What this call has brought until now."""
        solved, satisfied = (*self.answers, None, None)[:2]
        return Heard(
            result, solved, satisfied, whole=len(self.answers) == len(QUESTIONS),
            recording=info.recording, answered_at=info.answered_at.timestamp(),
        )  # fmt: skip


_SIGNS: dict[bool | None, str] = {True: "y", False: "n", None: "-"}
_MEANS = {sign: answer for answer, sign in _SIGNS.items()}
QUESTIONS = ("followup/solved", "followup/satisfied")


async def follow_up(call: Call, desk: FollowUpDesk) -> None:
    """Lead the call of a follow-up to its end. A hang-up is the dialplan's to tell: `hung_up`."""
    leg = Leg.parse(call.info.call_id)
    if leg is None:
        log.error("follow_up_of_nobody", call_id=call.info.call_id)
        await call.finish()
        return
    try:
        async with asyncio.timeout(LONGEST_S):
            await _Asking(call, desk, leg).lead()
    except TimeoutError:
        log.warning("follow_up_too_long", call_id=leg.id)
        await hung_up(call.info, desk, leg)
        await call.finish()
    except CallEnded:
        return


async def hung_up(info: CallInfo, desk: FollowUpDesk, leg: Leg) -> None:
    """He is gone: what he has said counts, else he is phoned again."""
    progress = Progress.parse(info.variables.get("KEYS", ""))
    await desk.conclude(leg, progress.heard(info, "hung_up" if progress.reached else "no_key"))


class _Asking:
    """One call."""

    def __init__(self, call: Call, desk: FollowUpDesk, leg: Leg) -> None:
        self._call = call
        self._desk = desk
        self._leg = leg
        self._language = call.info.variables.get("LANG") or "cmn"
        self._progress = Progress.parse(call.info.variables.get("KEYS", ""))

    async def lead(self) -> None:
        if not await self._desk.wanted(self._leg):
            await self._end("followup/over")
            return
        if not self._progress.reached:
            refusal = await self._greet()
            if refusal:
                await self._desk.conclude(self._leg, self._progress.heard(self._call.info, refusal))
                await self._end("followup/later")
                return
            await self._remember(replace(self._progress, reached=True))
        if not self._progress.answers:
            await self._tell()
        for question in QUESTIONS[len(self._progress.answers) :]:
            answer = await self._ask(question)
            answers = (*self._progress.answers, answer)
            await self._remember(replace(self._progress, answers=answers))
        heard = self._progress.heard(self._call.info, "answered")
        await self._desk.conclude(self._leg, heard)
        await self._end(FAREWELLS[verdict(heard) or FollowUpState.MIXED])

    async def _greet(self) -> str:
        """Why he isn't to be asked now; "" when he wants to."""
        for _ in range(GREETED_TIMES):
            key = await self._key("followup/greeting", greeting=True)
            if key == YES_KEY:
                return ""
            if key == NO_KEY:
                return "not_now"
        return "no_key"

    async def _tell(self) -> None:
        """The result: which ticket, its state, the reply. A key he presses skips the rest of it."""
        sound = self._desk.reply_sound(self._leg)
        said = ("followup/ticket", *digits(self._leg.number), "followup/answered")
        if await self._play((*said, "followup/reply" if sound else "followup/reply_unspoken")):
            return
        if sound:
            await self._call.play_file(sound, interrupt=SKIP_KEY)

    async def _ask(self, question: str) -> bool | None:
        """His answer; None when he has given none, asked twice."""
        for turn in range(ASKED_TIMES):
            key = await self._key(f"{question}_again" if turn else question)
            if key in (YES_KEY, NO_KEY):
                return key == YES_KEY
        return None

    async def _remember(self, progress: Progress) -> None:
        self._progress = progress
        await self._call.remember(KEYS=str(progress))
        log.info(
            "follow_up_heard", tenant=self._leg.tenant, ticket=self._leg.number,
            call_id=self._leg.id, answers=len(progress.answers),
        )  # fmt: skip

    async def _key(self, prompt: str, *, greeting: bool = False) -> str:
        return await self._desk.ear.ask(self._call, prompt, self._language, greeting=greeting)

    async def _play(self, prompts: Sequence[str]) -> str:
        return await self._call.play(prompts, language=self._language, interrupt=SKIP_KEY)

    async def _end(self, prompt: str) -> None:
        await self._play((prompt,))
        await self._call.finish()
