"""A seat and its reservation, as one table: what may happen to a seat, and where it leads.

A reservation is pending (RESERVED) → accepted (TALKING), rejected, timed out or rescinded (all
three MISSED, which leads to COOL_DOWN) or cancelled by the caller's leaving (WITHDRAWN); accepted →
WRAP_UP → rest. It carries a fencing token that only ever grows, so that a report on an
earlier one is recognised and refused. A seat at rest is OFFLINE, PAUSED or READY, as its phone and
its wishes say.
"""

from dataclasses import dataclass
from enum import StrEnum

from queue_manager.errors import ImpossibleEvent, StaleToken
from queue_manager.model import MissReason, SeatState

MISSED_REASON = "missed"
SIGNED_OFF = "signed_off"
"""The pause reason of a seat that is off, though its telephone may be there: it rests OFFLINE."""

_NOBODYS_MISS = frozenset({MissReason.UNREACHABLE, MissReason.RESCINDED})


class SeatEvent(StrEnum):
    """What can happen to a seat."""

    CONNECTED = "connected"
    LOST = "lost"
    READY_ASKED = "ready_asked"
    PAUSE_ASKED = "pause_asked"
    RESERVED = "reserved"
    ANSWERED = "answered"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"
    TALK_FOUND = "talk_found"
    TALK_ENDED = "talk_ended"
    WRAP_UP_ENDED = "wrap_up_ended"
    COOL_DOWN_ENDED = "cool_down_ended"


class Goal(StrEnum):
    """Targets that depend on what is known of the seat."""

    STAY = "stay"
    REST = "rest"
    REST_AFTER_MISS = "rest_after_miss"


@dataclass(frozen=True, slots=True)
class SeatStatus:
    """All that decides a seat's next step.

    `pause_reason` is "" when the seat wants calls; while it is busy a reason waits until it rests.
    `token` is the reservation it is in (0: none), `fence` the highest token it ever had.
    """

    state: SeatState = SeatState.OFFLINE
    connected: bool = False
    pause_reason: str = ""
    token: int = 0
    fence: int = 0
    call_id: str = ""
    misses: int = 0


_S, _E, _G = SeatState, SeatEvent, Goal

TABLE: dict[tuple[SeatState, SeatEvent], SeatState | Goal] = {
    # at rest: phone and wishes decide
    (_S.OFFLINE, _E.CONNECTED): _G.REST,
    (_S.OFFLINE, _E.LOST): _G.STAY,
    (_S.OFFLINE, _E.READY_ASKED): _G.REST,
    (_S.OFFLINE, _E.PAUSE_ASKED): _G.REST,
    (_S.OFFLINE, _E.TALK_FOUND): _S.TALKING,
    (_S.PAUSED, _E.CONNECTED): _G.STAY,
    (_S.PAUSED, _E.LOST): _G.REST,
    (_S.PAUSED, _E.READY_ASKED): _G.REST,
    (_S.PAUSED, _E.PAUSE_ASKED): _G.REST,
    (_S.PAUSED, _E.TALK_FOUND): _S.TALKING,
    (_S.READY, _E.CONNECTED): _G.STAY,
    (_S.READY, _E.LOST): _G.REST,
    (_S.READY, _E.READY_ASKED): _G.STAY,
    (_S.READY, _E.PAUSE_ASKED): _G.REST,
    (_S.READY, _E.TALK_FOUND): _S.TALKING,
    (_S.READY, _E.RESERVED): _S.RESERVED,
    # a caller rings: phone and wishes wait
    (_S.RESERVED, _E.CONNECTED): _G.STAY,
    (_S.RESERVED, _E.LOST): _G.STAY,
    (_S.RESERVED, _E.READY_ASKED): _G.STAY,
    (_S.RESERVED, _E.PAUSE_ASKED): _G.STAY,
    (_S.RESERVED, _E.ANSWERED): _S.TALKING,
    (_S.RESERVED, _E.MISSED): _G.REST_AFTER_MISS,
    (_S.RESERVED, _E.WITHDRAWN): _G.REST,
    (_S.RESERVED, _E.TALK_FOUND): _S.TALKING,
    # talk and what follows
    (_S.TALKING, _E.CONNECTED): _G.STAY,
    (_S.TALKING, _E.LOST): _G.STAY,
    (_S.TALKING, _E.READY_ASKED): _G.STAY,
    (_S.TALKING, _E.PAUSE_ASKED): _G.STAY,
    (_S.TALKING, _E.TALK_ENDED): _S.WRAP_UP,
    (_S.WRAP_UP, _E.CONNECTED): _G.STAY,
    (_S.WRAP_UP, _E.LOST): _G.STAY,
    (_S.WRAP_UP, _E.READY_ASKED): _G.REST,
    (_S.WRAP_UP, _E.PAUSE_ASKED): _G.STAY,
    (_S.WRAP_UP, _E.TALK_FOUND): _S.TALKING,
    (_S.WRAP_UP, _E.WRAP_UP_ENDED): _G.REST,
    # after a missed ring
    (_S.COOL_DOWN, _E.CONNECTED): _G.STAY,
    (_S.COOL_DOWN, _E.LOST): _G.REST,
    (_S.COOL_DOWN, _E.READY_ASKED): _G.REST,
    (_S.COOL_DOWN, _E.PAUSE_ASKED): _G.REST,
    (_S.COOL_DOWN, _E.TALK_FOUND): _S.TALKING,
    (_S.COOL_DOWN, _E.COOL_DOWN_ENDED): _G.REST,
}

_FENCED = frozenset({_E.ANSWERED, _E.MISSED, _E.WITHDRAWN, _E.TALK_ENDED})
_OPENING = frozenset({_E.RESERVED, _E.TALK_FOUND})
_CLOSING = frozenset({_E.MISSED, _E.WITHDRAWN, _E.TALK_ENDED})


def decide(
    status: SeatStatus,
    event: SeatEvent,
    *,
    token: int = 0,
    call_id: str = "",
    reason: str = "",
    miss_limit: int = 0,
) -> SeatStatus:
    """What the seat is after an event.

    `token` names the reservation that the event opens or reports on, `call_id` the caller of one
    that opens, `reason` the pause asked for or why an offer was missed, `miss_limit` the misses in
    a row that pause a seat; a phone that couldn't be reached, or an offer that was taken back, is
    nobody's miss.
    Raises `StaleToken` for a report on another reservation than the present one, or a new one that
    isn't newer; `ImpossibleEvent` for a pair of state and event that the table doesn't have.
    """
    target = _target(status, event, token)
    connected, pause, misses = status.connected, status.pause_reason, status.misses
    pending, fence, caller = status.token, status.fence, status.call_id
    if event in _OPENING:
        pending = fence = token
        caller = call_id
    elif event is _E.ANSWERED:
        misses = 0
    elif event in _CLOSING:
        pending, caller = 0, ""
        misses += event is _E.MISSED and reason not in _NOBODYS_MISS
    elif event is _E.CONNECTED or event is _E.LOST:
        connected = event is _E.CONNECTED
    elif event is _E.READY_ASKED:
        pause, misses = "", 0
    elif event is _E.PAUSE_ASKED:
        pause = reason
    if target is _G.REST_AFTER_MISS and misses >= miss_limit:
        pause, misses = pause or MISSED_REASON, 0
    state = _state(status.state, target, connected, pause)
    return SeatStatus(state, connected, pause, pending, fence, caller, misses)


def _target(status: SeatStatus, event: SeatEvent, token: int) -> SeatState | Goal:
    """Where the table leads from here; raises as `decide`."""
    if event in _FENCED:
        if token != status.token or not token:
            raise StaleToken(f"{event} for reservation {token}, the seat is in {status.token}")
    elif event in _OPENING and token <= status.fence:
        raise StaleToken(f"{event} with token {token}, the seat has seen {status.fence}")
    try:
        return TABLE[status.state, event]
    except KeyError:
        raise ImpossibleEvent(f"a seat that is {status.state} can't be {event}") from None


def _state(
    state: SeatState, target: SeatState | Goal, connected: bool, pause_reason: str
) -> SeatState:
    if isinstance(target, SeatState):
        return target
    if target is Goal.STAY:
        return state
    rest = _rest(connected, pause_reason)
    cools = target is Goal.REST_AFTER_MISS and rest is SeatState.READY
    return SeatState.COOL_DOWN if cools else rest


def _rest(connected: bool, pause_reason: str) -> SeatState:
    if not connected or pause_reason == SIGNED_OFF:
        return SeatState.OFFLINE
    return SeatState.PAUSED if pause_reason else SeatState.READY


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2"]
    for (state, event), target in TABLE.items():
        if target is not Goal.STAY:
            lines.append(f"    {state} --> {target}: {event}")
    return "\n".join(lines) + "\n"
