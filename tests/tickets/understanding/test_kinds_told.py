"""Kinds told in many ways: what a sentence is like among those whose kinds are known.

`kinds.txt` was written after the rules and the sentences of `told.txt`, which has none of them;
any named kind is right.
"""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.model import Kind
from tickets.understanding.rules import DATA, RulesError, load_rules
from tickets.understanding.told import ToldKinds
from tickets.understanding.understand import Context, understand

FRESH = (Path(__file__).parent / "kinds.txt").read_text(encoding="utf-8").splitlines()
TOLD = (DATA / "told.txt").read_text(encoding="utf-8").splitlines()
LEAST, LEAST_FRESH = 0.97, 0.72
"""What is right of the sentences that were counted, and of the others (0.64 without any)."""
SIGNS = st.text("投诉路灯坏了吗谢^$a1 ", max_size=30)


@pytest.mark.parametrize(("lines", "least"), [(TOLD, LEAST), (FRESH, LEAST_FRESH)])
def test_what_kind_it_is_is_told_in_many_ways(lines: list[str], least: float) -> None:
    missed = [line for line in lines if not _right(line)]
    assert len(lines) > 100
    assert len(missed) <= (1 - least) * len(lines), "\n".join(missed)


def test_no_sentence_is_both_counted_and_scored() -> None:
    told = {line.partition(" ")[2] for line in TOLD}
    fresh = {line.partition(" ")[2] for line in FRESH}
    assert len(told) == len(TOLD)
    assert not told & fresh


@given(SIGNS)
def test_shares_of_all_kinds_make_one_for_any_text(text: str) -> None:
    like = _few().like(text)
    assert not like or sum(like.values()) == pytest.approx(1.0)
    assert all(share > 0 for share in like.values())


def test_a_sentence_is_like_those_it_shares_signs_with() -> None:
    told = _few()
    assert _best(told, "路灯坏了三天") is Kind.HELP
    assert _best(told, "路灯怎么申请") is Kind.CONSULTATION
    assert told.like("") == {}
    assert ToldKinds(()).like("路灯坏了") == {}


def test_without_the_file_the_expressions_alone_decide(tmp_path: Path) -> None:
    folder = _copied(tmp_path)
    (folder / "told.txt").unlink()
    found = understand("我要投诉物业", context=Context(rules=folder))
    assert found.kind is not None
    assert found.kind.kind is Kind.COMPLAINT
    assert understand("魑魅魍魉", context=Context(rules=folder)).kind is None


@pytest.mark.parametrize("line", ["complain 路灯坏了", "路灯坏了"])
def test_a_line_without_a_kind_is_told(tmp_path: Path, line: str) -> None:
    folder = _copied(tmp_path)
    with (folder / "told.txt").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    with pytest.raises(RulesError, match="Kind"):
        load_rules(folder)


def _copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "rules"))


def _few() -> ToldKinds:
    return ToldKinds(
        ["help 路灯坏了", "help 水管坏了", "consultation 补贴怎么申请", "consultation 低保怎么办"]
    )


def _best(told: ToldKinds, text: str) -> Kind:
    like = told.like(text)
    return max(like, key=lambda kind: like[kind])


def _right(line: str) -> bool:
    kinds, text = line.split(" ", 1)
    guess = understand(text).kind
    return guess is not None and guess.kind.value in kinds.split("|")
