"""What the bench of tickets offers, and that a target missed is a target missed."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence

from simulator.bench_steps import Steps
from simulator.bench_tickets import AT_LEAST, AT_MOST, WAY, Plan, bench_tickets, report

PLAN = Plan(stored=400, rate=50, seconds=0.2, burst=40, reads=10, due=20)


class FakeStore:
    """Takes everything, at once; `slower` seconds are added to what it says itself."""

    def __init__(self, name: str, slower: float) -> None:
        self.name = name
        self.slower = slower
        self.told: Counter[str] = Counter()
        self.way: dict[str, list[str]] = {}

    async def fill(self, plan: Plan, say: Callable[[str], None]) -> Sequence[str]:
        return [f"s{n}" for n in range(plan.stored)]

    async def create(self, n: int) -> str:
        self.told["create"] += 1
        return f"c{n}"

    async def tell(self, number: str, event: str, title: str, text: str) -> None:
        self.told[event] += 1
        self.way.setdefault(number, []).append(event)

    async def page(self, unit: str, state: str) -> int:
        return 50

    async def due_page(self, unit: str) -> int:
        return 50

    async def search(self, words: str, unit: str) -> int:
        assert len(words) >= 2
        return 1

    async def give_due(self, numbers: Sequence[str]) -> float:
        assert len(set(numbers)) == len(numbers) == PLAN.due
        return 1.0 + self.slower

    async def recompute(self) -> float:
        return 10.0 + self.slower


async def test_every_figure_is_the_worse_stores_and_tickets_go_their_way() -> None:
    made = [FakeStore("quick", 0.0), FakeStore("slow", 5.0)]

    async def stores() -> AsyncIterator[FakeStore]:
        for store in made:
            yield store

    figures = await bench_tickets(stores(), PLAN, Steps(lambda line: None))
    assert set(AT_MOST) | set(AT_LEAST) <= set(figures)
    assert (figures["due_10000_s"], figures["recompute_s"]) == (6.0, 15.0)
    assert figures["stored"] == 400
    for store in made:
        assert store.told["create"] >= 20
        new = [way for number, way in store.way.items() if number.startswith("c")]
        assert all(tuple(way) == WAY[: len(way)] for way in new)
        assert all(way[0] == "noted" for n, way in store.way.items() if n.startswith("s"))


def test_a_missed_target_is_said() -> None:
    good = {**AT_MOST, **AT_LEAST}
    assert report(good, "abc")["met"] is True
    assert report({**good, "list_p99_ms": 10.1}, "abc")["met"] is False
    assert report({**good, "burst_per_s": 1_999}, "abc")["met"] is False
