"""What `hotline bench calls` measures, on which sides, and what is to be reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from simulator.load import Crowd

TARGETS: Mapping[str, float] = {
    "cpu_ratio": 1.0,
    "cpu_ratio_bare": 0.9,
    "ring_p99_ms": 10.0,
    "failed_calls": 0,
    "leftover_channels": 0,
    "rows_missing": 0,
    "rss_500_waiting_mb": 160.0,
    "hold_1000_lost": 0,
    "hold_cpu_ratio": 1.05,
}


class Side(StrEnum):
    """Who distributes the calls. Bare: without anything durable, the matching alone."""

    APP_QUEUE = "app_queue"
    ENGINE = "engine"
    BARE_APP_QUEUE = "bare_app_queue"
    BARE_ENGINE = "bare_engine"

    @property
    def keeps_rows(self) -> bool:
        return self in (Side.APP_QUEUE, Side.ENGINE)


Pair = tuple[Side, Side]
FULL, BARE = (Side.APP_QUEUE, Side.ENGINE), (Side.BARE_APP_QUEUE, Side.BARE_ENGINE)


class Measure(StrEnum):
    """What can be measured by itself."""

    FLOW = "flow"
    BARE = "bare"
    RING = "ring"
    MEMORY = "memory"
    HOLD = "hold"


class Arena(Protocol):
    """One private installation with both sides in it, of which one runs at a time."""

    async def switch(self, side: Side, seats: int) -> Crowd:
        """Let this side alone take calls, with so many seats ready; how to reach it."""
        ...

    def start_over(self) -> None:
        """Something hangs or died: the next switch starts every part of its side anew."""
        ...

    def cpu_s(self, side: Side) -> Mapping[str, float]:
        """CPU seconds used so far, by each part that works for this side's calls."""
        ...

    async def rows(self, side: Side) -> int:
        """How many calls stand in the database."""
        ...

    async def channels(self) -> int:
        """How many channels Asterisk has."""
        ...

    async def waiting(self) -> int:
        """How many callers wait in the engine's queue."""
        ...

    def engine_rss_mb(self) -> float:
        """The engine's resident memory without its recognisers' processes, MB (10^6 bytes)."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. Talk is 1 to 2 s where cost is measured.

    Ringing: `crowd` citizens at `crowd_rate` a second, `few` seats that talk `crowd_talk_ms`: 45
    seats serve 30 calls a second, the rest waits. Waiting at `waiting_rate` a second; `all_wait_s`
    after the last came all of them wait. Holding: (citizens, seconds) one after another, at
    `holding_rate`: slow, so that two cores that are nearly full answer each. They stay
    `stay_on_s` longer than they are counted: counting takes seconds on a machine that is full.
    An engine that was started is given `settle_s` at most to put its memory in order.
    """

    pairs: int = 5
    rates: tuple[int, ...] = (20, 40, 80)
    bare_rate: int = 40
    burst_s: float = 10.0
    seats: int = 400
    few: int = 45
    crowd: int = 400
    crowd_rate: int = 40
    crowd_talk_ms: tuple[int, int] = (1000, 2000)
    crowd_pairs: int = 5
    waiting: int = 500
    waiting_rate: int = 25
    all_wait_s: float = 15.0
    holding_rate: int = 10
    stay_on_s: float = 40.0
    holds: tuple[tuple[int, float], ...] = ((500, 300.0), (1000, 60.0))
    warm_up: int = 20
    settle_s: float = 15.0
    measures: frozenset[Measure] = frozenset(Measure)


QUICK = Plan(
    pairs=1, rates=(20,), bare_rate=20, burst_s=3.0, few=12, crowd=96, crowd_rate=16,
    crowd_talk_ms=(1000, 2000), crowd_pairs=1, waiting=50, holds=((50, 10.0),), stay_on_s=10.0,
    warm_up=5, settle_s=0,
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What one side's bursts added up to."""

    cpu_ms: dict[int, list[float]] = field(default_factory=dict)
    gaps_ms: list[float] = field(default_factory=list)
    held_cpu_s: dict[int, float] = field(default_factory=dict)
    lost: dict[int, int] = field(default_factory=dict)
    never_connected: dict[int, int] = field(default_factory=dict)
    failed: int = 0
    left_over: int = 0
    rss_mb: float | None = None
    rows_missing: int = 0
