"""Lives within one commit: loaded once, changed in memory, written together at the end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from storage.among import Among
from storage.clock_locks import hold_tenant
from storage.clockwork import Change, Clockwork, Seen
from storage.due_dates import finish_due
from storage.events import append, event_row, history
from storage.life_rows import dump_life, load_life
from storage.life_tables import ticket_links, ticket_lives, ticket_states
from storage.prepared import Prepared
from storage.rows import DIALECTS
from tickets.calendar import moment
from tickets.errors import UnknownTicket
from tickets.life import Decision, Life, Limits, Told
from tickets.lifecycle import replay

_STATE = Prepared(dict.fromkeys(DIALECTS, insert(ticket_states)))
_MOVE = Prepared(
    dict.fromkeys(
        DIALECTS,
        update(ticket_states)
        .where(ticket_states.c.tenant == bindparam("of_tenant"))
        .where(ticket_states.c.number == bindparam("of_number"))
        .values(
            state=bindparam("to_state"), unit=bindparam("to_unit"),
            version=bindparam("to_version"), head=bindparam("to_head"),
        ),
    )
)  # fmt: skip
_STAY = Prepared(
    dict.fromkeys(
        DIALECTS,
        update(ticket_states)
        .where(ticket_states.c.tenant == bindparam("of_tenant"))
        .where(ticket_states.c.number == bindparam("of_number"))
        .values(version=bindparam("to_version"), head=bindparam("to_head")),
    )
)
"""For a ticket that stays where the lists have it. SQLite writes each index anew that has a column
named in the statement, whatever its value: two pages anywhere in a full store."""
_LIFE = Prepared(
    {
        name: (statement := insert_for(ticket_lives)).on_conflict_do_update(
            index_elements=["tenant", "number"], set_={"life": statement.excluded.life}
        )
        for name, insert_for in DIALECTS.items()
    }
)
_LINK = Prepared({name: i(ticket_links).on_conflict_do_nothing() for name, i in DIALECTS.items()})
_LOAD = Among(
    ticket_states.c.number,
    lambda wanted: (
        select(
            ticket_states.c.number, ticket_states.c.head, ticket_states.c.state,
            ticket_states.c.unit, ticket_lives.c.life, finish_due(ticket_states.c),
        )
        .select_from(ticket_states)
        .join(
            ticket_lives,
            (ticket_lives.c.tenant == ticket_states.c.tenant)
            & (ticket_lives.c.number == ticket_states.c.number),
            isouter=True,
        )
        .where(ticket_states.c.tenant == bindparam("of_tenant"), wanted)
    ),
)  # fmt: skip
PART, MAIN = "part", "main"


@dataclass(frozen=True, slots=True)
class Page:
    """One ticket as the commit knows it. `listed` is where the lists have it by its row (state,
    unit; None: it has no row yet)."""

    life: Life
    head: bytes
    due: datetime | None
    listed: tuple[str, str] | None = None


class LifeBook:
    """The tickets of one tenant that one commit is about.

    Among engines that share PostgreSQL one commit at a time changes a tenant's lives.
    """

    def __init__(self, connection: Connection, tenant: str, clockwork: Clockwork) -> None:
        self.connection = connection
        self.tenant = tenant
        self._clockwork = clockwork
        self._pages: dict[str, Page] = {}
        self._touched: dict[str, None] = {}
        self._before: dict[str, Page | None] = {}
        self._rows: list[dict[str, Any]] = []
        self._changes: list[Change] = []
        self._seen: Seen = {}
        hold_tenant(connection, tenant, few_rows=True)

    def load(self, numbers: Iterable[str]) -> None:
        """Read what isn't known yet; unknown numbers stay unknown."""
        wanted = [number for number in dict.fromkeys(numbers) if number not in self._pages]
        if not wanted:
            return
        rows = _LOAD.run(self.connection, wanted, of_tenant=self.tenant).all()
        young = [row.number for row in rows if row.life is None]
        told = history(self.connection, self.tenant, young) if young else {}
        for row in rows:
            if row.life is not None:
                life = load_life(self.tenant, row.number, row.life)
            else:
                events = [(kept.told, kept.state) for kept in told[row.number]]
                life = replay(self.tenant, row.number, events)
            due = None if row.due is None else moment(row.due)
            self._pages[row.number] = Page(life, bytes(row.head), due, (row.state, row.unit))

    def page(self, number: str) -> Page:
        """One ticket; raises `UnknownTicket`."""
        self.load((number,))
        if number not in self._pages:
            raise UnknownTicket(f"{self.tenant} has no ticket {number}")
        return self._pages[number]

    @contextmanager
    def together(self) -> Iterator[None]:
        """What happens in the block happens whole, or, when it raises, not at all. One block at a
        time: what it turns over is remembered, a commit's whole book isn't copied for it."""
        touched, rows, changes = len(self._touched), len(self._rows), len(self._changes)
        self._before.clear()
        try:
            yield
        except Exception:
            for number, page in self._before.items():
                if page is None:
                    del self._pages[number]
                else:
                    self._pages[number] = page
            while len(self._touched) > touched:
                self._touched.popitem()
            del self._rows[rows:]
            del self._changes[changes:]
            raise

    def born(self, decision: Decision, told: Told, *, parent_due: datetime | None = None) -> None:
        """Keep the first event of a new ticket."""
        self._turn(decision.life.number, Page(decision.life, b"", None))
        self._keep(decision, told, "", parent_due)

    def keep(self, decision: Decision, told: Told, key: str = "") -> None:
        """Keep the next event of a ticket."""
        life = decision.life
        parent_due = self.page(life.parent).due if life.parent else None
        self._keep(decision, told, key, parent_due)

    def _keep(self, decision: Decision, told: Told, key: str, parent_due: datetime | None) -> None:
        life, page = decision.life, self._pages[decision.life.number]
        row = event_row(self.tenant, life.number, life.seq, told, life.state, key, page.head)
        self._rows.append(row)
        self._changes.append(Change(life, told, decision.effects, page.due, parent_due))
        self._turn(life.number, Page(life, row["hash"], page.due, page.listed))
        self._touched[life.number] = None

    def _turn(self, number: str, page: Page) -> None:
        self._before.setdefault(number, self._pages.get(number))
        self._pages[number] = page

    def limits(self, lives: Sequence[Life], at: datetime) -> Sequence[Limits]:
        """What policy and calendar allow each of them, as before this commit; in the same order."""
        return self._clockwork.limits(self.connection, lives, at, self._seen)

    def write(self) -> None:
        """Everything kept, in a few exchanges."""
        if not self._rows:
            return
        self._ask_clocks()
        pages = [self._pages[number] for number in self._touched]
        known = [page for page in pages if page.listed is not None]
        apart = self.connection.dialect.name == "sqlite"
        moved = [page for page in known if not apart or _listed(page) != page.listed]
        stayed = [page for page in known if apart and _listed(page) == page.listed]
        _STATE.run_many(self.connection, [_state(page) for page in pages if page.listed is None])
        _MOVE.run_many(self.connection, [_moved(page) for page in moved], beside=True)
        _STAY.run_many(self.connection, [_stayed(page) for page in stayed])
        _LIFE.run_many(self.connection, [_life(page) for page in pages if _has_lived(page.life)])
        append(self.connection, self._rows)

    def _ask_clocks(self) -> None:
        dues = self._clockwork.changed(self.connection, self._changes, self._seen)
        for change, due in zip(self._changes, dues, strict=True):
            number, cap = change.life.number, change.parent_due
            if due is not None and cap is not None:
                due = min(due, cap)
            if due != self._pages[number].due:
                self._pages[number] = replace(self._pages[number], due=due)

    def link(self, kind: str, whole: str, number: str) -> None:
        """Remember that a ticket is a part of another, or linked to it."""
        row = {"tenant": self.tenant, "kind": kind, "whole": whole, "number": number}
        _LINK.run(self.connection, row)

    def unlink(self, whole: str, number: str) -> None:
        """Forget that it was linked."""
        links = ticket_links.c
        self.connection.execute(
            delete(ticket_links).where(
                links.tenant == self.tenant, links.kind == MAIN, links.whole == whole,
                links.number == number,
            )
        )  # fmt: skip

    def linked(self, kind: str, whole: str) -> Sequence[str]:
        """The parts of a ticket, or those linked to it, in order of number."""
        links = ticket_links.c
        query = select(links.number).where(
            links.tenant == self.tenant, links.kind == kind, links.whole == whole
        )
        return self.connection.execute(query.order_by(links.number)).scalars().all()


def _has_lived(life: Life) -> bool:
    """Whether more is to be remembered than its first event tells."""
    return life.seq > 1


def _state(page: Page) -> Mapping[str, Any]:
    life = page.life
    return {
        "tenant": life.tenant, "number": life.number, "state": life.state.value,
        "unit": life.lead, "version": life.seq, "head": page.head,
    }  # fmt: skip


def _listed(page: Page) -> tuple[str, str]:
    return page.life.state.value, page.life.lead


def _moved(page: Page) -> Mapping[str, Any]:
    state, unit = _listed(page)
    return {**_stayed(page), "to_state": state, "to_unit": unit}


def _stayed(page: Page) -> Mapping[str, Any]:
    life = page.life
    return {
        "of_tenant": life.tenant, "of_number": life.number,
        "to_version": life.seq, "to_head": page.head,
    }  # fmt: skip


def _life(page: Page) -> Mapping[str, Any]:
    life = page.life
    return {"tenant": life.tenant, "number": life.number, "life": dump_life(life)}
