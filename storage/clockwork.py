"""The place where deadlines join the events' transaction: the store asks, `Clockwork` answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from tickets.consequences import Effect
from tickets.life import Life, Limits, Told


@dataclass(frozen=True, slots=True)
class Change:
    """One accepted event. `due` is when it had to be finished before it (None: never);
    `parent_due` is the parent's when the ticket is a child."""

    life: Life
    told: Told
    effects: Sequence[Effect]
    due: datetime | None = None
    parent_due: datetime | None = None


Seen = dict[tuple[str, str], Any]
"""What a commit has read of tickets' clocks, by tenant and number."""


class Clockwork(Protocol):
    """Clocks of many tickets at once, within the transaction in which their events are kept.

    Everything goes through the connection: the operation may be run twice. What isn't in `seen` is
    read, and is there afterwards: a commit that asks for limits first reads its clocks once.
    """

    def limits(
        self,
        connection: Connection,
        lives: Sequence[Life],
        at: datetime,
        seen: Seen | None = None,
    ) -> Sequence[Limits]:
        """What policy and calendar allow each of them; in the same order."""
        ...

    def changed(
        self, connection: Connection, changes: Sequence[Change], seen: Seen | None = None
    ) -> Sequence[datetime | None]:
        """Carry the clock effects out; each ticket's due time (办结) afterwards, in order.

        A child's is never after `parent_due`.
        """
        ...


class NoClocks:
    """No policy is there: nothing has a due time, the defaults hold."""

    def limits(
        self,
        connection: Connection,
        lives: Sequence[Life],
        at: datetime,
        seen: Seen | None = None,
    ) -> Sequence[Limits]:
        return [Limits()] * len(lives)

    def changed(
        self, connection: Connection, changes: Sequence[Change], seen: Seen | None = None
    ) -> Sequence[datetime | None]:
        return [change.due for change in changes]
