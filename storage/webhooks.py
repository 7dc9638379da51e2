"""Who wants to be told of tickets' events over HTTP, and whether that works."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from storage.database import Database
from storage.exchange_tables import outbox, webhooks
from tickets.errors import StoreRefused

EVERY = "*"
MOST = 50
_OURS = webhooks.c


@dataclass(frozen=True, slots=True)
class Hook:
    """A subscription; times are seconds since 1970, 0 is never. `events` are names of a ticket's
    events, `*` all. `generation` counts its secrets."""

    tenant: str
    id: str
    url: str
    events: tuple[str, ...]
    generation: int = 1
    made_at: int = 0
    made_by: str = ""
    failing_since: int = 0
    told_at: int = 0
    disabled_at: int = 0
    reason: str = ""

    def wants(self, event: str) -> bool:
        """Whether it is told of events of this name now."""
        return not self.disabled_at and (EVERY in self.events or event in self.events)


class SqlWebhooks:
    """Webhooks of all tenants. `hooks` answers from memory, of what `read` found last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[Hook, ...]] = {}

    def hooks(self, tenant: str) -> Sequence[Hook]:
        """Those that are told of events now."""
        return self._known.get(tenant, ())

    def hook(self, tenant: str, hook_id: str) -> Hook | None:
        """One of them; None when it isn't told of events (any more)."""
        return next((hook for hook in self.hooks(tenant) if hook.id == hook_id), None)

    @property
    def any(self) -> bool:
        """Whether anybody wants to be told of anything."""
        return bool(self._known)

    async def read(self) -> None:
        """Learn who wants to be told; raises `StoreAway`."""
        query = select(webhooks).where(_OURS.disabled_at == 0).order_by(_OURS.tenant, _OURS.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found: dict[str, tuple[Hook, ...]] = {}
        for row in rows:
            found[row.tenant] = (*found.get(row.tenant, ()), _hook(row))
        self._known = found

    async def list(self, tenant: str) -> Sequence[Hook]:
        """A tenant's, disabled ones too."""
        query = select(webhooks).where(_OURS.tenant == tenant).order_by(_OURS.made_at, _OURS.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_hook(row) for row in rows]

    async def add(self, hook: Hook) -> None:
        """Keep a new one; `StoreRefused` when the tenant has `MOST`."""

        def run(connection: Connection) -> None:
            query = select(func.count()).select_from(webhooks).where(_OURS.tenant == hook.tenant)
            if connection.execute(query).scalar_one() >= MOST:
                raise StoreRefused(f"a tenant has {MOST} webhooks at most")
            connection.execute(insert(webhooks), _row(hook))

        await self._database.write(run)
        await self.read()

    async def remove(self, tenant: str, hook_id: str) -> bool:
        """End it, with what waits for it or was given up; False when there is none of this id."""

        def run(connection: Connection) -> bool:
            gone = connection.execute(delete(webhooks).where(*_of(tenant, hook_id))).rowcount
            theirs = outbox.c.tenant == tenant, outbox.c.target == f"hook:{hook_id}"
            connection.execute(delete(outbox).where(*theirs, outbox.c.state != "sent"))
            return gone > 0

        done = await self._database.write(run)
        await self.read()
        return done

    async def enable(self, tenant: str, hook_id: str, *, new_secret: bool = False) -> Hook | None:
        """Tell it again, from now on with another secret if asked; None when there is none."""

        def run(connection: Connection) -> Hook | None:
            more = {"generation": _OURS.generation + 1} if new_secret else {}
            connection.execute(
                update(webhooks)
                .where(*_of(tenant, hook_id))
                .values(disabled_at=0, failing_since=0, reason="", **more)
            )
            row = connection.execute(select(webhooks).where(*_of(tenant, hook_id))).first()
            return None if row is None else _hook(row)

        found = await self._database.write(run)
        await self.read()
        return found

    async def worked(self, tenant: str, hook_id: str, now: int) -> None:
        """It took something."""
        change = (
            update(webhooks)
            .where(*_of(tenant, hook_id))
            .values(failing_since=0, told_at=now, reason="")
        )
        await self._database.write(lambda connection: connection.execute(change))

    async def failed(
        self, tenant: str, hook_id: str, now: int, reason: str, *, patience_s: int
    ) -> bool:
        """It took nothing; True when it is told no more, having failed for `patience_s`."""

        def run(connection: Connection) -> bool:
            row = connection.execute(select(webhooks).where(*_of(tenant, hook_id))).first()
            if row is None or row.disabled_at:
                return False
            since = row.failing_since or now
            ends = now - since >= patience_s
            connection.execute(
                update(webhooks)
                .where(*_of(tenant, hook_id))
                .values(failing_since=since, reason=reason, disabled_at=now if ends else 0)
            )
            if ends:
                connection.execute(
                    update(outbox)
                    .where(*_waiting(tenant, hook_id))
                    .values(state="given_up", reason="webhook disabled")
                )
            return ends

        ended = await self._database.write(run)
        if ended:
            await self.read()
        return ended


def _of(tenant: str, hook_id: str) -> Collection[Any]:
    return _OURS.tenant == tenant, _OURS.id == hook_id


def _waiting(tenant: str, hook_id: str) -> Collection[Any]:
    sent = outbox.c
    return sent.tenant == tenant, sent.target == f"hook:{hook_id}", sent.state == "waiting"


def _row(hook: Hook) -> dict[str, Any]:
    return {
        "tenant": hook.tenant, "id": hook.id, "url": hook.url, "events": list(hook.events),
        "generation": hook.generation, "made_at": hook.made_at, "made_by": hook.made_by,
        "failing_since": hook.failing_since, "told_at": hook.told_at,
        "disabled_at": hook.disabled_at, "reason": hook.reason,
    }  # fmt: skip


def _hook(row: Row[Any]) -> Hook:
    return Hook(
        row.tenant, row.id, row.url, tuple(row.events), row.generation, row.made_at, row.made_by,
        row.failing_since, row.told_at, row.disabled_at, row.reason,
    )  # fmt: skip
