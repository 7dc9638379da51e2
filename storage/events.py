"""Appends to the chains of tickets' events, and reads them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from storage.among import Among
from storage.json_text import JsonText
from storage.life_tables import ticket_unsealed
from storage.prepared import Prepared
from storage.rows import DIALECTS
from storage.tables import ticket_events
from tickets.chain import canonical_text, link
from tickets.life import Actor, Role, Told
from tickets.model import TicketState

_APPEND = Prepared(dict.fromkeys(DIALECTS, insert(ticket_events)))
_UNSEALED = Prepared(dict.fromkeys(DIALECTS, insert(ticket_unsealed)))
_EVENTS = ticket_events.c
_HISTORY = Among(
    _EVENTS.number,
    lambda wanted: (
        select(ticket_events)
        .where(_EVENTS.tenant == bindparam("of_tenant"), wanted)
        .order_by(_EVENTS.number, _EVENTS.seq)
    ),
)
_KEY = (
    "SELECT event, data FROM ticket_events WHERE tenant = ? AND number = ? AND key = ?"
    " AND key <> ''"
)
_KEYS = (
    text(
        "SELECT e.number, e.key, e.event, e.data FROM unnest(:numbers, :keys) AS v (number, key),"
        " LATERAL (SELECT number, key, event, data FROM ticket_events WHERE tenant = :of_tenant"
        " AND number = v.number AND key = v.key AND key <> '' LIMIT 1) AS e"
    )
    .bindparams(bindparam("numbers", type_=ARRAY(Text)), bindparam("keys", type_=ARRAY(Text)))
    .columns(_EVENTS.number, _EVENTS.key, _EVENTS.event, _EVENTS.data)
)
"""A look into the index of keys each (the LIMIT keeps it so): with statistics from before the
first keys PostgreSQL takes all of a tenant's keys to be a row and reads them all, each time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as it is kept: `state` is where it led, `key` what makes a repetition known,
    `hash` its link in the chain (None: kept before there were chains)."""

    seq: int
    told: Told
    state: TicketState
    key: str
    hash: bytes | None


def event_row(
    tenant: str, number: str, seq: int, told: Told, state: str, key: str, head: bytes
) -> dict[str, Any]:
    """The row of an event that follows the one with hash `head`; its own is `["hash"]`."""
    actor, data = told.actor, JsonText(canonical_text(told.data))
    return {
        "tenant": tenant, "number": number, "seq": seq, "at": told.at, "event": told.event,
        "data": data, "actor": actor.id, "role": actor.role.value, "actor_unit": actor.unit,
        "state": str(state), "key": key,
        "hash": link(
            head, tenant=tenant, number=number, seq=seq, at=told.at, event=told.event,
            actor=(actor.id, actor.role.value, actor.unit), state=str(state), key=key,
            data=data,
        ),
    }  # fmt: skip


def append(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep events of one tenant, and note the new heads for the next seal."""
    if not rows:
        return
    _APPEND.run_many(connection, rows)
    heads = {row["number"]: [row["number"], row["seq"], row["hash"].hex()] for row in rows}
    unsealed = {"tenant": rows[0]["tenant"], "heads": list(heads.values())}
    _UNSEALED.run_many(connection, [unsealed])


def keyed(
    connection: Connection, tenant: str, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, Any]]:
    """Event and data of those of these tickets and keys that were told already."""
    if not wanted:
        return {}
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.driver_connection
        found = {one: raw.execute(_KEY, (tenant, *one)).fetchone() for one in wanted}
        return {one: (row[0], json.loads(row[1])) for one, row in found.items() if row}
    numbers, keys = map(list, zip(*wanted, strict=True))
    bound = {"of_tenant": tenant, "numbers": numbers, "keys": keys}
    rows = connection.execute(_KEYS, bound)
    return {(row.number, row.key): (row.event, row.data) for row in rows}


def history(connection: Connection, tenant: str, numbers: Iterable[str]) -> dict[str, list[Kept]]:
    """The events of these tickets, each ticket's oldest first."""
    wanted = list(numbers)
    found: dict[str, list[Kept]] = {number: [] for number in wanted}
    for row in _HISTORY.run(connection, wanted, of_tenant=tenant):
        found[row.number].append(kept(row))
    return found


def kept(row: Row[Any]) -> Kept:
    """A row as it was told. What is no role (any more) counts as the system's."""
    role = Role(row.role) if row.role in _ROLES else Role.SYSTEM
    told = Told(row.event, Actor(row.actor, role, row.actor_unit), row.at, row.data)
    digest = None if row.hash is None else bytes(row.hash)
    return Kept(row.seq, told, TicketState(row.state), row.key, digest)


_ROLES = frozenset(role.value for role in Role)
