"""What two houses tell each other of a ticket that has crossed over. Pure.

The house that sent the ticket has it `OUT`, the one that took it `IN`. Each says what the other
must know: `outgoing` is that, `taken` what a house does about what it is told. What was told by a
peer is never told back to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tickets.life import SYSTEM, Actor, Life, Role, Told
from tickets.lifecycle import CLOSED
from tickets.model import TicketState
from tickets.told_data import text

S = TicketState


class Way(StrEnum):
    """Whether a ticket was sent, or came."""

    OUT = "out"
    IN = "in"


class Word(StrEnum):
    """What a message says of its ticket."""

    TICKET = "ticket"
    ACCEPTED = "accepted"
    PROGRESS = "progress"
    RETURNED = "returned"
    REPLIED = "replied"
    URGED = "urged"
    SUPERVISED = "supervised"
    INFO = "info"
    RECALLED = "recalled"
    WITHDRAWN = "withdrawn"
    RETURN_REFUSED = "return_refused"
    SENT_BACK = "sent_back"
    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    CLOSED = "closed"


OUTWARD = frozenset(
    {
        Word.TICKET, Word.URGED, Word.SUPERVISED, Word.INFO, Word.RECALLED, Word.WITHDRAWN,
        Word.RETURN_REFUSED, Word.SENT_BACK, Word.SATISFIED, Word.UNSATISFIED, Word.CLOSED,
    }
)  # fmt: skip
"""What the house says that sent the ticket; all else says the one that took it."""


@dataclass(frozen=True, slots=True)
class Say:
    """A word for the peer, with the data that goes with it."""

    word: Word
    data: Mapping[str, object]


def peer_actor(peer: str, role: Role, unit: str = "") -> Actor:
    """Who has done it, when a peer told it."""
    return Actor(f"peer:{peer}", role, unit)


def outgoing(way: Way, peer: str, life: Life, told: Told, reply: str = "") -> Say | None:
    """What an event of a ticket that has crossed is to the peer. `life` is after the event,
    `reply` the last reply kept of it."""
    if told.actor.id == f"peer:{peer}":
        return None
    if way is Way.OUT:
        return _of_sender(life, told)
    return _of_taker(life, told, reply)


def _of_sender(life: Life, told: Told) -> Say | None:
    reason = {"reason": text(told.data, "reason")}
    match told.event:
        case "urged":
            return Say(Word.URGED, {"text": text(told.data, "text")})
        case "supervised":
            return Say(Word.SUPERVISED, reason)
        case "info_given":
            return Say(Word.INFO, {"text": text(told.data, "text")})
        case "noted" if text(told.data, "recording") and _may_add(life):
            return Say(Word.INFO, {"text": text(told.data, "text")})
        case "withdrawn":
            return Say(Word.WITHDRAWN, {})
        case "return_granted":
            return Say(Word.RECALLED, {"reason": "return granted"})
        case "return_refused":
            return Say(Word.RETURN_REFUSED, reason)
        case "reply_sent_back":
            return Say(Word.SENT_BACK, reason)
        case "satisfied":
            return Say(Word.SATISFIED, {})
        case "unsatisfied":
            return Say(Word.UNSATISFIED, reason)
        case "dispatched" if life.round > 1:
            return Say(Word.UNSATISFIED, reason)
    return Say(Word.CLOSED, reason) if life.state in CLOSED else None


def _may_add(life: Life) -> bool:
    """Whether the peer hears what the citizen adds by telephone."""
    return life.state not in CLOSED and not life.confidential


def _of_taker(life: Life, told: Told, reply: str) -> Say | None:
    state = {"state": str(life.state)}
    match told.event:
        case "dispatched" if life.round == 1:
            return Say(Word.ACCEPTED, state)
        case "answered":
            return Say(Word.REPLIED, {"reply": text(told.data, "answer"), **state})
        case "reply_passed" if life.state is S.CALLBACK:
            return Say(Word.REPLIED, {"reply": reply, **state})
        case "refused" | "voided" | "transferred" | "withdrawn":
            why = ": ".join(
                word for name in ("code", "to", "reason") if (word := text(told.data, name))
            )
            return Say(Word.RETURNED, {"reason": why or told.event, **state})
        case "signed" | "extension_granted" | "case_filed" | "long_term_set" | "reassigned":
            return Say(Word.PROGRESS, {"event": told.event, **state})
    return None


def taken(peer: str, life: Life, say: Say, at: datetime) -> Sequence[Told]:
    """What becomes of a message here, in this order; none when it only informs.

    `life` is our ticket's now. The lifecycle may refuse what comes of it.
    """
    if say.word in OUTWARD:
        return _taken_by_taker(peer, life, say, at)
    return _taken_by_sender(peer, life, say, at)


def _taken_by_sender(peer: str, life: Life, say: Say, at: datetime) -> Sequence[Told]:
    actor = peer_actor(peer, Role.DEPARTMENT, life.lead)

    def told(event: str, **data: object) -> Told:
        return Told(event, actor, at, data)

    match say.word:
        case Word.ACCEPTED if life.state is S.DISPATCHED:
            return [told("signed")]
        case Word.RETURNED:
            reason = text(say.data, "reason") or "returned"
            return [told("return_asked", reason=reason, basis="exchange", suggested=life.lead)]
        case Word.REPLIED:
            signed = [told("signed")] if life.state is S.DISPATCHED else []
            return [
                *signed,
                told("contacted", how="exchange"),
                told("replied", reply=text(say.data, "reply") or "-"),
            ]
    return []


def _taken_by_taker(peer: str, life: Life, say: Say, at: datetime) -> Sequence[Told]:
    reviewer = peer_actor(peer, Role.REVIEWER)
    system = Actor(f"peer:{peer}", SYSTEM.role)
    reason = text(say.data, "reason") or say.word.value

    def told(event: str, **data: object) -> Told:
        return Told(event, system, at, data)

    match say.word:
        case Word.URGED:
            return [told("urged", text=text(say.data, "text"))]
        case Word.SUPERVISED:
            return [told("supervised", reason=reason)]
        case Word.INFO if given := text(say.data, "text"):
            waits = life.state in (S.PENDING_INFO, S.MANUAL_REVIEW)
            return [told("info_given" if waits else "noted", text=given)]
        case Word.RECALLED | Word.WITHDRAWN if life.state not in CLOSED:
            return [told("withdrawn", code=say.word.value)]
        case Word.RETURN_REFUSED:
            return [Told("appealed", reviewer, at, {"reason": reason})]
        case Word.SENT_BACK | Word.UNSATISFIED if life.state in CLOSED:
            return [Told("appealed", reviewer, at, {"reason": reason})]
        case Word.SENT_BACK:
            return [told("mixed", reason=reason)]
        case Word.SATISFIED if life.state is S.CALLBACK:
            return [told("satisfied")]
        case Word.UNSATISFIED if life.state is S.CALLBACK:
            return [told("unsatisfied", reason=reason)]
        case Word.UNSATISFIED if life.state is S.MANUAL_REVIEW:
            again = {"lead": life.lead, "reason": reason}
            return [Told("dispatched", reviewer, at, again)]
        case Word.CLOSED if life.state is S.CALLBACK:
            return [told("mixed"), Told("closed", reviewer, at, {"reason": reason})]
        case Word.CLOSED | Word.SATISFIED if life.state is S.MANUAL_REVIEW:
            return [Told("closed", reviewer, at, {"reason": reason})]
    return []
