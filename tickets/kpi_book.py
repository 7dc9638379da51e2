"""What was counted over a period, kept as it is to be shown: by part of it and by group. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from tickets.kpi import By, Counted, Counts, added
from tickets.periods import Per, Period


@dataclass(slots=True)
class KpiBook:
    """Counts of a period, cut by `per`; days of all together besides, for the trend.

    `tickets_on` and `calls_on` are the days of which anything is stored at all.
    """

    period: Period
    per: Per = Per.WHOLE
    by: Collection[By] = (By.ALL,)
    days: dict[date, dict[str, int]] = field(default_factory=dict)
    tickets_on: set[date] = field(default_factory=set)
    calls_on: set[date] = field(default_factory=set)
    _parts: dict[Period, dict[tuple[By, str], dict[str, int]]] = field(default_factory=dict)
    _of_day: dict[date, Period] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in self.period.cut(self.per):
            self._parts[part] = {}
            self._of_day |= dict.fromkeys(part.each_day(), part)

    def take_tickets(self, day: date, counted: Counted) -> None:
        """Add a day's tickets; ALL must be among the groupings."""
        self.tickets_on.add(day)
        for (by, key), counts in counted.items():
            self._put(day, by, key, counts)

    def take_calls(self, day: date, lines: Mapping[str, Counts]) -> None:
        """Add a day's calls: each has one line."""
        self.calls_on.add(day)
        for line, counts in lines.items():
            self._put(day, By.ALL, "", counts)
            if By.LINE in self.by:
                self._put(day, By.LINE, line, counts)

    def _put(self, day: date, by: By, key: str, counts: Counts) -> None:
        if by is By.ALL:
            _into(self.days.setdefault(day, {}), counts)
        _into(self._parts[self._of_day[day]].setdefault((by, key), {}), counts)

    def parts(self, by: By) -> Mapping[Period, Mapping[str, Counts]]:
        """Every part of the period, with what was counted of each key."""
        return {
            part: {key: counts for (one, key), counts in counted.items() if one is by}
            for part, counted in self._parts.items()
        }

    def groups(self, by: By) -> Mapping[str, Counts]:
        """Each key over the whole period."""
        found: dict[str, list[Counts]] = {}
        for groups in self.parts(by).values():
            for key, counts in groups.items():
                found.setdefault(key, []).append(counts)
        return {key: added(parts) for key, parts in sorted(found.items())}

    @property
    def whole(self) -> Counts:
        """All together."""
        return added(self.days.values())


def _into(book: dict[str, int], counts: Counts) -> None:
    for name, count in counts.items():
        book[name] = book.get(name, 0) + count
