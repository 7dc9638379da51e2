"""Tickets from before 0015 get what they are found by: class, area, place and co-units."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from tickets.grams import plain

revision = "0020"
down_revision = "0019"

CHUNK = 2_000
PLACE_SIGNS = 40
FACTS = ("created", "merged")


def _table(name: str, *columns: str, **json: sa.types.TypeEngine[Any]) -> sa.TableClause:
    names = ("tenant", "number", *columns)
    more = [sa.column(one, kind) for one, kind in json.items()]
    return sa.table(name, *(sa.column(one, sa.Text()) for one in names), *more)


TICKETS = _table("tickets")
EVENTS = _table("ticket_events", "event", seq=sa.Integer(), data=sa.JSON())
SPOKEN = _table("spoken_requests", "topic", "place", "place_code")
LIVES = _table("ticket_lives", life=sa.JSON())
KEYS = _table("ticket_keys", "key")


def upgrade() -> None:
    """A chunk at a time; what a ticket was given since 0015 stays."""
    connection = op.get_bind()
    for tenant, numbers in _chunks(connection):
        found = _said(connection, tenant, numbers)
        rows = [
            {"tenant": tenant, "number": number, "key": key}
            for number, keys in found.items()
            for key in dict.fromkeys(keys)
        ]
        if rows:
            connection.execute(sa.insert(KEYS), rows)


def _chunks(connection: sa.Connection) -> Iterator[tuple[str, list[str]]]:
    ours = TICKETS.c
    for tenant in connection.execute(sa.select(ours.tenant).distinct()).scalars().all():
        last = ""
        while True:
            query = (
                sa.select(ours.number)
                .where(ours.tenant == tenant, ours.number > last)
                .order_by(ours.number)
                .limit(CHUNK)
            )
            numbers = list(connection.execute(query).scalars())
            if not numbers:
                break
            yield tenant, numbers
            last = numbers[-1]


def _said(connection: sa.Connection, tenant: str, numbers: list[str]) -> dict[str, list[str]]:
    """The keys that are missing, by number: of each sort (`class:`, `area:`, …) all or none."""

    def rows(table: sa.TableClause, *where: sa.ColumnElement[bool]) -> sa.Select[Any]:
        ours = table.c
        between = ours.number.between(numbers[0], numbers[-1])
        return sa.select(table).where(ours.tenant == tenant, between, *where)

    sorts: dict[str, dict[str, list[str]]] = {}
    for row in connection.execute(rows(SPOKEN)):
        place = row.place if row.place_code else ""
        sorts[row.number] = _sorts(row.topic, row.place_code, place)
    text = sa.cast(EVENTS.c.data, sa.Text())
    naming = sa.or_(text.like('%"class_code"%'), text.like('%"place%'))
    told = rows(EVENTS, EVENTS.c.event.not_in(FACTS), naming)
    for row in connection.execute(told.order_by(EVENTS.c.number, EVENTS.c.seq)):
        place = _text(row.data, "place") if row.event == "submitted" else ""
        said = _sorts(_text(row.data, "class_code"), _text(row.data, "place_code"), place)
        sorts.setdefault(row.number, {}).update(said)
    for row in connection.execute(rows(LIVES)):
        if co_units := row.life.get("co_units"):
            sorts.setdefault(row.number, {})["co"] = [f"co:{unit}" for unit in co_units]
    for row in connection.execute(rows(KEYS)):
        sorts.get(row.number, {}).pop(row.key.partition(":")[0], None)
    return {number: list(_flat(found.values())) for number, found in sorts.items()}


def _sorts(class_code: str, place_code: str, place: str) -> dict[str, list[str]]:
    name = plain(place)[:PLACE_SIGNS]
    found = {
        "class": [f"class:{class_code[:n]}" for n in (2, 4, 6) if len(class_code) >= n],
        "area": [f"area:{place_code[:n]}" for n in (6, 9) if len(place_code) >= n],
        "place": [f"place:{name}"] if name else [],
    }
    return {sort: keys for sort, keys in found.items() if keys}


def _flat(many: Iterable[list[str]]) -> Iterator[str]:
    for one in many:
        yield from one


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return value.strip() if isinstance(value, str) else ""
