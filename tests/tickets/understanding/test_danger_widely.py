"""Dangers told in many ways, and talk that only sounds like it: `dangers.txt`, `!` marks danger."""

from pathlib import Path

import pytest

from tickets.understanding.understand import danger_in

LINES = (Path(__file__).parent / "dangers.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", LINES)
def test_danger_is_told_from_talk(line: str) -> None:
    told = danger_in(line.removeprefix("!"))
    assert (told is not None) == line.startswith("!")
