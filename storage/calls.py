"""The call log in SQL: one row per call, its recording to be checked, the figures of a day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    cast,
    extract,
    func,
    select,
)

from queue_manager.statistics import SHORT_ABANDON_S, Quarter, Totals, slot_of
from storage.database import Database
from storage.prepared import Prepared
from storage.recordings import expect_recording
from storage.rows import facts_row, insert_once
from storage.tables import calls
from tickets.model import CallRecord, Outcome

QUARTER_S = 900

_RECORD = Prepared(
    {name: insert.returning(calls.c.call_id) for name, insert in insert_once(calls).items()}
)
_SERVED = tuple(
    str(outcome)
    for outcome in (Outcome.ANSWERED, Outcome.VOICE_REQUEST, Outcome.TRANSFERRED, Outcome.CALLBACK)
)
_ANSWERED = calls.c.outcome == Outcome.ANSWERED.value
_UNSERVED = calls.c.outcome.not_in(_SERVED)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What `queue_manager.statistics.Statistics.restore` begins a day with."""

    lines: Mapping[str, Totals] = field(default_factory=dict)
    quarters: Mapping[int, Quarter] = field(default_factory=dict)


class SqlCalls:
    """`tickets.ports.CallStore` on a `Database`."""

    def __init__(
        self, database: Database, on_new: Callable[[CallRecord], None] = lambda record: None
    ) -> None:
        """`on_new` is told of each row that wasn't there before, once it is durable."""
        self._database = database
        self._on_new = on_new

    async def record(self, record: CallRecord) -> None:
        """Write the call's row, once per call, and note its recording for checking."""
        new = await self._database.write(
            lambda connection: _record(connection, record), order=record.facts.tenant, patient=True
        )
        if new:
            self._on_new(record)

    async def figures_of(
        self,
        tenant: str,
        day: date,
        zone: tzinfo,
        *,
        service_level_s: float,
        ended_before: datetime | None = None,
    ) -> DayFigures:
        """Callers queued on a local day whose calls have ended (before a time); as the statistics
        define them. When a seat answered isn't always known (only a dead engine knew): such a
        call counts as answered, its wait as nobody's."""
        begin = datetime.combine(day, time(), zone)
        end = datetime.combine(day + timedelta(days=1), time(), zone)
        queued = and_(calls.c.tenant == tenant, calls.c.queued_at >= begin, calls.c.queued_at < end)
        if ended_before is not None:
            queued = and_(queued, calls.c.ended_at < ended_before)
        return await self._database.read(
            lambda connection: DayFigures(
                _lines(connection, queued, service_level_s), _quarters(connection, queued, zone)
            )
        )


def _lines(
    connection: Connection, queued: ColumnElement[bool], service_level_s: float
) -> dict[str, Totals]:
    def count(which: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(which)

    def total(column: ColumnElement[Any]) -> ColumnElement[float]:
        return func.coalesce(func.sum(column).filter(_ANSWERED), 0.0)

    query = select(
        calls.c.line_id,
        func.count().label("offered"),
        count(_ANSWERED).label("answered"),
        count(and_(_ANSWERED, calls.c.wait_s <= service_level_s)).label("answered_in_time"),
        count(_UNSERVED).label("abandoned"),
        count(and_(_UNSERVED, calls.c.wait_s < SHORT_ABANDON_S)).label("abandoned_short"),
        count(calls.c.outcome == Outcome.VOICE_REQUEST.value).label("voice_requests"),
        count(calls.c.outcome == Outcome.TRANSFERRED.value).label("transferred"),
        total(calls.c.wait_s).label("wait_total_s"),
        func.coalesce(func.max(calls.c.wait_s), 0.0).label("longest_wait_s"),
        count(_ANSWERED).label("talks"),
        total(calls.c.talk_s).label("talk_total_s"),
    )
    rows = connection.execute(query.where(queued).group_by(calls.c.line_id)).mappings()
    return {row["line_id"]: Totals(**{k: row[k] for k in row if k != "line_id"}) for row in rows}


def _quarters(
    connection: Connection, queued: ColumnElement[bool], zone: tzinfo
) -> dict[int, Quarter]:
    if connection.dialect.name == "sqlite":
        epoch = cast(func.strftime("%s", calls.c.queued_at), Integer)
    else:
        epoch = cast(func.floor(extract("epoch", calls.c.queued_at)), Integer)
    quarter = (epoch // QUARTER_S).label("quarter")
    query = (
        select(
            func.min(calls.c.queued_at),
            func.count(),
            func.count().filter(_ANSWERED),
            func.count().filter(_UNSERVED),
        )
        .where(queued)
        .group_by(quarter)
    )
    found: dict[int, Quarter] = {}
    for first, offered, answered, abandoned in connection.execute(query):
        found[slot_of(first.astimezone(zone)).quarter] = Quarter(offered, answered, abandoned)
    return found


def _record(connection: Connection, record: CallRecord) -> bool:
    """True when the row wasn't there."""
    written = _RECORD.run(connection, _row(record))
    facts = record.facts
    if written is not None and facts.recording:
        lasted_s = (record.ended_at - facts.started_at).total_seconds()
        expect_recording(connection, facts, facts.recording, lasted_s, record.ended_at)
    return written is not None


def _row(record: CallRecord) -> dict[str, Any]:
    """An answer whose time nobody knows (its engine died) has neither wait nor talk."""
    answered_at, ended_at = record.answered_at, record.ended_at
    waited_until = answered_at if record.outcome is Outcome.ANSWERED else ended_at
    return {
        **facts_row(record.facts),
        "outcome": record.outcome, "seat_id": record.seat_id, "queued_at": record.queued_at,
        "answered_at": record.answered_at, "ended_at": record.ended_at,
        "wait_s": _span_s(record.queued_at, waited_until),
        "talk_s": _span_s(answered_at, ended_at),
    }  # fmt: skip


def _span_s(begin: datetime | None, end: datetime | None) -> float | None:
    if begin is None or end is None:
        return None
    return max(0.0, (end - begin).total_seconds())
