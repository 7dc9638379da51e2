"""What past days tell a planner: calls by quarter of an hour, line and language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Integer, Label, and_, cast, extract, func, select

from queue_manager.counts import QUARTER_S
from storage.database import Database
from storage.tables import calls
from tickets.model import Outcome

_ANSWERED = calls.c.outcome == Outcome.ANSWERED.value
_ABANDONED = calls.c.outcome == Outcome.ABANDONED.value
_COLUMNS = (
    calls.c.line_id,
    calls.c.language,
    func.count(),
    func.count().filter(_ABANDONED),
    func.count(calls.c.talk_s).filter(_ANSWERED),
    func.coalesce(func.sum(calls.c.talk_s).filter(_ANSWERED), 0.0),
    func.coalesce(func.sum(calls.c.wait_s), 0.0),
)


@dataclass(frozen=True, slots=True)
class PastCalls:
    """Calls of one line and language that were queued within one quarter of an hour, which began
    at `begins`. `talk_s` is summed over `talks`, `wait_s` over all whose wait is known."""

    begins: datetime
    line_id: str
    language: str
    offered: int
    abandoned: int
    talks: int
    talk_s: float
    wait_s: float


async def past_calls(
    database: Database, tenant: str, begin: datetime, end: datetime, zone: tzinfo
) -> Sequence[PastCalls]:
    """Everything queued from `begin` until just before `end`, quarters without calls left out.
    Raises `StoreAway`."""
    queued = and_(calls.c.tenant == tenant, calls.c.queued_at >= begin, calls.c.queued_at < end)

    def read(connection: Connection) -> Sequence[Any]:
        quarter = _quarter(connection)
        query = select(quarter, *_COLUMNS).where(queued)
        query = query.group_by(quarter, calls.c.line_id, calls.c.language)
        return connection.execute(query.order_by(quarter)).all()

    rows = await database.read(read)
    return [PastCalls(datetime.fromtimestamp(row[0] * QUARTER_S, zone), *row[1:]) for row in rows]


def _quarter(connection: Connection) -> Label[int]:
    """Quarters of an hour since 1970."""
    if connection.dialect.name == "sqlite":
        epoch = cast(func.strftime("%s", calls.c.queued_at), Integer)
    else:
        epoch = cast(func.floor(extract("epoch", calls.c.queued_at)), Integer)
    return (epoch // QUARTER_S).label("quarter")
