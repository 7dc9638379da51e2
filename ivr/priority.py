"""How urgent a caller is: what he is, in steps of priority by the tenant's rules. Pure.

An elder is one whose record says so, who presses a key for it, or (where the flow has it so) who
presses no key within the first prompt.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.known_callers import KnownCaller
from queue_manager.rules import Priorities


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts for a caller; several may hold."""

    elder: bool = False
    repeat: bool = False
    danger: bool = False
    abandoned: bool = False


def standing(
    known: KnownCaller | None,
    now: datetime,
    weights: Priorities,
    *,
    elder: bool = False,
    danger: bool = False,
) -> Standing:
    """A caller's standing: what is known of him, and what he showed in this call. A caller of the
    future (the clock was set back) is as good as one of now."""
    if known is None:
        return Standing(elder=elder, danger=danger)
    return Standing(
        elder=elder or known.elder,
        repeat=_within(known.last_at, now, weights.repeat_within_s),
        danger=danger,
        abandoned=_within(known.abandoned_at, now, weights.abandoned_within_s),
    )


def priority_of(shown: Standing, weights: Priorities) -> int:
    """Steps of priority, 0 for most; the reasons add up."""
    return (
        weights.elder * shown.elder
        + weights.repeat * shown.repeat
        + weights.danger * shown.danger
        + weights.abandoned * shown.abandoned
    )


def _within(at: datetime | None, now: datetime, seconds: float) -> bool:
    return at is not None and now - at <= timedelta(seconds=seconds)
