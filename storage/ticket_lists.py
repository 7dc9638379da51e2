"""Lists of tickets by unit and state, page by page: of narrow rows, by keys that never shift."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, union_all

from storage.clock_tables import ticket_clocks
from storage.database import Database
from storage.due_dates import FINISHING, SAME_TICKET, finish_due
from storage.life_tables import ticket_states
from tickets.calendar import moment, seconds
from tickets.model import TicketState

_STATES, _CLOCKS = ticket_states.c, ticket_clocks.c
LONGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A ticket in a list. `due`: when it must be finished, None when nothing is due."""

    number: str
    state: TicketState
    unit: str
    due: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class After:
    """The last line of the page before."""

    number: str
    due: datetime | None = None


class SqlTicketLists:
    """Lists of a tenant's tickets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(
        self,
        tenant: str,
        *,
        unit: str | None = None,
        state: TicketState | None = None,
        limit: int = 50,
        after: After | None = None,
    ) -> Sequence[Line]:
        """By number, the newest first."""
        border = [_STATES.number < after.number] if after else []
        of_tenant = [_STATES.tenant == tenant, *border]
        if unit is not None and state is None:
            # An index has a unit's tickets by state: the newest of each, of these the newest.
            each = [
                _newest([*of_tenant, _STATES.unit == unit, _STATES.state == one.value], limit)
                for one in TicketState
            ]
            lines = union_all(*(select(query.subquery()) for query in each)).subquery()
            newest = select(lines, finish_due(lines.c)).order_by(lines.c.number.desc())
            return await self._lines(newest.limit(limit))
        if unit is not None:
            of_tenant.append(_STATES.unit == unit)
        if state is not None:
            of_tenant.append(_STATES.state == state.value)
        return await self._lines(_newest(of_tenant, limit).add_columns(finish_due(_STATES)))

    async def due(
        self, tenant: str, unit: str, *, limit: int = 50, after: After | None = None
    ) -> Sequence[Line]:
        """What a unit has to finish, the most pressing first."""
        where: list[Any] = [FINISHING, _CLOCKS.tenant == tenant, _CLOCKS.unit == unit]
        if after is not None and after.due is not None:
            due = seconds(after.due)
            later = and_(_CLOCKS.due == due, _CLOCKS.number > after.number)
            where += [_CLOCKS.due >= due, or_(_CLOCKS.due > due, later)]
        query = select(ticket_states, _CLOCKS.due).join(ticket_clocks, SAME_TICKET).where(*where)
        return await self._lines(query.order_by(_CLOCKS.due, _CLOCKS.number).limit(limit))

    async def _lines(self, query: Select[Any]) -> Sequence[Line]:
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            Line(
                row.number, TicketState(row.state), row.unit,
                None if row.due is None else moment(row.due), row.version,
            )
            for row in rows
        ]  # fmt: skip


def _newest(where: Sequence[ColumnElement[bool]], limit: int) -> Select[Any]:
    return select(ticket_states).where(*where).order_by(_STATES.number.desc()).limit(limit)
