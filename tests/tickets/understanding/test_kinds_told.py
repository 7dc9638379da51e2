"""Kinds told in many ways, written by hand while rules were widened: `kinds.txt`, any named kind is
right."""

from pathlib import Path

from tickets.understanding.understand import understand

LINES = (Path(__file__).parent / "kinds.txt").read_text(encoding="utf-8").splitlines()
LEAST = 0.97


def test_what_kind_it_is_is_told_in_many_ways() -> None:
    missed = [line for line in LINES if not _right(line)]
    assert len(LINES) > 500
    assert len(missed) <= (1 - LEAST) * len(LINES), "\n".join(missed)


def _right(line: str) -> bool:
    kinds, text = line.split(" ", 1)
    guess = understand(text).kind
    return guess is not None and guess.kind.value in kinds.split("|")
