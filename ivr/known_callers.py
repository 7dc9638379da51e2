"""Who has called before, or is marked by the staff: in memory, so that no call waits for SQL.

Two things are known of a number. *Marks* are set by people (an elder, a language) and are kept in
SQL. What his *last call* was is in the call log anyway: the newest of those are read at the start,
and each call of ours adds to them. SQL away: callers are simply unknown.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ivr.ports import CallRecord, Outcome

KEPT = 50_000
Number = tuple[str, str]
"""Tenant and number in normal form (E.164)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the staff have noted of a number; `language` "" when nothing is."""

    elder: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """One call's end: when, how, with which seat ("" for none) and in which language."""

    at: datetime
    outcome: Outcome
    seat_id: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class LastCall:
    """A number's last call: its end and language, the last seat that answered any of its calls,
    and when it last gave up waiting."""

    at: datetime
    seat_id: str = ""
    language: str = ""
    abandoned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """All that is known of a number. `language` is what is spoken to him first, nothing more."""

    elder: bool = False
    language: str = ""
    last_seat: str = ""
    last_at: datetime | None = None
    abandoned_at: datetime | None = None


class KnownCallers:
    """The cache: every mark, and the `kept` newest last calls."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._marks: dict[Number, Mark] = {}
        self._last: OrderedDict[Number, LastCall] = OrderedDict()

    def find(self, tenant: str, e164: str) -> KnownCaller | None:
        """What is known of this number; None when nothing is, or it isn't one."""
        mark, last = self._marks.get((tenant, e164)), self._last.get((tenant, e164))
        if mark is None and last is None:
            return None
        return KnownCaller(
            elder=mark is not None and mark.elder,
            language=(mark.language if mark else "") or (last.language if last else ""),
            last_seat=last.seat_id if last else "",
            last_at=last.at if last else None,
            abandoned_at=last.abandoned_at if last else None,
        )

    def note(self, record: CallRecord) -> None:
        """A call has ended."""
        facts = record.facts
        call = EndedCall(record.ended_at, record.outcome, record.seat_id, facts.language)
        self._note((facts.tenant, facts.caller_e164), call)

    def learn(self, tenant: str, calls: Iterable[tuple[str, EndedCall]]) -> None:
        """Earlier calls out of the call log by number, oldest first; what was seen since goes
        before them."""
        seen, self._last = self._last, OrderedDict()
        for e164, call in calls:
            self._note((tenant, e164), call)
        for number, last in seen.items():
            self._keep(number, last)

    def hear(self, tenant: str, calls: Iterable[tuple[str, EndedCall]]) -> None:
        """Calls that ended at other nodes meanwhile, oldest first; of those known already, or of
        numbers that have called here since, nothing changes."""
        for e164, call in calls:
            known = self._last.get((tenant, e164))
            if known is None or known.at < call.at:
                self._note((tenant, e164), call)

    def set_marks(self, tenant: str, marks: Iterable[tuple[str, Mark]]) -> None:
        """All marks of a tenant, in place of those before."""
        kept = {number: mark for number, mark in self._marks.items() if number[0] != tenant}
        self._marks = kept | {(tenant, e164): mark for e164, mark in marks}

    def __len__(self) -> int:
        """How many last calls are kept."""
        return len(self._last)

    def _note(self, number: Number, call: EndedCall) -> None:
        if number[1]:
            self._keep(number, _followed(self._last.get(number), call))

    def _keep(self, number: Number, last: LastCall) -> None:
        """As the newest one; the oldest goes when there are too many."""
        self._last[number] = last
        self._last.move_to_end(number)
        if len(self._last) > self._kept:
            self._last.popitem(last=False)


def _followed(before: LastCall | None, call: EndedCall) -> LastCall:
    """What is known after one more call."""
    abandoned_at = before.abandoned_at if before else None
    return LastCall(
        at=call.at,
        seat_id=call.seat_id or (before.seat_id if before else ""),
        language=call.language,
        abandoned_at=call.at if call.outcome is Outcome.ABANDONED else abandoned_at,
    )
