"""A talk and what seats and supervisors do with it, as one table. Pure.

Three may take part: the citizen, the seat that has him (`first`), and somebody who is consulted,
added or takes over (`third`: a seat, or a number outside). What happens to them is an event here;
from the state follows where the citizen has to be (`Wish`), and his session and the others' see to
it. Supervisors who only listen or whisper are no part of this: they change nothing.

| State | Citizen | First | Third |
|---|---|---|---|
| talking | with first | with the citizen | – |
| calling | holds | hears it ring | rings |
| consulting | holds | with third | with first |
| three_way | with both | with both | with both |
| seeking | holds, is told | holds, is told | an interpreter is looked for, or rings |
| adding | with first | with the citizen | rings |
| taking | with first | with the citizen | rings, will have the citizen |
| held | holds | gone | rings, will have the citizen |
| handed | goes elsewhere (queue, seat, number) | let go | – |
| returned | goes back to his queue: nobody has him any more | – | – |
| over | has had his talk | let go | let go |
"""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto

from ivr.talk_errors import TalkBusy


class TalkState(StrEnum):
    """Where a talk stands; the last three are ends."""

    TALKING = "talking"
    CALLING = "calling"
    CONSULTING = "consulting"
    THREE_WAY = "three_way"
    SEEKING = "seeking"
    ADDING = "adding"
    TAKING = "taking"
    HELD = "held"
    HANDED = "handed"
    RETURNED = "returned"
    OVER = "over"


class TalkEvent(StrEnum):
    """What can happen to a talk: asked for (the first eight), or seen."""

    CONSULT_ASKED = "consult_asked"
    ADD_ASKED = "add_asked"
    TAKE_ASKED = "take_asked"
    SEEK_ASKED = "seek_asked"
    TRANSFER_ASKED = "transfer_asked"
    COMPLETE_ASKED = "complete_asked"
    JOIN_ASKED = "join_asked"
    CANCEL_ASKED = "cancel_asked"
    THIRD_ANSWERED = "third_answered"
    THIRD_FAILED = "third_failed"
    FIRST_LEFT = "first_left"
    THIRD_LEFT = "third_left"
    CITIZEN_LEFT = "citizen_left"
    JOIN_FAILED = "join_failed"
    """Nobody was there (any more) when the citizen was to be joined with him."""


class Wish(Enum):
    """Where the citizen has to be. BESIDE joins the talk that first and third are having."""

    WITH_FIRST = auto()
    BESIDE_FIRST = auto()
    HOLD = auto()
    HAND_ON = auto()
    BACK = auto()
    END = auto()


class Drop(Enum):
    """Whose leg must be ended for the next state to come about; others end by themselves."""

    FIRST = auto()
    THIRD = auto()


@dataclass(frozen=True, slots=True)
class Party:
    """Who takes part besides the citizen: a seat, or (seat_id "") a number outside.

    `leg_id` is its channel's id and `channel` its name once they are known.
    """

    seat_id: str = ""
    number: str = ""
    leg_id: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class TalkStatus:
    """All that decides a talk's next step. `beside` is how three came together: the citizen
    joined the other two."""

    state: TalkState = TalkState.TALKING
    first: Party = Party()
    third: Party | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    state: TalkState
    drop: tuple[Drop, ...] = ()
    promotes: bool = False


_S, _E, _D = TalkState, TalkEvent, Drop
_BOTH = (_D.FIRST, _D.THIRD)
_OVER = _Row(_S.OVER)
_GONE = _Row(_S.OVER, _BOTH)
_PROMOTED = _Row(_S.TALKING, promotes=True)

TABLE: dict[tuple[TalkState, TalkEvent], _Row] = {
    (_S.TALKING, _E.CONSULT_ASKED): _Row(_S.CALLING),
    (_S.TALKING, _E.ADD_ASKED): _Row(_S.ADDING),
    (_S.TALKING, _E.TAKE_ASKED): _Row(_S.TAKING),
    (_S.TALKING, _E.SEEK_ASKED): _Row(_S.SEEKING),
    (_S.TALKING, _E.TRANSFER_ASKED): _Row(_S.HANDED, (_D.FIRST,)),
    (_S.TALKING, _E.FIRST_LEFT): _OVER,
    (_S.TALKING, _E.CITIZEN_LEFT): _GONE,
    (_S.TALKING, _E.JOIN_FAILED): _Row(_S.RETURNED, (_D.FIRST,)),
    # the third party is rung from the first one's leg: it ends with it
    (_S.CALLING, _E.THIRD_ANSWERED): _Row(_S.CONSULTING),
    (_S.CALLING, _E.THIRD_FAILED): _Row(_S.TALKING),
    (_S.CALLING, _E.CANCEL_ASKED): _Row(_S.TALKING),
    (_S.CALLING, _E.FIRST_LEFT): _Row(_S.RETURNED),
    (_S.CALLING, _E.CITIZEN_LEFT): _GONE,
    # joining the citizen with one of the two sets the other free
    (_S.CONSULTING, _E.COMPLETE_ASKED): _PROMOTED,
    (_S.CONSULTING, _E.CANCEL_ASKED): _Row(_S.TALKING),
    (_S.CONSULTING, _E.JOIN_ASKED): _Row(_S.THREE_WAY),
    (_S.CONSULTING, _E.FIRST_LEFT): _PROMOTED,
    (_S.CONSULTING, _E.THIRD_LEFT): _Row(_S.TALKING),
    (_S.CONSULTING, _E.CITIZEN_LEFT): _GONE,
    (_S.THREE_WAY, _E.COMPLETE_ASKED): _Row(_S.TALKING, (_D.FIRST,), promotes=True),
    (_S.THREE_WAY, _E.CANCEL_ASKED): _Row(_S.TALKING, (_D.THIRD,)),
    (_S.THREE_WAY, _E.FIRST_LEFT): _PROMOTED,
    (_S.THREE_WAY, _E.THIRD_LEFT): _Row(_S.TALKING),
    (_S.THREE_WAY, _E.CITIZEN_LEFT): _GONE,
    (_S.THREE_WAY, _E.JOIN_FAILED): _Row(_S.RETURNED, _BOTH),
    # an interpreter: whoever misses the ring, another one is looked for
    (_S.SEEKING, _E.THIRD_ANSWERED): _Row(_S.THREE_WAY),
    (_S.SEEKING, _E.THIRD_FAILED): _Row(_S.SEEKING),
    (_S.SEEKING, _E.CANCEL_ASKED): _Row(_S.TALKING, (_D.THIRD,)),
    (_S.SEEKING, _E.FIRST_LEFT): _Row(_S.RETURNED, (_D.THIRD,)),
    (_S.SEEKING, _E.CITIZEN_LEFT): _GONE,
    (_S.ADDING, _E.THIRD_ANSWERED): _Row(_S.THREE_WAY),
    (_S.ADDING, _E.THIRD_FAILED): _Row(_S.TALKING),
    (_S.ADDING, _E.CANCEL_ASKED): _Row(_S.TALKING, (_D.THIRD,)),
    (_S.ADDING, _E.FIRST_LEFT): _Row(_S.OVER, (_D.THIRD,)),
    (_S.ADDING, _E.CITIZEN_LEFT): _GONE,
    (_S.ADDING, _E.JOIN_FAILED): _Row(_S.RETURNED, _BOTH),
    (_S.TAKING, _E.THIRD_ANSWERED): _Row(_S.TALKING, (_D.FIRST,), promotes=True),
    (_S.TAKING, _E.THIRD_FAILED): _Row(_S.TALKING),
    (_S.TAKING, _E.CANCEL_ASKED): _Row(_S.TALKING, (_D.THIRD,)),
    (_S.TAKING, _E.FIRST_LEFT): _Row(_S.HELD),
    (_S.TAKING, _E.CITIZEN_LEFT): _GONE,
    (_S.TAKING, _E.JOIN_FAILED): _Row(_S.HELD, (_D.FIRST,)),
    (_S.HELD, _E.THIRD_ANSWERED): _PROMOTED,
    (_S.HELD, _E.THIRD_FAILED): _Row(_S.RETURNED),
    (_S.HELD, _E.CANCEL_ASKED): _Row(_S.RETURNED, (_D.THIRD,)),
    (_S.HELD, _E.CITIZEN_LEFT): _GONE,
}

WISHES = {
    _S.TALKING: Wish.WITH_FIRST,
    _S.CALLING: Wish.HOLD,
    _S.CONSULTING: Wish.HOLD,
    _S.THREE_WAY: Wish.WITH_FIRST,
    _S.SEEKING: Wish.HOLD,
    _S.ADDING: Wish.WITH_FIRST,
    _S.TAKING: Wish.WITH_FIRST,
    _S.HELD: Wish.HOLD,
    _S.HANDED: Wish.HAND_ON,
    _S.RETURNED: Wish.BACK,
    _S.OVER: Wish.END,
}
_NOBODY = (None, Party())
ENDS = frozenset({_S.HANDED, _S.RETURNED, _S.OVER})
_WITHOUT_FIRST = frozenset({_S.HELD, *ENDS})
_WITH_THIRD = frozenset(
    {_S.CALLING, _S.CONSULTING, _S.THREE_WAY, _S.SEEKING, _S.ADDING, _S.TAKING, _S.HELD}
)


@dataclass(frozen=True, slots=True)
class Move:
    """What an event leads to: the next status, and whose legs must be ended for it. `parts`: the
    citizen can't stay in the bridge he is in."""

    status: TalkStatus
    drop: tuple[Party, ...] = ()
    parts: bool = False


def can(status: TalkStatus, event: TalkEvent) -> bool:
    """Whether the table has this pair."""
    return (status.state, event) in TABLE


def decide(status: TalkStatus, event: TalkEvent, third: Party | None = None) -> Move:
    """What a talk is after an event; `third` is who comes in with one that was asked for.

    Raises `TalkBusy` for a pair that the table doesn't have.
    """
    row = TABLE.get((status.state, event))
    if row is None:
        raise TalkBusy(f"a talk that is {status.state} can't have {event}")
    present = third or status.third
    drops = {Drop.FIRST: status.first, Drop.THIRD: present}
    ended = tuple(party for party in map(drops.__getitem__, row.drop) if party not in _NOBODY)
    first = status.first
    if row.promotes:
        assert present is not None, f"{status.state} without a third party"
        first, present = present, None
    if row.state in _WITHOUT_FIRST:
        first = Party()
    moved = TalkStatus(
        row.state,
        first,
        present if row.state in _WITH_THIRD and event is not TalkEvent.THIRD_FAILED else None,
        beside=event is TalkEvent.JOIN_ASKED,
    )
    holds = Wish.HOLD in (wish(status), wish(moved))
    return Move(moved, ended, parts=holds or (status.state is TalkState.TAKING and row.promotes))


def wish(status: TalkStatus) -> Wish:
    """Where the citizen has to be now."""
    return Wish.BESIDE_FIRST if status.beside else WISHES[status.state]


def with_third(status: TalkStatus, third: Party | None) -> TalkStatus:
    """The same, knowing more of the third party (its leg), or another one being tried."""
    return replace(status, third=third)


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {state} --> {row.state}: {event}" for (state, event), row in TABLE.items()]
    return "\n".join(lines) + "\n"
