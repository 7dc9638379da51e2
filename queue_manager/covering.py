"""The cheapest way to cover needs by columns, in whole numbers: small integer programs, exactly.

Used for mixes of seats (a column is a kind of seat, a row the callers only some of them can serve)
and for shifts (a column is a shift, a row an hour). Branch and bound. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NODES = 50_000
FINE = 32
"""Needs up to twice this are met one by one; larger ones, at first, in larger pieces."""


@dataclass(frozen=True, slots=True)
class Row:
    """At least `need` in sum over these columns (by number)."""

    columns: frozenset[int]
    need: int


@dataclass(frozen=True, slots=True)
class Cover:
    """How many of each column; `exact` is False when the search was ended by its limit or took
    larger pieces, and a slightly cheaper cover may exist."""

    counts: tuple[int, ...]
    cost: float
    exact: bool


def cover(costs: Sequence[float], rows: Sequence[Row]) -> Cover:
    """Fewest costs (each above 0) so that every row is met.

    Raises ValueError for a row that no column can meet.
    """
    for row in rows:
        if row.need > 0 and not row.columns:
            raise ValueError(f"a need of {row.need} is covered by nothing")
    search = _Search(tuple(costs), tuple(row for row in rows if row.need > 0))
    search.descend((0,) * len(costs), frozenset(range(len(costs))), 0.0)
    return Cover(search.best, search.cost, search.nodes < NODES and not search.coarse)


@dataclass(slots=True)
class _Search:
    costs: tuple[float, ...]
    rows: tuple[Row, ...]
    best: tuple[int, ...] = ()
    cost: float = float("inf")
    nodes: int = 0
    coarse: bool = False

    def __post_init__(self) -> None:
        self.best = self._greedy()
        self.cost = sum(c * n for c, n in zip(self.costs, self.best, strict=True))

    def descend(self, counts: tuple[int, ...], free: frozenset[int], cost: float) -> None:
        """Meet the row that is hardest to meet in every way that may be cheaper than the best."""
        self.nodes += 1
        open_rows = [(r, self._left(r, counts)) for r in self.rows]
        open_rows = [(r, left) for r, left in open_rows if left > 0]
        if not open_rows:
            if cost < self.cost - 1e-9:
                self.best, self.cost = counts, cost
            return
        if any(not row.columns & free for row, _ in open_rows):
            return
        least = max(left * min(self.costs[c] for c in r.columns & free) for r, left in open_rows)
        if cost + least >= self.cost - 1e-9 or self.nodes >= NODES:
            return
        row, left = min(open_rows, key=lambda found: (len(found[0].columns & free), -found[1]))
        # The column that helps most rows first; each branch forbids the columns of those before.
        helps = {c: sum(c in r.columns for r, _ in open_rows) for c in row.columns & free}
        order = sorted(helps, key=lambda c: (self.costs[c] / helps[c], c))
        amount = left if len(order) == 1 else max(1, left // FINE)
        self.coarse = self.coarse or (amount > 1 and len(order) > 1)
        for column in order:
            more = (*counts[:column], counts[column] + amount, *counts[column + 1 :])
            self.descend(more, free, cost + amount * self.costs[column])
            free -= {column}

    def _left(self, row: Row, counts: tuple[int, ...]) -> int:
        return row.need - sum(counts[c] for c in row.columns)

    def _greedy(self) -> tuple[int, ...]:
        counts = [0] * len(self.costs)
        while open_rows := [r for r in self.rows if self._left(r, tuple(counts)) > 0]:
            able = {c for row in open_rows for c in row.columns}
            best = min(
                able, key=lambda c: (self.costs[c] / sum(c in r.columns for r in open_rows), c)
            )
            counts[best] += 1
        for column in range(len(counts)):  # what was taken early may be too many by now
            while counts[column] and self._met(counts, column):
                counts[column] -= 1
        return tuple(counts)

    def _met(self, counts: list[int], without: int) -> bool:
        fewer = tuple(n - (c == without) for c, n in enumerate(counts))
        return all(self._left(row, fewer) <= 0 for row in self.rows)


def cover_hours(
    needs: Sequence[int], interval_min: int, shifts: Sequence[tuple[int, int]]
) -> Cover:
    """How many seats each shift must have so that every interval of a day has what it needs.

    `needs` are seats per interval from midnight on, `shifts` begin and end in minutes after it (an
    end beyond 1440 reaches into the next day). Paid time counts. Raises ValueError when an
    interval that needs seats lies in no shift.
    """
    day = len(needs) * interval_min
    rows: dict[frozenset[int], int] = {}
    for number, need in enumerate(needs):
        at = number * interval_min
        columns = frozenset(
            index
            for index, (begin, end) in enumerate(shifts)
            if any(begin <= at + turn and at + turn + interval_min <= end for turn in (0, day))
        )
        if need and not columns:
            raise ValueError(f"no shift covers {_clock(at)} to {_clock(at + interval_min)}")
        rows[columns] = max(rows.get(columns, 0), need)
    return cover(
        [float(end - begin) for begin, end in shifts],
        [Row(columns, need) for columns, need in rows.items()],
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
