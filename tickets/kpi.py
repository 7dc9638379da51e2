"""Figures (指标) from what was counted: each with numerator and denominator. Pure.

What is counted, by name, is in `tickets.kpi_list`; who counts it in SQL, `storage.kpi`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

Counts = Mapping[str, int]
"""How often what happened; what isn't named didn't."""


class Measure(StrEnum):
    """What a figure is: a share of the whole (numerator ≤ denominator), or a mean in seconds."""

    SHARE = "share"
    SECONDS = "seconds"


class Source(StrEnum):
    """Where the numbers come from. Calls know their line, not unit, class or place."""

    TICKETS = "tickets"
    CALLS = "calls"


class By(StrEnum):
    """By what tickets are counted. CLASS is the classification's leaf, AREA a division's code of
    six digits; HEAT has both, the class's domain and the area: `03|450103`."""

    ALL = "all"
    UNIT = "unit"
    CLASS = "class"
    AREA = "area"
    LINE = "line"
    KIND = "kind"
    HEAT = "heat"


Counted = Mapping[tuple[By, str], Counts]
"""What was counted by grouping and key; "" is the key of what isn't known."""


@dataclass(frozen=True, slots=True)
class Target:
    """What somebody published or demands; `least` is the limit where it is one."""

    text: str
    least: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure's definition. `numerator` and `denominator` name counts (means: milliseconds);
    `formula` and `formula_en` say it in words; `fewer` that less is better; `aside` that it is
    shown apart and never a success."""

    id: str
    name: str
    name_en: str
    numerator: str
    denominator: str
    formula: str
    formula_en: str
    source: Source
    measure: Measure = Measure.SHARE
    targets: tuple[Target, ...] = ()
    fewer: bool = False
    aside: bool = False

    @property
    def least(self) -> Fraction | None:
        """The strictest limit there is; None without one."""
        return max((t.least for t in self.targets if t.least is not None), default=None)

    def share(self, counts: Counts) -> "Share":
        """Its two numbers."""
        return Share(counts.get(self.numerator, 0), counts.get(self.denominator, 0))


@dataclass(frozen=True, slots=True)
class Share:
    """A rate that shows what it was made of; None while nothing has happened."""

    numerator: int = 0
    denominator: int = 0

    @property
    def exact(self) -> Fraction | None:
        """The rate, to be compared."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    @property
    def rate(self) -> float | None:
        """0.0 to 1.0; of means the numerator's unit."""
        return self.numerator / self.denominator if self.denominator else None

    def __add__(self, other: "Share") -> "Share":
        return Share(self.numerator + other.numerator, self.denominator + other.denominator)


def added(parts: Iterable[Counts]) -> dict[str, int]:
    """The counts of all together."""
    whole: dict[str, int] = {}
    for counts in parts:
        for name, count in counts.items():
            whole[name] = whole.get(name, 0) + count
    return whole


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit's place. Equals share one, and the next goes on after them all (1, 2, 2, 4).
    `place` is None for who has less to be measured by than the least that is asked for."""

    place: int | None
    key: str
    counts: Counts = field(hash=False)


def ranking(groups: Mapping[str, Counts], by: Sequence[Kpi], least: int) -> Sequence[Ranked]:
    """Units, the best first, by the first figure; who is equal there by the next, and so on.

    Only who has at least `least` in the first one's denominator has a place; the others follow,
    those with the most to be measured by first. Rates are compared as fractions, never rounded.
    """
    first = by[0]
    volume = {key: first.share(counts).denominator for key, counts in groups.items()}
    placed = [key for key in groups if volume[key] >= max(1, least)]
    worth = {key: tuple(_worth(kpi, groups[key]) for kpi in by) for key in placed}
    placed.sort(key=lambda key: (tuple(-value for value in worth[key]), key))
    others = sorted(groups.keys() - set(placed), key=lambda key: (-volume[key], key))
    found = []
    place = 0
    for n, key in enumerate(placed):
        if n == 0 or worth[key] != worth[placed[n - 1]]:
            place = n + 1
        found.append(Ranked(place, key, groups[key]))
    return [*found, *(Ranked(None, key, groups[key]) for key in others)]


def _worth(kpi: Kpi, counts: Counts) -> Fraction:
    """Higher is better; nothing to be measured by comes after everybody."""
    exact = kpi.share(counts).exact
    if exact is None:
        return Fraction(-(10**12))
    return -exact if kpi.fewer or kpi.measure is Measure.SECONDS else exact


@dataclass(frozen=True, slots=True)
class Change:
    """A figure now and at another time; `by` in the figure's own unit (share: points of 1)."""

    now: Share
    then: Share

    @property
    def by(self) -> float | None:
        """How much it rose; None when one of the two has nothing to be measured by."""
        if self.now.exact is None or self.then.exact is None:
            return None
        return float(self.now.exact - self.then.exact)


def changes(kpis: Iterable[Kpi], now: Counts, then: Counts) -> Iterator[tuple[Kpi, Change]]:
    """Each figure beside that of another time."""
    for kpi in kpis:
        yield kpi, Change(kpi.share(now), kpi.share(then))
