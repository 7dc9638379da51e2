"""What a ticket itself forbids, and which of several ways an event takes it.

A rule raises `EventRefused`; a choice names the state. `tickets.lifecycle` says where they hold.
"""

from collections.abc import Callable
from datetime import date

from tickets.effects import ClockName
from tickets.errors import EventRefused
from tickets.life import Life, Limits, Told
from tickets.model import TicketState
from tickets.told_data import numbers, text, texts

S = TicketState
Rule = Callable[[Life, Told, Limits], None]
Choice = Callable[[Life, Told, Limits], TicketState]


def _code(known: frozenset[str]) -> Rule:
    def rule(life: Life, told: Told, limits: Limits) -> None:
        if told.data.get("code") not in known:
            raise EventRefused("unknown-code", f"code must be one of {', '.join(sorted(known))}")

    return rule


def returnable(life: Life, told: Told, limits: Limits) -> None:
    if not life.returnable:
        raise EventRefused("not-returnable", "a return was refused or ruled on: it stays here")
    if limits.return_until is not None and told.at > limits.return_until:
        raise EventRefused("return-too-late", f"returns ended at {limits.return_until}")


def extendable(life: Life, told: Told, limits: Limits) -> None:
    if life.kind in limits.never_extended:
        raise EventRefused("not-extendable", f"a {life.kind} is never extended")
    if not limits.extensions:
        raise EventRefused("not-extendable", "the policy has no extension for such a ticket")
    if life.extensions >= limits.extensions:
        raise EventRefused("not-extendable", "it was extended before, as often as the policy lets")
    if life.long_term and ClockName.FINISH in life.paused:
        raise EventRefused("not-extendable", "a long-term matter's clock stands still")
    if limits.finish_due is not None and told.at > limits.finish_due:
        raise EventRefused("extension-too-late", f"it was due at {limits.finish_due}")
    numbers(told.data, "days", 1, limits.extension_days)


def extension_days(life: Life, told: Told, limits: Limits) -> None:
    numbers(told.data, "days", 1, limits.extension_days)


def may_reply(life: Life, told: Told, limits: Limits) -> None:
    if life.open_children:
        raise EventRefused("children-open", f"{life.open_children} parts of it are still open")
    if not life.contacted and not life.parent:
        raise EventRefused("citizen-not-contacted", "tell first how the citizen was contacted")


def linkable(life: Life, told: Told, limits: Limits) -> None:
    if told.data["main"] == life.number:
        raise EventRefused("links-itself", "a ticket can't be linked to itself")
    if life.repeats:
        raise EventRefused("has-linked", f"{life.repeats} tickets are linked to this one")
    if life.parent:
        raise EventRefused("part-of-parent", "a part of a ticket is linked with its parent")


def new_units(life: Life, told: Told, limits: Limits) -> None:
    units = texts(told.data, "units")
    if known := {life.lead, *life.co_units} & set(units):
        raise EventRefused("unit-twice", f"{', '.join(sorted(known))} has it already")


def part_units(life: Life, told: Told, limits: Limits) -> None:
    if life.lead in texts(told.data, "units"):
        raise EventRefused("unit-twice", f"{life.lead} can't hand a part to itself")


def _to_come(name: str) -> Rule:
    def rule(life: Life, told: Told, limits: Limits) -> None:
        try:
            day = date.fromisoformat(text(told.data, name))
        except ValueError as error:
            raise EventRefused("bad-data", f"{name} must be a day such as 2026-11-30") from error
        if day < told.at.date():
            raise EventRefused(
                "bad-data", f"{name} {day} lies in the past", f"{day} 已经过去,请另选日期。"
            )

    return rule


def proven(life: Life, told: Told, limits: Limits) -> None:
    if not (text(told.data, "recording") or text(told.data, "code")):
        raise EventRefused("missing-data", "a withdrawal needs its recording or the citizen's code")


def is_long_term(life: Life, told: Told, limits: Limits) -> None:
    if not life.long_term:
        raise EventRefused("not-long-term", "it isn't kept as a long-term matter")


def whole(life: Life, told: Told, limits: Limits) -> None:
    if life.parent:
        raise EventRefused("part-of-parent", f"it is a part of {life.parent}: ask there")


def by_returns(life: Life, told: Told, limits: Limits) -> TicketState:
    return S.JOINT_REVIEW if life.returns + 1 >= limits.returns else S.PENDING_REVIEW


def by_case(life: Life, told: Told, limits: Limits) -> TicketState:
    return S.STATUTORY if life.statutory else S.IN_PROGRESS


def by_parent(life: Life, told: Told, limits: Limits) -> TicketState:
    return S.ARCHIVED if life.parent else S.CALLBACK


def by_tries(life: Life, told: Told, limits: Limits) -> TicketState:
    return S.MANUAL_REVIEW if life.unreachable + 1 >= limits.unreachable else life.state


def when_both(life: Life, told: Told, limits: Limits) -> TicketState:
    """A linked ticket ends when its own citizen was called and its main ticket has ended."""
    if told.event == "main_archived":
        return S.ARCHIVED if life.called_back else S.MERGED
    return S.ARCHIVED if life.main_done else S.MERGED


REFUSALS = frozenset(
    {
        "outside_jurisdiction", "state_secret", "third_party_secret", "other_authority",
        "emergency", "legal_procedure", "already_closed", "insult", "abuse", "other_law",
    }
)  # fmt: skip
"""The ten reasons not to accept (不予受理)."""
REFUSABLE = REFUSALS - {"emergency"}
"""Those a ticket may be refused with: an emergency is transferred, never refused."""
VOIDS = frozenset({"empty", "wrong_number", "test", "technical"})
EMERGENCIES = frozenset({"110", "119", "120", "122", "12395"})


def to_emergency(life: Life, told: Told, limits: Limits) -> None:
    if told.data.get("to") not in EMERGENCIES:
        raise EventRefused("unknown-code", f"to must be one of {', '.join(sorted(EMERGENCIES))}")


refusal_code, void_code = _code(REFUSABLE), _code(VOIDS)
due_to_come, review_to_come = _to_come("due_on"), _to_come("review_on")
