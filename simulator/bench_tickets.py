"""`hotline bench tickets`: a full store under traffic; each figure is the worse of two stores'.

This module decides what is offered and what is measured; the real stores, with every feature on,
are built by the front door and reach us as a `Store`.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from simulator.bench_calls import machine
from simulator.bench_steps import Steps, within
from simulator.tickets_load import UNITS, in_turn, offered, percentile, sought, told

WAY: tuple[str, ...] = (
    "submitted",
    "dispatched",
    "signed",
    "contacted",
    "replied",
    "reply_passed",
    "satisfied",
)
STORED_WAY: tuple[str, ...] = ("noted", "contacted", "replied", "reply_passed", "satisfied")
"""What can happen to a stored ticket, which its unit has signed."""
STATES = ("IN_PROGRESS", "PENDING_REVIEW", "DISPATCHED")
AT_MOST: Mapping[str, float] = {
    "create_p99_ms": 25, "transition_p99_ms": 25, "list_p99_ms": 10, "search_unit_p99_ms": 30,
    "search_all_p99_ms": 150, "due_10000_s": 3, "recompute_s": 40, "recompute_traffic_p99_ms": 100,
}  # fmt: skip
AT_LEAST: Mapping[str, float] = {"stored": 1_000_000, "burst_per_s": 2_000}


@dataclass(frozen=True, slots=True)
class Plan:
    """`stored` tickets with three events each; `rate` creates and as many transitions a second
    for `seconds`; bursts of `burst` of both; `reads` pages and searches; `due` clocks at once."""

    stored: int = 1_000_000
    rate: float = 200.0
    seconds: float = 30.0
    burst: int = 6_000
    reads: int = 400
    due: int = 10_000
    seed: int = 12345


class Store(Protocol):
    """A store with its house around it."""

    name: str

    async def fill(self, plan: Plan, say: Callable[[str], None]) -> Sequence[str]:
        """Put `plan.stored` tickets in, each created, dispatched and signed; their numbers."""
        ...

    async def create(self, n: int) -> str:
        """A call's n-th ticket; its number."""
        ...

    async def tell(self, number: str, event: str, title: str, text: str) -> None:
        """An event, by somebody who may; a submitted one has title and text."""
        ...

    async def page(self, unit: str, state: str) -> int:
        """The newest 50 of a unit in a state; how many there are."""
        ...

    async def due_page(self, unit: str) -> int:
        """The 50 of a unit that are due first."""
        ...

    async def search(self, words: str, unit: str) -> int:
        """The newest 50 that have these words, of a unit or ("") of all."""
        ...

    async def give_due(self, numbers: Sequence[str]) -> float:
        """Let these tickets' clocks fall due at this moment; seconds until every card is given."""
        ...

    async def recompute(self) -> float:
        """Change the calendar; seconds until every due date is counted by the new one."""
        ...


Stores = AsyncIterator[Store]


async def bench_tickets(stores: Stores, plan: Plan, steps: Steps) -> dict[str, float]:
    """Each store in turn; the worse figures, and each store's own. A store that fails has none, and
    then nobody knows the worse ones."""
    each: dict[str, dict[str, float]] = {}
    async for store in stores:
        measured = await steps.take(store.name, _bench(store, plan, steps.say))
        if measured is not None:
            each[store.name] = measured
    worse = {
        name: (min if name in AT_LEAST else max)(figures[name] for figures in each.values())
        for name in (*AT_LEAST, *AT_MOST)
        if not steps.errors
    }
    detail = {
        f"{store}_{name}": v for store, figures in each.items() for name, v in figures.items()
    }
    return worse | detail


def report(figures: Mapping[str, float], commit: str) -> dict[str, object]:
    """What is printed: figures, whether all targets are met, machine and commit."""
    met = within(figures, AT_MOST) and all(
        figures.get(name, 0.0) >= least for name, least in AT_LEAST.items()
    )
    return {
        "bench": "tickets", "figures": dict(figures), "met": met,
        "targets": {**AT_MOST, **AT_LEAST}, "machine": machine(), "commit": commit,
    }  # fmt: skip


async def _bench(store: Store, plan: Plan, say: Callable[[str], None]) -> dict[str, float]:
    say(f"{store.name}: storing {plan.stored} tickets")
    random = Random(plan.seed)  # noqa: S311 - the same load in every run
    traffic = Traffic(store, await store.fill(plan, say), random)
    gc.collect()
    gc.freeze()
    await traffic.warm(plan)
    figures = {"stored": float(plan.stored)}
    created, moved = await traffic.at(plan.rate, plan.seconds)
    figures["create_p99_ms"] = percentile(created, 0.99)
    figures["create_p50_ms"] = percentile(created, 0.5)
    figures["transition_p99_ms"] = percentile(moved, 0.99)
    figures["transition_p50_ms"] = percentile(moved, 0.5)
    say(f"{store.name}: {_told(figures)}")
    figures["burst_per_s"] = await traffic.burst(plan.burst)
    figures |= await traffic.reads(plan.reads)
    say(f"{store.name}: {_told(figures)}")
    figures["due_10000_s"] = await store.give_due(traffic.some_stored(plan.due))
    figures |= await _recompute(store, traffic, plan)
    say(f"{store.name}: {_told(figures)}")
    gc.unfreeze()
    return figures


async def _recompute(store: Store, traffic: "Traffic", plan: Plan) -> dict[str, float]:
    """Due dates are counted anew while the same traffic goes on."""
    counting = asyncio.ensure_future(store.recompute())
    took: list[float] = []
    while not counting.done():
        created, moved = await traffic.at(plan.rate, 1.0)
        took += created + moved
    return {
        "recompute_s": await counting,
        "recompute_traffic_p99_ms": percentile(took, 0.99),
    }


class Traffic:
    """Creates and transitions: half of these on new tickets, half on stored ones drawn anywhere."""

    def __init__(self, store: Store, stored: Sequence[str], random: Random) -> None:
        self._store = store
        self._stored = stored
        self._random = random
        self._made = 0
        self._waiting: list[tuple[str, int, tuple[str, ...]]] = []
        self._fresh = random.sample(range(len(stored)), len(stored))

    async def warm(self, plan: Plan) -> None:
        """Some of everything, so that caches hold what a running hotline's would."""
        await self.at(plan.rate, min(5.0, plan.seconds))
        await self.reads(max(20, plan.reads // 10))

    async def at(self, rate: float, seconds: float) -> tuple[list[float], list[float]]:
        """Creates and transitions, each at this rate; how long each took in ms."""
        return await asyncio.gather(
            offered(rate, seconds, self._create),
            offered(rate, seconds, self._move, after_s=0.5 / rate),
        )

    async def burst(self, many: int) -> float:
        """Half creates, half transitions, all at once; how many a second."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(self._create(n) if n % 2 else self._move(n) for n in range(many)))
        return many / (loop.time() - began)

    async def reads(self, times: int) -> dict[str, float]:
        """Pages and searches, one after the other."""
        draw, store = self._random, self._store

        async def page(n: int) -> None:
            if n % 3:
                await store.page(draw.choice(UNITS), draw.choice(STATES))
            else:
                await store.due_page(draw.choice(UNITS))

        pages = await in_turn(times, page)
        within = await in_turn(times, lambda n: store.search(sought(draw), draw.choice(UNITS)))
        everywhere = await in_turn(times, lambda n: store.search(sought(draw), ""))
        return {
            "list_p99_ms": percentile(pages, 0.99),
            "search_unit_p99_ms": percentile(within, 0.99),
            "search_all_p99_ms": percentile(everywhere, 0.99),
        }

    def some_stored(self, many: int) -> list[str]:
        """Stored tickets that nothing has happened to yet."""
        return [self._stored[self._fresh.pop()] for _ in range(min(many, len(self._fresh)))]

    async def _create(self, n: int) -> None:
        self._made += 1
        number = await self._store.create(self._made)
        self._waiting.append((number, 0, WAY))

    async def _move(self, n: int) -> None:
        """The next event of a ticket that nobody else is telling one at this moment."""
        at, way = 0, STORED_WAY
        if (n % 2 or not self._waiting) and self._fresh:
            number = self._stored[self._fresh.pop()]
        elif not self._waiting:  # a small store is used up
            await self._create(n)
            return
        else:
            number, at, way = self._waiting.pop(self._random.randrange(len(self._waiting)))
        await self._store.tell(number, way[at], *told(self._random))
        if at + 1 < len(way):
            self._waiting.append((number, at + 1, way))


def _told(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
