"""Deadlines of all kinds behind one timer."""

import asyncio
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from queue_manager.deadlines import Deadlines, Line
from tests.queue_manager.virtual_time import run


@dataclass(eq=False)
class Thing:
    """Due once, unless `number` says that another entry counts by now."""

    name: str
    number: int = 0


class Lines:
    """Two lines that write down what was due and when."""

    def __init__(self) -> None:
        self.deadlines = Deadlines()
        self.told: list[tuple[float, str]] = []
        self.first: Line[Thing] = self.deadlines.line(self.due, self.stale)
        self.second: Line[Thing] = self.deadlines.line(self.due, self.stale)

    def due(self, thing: Thing) -> None:
        self.told.append((asyncio.get_running_loop().time(), thing.name))
        if thing.name == "fails":
            raise RuntimeError("badly made")

    def stale(self, thing: Thing, number: int) -> bool:
        return thing.number != number

    def add(self, line: Line[Thing], when_s: float, name: str) -> Thing:
        thing = Thing(name)
        thing.number = line.add(when_s, thing)
        return thing


def test_things_are_due_in_order_of_time_whatever_line_they_stand_in() -> None:
    """Out of order, in two lines, one of them put in while waiting."""

    async def scenario() -> None:
        lines = Lines()
        lines.add(lines.first, 30, "c")
        lines.add(lines.first, 10, "a")
        lines.add(lines.second, 20, "b")
        await asyncio.sleep(15)
        lines.add(lines.second, 18, "soon")
        await asyncio.sleep(60)
        assert lines.told == [(10, "a"), (18, "soon"), (20, "b"), (30, "c")]

    run(scenario())


def test_what_no_longer_matters_is_passed_over() -> None:
    """Also when it was put in anew for a later time."""

    async def scenario() -> None:
        lines = Lines()
        gone, later = lines.add(lines.first, 10, "gone"), lines.add(lines.first, 10, "later")
        gone.number = 0
        later.number = lines.first.add(40, later)
        await asyncio.sleep(60)
        assert lines.told == [(40, "later")]
        assert len(lines.first) == 0

    run(scenario())


def test_one_that_fails_hurts_no_other() -> None:
    """It is logged, and the next one comes in its time."""

    async def scenario() -> None:
        lines = Lines()
        lines.add(lines.first, 10, "fails")
        lines.add(lines.first, 10, "same moment")
        lines.add(lines.first, 20, "later")
        with capture_logs() as logs:
            await asyncio.sleep(30)
        assert [name for _, name in lines.told] == ["fails", "same moment", "later"]
        assert [line["event"] for line in logs] == ["deadline_failed"]

    run(scenario())


def test_closed_and_dropped_lines_tell_nothing() -> None:
    """A dropped line alone, then everything."""

    async def scenario() -> None:
        lines = Lines()
        lines.add(lines.first, 10, "a")
        lines.add(lines.second, 10, "b")
        lines.deadlines.drop(lines.first)
        await asyncio.sleep(15)
        lines.add(lines.second, 30, "c")
        lines.deadlines.close()
        lines.add(lines.second, 20, "d")
        await asyncio.sleep(60)
        assert [name for _, name in lines.told] == ["b"]

    run(scenario())


def test_memory_follows_what_matters_and_not_what_has_been() -> None:
    """A hundred thousand answered rings leave no hundred thousand entries behind."""

    async def scenario() -> None:
        lines = Lines()
        keeps = lines.add(lines.first, 10, "keeps")
        for _ in range(100_000):
            lines.add(lines.first, 30, "answered").number = 0
        assert len(lines.first) < 200
        assert keeps.number
        await asyncio.sleep(60)
        assert lines.told == [(10, "keeps")]

    run(scenario())


def test_what_can_wait_is_done_after_a_deadline_until_nothing_is_left() -> None:
    """And not before there was one: it costs an idle queue nothing."""

    async def scenario() -> None:
        left = [3]

        def idle() -> bool:
            left[0] -= left[0] > 0
            return left[0] > 0

        deadlines = Deadlines(idle)
        line: Line[Thing] = deadlines.line(lambda thing: None, lambda thing, number: False)
        await asyncio.sleep(5)
        assert left == [3]
        line.add(10, Thing("a"))
        await asyncio.sleep(6)
        assert left == [0]

    run(scenario())


@given(
    st.lists(st.tuples(st.floats(0, 100), st.booleans(), st.booleans()), min_size=1, max_size=120)
)
def test_everything_that_matters_is_due_exactly_once_and_in_order(
    wanted: list[tuple[float, bool, bool]],
) -> None:
    """Random times, two lines, some of them stale."""

    async def scenario() -> None:
        lines = Lines()
        expected = []
        for when_s, first, matters in wanted:
            name = f"{when_s}"
            thing = lines.add(lines.first if first else lines.second, when_s, name)
            if matters:
                expected.append(when_s)
            else:
                thing.number = 0
        await asyncio.sleep(200)
        assert sorted(at for at, _ in lines.told) == [at for at, _ in lines.told]
        assert sorted(float(name) for _, name in lines.told) == sorted(expected)
        assert all(at >= float(name) for at, name in lines.told)

    run(scenario())
