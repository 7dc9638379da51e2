"""Keys in order, compared with a plain sorted list."""

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_manager import ordered
from queue_manager.ordered import SortedKeys

KEYS = st.integers(-50, 50)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), KEYS), max_size=200))
def test_it_agrees_with_a_sorted_list(steps: list[tuple[bool, int]]) -> None:
    """First, length and count below are those of a sorted list, also over many small blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered, "BLOCK", 3)
        keys, model = SortedKeys(), list[int]()
        for add, key in steps:
            if add and key not in model:
                keys.add(key)
                model = sorted([*model, key])
            elif not add and key in model:
                keys.remove(key)
                model.remove(key)
            assert len(keys) == len(model)
            assert bool(keys) == bool(model)
            assert not model or keys.first == model[0]
            assert [keys.count_below(k) for k in range(-51, 52, 7)] == [
                bisect_left(model, k) for k in range(-51, 52, 7)
            ]


@pytest.mark.parametrize("missing", [0, 2, 9])
def test_removing_what_is_not_there_is_refused(missing: int) -> None:
    """Before, between and after the keys."""
    keys = SortedKeys()
    for key in (1, 3, 5):
        keys.add(key)
    with pytest.raises(KeyError):
        keys.remove(missing)
    assert len(keys) == 3
    keys.remove(5)
    with pytest.raises(KeyError):
        keys.remove(5)
