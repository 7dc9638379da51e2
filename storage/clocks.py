"""The deadlines' part in the events' transaction: `storage.clockwork.Clockwork` on SQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from storage.clock_counted import bring_forward
from storage.clock_rows import clocks_of, save
from storage.clockwork import Change, Seen
from tickets.calendar import moment, seconds
from tickets.clock_book import ClockBook
from tickets.clocks import TicketClock
from tickets.effects import ClockEffect, ClockName
from tickets.life import Life, Limits
from tickets.model import Kind
from tickets.policy import AlwaysOn, Complexity, Matter, Policy, Urgency
from tickets.rulings import limits_of
from tickets.timetable import Rules

CONTACTED = frozenset({"contacted", "replied"})
"""Events that show the citizen was spoken to."""


_MEASURED = {ClockName.FINISH, ClockName.SIGN}
MATTER = frozenset({"kind", "urgency", "complexity", "class_code", "always", "spoken"})
"""What an event's data may say that limits depend on."""


class SqlClockwork:
    """Clocks of tickets in `ticket_clocks`. `rules` gives a tenant's policy and calendar as they
    are now; they may be exchanged at any time, the next event goes by the new ones.

    What a ticket's limits depend on is taken from its life (kind, urgency) and from the data of
    its events: `complexity`, `class_code` and `always` hold until another event names them anew;
    a spoken request that told of danger makes its ticket one.
    """

    def __init__(self, rules: Callable[[str], Rules]) -> None:
        self._rules = rules

    def limits(
        self,
        connection: Connection,
        lives: Sequence[Life],
        at: datetime,
        seen: Seen | None = None,
    ) -> Sequence[Limits]:
        """What policy and calendar allow each of them; in the same order."""
        known = _by_ticket(connection, lives, seen)
        return [
            self._limits(life, known[life.tenant, life.number] if life.running & _MEASURED else ())
            for life in lives
        ]

    def _limits(self, life: Life, known: Sequence[TicketClock]) -> Limits:
        rules = self._rules(life.tenant)
        return limits_of(rules, known, _matter(life, rules.policy, {}, known))

    def changed(
        self, connection: Connection, changes: Sequence[Change], seen: Seen | None = None
    ) -> Sequence[datetime | None]:
        """Carry the clock effects out; each ticket's due time (办结) afterwards, in order."""
        moved = [change for change in changes if _concerns(change)]
        lives = [change.life for change in moved]
        parents = [replace(life, number=life.parent) for life in lives if life.parent]
        # A new ticket has no clocks yet: the many that calls leave are not asked for.
        known = _by_ticket(connection, [*(life for life in lives if life.seq > 1), *parents], seen)
        books = {
            (life.tenant, life.number): ClockBook(
                life.tenant, life.number, life.parent,
                known.get((life.tenant, life.number), ()), self._rules(life.tenant),
            )
            for life in lives
        }  # fmt: skip
        dues = {id(change): change.due for change in changes}
        for change in moved:
            life, told = change.life, change.told
            book = books[(life.tenant, life.number)]
            above = _above(life, books, known)
            at = seconds(told.at)
            policy = self._rules(life.tenant).policy
            matter = _matter(life, policy, told.data, book.clocks or above)
            book.obey(change.effects, at, matter, _cap(change, above))
            if told.event in CONTACTED:
                book.stop(ClockName.CONTACT, at)
            finish = book.running(ClockName.FINISH)
            if finish is not None:
                dues[id(change)] = moment(finish.due)
        save(
            connection,
            [clock for book in books.values() for clock in book.made],
            [clock for book in books.values() for clock in book.changed],
        )
        for book in books.values():
            bring_forward(connection, book.earlier)
        return list(dues.values())


def _concerns(change: Change) -> bool:
    """Whether an event can change a clock; most overlays can't, cards least of all."""
    told = change.told
    return (
        told.event in CONTACTED
        or any(isinstance(effect, ClockEffect) for effect in change.effects)
        or not MATTER.isdisjoint(told.data)
    )


_Known = Mapping[tuple[str, str], Sequence[TicketClock]]


def _above(
    life: Life, books: Mapping[tuple[str, str], ClockBook], known: _Known
) -> Sequence[TicketClock]:
    """The parent's clocks, as this commit leaves them so far."""
    if not life.parent:
        return ()
    key = (life.tenant, life.parent)
    return books[key].clocks if key in books else known.get(key, ())


def _cap(change: Change, above: Sequence[TicketClock]) -> int:
    """The parent's due date; 0 without one."""
    for clock in above:
        if clock.name is ClockName.FINISH and not clock.stopped_at:
            return clock.due
    return seconds(change.parent_due) if change.parent_due else 0


def _by_ticket(connection: Connection, lives: Sequence[Life], seen: Seen | None) -> Seen:
    seen = {} if seen is None else seen
    numbers: dict[str, set[str]] = {}
    for life in lives:
        if (life.tenant, life.number) not in seen:
            numbers.setdefault(life.tenant, set()).add(life.number)
    for tenant, wanted in numbers.items():
        for number, clocks in clocks_of(connection, tenant, wanted).items():
            seen[tenant, number] = clocks
    return seen


def _matter(
    life: Life, policy: Policy, data: Mapping[str, object], known: Sequence[TicketClock]
) -> Matter:
    """What limits depend on: the event's word before the life's, that before what was known."""
    was = max(known, key=lambda clock: clock.started_at).matter if known else Matter()
    code = _code(data.get("class_code"))
    always = policy.always_on(code) if code else was.always
    if _told_danger(data):
        always = AlwaysOn.DANGER
    return Matter(
        kind=Kind(life.kind) if life.kind in _KINDS else was.kind,
        urgency=Urgency(life.urgency) if life.urgency in _URGENCIES else was.urgency,
        complexity=Complexity(_word(data, "complexity", _COMPLEXITIES, was.complexity)),
        always=AlwaysOn(_word(data, "always", _ALWAYS, always)),
        class_code=code or was.class_code,
    )


def _told_danger(data: Mapping[str, object]) -> bool:
    """Whether a caller's spoken request was broken off by a word of danger."""
    spoken = data.get("spoken")
    return isinstance(spoken, Mapping) and bool(spoken.get("danger"))


_KINDS, _URGENCIES = frozenset(map(str, Kind)), frozenset(map(str, Urgency))
_COMPLEXITIES, _ALWAYS = frozenset(map(str, Complexity)), frozenset(map(str, AlwaysOn))


def _word(told: Mapping[str, object], name: str, known: frozenset[str], else_: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) and value in known else else_


def _code(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= 20 and "|" not in value else ""
