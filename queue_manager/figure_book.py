"""What was counted, spread over queue, line and skill: quarters for SQL, sums of days for boards.

`own` is what this engine counts and stores, `others` what other engines (or lives) have stored;
boards show the sum of both. Quarters are counted from 1970, days are the tenant's own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from queue_manager.cells import WHOLE, Dimension, Key
from queue_manager.counts import CallCounts, SeatCounts, quarter_of, quarter_start
from queue_manager.seat_times import SeatKey

LATE_QUARTERS = 24
"""Events of callers who were queued more than six hours ago count for six hours ago."""
MOST_QUARTERS = 192
_DAYS_KEPT = 2
_KNOWN_DAYS = 1000

CallKey = tuple[int, Dimension, str]
_Book = dict[int, dict[Key, CallCounts]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What SQL knows of a tenant: `own` are this engine's quarters of the last six hours, `others`
    those of all other engines; `today` and `quarters` (the tenant as a whole) the sums of all
    engines over the present day; `seats` this engine's own, of this quarter and the last.

    `counted_until`: what happened before is counted in them (None: nothing ever was);
    `seats_until`: up to when (epoch seconds) each seat's time is, by any engine. `oldest` is the
    first quarter that was read.
    """

    counted_until: datetime | None = None
    own: Mapping[CallKey, CallCounts] = field(default_factory=dict)
    others: Mapping[CallKey, CallCounts] = field(default_factory=dict)
    today: Mapping[Key, CallCounts] = field(default_factory=dict)
    quarters: Mapping[int, CallCounts] = field(default_factory=dict)
    seats: Mapping[SeatKey, SeatCounts] = field(default_factory=dict)
    seats_until: Mapping[str, float] = field(default_factory=dict)
    oldest: int | None = None


def oldest_of(began_at: datetime, counted_until: datetime | None) -> int:
    """The first quarter something may still be counted in, for an engine that began at a moment:
    six hours before the last writing, two days ago at most."""
    last = quarter_of(began_at)
    written = last if counted_until is None else quarter_of(counted_until)
    return max(last - MOST_QUARTERS, min(last, written) - LATE_QUARTERS)


class FigureBook:
    """Counters by quarter and by day; `changed` are the quarters not yet stored."""

    def __init__(self, zone: tzinfo, began_at: datetime) -> None:
        self.changed: set[CallKey] = set()
        self._zone = zone
        self._own: _Book = {}
        self._others: _Book = {}
        self._days: dict[date, dict[Key, CallCounts]] = {}
        self._day_of: dict[int, date] = {}
        self._oldest = quarter_of(began_at) - LATE_QUARTERS

    def restore(self, stored: Stored, day: date) -> None:
        """Go on from what is stored; what was counted since our start is kept."""
        for known, book in ((stored.own, self._own), (stored.others, self._others)):
            for (quarter, dimension, name), counts in known.items():
                _at(book.setdefault(quarter, {}), (dimension, name)).add(counts)
        if stored.oldest is not None:
            self._oldest = stored.oldest
        for quarter, counts in stored.quarters.items():
            _at(self._others.setdefault(quarter, {}), WHOLE).add(counts)
        whole = self._of_day(day)
        for key, counts in stored.today.items():
            _at(whole, key).add(counts)
            if key[0] is Dimension.LINE:
                _at(whole, WHOLE).add(counts)

    def add(self, quarter: int, keys: tuple[Key, ...], counts: CallCounts) -> None:
        """Count these for all of these keys."""
        day = self._of_day(self._local_day(quarter))
        quarter = max(quarter, self._oldest)
        book = self._own.setdefault(quarter, {})
        for key in keys:
            told = share_of(counts, key)
            _at(book, key).add(told)
            _at(day, key).add(told)
            if key is not WHOLE:
                self.changed.add((quarter, *key))

    def own(self, key: CallKey) -> CallCounts:
        """What this engine has counted, as it is to be stored."""
        quarter, dimension, name = key
        return self._own[quarter][dimension, name]

    def today(self, now: datetime) -> Mapping[Key, CallCounts]:
        """The present day's sums of all engines."""
        return self._of_day(now.astimezone(self._zone).date())

    def quarters(self, day: date) -> Iterator[tuple[int, CallCounts]]:
        """The whole tenant's quarters of a local day that have anything, of all engines."""
        for quarter in sorted(self._own.keys() | self._others.keys()):
            if self._local_day(quarter) == day:
                total = CallCounts()
                for book in (self._own, self._others):
                    if (counts := book.get(quarter, {}).get(WHOLE)) is not None:
                        total.add(counts)
                yield quarter, total

    def recent(self, now: datetime, quarters: int) -> dict[Key, CallCounts]:
        """Callers of the present quarter and those before it, by what they count for."""
        last = quarter_of(now)
        found: dict[Key, CallCounts] = {}
        for quarter in range(last - quarters + 1, last + 1):
            for book in (self._own, self._others):
                for key, counts in book.get(quarter, {}).items():
                    _at(found, key).add(counts)
        return found

    def drop_oldest(self, most: int) -> int:
        """Keep at most this many unstored, the newest; how many were given up."""
        late = sorted(self.changed)[: max(0, len(self.changed) - most)]
        self.changed.difference_update(late)
        return len(late)

    def forget(self, now: datetime) -> None:
        """Drop what is stored and needed no more: of today's old quarters the whole is kept."""
        self._oldest = max(self._oldest, quarter_of(now) - LATE_QUARTERS)
        day = now.astimezone(self._zone).date()
        unstored = {quarter for quarter, _, _ in self.changed}
        for book in (self._own, self._others):
            for quarter in [q for q in book if q < self._oldest and q not in unstored]:
                whole = book[quarter].get(WHOLE)
                if whole is None or self._local_day(quarter) < day:
                    del book[quarter]
                else:
                    book[quarter] = {WHOLE: whole}

    def _local_day(self, quarter: int) -> date:
        day = self._day_of.get(quarter)
        if day is None:
            if len(self._day_of) >= _KNOWN_DAYS:
                self._day_of.clear()
            day = self._day_of[quarter] = quarter_start(quarter).astimezone(self._zone).date()
        return day

    def _of_day(self, day: date) -> dict[Key, CallCounts]:
        """A day's sums; the two latest are kept, what is older counts for the older of them."""
        found = self._days.get(day)
        if found is not None:
            return found
        if len(self._days) == _DAYS_KEPT:
            oldest = min(self._days)
            if day < oldest:
                return self._days[oldest]
            del self._days[oldest]
        found = self._days[day] = {}
        return found


def share_of(counts: CallCounts, key: Key) -> CallCounts:
    """What a caller's counters are for one of his keys: only queues see an overflow as two."""
    return counts.once() if counts.overflowed_in and key[0] is not Dimension.QUEUE else counts


def _at(book: dict[Key, CallCounts], key: Key) -> CallCounts:
    found = book.get(key)
    if found is None:
        found = book[key] = CallCounts()
    return found
