"""Erlang C and Erlang A: one skill, one group of seats, a steady load. Pure arithmetic.

Both assume Poisson arrivals and exponential handling times. Erlang C (M/M/n) has callers who wait
for ever; Erlang A (M/M/n+M, Palm 1943) has callers who give up after an exponential patience.
Loads are in erlangs: calls per second times seconds of handling. Times are in seconds.

Source: Garnett, Mandelbaum and Reiman, "Designing a Call Center with Impatient Customers" (2002).
"""

from dataclasses import dataclass
from math import exp, inf, log

_NEGLIGIBLE = 1e-15
_HUGE = 1e200


@dataclass(frozen=True, slots=True)
class Load:
    """One skill's calls: how many per second, `handling_s` of talk and wrap-up each, and the mean
    `patience_s` (infinite: nobody gives up). Raises ValueError for what can't be."""

    calls_per_s: float
    handling_s: float
    patience_s: float = inf

    def __post_init__(self) -> None:
        if self.calls_per_s < 0 or self.handling_s <= 0 or self.patience_s <= 0:
            raise ValueError("a load needs calls of 0 or more, handling and patience above 0")

    @property
    def erlangs(self) -> float:
        """Seats that would be busy on average if everybody were served."""
        return self.calls_per_s * self.handling_s


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected, as shares of the offered calls (entered the queue).

    `waits`: found no free seat; `in_time`: answered within the service level's seconds;
    `answered`; `mean_wait_s` over all calls, those who gave up included; `occupancy`: of a seat.
    """

    waits: float
    in_time: float
    answered: float
    mean_wait_s: float
    occupancy: float


def erlang_b(seats: int, erlangs: float) -> float:
    """The share of calls that would find all seats busy if nobody waited."""
    inverse = 1.0
    for n in range(1, seats + 1):
        inverse = 1.0 + inverse * n / erlangs if erlangs else inf
    return 1.0 / inverse


def erlang_c(load: Load, seats: int, within_s: float) -> Outlook:
    """Everybody waits until he is served. With as many erlangs as seats or more the queue grows
    without end: nobody is answered in time."""
    offered = load.erlangs
    if offered >= seats:
        return Outlook(1.0, 0.0, 1.0 if not offered else seats / offered, inf, 1.0)
    blocked = erlang_b(seats, offered)
    occupancy = offered / seats
    waits = blocked / (1.0 - occupancy * (1.0 - blocked))
    spare_per_s = (seats - offered) / load.handling_s
    late = waits * exp(-spare_per_s * within_s)
    return Outlook(waits, 1.0 - late, 1.0, waits / spare_per_s, occupancy)


def erlang_a(load: Load, seats: int, within_s: float) -> Outlook:
    """Everybody waits until he is served or his patience (exponential) is at its end.

    A caller who finds `ahead` others waiting gets through when `ahead` + 1 seats or places have
    become free: times of rates n/handling + k/patience, k from 0 to `ahead`. With x = exp(-time /
    patience), x is Beta(n x patience / handling, ahead + 1) distributed; the share that is served,
    and in time, follows from that term by term.
    """
    if load.patience_s == inf or not load.calls_per_s:
        return erlang_c(load, seats, within_s)
    blocked = erlang_b(seats, load.erlangs)
    below = (1.0 / blocked if blocked else inf) - 1.0  # weight of the states with a free seat
    served_per_s = seats / load.handling_s
    ratio = seats * load.patience_s / load.handling_s
    log_limit = -within_s / load.patience_s
    rest = 1.0 - exp(log_limit)
    log_term = log_limit * (ratio + 1.0)  # of the incomplete beta's recursion, as is `within`
    within = 1.0 - exp(log_term)
    weight, ahead = 1.0, 0  # of the states "all seats busy, `ahead` waiting", the first is 1
    full = queued = in_time = 0.0
    while weight > _NEGLIGIBLE * (below + full):
        full += weight
        queued += weight * ahead
        in_time += weight * ratio / (ratio + ahead + 1.0) * within
        ahead += 1
        weight *= load.calls_per_s / (served_per_s + ahead / load.patience_s)
        if rest > 0.0:
            log_term += log(rest * (ahead + ratio) / ahead)
            within = max(within - exp(log_term), 0.0)
        if weight > _HUGE:  # deep in overload only the shape counts
            below, full, queued = below / _HUGE, full / _HUGE, queued / _HUGE
            in_time, weight = in_time / _HUGE, weight / _HUGE
    states = below + full
    waits = full / states
    waiting = queued / states
    answered = 1.0 - waiting / load.patience_s / load.calls_per_s
    return Outlook(
        waits=waits,
        in_time=1.0 - waits + in_time / states,
        answered=answered,
        mean_wait_s=waiting / load.calls_per_s,
        occupancy=load.erlangs * answered / seats if seats else 1.0,
    )


@dataclass(frozen=True, slots=True)
class Target:
    """The service wanted, of the offered calls: `share` answered within `within_s` seconds, and
    `connection` answered at all (接通率). Raises ValueError when a share isn't from 0 to below 1.
    """

    share: float = 0.8
    within_s: float = 15.0
    connection: float = 0.95

    def __post_init__(self) -> None:
        if not (0 <= self.share < 1 and 0 <= self.connection < 1) or self.within_s < 0:
            raise ValueError("shares are 0 to below 1, and the time is 0 s or more")

    def met_by(self, outlook: Outlook) -> bool:
        """Whether both shares are reached."""
        return outlook.in_time >= self.share and outlook.answered >= self.connection


def seats_needed(load: Load, target: Target) -> int:
    """The fewest seats that reach the target: Erlang A, or C when nobody gives up."""
    if not load.calls_per_s:
        return 0
    few, many = 0, max(1, int(load.erlangs) + 1)
    while not target.met_by(erlang_a(load, many, target.within_s)):
        few, many = many, many * 2
    while many - few > 1:
        middle = (few + many) // 2
        if target.met_by(erlang_a(load, middle, target.within_s)):
            many = middle
        else:
            few = middle
    return many
