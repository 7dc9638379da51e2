"""A callback that keeps the place: its states, its table, and when it is due. Pure.

Somebody who waited has hung up and keeps his place. When his turn comes a seat is held for him and
he is rung; whoever picks up presses a key, and the seat is rung. Everything that changes a callback
is an event here; a pair that isn't in the table raises `ValueError`. Words that come late (after
the end) change nothing.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from queue_manager.model import Requirement, WaitingCaller
from queue_manager.rules import CallbackOrder, CallbackRules

_ATTEMPT = re.compile(r"(?P<call_id>.+)\.cb[1-9][0-9]{0,2}")


class CallbackState(StrEnum):
    """Where a callback stands; the last four are ends."""

    WAITING = "waiting"
    """Keeps his place; not before `next_at`, when he couldn't be reached."""
    CALLING = "calling"
    """A seat is held for him and he is being rung: written down before it is done."""
    REACHED = "reached"
    """Somebody (or something) picked up."""
    TALKING = "talking"
    CONNECTED = "connected"
    UNREACHED = "unreached"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class CallbackEvent(StrEnum):
    """What happens to a callback."""

    RUNG = "rung"
    """A seat is held: he is rung at once (this is written down first)."""
    PICKED_UP = "picked_up"
    SEAT_ANSWERED = "seat_answered"
    """Citizen and seat have each other."""
    TALK_ENDED = "talk_ended"
    NOT_REACHED = "not_reached"
    """Busy, no answer, no key pressed, or gone before a seat answered."""
    SEAT_MISSED = "seat_missed"
    """Seat first: the seat didn't take it, so that he wasn't rung."""
    LOST = "lost"
    """An engine died while he was to be rung, and nothing rings: he is rung anew at once."""
    TIME_OVER = "time_over"
    CANCELLED = "cancelled"


class _Goal(StrEnum):
    STAY = "stay"
    AGAIN = "again"


ENDS = frozenset(
    {
        CallbackState.CONNECTED,
        CallbackState.UNREACHED,
        CallbackState.EXPIRED,
        CallbackState.CANCELLED,
    }
)
UNDER_WAY = frozenset({CallbackState.CALLING, CallbackState.REACHED, CallbackState.TALKING})

_S, _E = CallbackState, CallbackEvent
TABLE: dict[tuple[CallbackState, CallbackEvent], CallbackState | _Goal] = {
    (_S.WAITING, _E.RUNG): _S.CALLING,
    (_S.WAITING, _E.TIME_OVER): _S.EXPIRED,
    (_S.WAITING, _E.CANCELLED): _S.CANCELLED,
    (_S.WAITING, _E.NOT_REACHED): _Goal.STAY,
    (_S.WAITING, _E.LOST): _Goal.STAY,
    # An attempt that was given up for lost turns out to be alive.
    (_S.WAITING, _E.PICKED_UP): _S.REACHED,
    (_S.WAITING, _E.SEAT_ANSWERED): _S.TALKING,
    (_S.WAITING, _E.TALK_ENDED): _S.CONNECTED,
    (_S.CALLING, _E.PICKED_UP): _S.REACHED,
    (_S.CALLING, _E.SEAT_ANSWERED): _S.TALKING,
    (_S.CALLING, _E.TALK_ENDED): _S.CONNECTED,
    (_S.CALLING, _E.NOT_REACHED): _Goal.AGAIN,
    (_S.CALLING, _E.SEAT_MISSED): _Goal.AGAIN,
    (_S.CALLING, _E.LOST): _Goal.AGAIN,
    (_S.CALLING, _E.TIME_OVER): _Goal.STAY,
    (_S.CALLING, _E.CANCELLED): _S.CANCELLED,
    (_S.REACHED, _E.PICKED_UP): _Goal.STAY,
    (_S.REACHED, _E.SEAT_ANSWERED): _S.TALKING,
    (_S.REACHED, _E.TALK_ENDED): _S.CONNECTED,
    (_S.REACHED, _E.NOT_REACHED): _Goal.AGAIN,
    (_S.REACHED, _E.TIME_OVER): _Goal.STAY,
    (_S.REACHED, _E.CANCELLED): _S.CANCELLED,
    (_S.TALKING, _E.PICKED_UP): _Goal.STAY,
    (_S.TALKING, _E.SEAT_ANSWERED): _Goal.STAY,
    (_S.TALKING, _E.TALK_ENDED): _S.CONNECTED,
    (_S.TALKING, _E.NOT_REACHED): _Goal.STAY,
    (_S.TALKING, _E.TIME_OVER): _Goal.STAY,
    (_S.TALKING, _E.CANCELLED): _Goal.STAY,
    **{(end, event): _Goal.STAY for end in ENDS for event in _E},
}


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback as it is kept. `call_id` is the call in which it was asked for, `number` whom to
    ring (E.164), `queued_at` when he first queued: his place. `attempts` is how often he was rung,
    at most `tries` times, `retry_s` apart. Each change counts `version` up: the newest one counts.
    """

    tenant: str
    call_id: str
    number: str
    line_id: str
    queue_id: str
    needs: Requirement
    language: str
    priority: int
    queued_at: datetime
    taken_at: datetime
    expires_at: datetime
    order: CallbackOrder
    tries: int
    retry_s: float
    state: CallbackState = CallbackState.WAITING
    attempts: int = 0
    next_at: datetime | None = None
    result: str = ""
    seat_id: str = ""
    ended_at: datetime | None = None
    version: int = 1

    @property
    def over(self) -> bool:
        """It has come to one of its ends."""
        return self.state in ENDS

    @property
    def under_way(self) -> bool:
        """He is being rung, or on the line."""
        return self.state in UNDER_WAY

    @property
    def leg_id(self) -> str:
        """The id of the call that rings him: of the one under way, else of the next one. It is
        also the id of his place, so that the call finds it."""
        return leg_id(self.call_id, self.attempts + (not self.under_way))

    @property
    def last_leg_id(self) -> str:
        """The id of the newest call that was made to ring him; of none (0) when none was."""
        return leg_id(self.call_id, self.attempts)

    def resting(self, now: datetime) -> bool:
        """True while he isn't to be rung again yet."""
        return self.next_at is not None and now < self.next_at

    def waiting_caller(self) -> WaitingCaller:
        """His place in the queue."""
        return WaitingCaller(
            tenant=self.tenant,
            call_id=self.leg_id,
            line_id=self.line_id,
            needs=self.needs,
            queued_at=self.queued_at,
            priority=self.priority,
            queue_id=self.queue_id,
            language=self.language,
            callback=True,
        )


def leg_id(call_id: str, attempt: int) -> str:
    """The id (Asterisk's Uniqueid) of the n-th call that rings him; one that exists is refused by
    Asterisk, so that no attempt is made twice."""
    return f"{call_id}.cb{attempt}"


def asked_in(leg: str) -> str:
    """The call in which the callback of this leg was asked for; "" for any other call."""
    match = _ATTEMPT.fullmatch(leg)
    return match["call_id"] if match else ""


def expires_at(rules: CallbackRules, taken_at: datetime) -> datetime:
    """When a callback taken now is given up."""
    return taken_at + timedelta(seconds=rules.expires_s)


def decide(
    callback: Callback, event: CallbackEvent, now: datetime, *, result: str = "", seat_id: str = ""
) -> Callback:
    """The callback after an event; the same object when nothing changes."""
    target = TABLE.get((callback.state, event))
    if target is None:
        raise ValueError(
            f"callback of {callback.call_id}: {event} can't happen to {callback.state}"
        )
    if target is _Goal.STAY:
        return callback
    moved = replace(
        callback,
        result=result or callback.result,
        seat_id=seat_id or callback.seat_id,
        version=callback.version + 1,
    )
    if event is CallbackEvent.RUNG:
        moved = replace(moved, attempts=callback.attempts + 1, next_at=None)
    if isinstance(target, _Goal):
        return _again(moved, event, now)
    return replace(moved, state=target, ended_at=now if target in ENDS else None)


def _again(callback: Callback, event: CallbackEvent, now: datetime) -> Callback:
    """He wasn't reached: once more later, unless that was the last try or the time is over. What
    was no fault of his goes on at once, and is no try when he wasn't rung."""
    if event is CallbackEvent.SEAT_MISSED:
        callback = replace(callback, tries=callback.tries + 1)
    next_at = now
    if event is CallbackEvent.NOT_REACHED:
        next_at += timedelta(seconds=callback.retry_s)
    if callback.attempts >= callback.tries:
        return replace(callback, state=CallbackState.UNREACHED, ended_at=now)
    if next_at >= callback.expires_at:
        return replace(callback, state=CallbackState.EXPIRED, ended_at=now)
    return replace(callback, state=CallbackState.WAITING, next_at=next_at)


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> waiting: taken"]
    for (state, event), target in TABLE.items():
        if target is _Goal.AGAIN:
            lines.append(f"    {state} --> waiting: {event}")
            lines.append(f"    {state} --> unreached: {event}, last try")
        elif target is not _Goal.STAY:
            lines.append(f"    {state} --> {target}: {event}")
    return "\n".join(lines) + "\n"
