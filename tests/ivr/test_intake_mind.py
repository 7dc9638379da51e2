"""What the intake understands of an answer, by the real rules of the demonstration."""

import pytest

from ivr.intake_mind import UnderstoodMind, load_mind
from ivr.prompt_texts import load_catalogue
from tickets.model import Kind
from tickets.spoken import Confirmation

MIND: UnderstoodMind = load_mind(load_catalogue())


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("我 要 投诉", Kind.COMPLAINT),
        ("咨询", Kind.CONSULTATION),
        ("求助", Kind.HELP),
        ("我 想 提 个 建议", Kind.SUGGESTION),
        ("举报", Kind.REPORT),
        ("表扬", Kind.PRAISE),
    ],
)
def test_the_six_kinds_are_heard(said: str, kind: Kind) -> None:
    guess = MIND.kind(said)
    assert guess is not None
    assert guess.value == kind


def test_what_a_matter_usually_is_answers_no_question() -> None:
    """路灯坏了 is mostly a complaint, but he wasn't asked what had happened."""
    assert MIND.kind("路灯") is None
    assert MIND.kind("嗯") is None


def test_a_place_is_called_by_all_that_was_said_of_it() -> None:
    guess = MIND.place("青秀区 民族大道")
    assert guess is not None
    assert (guess.value, guess.label) == ("450103", "青秀区民族大道")
    district = MIND.place("在 青秀区")
    assert district is not None
    assert (district.value, district.label) == ("450103", MIND.place_name("450103"))
    assert MIND.place("不 知道") is None
    assert MIND.place_name("999999") == ""


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("对", Confirmation.YES),
        ("是 的", Confirmation.YES),
        ("可以", Confirmation.YES),
        ("没有了", Confirmation.YES),
        ("yes", Confirmation.YES),
        ("不 对", Confirmation.AGAIN),
        ("不是", Confirmation.AGAIN),
        ("不可以", Confirmation.AGAIN),
        ("重说", Confirmation.AGAIN),
        ("no", Confirmation.AGAIN),
        ("我 要 补充", Confirmation.MORE),
        ("I know", None),
        ("", None),
        ("路灯", None),
        ("对面 的 那个 超市 门口 昨天 晚上 路灯 坏了 不亮", None),
    ],
)
def test_yes_no_and_more(said: str, meant: Confirmation | None) -> None:
    assert MIND.agrees(said) is meant


def test_numbers_are_read_digit_by_digit() -> None:
    assert MIND.number("一 三 九 零 零 一 三 九 零 零 零") == "13900139000"
    assert MIND.number("三 天") == ""


def test_danger_tells_whom_to_connect() -> None:
    alarm = MIND.alarm("家里 着火 了")
    assert alarm is not None
    assert alarm.targets == ("119",)
    assert MIND.alarm("没有 着火") is None
    assert MIND.alarm("路灯 坏了") is None
    assert MIND.alarm("着火", live=True) is None, "着火 may become 着火过"
