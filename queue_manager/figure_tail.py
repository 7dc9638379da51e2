"""What a killed engine's figures would lose, as lines that outlive it, and what they say.

Most of what happened since the figures were last written is told to the next engine by rows of
calls and by who is found waiting or talking. Nobody else tells of a wrap-up that has ended, of a
miss, of a callback given up, of who left the queue for something else while his call goes on, and
of overflows of who waits no more. Each of these is noted as a line when it is counted (one short
line per ordinary call, into memory that the kernel keeps: `storage.figure_tail`), and added to
what is stored by the next engine of the same node. Pure.

A line: `c <condition> <quarter> <counters> <keys>` for callers, `s - <quarter> <counters> <seat>`
for seats, `w<seat> <begin, µs> <quarter> <counters> <keys>` for a wrap-up, which the live state may
still call unended. The condition is `-`, `k<n>` (counted when the line numbered n was written:
stored already if that one is) or `b<µs>` (he came at that moment: told by his call's row if what is
stored ends before it).
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from queue_manager.cells import Cell, Dimension, Key
from queue_manager.counts import CALL_FIELDS, SEAT_SUMS, CallCounts, SeatCounts
from queue_manager.figure_book import CallKey, share_of
from queue_manager.seat_times import SeatKey

Tail = Callable[[str], int]
"""Takes a line, returns its number (from 1)."""
ALWAYS = "-"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def nowhere(line: str) -> int:
    """A tail that keeps nothing."""
    return 0


def counted_with(number: int) -> str:
    """The condition of what was counted when an earlier line was written."""
    return f"k{number}"


def unless_his_row_tells(came_at: datetime) -> str:
    """The condition of what a call's row tells, too, if he came after the last writing."""
    return f"b{(came_at - _EPOCH) // _MICROSECOND}"


def call_line(cell: Cell, counters: str, condition: str = ALWAYS) -> str:
    """Counters (`wrap_ups=1,wrap_up_ms=900`) of one caller."""
    return f"c {condition} {cell.quarter} {counters} {cell.kind.text}"


def wrap_up_line(cell: Cell, seat_id: str, began_at: datetime, wrap_up_ms: int) -> str:
    """A wrap-up that has ended, of a seat's name without spaces."""
    begin = (began_at - _EPOCH) // _MICROSECOND
    return f"w{seat_id} {begin} {cell.quarter} wrap_ups=1,wrap_up_ms={wrap_up_ms} {cell.kind.text}"


def wrap_up_of(line: str) -> tuple[str, datetime] | None:
    """Whose wrap-up a line tells, and when it began; None for every other line."""
    words = line[1:].split(" ", 2)
    if line[:1] != "w" or len(words) < 3 or not re.fullmatch(r"\d{1,17}", words[1], re.ASCII):
        return None
    return words[0], _EPOCH + int(words[1]) * _MICROSECOND


def seat_line(key: SeatKey, counters: str) -> str:
    """Counters of one seat."""
    return f"s - {key[0]} {counters} {json.dumps(key[1])}"


@dataclass(slots=True)
class Tailed:
    """What lines add to figures that are stored up to a moment and a line; `wrapped` are seats
    and the beginnings of wrap-ups that have ended, stored or not."""

    calls: dict[CallKey, CallCounts] = field(default_factory=dict)
    seats: dict[SeatKey, SeatCounts] = field(default_factory=dict)
    wrapped: list[tuple[str, datetime]] = field(default_factory=list)
    unreadable: int = 0


def read_tail(
    lines: Iterable[tuple[int, str]], after: int, counted_until: datetime | None
) -> Tailed:
    """Sum up the numbered lines behind number `after`, the last one that is stored."""
    found = Tailed()
    for number, line in lines:
        try:
            _take(found, line, number > after, after, counted_until)
        except (ValueError, KeyError, TypeError, OverflowError):
            found.unreadable += 1
    return found


def _take(
    found: Tailed, line: str, fresh: bool, after: int, counted_until: datetime | None
) -> None:
    if line == MARK:
        return
    what, condition, quarter, text, name = line.split(" ", 4)
    counters = {n: int(v) for n, v in (pair.split("=") for pair in text.split(","))}
    if what == "s":
        if fresh:
            key = (int(quarter), str(json.loads(name)))
            seat = found.seats.setdefault(key, SeatCounts())
            for counter, more in _known(counters, SEAT_SUMS).items():
                setattr(seat, counter, getattr(seat, counter) + more)
        return
    if what[0] == "w":
        found.wrapped.append((what[1:], _EPOCH + int(condition) * _MICROSECOND))
    elif what != "c":
        raise ValueError(what)
    elif not _counts(condition, after, counted_until):
        return
    if fresh:
        counts = CallCounts(**_known(counters, CALL_FIELDS))
        for dimension, named in json.loads(name):
            whose: Key = (Dimension(dimension), str(named))
            total = found.calls.setdefault((int(quarter), *whose), CallCounts())
            total.add(share_of(counts, whose))


MARK = "m"
"""A line that only has a number."""


def _counts(condition: str, after: int, counted_until: datetime | None) -> bool:
    if condition == ALWAYS:
        return True
    value = int(condition[1:])
    if condition[0] == "k":
        return value > after
    return counted_until is not None and _EPOCH + value * _MICROSECOND <= counted_until


def _known(counters: dict[str, int], names: tuple[str, ...]) -> dict[str, int]:
    for name in counters:
        if name not in names:
            raise KeyError(name)
    return counters
