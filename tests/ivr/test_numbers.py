"""Numbers spoken by prompts that exist in every language."""

import pytest

from ivr.numbers import MOST, count, digits, position
from tests.ivr.script import CATALOGUE


@pytest.mark.parametrize(
    ("n", "spoken"),
    [
        (1, ["numbers/1"]),
        (2, ["numbers/two"]),
        (10, ["numbers/10"]),
        (12, ["numbers/12"]),
        (20, ["numbers/20"]),
        (22, ["numbers/20", "numbers/2"]),
        (99, ["numbers/90", "numbers/9"]),
    ],
)
def test_counts(n: int, spoken: list[str]) -> None:
    assert list(count(n)) == spoken


@pytest.mark.parametrize("n", [0, -1, 100])
def test_counts_that_have_no_words(n: int) -> None:
    with pytest.raises(ValueError, match="not between"):
        count(n)


def test_every_position_can_be_said_in_every_language() -> None:
    for place in range(MOST + 5):
        for prompt in position(place):
            assert all(CATALOGUE.has(language, prompt) for language in CATALOGUE.languages)
    assert position(1) == ("ahead_none",)
    assert position(2) == ("ahead_before", "numbers/1", "ahead_after")
    assert position(MOST + 1) == ("ahead_before", "numbers/90", "numbers/9", "ahead_after")
    assert position(MOST + 2) == ("ahead_many",)


def test_every_count_sounds_different() -> None:
    assert len({count(n) for n in range(1, MOST + 1)}) == MOST


def test_ticket_numbers_are_read_digit_by_digit() -> None:
    assert digits("26-04") == ("digits/2", "digits/6", "digits/0", "digits/4")
