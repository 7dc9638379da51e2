"""Tickets that are likely the same matter, and such that only look alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.duplicates import Matter, Policy, Sameness, likely_same

AT = datetime(2026, 11, 22, 2, tzinfo=UTC)
LAMP = Matter(
    "261122000001",
    "长湖路的路灯坏了三天了没人修",
    AT,
    "长湖路",
    "450103",
    "040201",
    "+8613800001234",
)


def again(text: str, **changed: object) -> Matter:
    return replace(LAMP, number="261122000002", text=text, caller="", **changed)  # type: ignore[arg-type] # names are the dataclass's own


@pytest.mark.parametrize(
    "text",
    [
        "长湖路路灯不亮",
        "你好，我要投诉长湖路路灯坏了好几天没人来修",
        "长湖路那边的路灯一直是坏的，麻烦修一下",
    ],
)
def test_the_same_lamp_told_otherwise_is_likely_the_same(text: str) -> None:
    (found,) = likely_same(again(text), [LAMP])
    assert found.number == LAMP.number
    assert {Sameness.PLACE, Sameness.CLASS} <= set(found.reasons)
    assert not found.repeat


def test_the_same_caller_again_is_a_repeat() -> None:
    (found,) = likely_same(replace(again("长湖路路灯还没修"), caller=LAMP.caller), [LAMP])
    assert found.repeat
    assert Sameness.CALLER in found.reasons


def test_alike_words_elsewhere_are_another_matter() -> None:
    assert likely_same(again(LAMP.text, place="明秀路", division="450107"), [LAMP]) == ()
    assert likely_same(again(LAMP.text, place="长湖路", division="450107"), [LAMP]) == ()
    assert likely_same(again(LAMP.text, place="", division="450107"), [LAMP]) == ()


def test_the_same_road_with_another_trouble_is_another_matter() -> None:
    assert likely_same(again("长湖路烧烤店油烟熏人", class_code="050201"), [LAMP]) == ()


def test_a_house_number_more_is_the_same_road() -> None:
    assert likely_same(again("长湖路二十八号路灯坏了", place="长湖路二十八号"), [LAMP])


@pytest.mark.parametrize("division", ["450100", "450103", "450103005"])
def test_a_finer_or_coarser_division_is_no_other_place(division: str) -> None:
    assert likely_same(again(LAMP.text, division=division), [LAMP])


def test_what_is_longer_ago_than_the_window_is_not_shown() -> None:
    old = replace(LAMP, at=AT - timedelta(days=31))
    assert likely_same(again(LAMP.text), [old]) == ()
    assert likely_same(again(LAMP.text), [old], Policy(window=timedelta(days=40)))


def test_a_ticket_is_never_its_own_duplicate() -> None:
    assert likely_same(LAMP, [LAMP]) == ()


def test_nothing_known_but_alike_words_is_shown_only_when_they_are_the_same() -> None:
    bare = replace(LAMP, place="", division="", class_code="")
    assert likely_same(replace(bare, number="2"), [bare])
    assert likely_same(replace(bare, number="2", text="隔壁工地半夜打桩吵死了"), [bare]) == ()


def test_what_only_one_of_them_says_is_looked_for_in_the_words_of_the_other() -> None:
    """A seat that types only what it hears sees the ticket that was classed and placed."""
    heard = replace(again("您好长湖路上有盏灯一直不亮"), place="", division="", class_code="")
    assert likely_same(heard, [LAMP]) == ()
    (found,) = likely_same(replace(heard, guessed=("0402",)), [LAMP])
    assert found.reasons == (Sameness.PLACE, Sameness.GROUP)
    assert likely_same(replace(heard, guessed=("0402",), division="450107"), [LAMP]) == ()
    assert likely_same(replace(heard, guessed=("0502",)), [LAMP]) == ()


def test_the_same_person_saying_nearly_the_same_is_shown() -> None:
    said = replace(LAMP, text="门口的路灯三天不亮了", place="", division="", class_code="")
    more = replace(said, number="2", text="小区门口路灯三天不亮")
    (found,) = likely_same(more, [said])
    assert found.repeat
    assert likely_same(replace(more, caller="+8613900004321"), [said]) == ()


def test_the_best_come_first_and_only_so_many() -> None:
    texts = [
        "长湖路路灯坏了",
        LAMP.text,
        "长湖路路灯",
        "长湖路路灯不亮",
        "长湖路灯坏",
        "长湖路路灯全坏",
    ]
    candidates = [replace(LAMP, number=f"n{at}", text=text) for at, text in enumerate(texts)]
    found = likely_same(again(LAMP.text), candidates)
    assert len(found) == 5
    assert found[0].number == "n1"
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


WORDS = st.text(alphabet="长湖路灯坏了 ，投诉\x00🙂a", max_size=30)
MATTERS = st.builds(
    Matter,
    number=st.sampled_from("abcdef"),
    text=WORDS,
    at=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    place=st.sampled_from(["", "长湖路", "长湖路三号", "明秀路"]),
    division=st.sampled_from(["", "450100", "450103", "450103005", "450107"]),
    class_code=st.sampled_from(["", "040201", "040202", "050201"]),
    caller=st.sampled_from(["", "+8613800001234"]),
)


@given(MATTERS, st.lists(MATTERS, max_size=8))
def test_scores_are_bounded_and_likeness_is_mutual(new: Matter, candidates: list[Matter]) -> None:
    everything = Policy(least=0, window=timedelta(days=400), most=100)
    for found in likely_same(new, candidates, everything):
        assert 0.0 <= found.score <= 100.0
        assert found.number != new.number
    for other in candidates:
        there = [one.score for one in likely_same(new, [other], everything)]
        back = [one.score for one in likely_same(other, [new], everything)]
        assert there == back
