"""Slots in order of rank and turn, compared with a plain sorted list."""

from array import array
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_manager import ordered
from queue_manager.ordered import Line

SLOTS = 40
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, SLOTS - 1), st.integers(-3, 3)))


@settings(deadline=None)
@given(st.permutations(range(SLOTS)), STEPS, st.sampled_from([1, 4]))
def test_it_agrees_with_a_sorted_list(
    turns: list[int], steps: list[tuple[bool, int, int]], block: int
) -> None:
    """First, length and count before are those of a sorted list, also over many small blocks and
    with many equal ranks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered, "BLOCK", block)
        line, model, ranks = Line(array("q", turns)), list[tuple[int, int, int]](), {}
        for add, slot, rank in steps:
            if add and slot not in ranks:
                line.add(rank, slot)
                ranks[slot] = rank
            elif not add and slot in ranks:
                line.remove(ranks.pop(slot), slot)
            model = sorted((rank, turns[slot], slot) for slot, rank in ranks.items())
            assert len(line) == len(model)
            assert bool(line) == bool(model)
            assert not model or line.first_rank == model[0][0]
            first = list(line.first(2))
            assert first == [slot for _, _, slot in model[: len(first)]]
            assert bool(first) == bool(model)
        for place in ((-4, 0), (0, 7), (1, SLOTS), (4, 0)):
            assert line.count_before(*place) == bisect_left(model, (*place, -1))


@pytest.mark.parametrize("missing", [0, 2, 9])
def test_removing_what_is_not_there_is_refused(missing: int) -> None:
    """Before, between and after the others."""
    line = Line(array("q", range(10)))
    for slot in (1, 3, 5):
        line.add(slot, slot)
    with pytest.raises(KeyError):
        line.remove(missing, missing)
    assert len(line) == 3
    line.remove(5, 5)
    with pytest.raises(KeyError):
        line.remove(5, 5)


def test_blocks_that_thin_out_are_joined() -> None:
    """Most of them hang up in the middle of a long line: what is left takes few blocks."""
    line = Line(array("q", range(20 * ordered.BLOCK)))
    for slot in range(20 * ordered.BLOCK):
        line.add(slot, slot)
    for slot in range(20 * ordered.BLOCK):
        if slot % 50:
            line.remove(slot, slot)
    assert len(line._slots) <= 3
    assert list(line.first(3)) == [0, 50, 100]
