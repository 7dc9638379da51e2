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
class LastCall:
    """The end of a number's last call, the seat that answered it ("" for none), its language, and
    when he last gave up waiting."""

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
        if not e164 or (mark is None and last is None):
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
        if not facts.caller_e164:
            return
        number = (facts.tenant, facts.caller_e164)
        before = self._last.pop(number, None)
        gave_up = record.outcome is Outcome.ABANDONED
        self._last[number] = LastCall(
            at=record.ended_at,
            seat_id=record.seat_id or (before.seat_id if before else ""),
            language=facts.language,
            abandoned_at=record.ended_at if gave_up else before.abandoned_at if before else None,
        )
        if len(self._last) > self._kept:
            self._last.popitem(last=False)

    def learn(self, tenant: str, calls: Iterable[tuple[str, LastCall]]) -> None:
        """Earlier calls out of the call log, oldest first; what was seen since goes before."""
        seen = self._last
        self._last = OrderedDict(((tenant, e164), call) for e164, call in calls if e164)
        for number, call in seen.items():
            self._last.pop(number, None)
            self._last[number] = call
        while len(self._last) > self._kept:
            self._last.popitem(last=False)

    def set_marks(self, tenant: str, marks: Iterable[tuple[str, Mark]]) -> None:
        """All marks of a tenant, in place of those before."""
        kept = {number: mark for number, mark in self._marks.items() if number[0] != tenant}
        self._marks = kept | {(tenant, e164): mark for e164, mark in marks}

    def __len__(self) -> int:
        return len(self._marks.keys() | self._last.keys())
