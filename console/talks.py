"""Talks that go on, seen from the console: its port for them, and how a talk is spelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from console.errors import UnknownTalk


class TalkVerb(StrEnum):
    """What may be asked of a talk; the last four are the supervisors'."""

    CONSULT = "consult"
    TRANSFER = "transfer"
    JOIN = "join"
    COMPLETE = "complete"
    CANCEL = "cancel"
    EMERGENCY = "emergency"
    EMERGENCY_TOGETHER = "emergency_together"
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    TAKE_OVER = "take_over"


SUPERVISORS = frozenset({TalkVerb.LISTEN, TalkVerb.WHISPER, TalkVerb.BARGE, TalkVerb.TAKE_OVER})


@dataclass(frozen=True, slots=True)
class TalkTarget:
    """Who is meant: `kind` is seat, queue, line or number."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class TalkParty:
    """Who takes part besides the citizen; `role` is first, third, listening or whispering."""

    role: str
    seat_id: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class TalkView:
    """A talk as boards show it; `seat_id` is the seat that has the citizen ("": none just now),
    `failed` how the last call to a number outside came to nothing, such as BUSY."""

    call_id: str
    line_id: str
    seat_id: str
    state: str
    since: datetime
    parties: Sequence[TalkParty] = ()
    failed: str = ""


class Talks(Protocol):
    """The engine's talks. Raises `UnknownTalk`, `TalkElsewhere`, `TalkNotPossible`, `SeatBusy`,
    `TargetNotAllowed`, `SwitchUnavailable`; then nothing has changed."""

    def talks(self, tenant: str) -> Sequence[TalkView]:
        """All of them, the longest first."""
        ...

    def talk(self, tenant: str, call_id: str) -> TalkView:
        """One of them."""
        ...

    async def act(
        self, tenant: str, call_id: str, verb: TalkVerb, target: TalkTarget | None
    ) -> TalkView:
        """Do it; for the supervisors' verbs the target is the seat whose telephone is rung. The
        talk as it is now: ringing takes its time."""
        ...


class NoTalks:
    """No talks (an engine that has just begun, tests)."""

    def talks(self, tenant: str) -> Sequence[TalkView]:
        return ()

    def talk(self, tenant: str, call_id: str) -> TalkView:
        raise UnknownTalk

    async def act(
        self, tenant: str, call_id: str, verb: TalkVerb, target: TalkTarget | None
    ) -> TalkView:
        raise UnknownTalk
