"""The evaluation set: frozen, well-formed, and understood as well as is asked for."""

import hashlib
import re
from collections import Counter

import pytest

from tickets.model import Kind
from tickets.understanding.rules import load_rules
from tickets.understanding.scoring import (
    FOLDER,
    HALVES,
    PARAPHRASED,
    Case,
    load_cases,
    score,
    wilson,
)
from tickets.understanding.understand import understand

TARGETS = {
    "kind_accuracy": 0.95,
    "class_accuracy": 0.90,
    "place_accuracy": 0.95,
    "phone_accuracy": 0.99,
    "danger_recall": 1.0,
    "danger_precision": 0.90,
}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case for half in HALVES for case in load_cases(half)]


def test_the_set_is_what_was_frozen() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    told = {name: digest for digest, name in (line.split() for line in lines)}
    real = {
        f"{half}.jsonl": hashlib.sha256((FOLDER / f"{half}.jsonl").read_bytes()).hexdigest()
        for half in (*HALVES, PARAPHRASED)
    }
    assert told == real, "a correction needs its line in CHANGES.md and a new SHA256SUMS"


def test_there_are_enough_sentences_and_none_twice(cases: list[Case]) -> None:
    assert len(cases) >= 600
    assert len({case.text for case in cases}) == len(cases)
    assert len({case.id for case in cases}) == len(cases)


def test_half_of_the_sentences_have_words_the_model_does_not_know(cases: list[Case]) -> None:
    unknown = sum(not case.known for case in cases)
    assert unknown >= len(cases) / 2
    assert len(cases) - unknown >= 300


def test_which_half_a_sentence_is_in_follows_from_itself() -> None:
    for half in HALVES:
        for case in load_cases(half):
            first = hashlib.sha256((case.id + case.text).encode()).digest()[0]
            assert HALVES[first & 1] == half


def test_expectations_name_what_exists(cases: list[Case]) -> None:
    rules = load_rules()
    codes = {leaf.code for leaf in rules.classes.leaves}
    for case in cases:
        assert set(case.kinds) <= {kind.value for kind in Kind}
        assert set(case.classes) <= codes
        assert all(re.fullmatch(r"\+86\d{10,11}|short:\d{3,5}", phone) for phone in case.phones)
        if case.place:
            assert understand(case.place).place is not None, case.place


def test_every_class_and_kind_is_asked_for(cases: list[Case]) -> None:
    asked = Counter(code for case in cases for code in case.classes)
    assert all(asked[leaf.code] >= 2 for leaf in load_rules().classes.leaves)
    kinds = Counter(kind for case in cases for kind in case.kinds[:1])
    assert all(kinds[kind.value] >= 40 for kind in Kind)
    assert sum(case.danger for case in cases) >= 70


def test_the_set_is_understood_as_well_as_asked_for(cases: list[Case]) -> None:
    figures = score([(case, understand(case.text)) for case in cases])
    missed = {name: figures[name] for name, least in TARGETS.items() if figures[name] < least}
    assert not missed


def test_no_sentence_of_either_half_in_danger_is_missed() -> None:
    for half in HALVES:
        figures = score([(case, understand(case.text)) for case in load_cases(half)])
        assert figures["danger_recall"] == 1.0


def test_wilson_as_published() -> None:
    """81 of 263: R. G. Newcombe, 1998, table I, method 3."""
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = wilson(0, 20)
    assert (round(low, 4), round(high, 4)) == (0.0, 0.1611)
    assert wilson(0, 0) == (0.0, 1.0)


def test_nothing_expected_and_nothing_found_flatters_nobody(cases: list[Case]) -> None:
    silent = [case for case in cases if not case.place and not case.phones][:20]
    figures = score([(case, understand("")) for case in silent])
    assert figures["place_accuracy_n"] == figures["phone_accuracy_n"] == 0
