"""Full-text search of tickets by pairs of characters, the newest first.

SQLite: a contentless FTS5 table over the pairs, searched as a phrase; its rows can only be taken
out by naming what was put in, which `ticket_texts` knows. PostgreSQL: an array with a GIN index,
and the plain text compared. Both have a sign for the unit among the pairs, so that a search
within a unit reads no other unit's tickets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from storage.among import Among
from storage.database import Database
from storage.life_tables import ticket_texts
from storage.prepared import Prepared
from storage.rows import DIALECTS
from tickets.errors import EventRefused
from tickets.grams import grams, plain, sought
from tickets.life import Life, Told
from tickets.told_data import text as told_text

_TEXTS = ticket_texts.c
_PUT = "INSERT INTO ticket_grams (rowid, grams) VALUES (?, ?)"
_TAKE = "INSERT INTO ticket_grams (ticket_grams, rowid, grams) VALUES ('delete', ?, ?)"
_MERGE = "INSERT INTO ticket_grams (ticket_grams, rank) VALUES ('merge', ?)"
MERGED_PAGES = 8
"""So many pages of SQLite's index are put together with each text. By itself it does hundreds at
once, in one transaction of a thousand, see docs/decisions/0396."""
LONG_S, REST = 0.003, 200
"""After a merge that took longer for each text there is none for so many times as long. All that a
word has in an old segment is merged at once, however few pages are asked for: half a thousand with
a million tickets, 13 to 60 ms. A commit of many texts pays for them as it goes: else they would lie
there in such numbers that FTS5 merges all of a level at once."""
_RESTS = "ticket_grams_rest_until"
_FIND = text(
    "SELECT t.number, t.title FROM ticket_grams g JOIN ticket_texts t ON t.id = g.rowid"
    " WHERE ticket_grams MATCH :phrase AND t.tenant = :tenant AND g.rowid < :before"
    " ORDER BY g.rowid DESC LIMIT :limit"
)
_OF = Among(
    _TEXTS.number,
    lambda wanted: select(_TEXTS.id, _TEXTS.number, _TEXTS.unit, _TEXTS.title, _TEXTS.plain).where(
        _TEXTS.tenant == bindparam("of_tenant"), wanted
    ),
)
_NEW = Prepared(dict.fromkeys(DIALECTS, insert(ticket_texts)))
_MOVED = Prepared(
    dict.fromkeys(
        DIALECTS,
        update(ticket_texts)
        .where(_TEXTS.id == bindparam("of_id"))
        .values({name: bindparam(f"to_{name}") for name in ("unit", "title", "plain", "grams")}),
    )
)
NEAR = 8_000
"""So many of the newest texts are looked through for words of all units: what is frequent is found
there, and what isn't is so rare that an index gives it, all of it, in a short time."""
NEAR_UNIT = 1_000
"""The same for words within a unit: its texts lie far apart, each costs a page."""
_SOUGHT = (
    _TEXTS.tenant == bindparam("of_tenant"), _TEXTS.id < bindparam("before"),
    _TEXTS.plain.contains(bindparam("wanted")),
)  # fmt: skip
"""A plain text has no sign that LIKE would take for more than itself."""
_NEEDED = bindparam("needed", type_=ARRAY(Text))
_NEWEST = select(func.max(_TEXTS.id))
_NEAR = (
    select(_TEXTS.number, _TEXTS.title)
    .where(*_SOUGHT, _TEXTS.id >= bindparam("near"))
    .where(_TEXTS.grams.op("||")(text("'{}'::text[]")).op("@>")(_NEEDED))  # kept from its index
    .order_by(_TEXTS.id.desc())
    .limit(bindparam("most"))
)
_IN_INDEX = (
    select(_TEXTS.id, _TEXTS.number, _TEXTS.title)
    .where(*_SOUGHT, _TEXTS.grams.op("@>")(_NEEDED))
    .cte("found")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_OF_UNIT = (
    select(_TEXTS.id, _TEXTS.number, _TEXTS.title, _TEXTS.plain)
    .where(_TEXTS.tenant == bindparam("of_tenant"), _TEXTS.unit == bindparam("of_unit"))
    .where(_TEXTS.id < bindparam("before"))
    .order_by(_TEXTS.id.desc())
    .limit(bindparam("near"))
    .subquery()
)
_NEAR_UNIT = (
    select(_OF_UNIT.c.number, _OF_UNIT.c.title)
    .where(_OF_UNIT.c.plain.contains(bindparam("wanted")))
    .order_by(_OF_UNIT.c.id.desc())
    .limit(bindparam("most"))
)
_LOOKED = select(func.count(), func.min(_OF_UNIT.c.id)).select_from(_OF_UNIT)
_FAR = (
    select(_IN_INDEX.c.number, _IN_INDEX.c.title)
    .order_by(_IN_INDEX.c.id.desc())
    .limit(bindparam("most"))
)
"""In two steps, so that PostgreSQL doesn't look through the newest million for what is rare."""
NEWEST = 2**62
REPLACES, ADDS, MOVES = "submitted", "info_given", frozenset({"dispatched", "reassigned", "ruled"})


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket that has what was searched for."""

    number: str
    title: str


@dataclass(frozen=True, slots=True)
class Words:
    """What is to be found of a ticket: its title and all its text, plain."""

    number: str
    unit: str
    title: str
    plain: str


class SqlTicketSearch:
    """Searches a tenant's tickets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, tenant: str, words: str, *, unit: str = "", limit: int = 50, before: str = ""
    ) -> Sequence[Found]:
        """Tickets with these words side by side, the newest first, those after `before` (a
        number found earlier) when it is named. Raises `EventRefused` for less than two characters.
        """
        wanted = plain(words)
        if not sought(wanted):
            raise EventRefused("search-too-short", "search for at least two characters")
        return await self._database.read(
            lambda connection: _find(connection, tenant, wanted, unit, limit, before)
        )


def _find(
    connection: Connection, tenant: str, wanted: str, unit: str, limit: int, before: str
) -> list[Found]:
    border = _border(connection, tenant, before)
    sign = _sign_of(tenant, unit) if unit else ""
    if connection.dialect.name == "sqlite":
        phrase = '"' + " ".join(sought(wanted)) + '"'
        phrase = f"{sign} AND {phrase}" if unit else phrase
        bound = {"phrase": phrase, "tenant": tenant, "before": border, "limit": limit}
        rows = connection.execute(_FIND, bound).all()
        return [Found(row.number, row.title) for row in rows]
    needed = [*dict.fromkeys(sought(wanted)), *([sign] if unit else ())]
    bound = {"of_tenant": tenant, "wanted": wanted, "needed": needed}
    found: list[Found] = []
    if unit:
        within = {"of_tenant": tenant, "of_unit": unit, "before": border, "near": NEAR_UNIT}
        asked = within | {"wanted": wanted, "most": limit}
        found = [Found(*row) for row in connection.execute(_NEAR_UNIT, asked)]
        if len(found) < limit:
            looked, last = connection.execute(_LOOKED, within).one()
            if looked < NEAR_UNIT:
                return found
            border = last
    else:
        newest = connection.execute(_NEWEST).scalar() or 0
        near = min(border, newest + 1) - NEAR
        within = {"near": near, "before": border, "most": limit}
        found = [Found(*row) for row in connection.execute(_NEAR, bound | within)]
        border = near
    if len(found) < limit:
        within = {"before": border, "most": limit - len(found)}
        found += [Found(*row) for row in connection.execute(_FAR, bound | within)]
    return found


def _border(connection: Connection, tenant: str, before: str) -> int:
    if not before:
        return NEWEST
    query = select(_TEXTS.id).where(_TEXTS.tenant == tenant, _TEXTS.number == before)
    return connection.execute(query).scalar() or NEWEST


def keep_texts(connection: Connection, tenant: str, kept: Sequence[tuple[Life, Told]]) -> None:
    """What the events say of tickets' texts and units, made searchable."""
    spoken = {REPLACES, ADDS} | MOVES
    told = [(life, event) for life, event in kept if event.event in spoken]
    if not told:
        return
    numbers = list({life.number for life, _ in told})
    rows = {row.number: row for row in _OF.run(connection, numbers, of_tenant=tenant)}
    words = {number: Words(number, row.unit, row.title, row.plain) for number, row in rows.items()}
    for life, event in told:
        now = _after(words.get(life.number), life, event)
        if now is not None:
            words[life.number] = now
    index(connection, tenant, list(words.values()), rows)


def _after(was: Words | None, life: Life, told: Told) -> Words | None:
    title, body = told_text(told.data, "title"), told_text(told.data, "text")
    if told.event == REPLACES and (title or body):
        return Words(life.number, life.lead, title, plain(f"{title}\n{body}"))
    if was is None:
        return None
    if told.event == ADDS:
        return Words(was.number, life.lead, was.title, plain(f"{was.plain}\n{body}"))
    return Words(was.number, life.lead, was.title, was.plain)


def index(
    connection: Connection, tenant: str, words: Sequence[Words], rows: dict[str, Row[Any]]
) -> None:
    """Make texts searchable, in place of what `rows` say was there."""
    sqlite = connection.dialect.name == "sqlite"
    fresh = [one for one in words if one.number not in rows]
    moved = [(rows[one.number], one) for one in words if one.number in rows]
    moved = [(row, one) for row, one in moved if _differs(row, one)]
    _NEW.run_many(connection, [text_row(tenant, one, with_grams=not sqlite) for one in fresh])
    changes = [_change(tenant, row, one, not sqlite) for row, one in moved]
    _MOVED.run_many(connection, changes, beside=True)
    if not sqlite:
        return
    raw: Any = connection.connection.driver_connection
    for row, one in moved:
        raw.execute(_TAKE, (row.id, joined_grams(tenant, row.unit, row.plain)))
        raw.execute(_PUT, (row.id, joined_grams(tenant, one.unit, one.plain)))
    if fresh:
        found = _OF.run(connection, [one.number for one in fresh], of_tenant=tenant)
        for row in found.all():
            raw.execute(_PUT, (row.id, joined_grams(tenant, row.unit, row.plain)))
    if fresh or moved:
        _merge(connection, len(fresh) + len(moved))


def _merge(connection: Connection, texts: int) -> None:
    """Put the index together, unless it took long the last time: so who waits for a commit hardly
    ever waits for that. What lies apart meanwhile is found, too."""
    began = monotonic()
    if began < connection.info.get(_RESTS, 0.0):
        return
    merge_index(connection.connection.driver_connection, texts)
    took_s = monotonic() - began
    if took_s > LONG_S * texts:
        connection.info[_RESTS] = began + took_s * REST


def merge_index(raw: Any, texts: int) -> None:
    """Put SQLite's index together, as much as so many new texts call for."""
    raw.execute(_MERGE, (MERGED_PAGES * texts,))


def _differs(row: Row[Any], one: Words) -> bool:
    return (row.unit, row.title, row.plain) != (one.unit, one.title, one.plain)


def _change(tenant: str, row: Row[Any], one: Words, with_grams: bool) -> dict[str, Any]:
    values = text_row(tenant, one, with_grams=with_grams)
    named = {f"to_{name}": values[name] for name in ("unit", "title", "plain", "grams")}
    return {"of_id": row.id, **named}


def text_row(tenant: str, one: Words, *, with_grams: bool) -> dict[str, Any]:
    """The columns of a text but its id; PostgreSQL's row has the grams with it."""
    found = sorted({*grams(one.plain), _sign_of(tenant, one.unit)}) if with_grams else None
    return {
        "tenant": tenant, "number": one.number, "unit": one.unit, "title": one.title,
        "plain": one.plain, "grams": found,
    }  # fmt: skip


def joined_grams(tenant: str, unit: str, plain_text: str) -> str:
    """What SQLite's full-text index is given of a text."""
    return " ".join([*grams(plain_text), _sign_of(tenant, unit)])


def _sign_of(tenant: str, unit: str) -> str:
    """A sign that no text has: `_` begins none of its pairs."""
    return "_" + sha256(f"{tenant}\n{unit}".encode()).hexdigest()[:16]
