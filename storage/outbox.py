"""What waits to be sent over HTTP: taken by one sender at a time, in order of its ticket.

A taken message is the sender's for `lease_s`; whoever dies with it loses nothing: it is due again
then, and its receiver knows it by its id. On PostgreSQL senders pass over rows that others hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)

from storage.database import Database
from storage.exchange_tables import crossings, exchange_seen, exchange_taken, outbox
from tickets.crossing import Way, Word

KEPT_S = 7 * 86_400
"""What was sent stays to be looked at this long; answers to peers stay `ANSWERS_S`."""
ANSWERS_S = 30 * 86_400
"""A given-up message is forgotten then, too: its receiver wouldn't know it again."""
WAITS = literal_column("'waiting'", Text)
GIVEN_UP = literal_column("'given_up'", Text)
"""Written out, as in the partial indexes: a prepared plan finds them by no parameter."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message; `state` is waiting, sent or given_up, times are seconds since 1970."""

    id: int
    tenant: str
    target: str
    number: str
    message: str
    kind: str
    body: Mapping[str, Any]
    state: str
    made_at: int
    next_at: int
    tries: int
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Messages of a tenant to peers, hooks or citizens (`kind`: peer, hook, text) that stand in one
    state: how many, the newest's id, and when the oldest was made."""

    tenant: str
    kind: str
    state: str
    count: int
    newest: int
    since: int


class SqlOutbox:
    """The outbox of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due_at(self) -> int | None:
        """When the next message may be sent; None without one."""
        query = select(func.min(outbox.c.next_at)).where(_first())
        return await self._database.read(lambda connection: connection.execute(query).scalar())

    async def take(self, now: int, *, lease_s: int, limit: int) -> Sequence[Outgoing]:
        """Messages that are ours to send now, at most one of each target and ticket."""
        return await self._database.write(lambda connection: _take(connection, now, lease_s, limit))

    async def sent(self, message: Outgoing, their_number: str = "") -> None:
        """It was taken; `their_number` is the peer's number for a ticket that it took."""

        def run(connection: Connection) -> None:
            _end(connection, message, "sent", "")
            if their_number:
                _learn_number(connection, message, their_number)

        await self._database.write(run)

    async def later(
        self, message: Outgoing, at: int, reason: str, *, whole_target: bool = False
    ) -> None:
        """It wasn't taken: again from `at` on, and with it (`whole_target`) all that waits for
        the same target and would be tried before."""

        def run(connection: Connection) -> None:
            connection.execute(_waiting(message).values(next_at=at, reason=reason))
            if whole_target:
                connection.execute(
                    update(outbox)
                    .where(outbox.c.tenant == message.tenant, outbox.c.target == message.target)
                    .where(outbox.c.state == WAITS, outbox.c.next_at < at)
                    .values(next_at=at)
                )

        await self._database.write(run)

    async def give_up(self, message: Outgoing, reason: str) -> None:
        """It won't be taken; a supervisor sees it and may have it sent again."""
        await self._database.write(lambda connection: _end(connection, message, "given_up", reason))

    async def standing(self) -> Sequence[Standing]:
        """What wasn't taken yet, and what was given up."""
        kind = func.substr(outbox.c.target, 1, 4)
        count, newest = func.count(), func.max(outbox.c.id)
        queries = {
            name: select(outbox.c.tenant, kind, count, newest, func.min(outbox.c.made_at))
            .where(outbox.c.state == state)
            .group_by(outbox.c.tenant, kind)
            for name, state in (("waiting", WAITS), ("given_up", GIVEN_UP))
        }

        def run(connection: Connection) -> list[Standing]:
            return [
                Standing(tenant, kind, name, *rest)
                for name, query in queries.items()
                for tenant, kind, *rest in connection.execute(query)
            ]

        return await self._database.read(run)

    async def again(self, tenant: str, number: int) -> bool:
        """Send a given-up message again; False when it is none."""
        change = (
            update(outbox)
            .where(outbox.c.tenant == tenant, outbox.c.id == number)
            .where(outbox.c.state == "given_up")
            .values(state="waiting", next_at=0, tries=0, reason="")
        )
        return await self._database.write(
            lambda connection: connection.execute(change).rowcount > 0
        )

    async def list(
        self, tenant: str, *, state: str = "", number: str = "", before: int = 0, limit: int = 100
    ) -> Sequence[Outgoing]:
        """A tenant's messages, the newest first, those before the id `before` if named."""
        query = select(outbox).where(outbox.c.tenant == tenant)
        if state:
            query = query.where(outbox.c.state == state)
        if number:
            query = query.where(outbox.c.number == number)
        if before:
            query = query.where(outbox.c.id < before)
        query = query.order_by(outbox.c.id.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_outgoing(row) for row in rows]

    async def purge(self, now: int) -> None:
        """Forget what nobody asks for any more."""

        def run(connection: Connection) -> None:
            old = (outbox.c.state == "sent", outbox.c.made_at < now - KEPT_S)
            connection.execute(delete(outbox).where(*old))
            forgotten = (outbox.c.state == GIVEN_UP, outbox.c.made_at < now - ANSWERS_S)
            connection.execute(delete(outbox).where(*forgotten))
            connection.execute(delete(exchange_seen).where(exchange_seen.c.until < now))
            taken = exchange_taken.c.at < now - ANSWERS_S
            connection.execute(delete(exchange_taken).where(taken))

        await self._database.write(run)


def _take(connection: Connection, now: int, lease_s: int, limit: int) -> list[Outgoing]:
    query = (
        select(outbox)
        .where(_first(), outbox.c.next_at <= now)
        .order_by(outbox.c.next_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)  # SQLite needs none and is told none
    )
    found = [_outgoing(row) for row in connection.execute(query)]
    if found:
        change = (
            update(outbox)
            .where(outbox.c.id == bindparam("which"))
            .values(next_at=now + lease_s, tries=outbox.c.tries + 1)
        )
        connection.execute(change, [{"which": message.id} for message in found])
    return found


def _first() -> ColumnElement[bool]:
    """It waits, and nothing else of its target and ticket waits before it."""
    before = outbox.alias("before")
    earlier = (
        select(before.c.id)
        .where(
            before.c.tenant == outbox.c.tenant, before.c.target == outbox.c.target,
            before.c.number == outbox.c.number, before.c.state == WAITS,
            before.c.id < outbox.c.id,
        )
        .exists()
    )  # fmt: skip
    return and_(outbox.c.state == WAITS, ~earlier)


def _waiting(message: Outgoing) -> Any:
    return update(outbox).where(outbox.c.id == message.id, outbox.c.state == WAITS)


def _end(connection: Connection, message: Outgoing, state: str, reason: str) -> None:
    connection.execute(_waiting(message).values(state=state, reason=reason))


def _learn_number(connection: Connection, message: Outgoing, their_number: str) -> None:
    if message.kind != Word.TICKET:
        return
    peer = message.target.removeprefix("peer:")
    ours = crossings.c
    connection.execute(
        update(crossings)
        .where(ours.tenant == message.tenant, ours.number == message.number, ours.peer == peer)
        .where(ours.way == Way.OUT.value, ours.n == message.body["n"])
        .values(their_number=their_number)
    )


def _outgoing(row: Row[Any]) -> Outgoing:
    return Outgoing(
        row.id, row.tenant, row.target, row.number, row.message, row.kind, row.body, row.state,
        row.made_at, row.next_at, row.tries, row.reason,
    )  # fmt: skip
