"""Deadlines in the running engine: policies, calendars, units, tickets' lives, the watcher."""

from collections.abc import Sequence
from dataclasses import dataclass

from hotline.clock_watch import ClockWatch, told_by
from hotline.peer_files import PeerBook
from hotline.policies import RuleBook
from hotline.unit_files import UnitBook
from ivr.ports import Clock
from ivr.tenants import Tenant
from storage.clocks import SqlClockwork
from storage.database import Database
from storage.lives import SqlLives
from storage.outlet import Outlet
from storage.webhooks import SqlWebhooks


@dataclass(frozen=True, slots=True)
class Read:
    """Files as they were read, not in use yet."""

    rules: RuleBook
    units: UnitBook
    peers: PeerBook


class Deadlines:
    """All that measures tickets. `clockwork` joins the events' transactions (and there fills the
    outbox for `peers` and `webhooks`, and, with `texts`, for citizens), `lives` keeps events,
    `watch` gives cards. Raises `DocumentError` when a file has a mistake."""

    def __init__(
        self,
        tenants: Sequence[Tenant],
        database: Database,
        clock: Clock,
        *,
        texts: bool = False,
        node: str = "",
    ) -> None:
        self._tenants = tenants
        found = self.read()
        self.rules, self.units = found.rules, found.units
        self.peers, self.webhooks = found.peers, SqlWebhooks(database)
        self.clockwork = Outlet(
            SqlClockwork(self.rules.of), lambda tenant: self.peers.of(tenant), self.webhooks.hooks,
            texts=texts,
        )  # fmt: skip
        self.lives = SqlLives(database, self.clockwork, self.units.has)
        names = [tenant.id for tenant in tenants]
        self.watch = ClockWatch(database, self.rules, names, told_by(self.lives), clock, node=node)

    def read(self) -> Read:
        """Read every tenant's files anew; nothing changes yet. Raises `DocumentError`."""
        tenants = self._tenants
        return Read(RuleBook.read(tenants), UnitBook.read(tenants), PeerBook.read(tenants))

    def use(self, found: Read) -> None:
        """From now on these; due dates that are others by them are counted anew."""
        self.rules.use(found.rules)
        self.units.use(found.units)
        self.peers.use(found.peers)
        self.watch.rules_changed()
