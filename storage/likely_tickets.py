"""Open tickets that may be the same matter as a new one: found by class, area and place, bounded,
then compared by `tickets.duplicates`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from storage.database import Database
from storage.desk_tables import ticket_keys
from storage.life_tables import ticket_states, ticket_texts
from storage.tables import tickets
from storage.ticket_keys import area_keys, keys_of, place_key
from tickets.duplicates import DEFAULT, LikelySame, Matter, Policy, likely_same
from tickets.lifecycle import OPEN
from tickets.model import TicketState
from tickets.number import day_key

A_KEY = 150
"""The newest so many tickets of each class, area or place are compared, and so many of those that
wait for a reviewer: they may have no class yet."""
_KEYS, _STATES, _TEXTS = ticket_keys.c, ticket_states.c, ticket_texts.c
_OPEN = sorted(state.value for state in OPEN - {TicketState.MERGED})
_UNCLASSED = [TicketState.PENDING_REVIEW.value]


class SqlLikelyTickets:
    """Likely the same, on a `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def like(
        self, tenant: str, new: Matter, classes: Sequence[str] = (), policy: Policy = DEFAULT
    ) -> Sequence[LikelySame]:
        """Open tickets likely the same as `new`, best first. `classes` are groups of the
        classification (four digits) it may be of, when it isn't classed yet."""
        if not new.class_code:
            new = replace(new, guessed=tuple(classes))
        found = await self._database.read(lambda c: _candidates(c, tenant, new, classes, policy))
        return likely_same(new, found, policy)

    async def matter(self, tenant: str, number: str) -> Matter | None:
        """A stored ticket as it is compared; None for one without any words."""
        found = await self._database.read(lambda c: _matters(c, tenant, (number,)))
        return found[0] if found else None


def _candidates(
    connection: Connection, tenant: str, new: Matter, classes: Sequence[str], policy: Policy
) -> list[Matter]:
    groups = [new.class_code[:4]] if len(new.class_code) >= 4 else classes
    keys = dict.fromkeys(
        (*(f"class:{group}" for group in groups), *place_key(new.place), *area_keys(new.division))
    )
    since = day_key((new.at - policy.window).date())
    numbers: dict[str, None] = {}
    for key in keys:
        numbers |= dict.fromkeys(_newest(connection, tenant, key, since, _OPEN))
    unclassed = _UNCLASSED if keys else _OPEN
    numbers |= dict.fromkeys(_newest(connection, tenant, "", since, unclassed))
    return _matters(connection, tenant, list(numbers))


def _newest(
    connection: Connection, tenant: str, key: str, since: str, states: Sequence[str]
) -> Iterable[str]:
    query = select(_STATES.number).where(
        _STATES.tenant == tenant, _STATES.number > since, _STATES.state.in_(states)
    )
    if key:
        joined = (_KEYS.tenant == _STATES.tenant) & (_KEYS.number == _STATES.number)
        query = query.join(ticket_keys, joined).where(
            _KEYS.tenant == tenant, _KEYS.key == key, _KEYS.number > since
        )
    query = query.order_by(_STATES.number.desc()).limit(A_KEY)
    return connection.execute(query).scalars()


def _matters(connection: Connection, tenant: str, numbers: Sequence[str]) -> list[Matter]:
    if not numbers:
        return []
    query = (
        select(tickets.c.number, tickets.c.created_at, tickets.c.caller_e164, _TEXTS.plain)
        .join(
            ticket_texts, (_TEXTS.tenant == tickets.c.tenant) & (_TEXTS.number == tickets.c.number)
        )
        .where(tickets.c.tenant == tenant, tickets.c.number.in_(numbers))
    )
    keys = keys_of(connection, tenant, numbers)
    rows: Iterable[Row[Any]] = connection.execute(query)
    return [_matter(row, keys[row.number]) for row in rows]


def _matter(row: Row[Any], keys: Sequence[str]) -> Matter:
    said: dict[str, str] = {}
    for key in keys:
        name, _, value = key.partition(":")
        if len(value) > len(said.get(name, "")):
            said[name] = value
    return Matter(
        row.number, row.plain, row.created_at, place=said.get("place", ""),
        division=said.get("area", ""), class_code=said.get("class", ""), caller=row.caller_e164,
    )  # fmt: skip
