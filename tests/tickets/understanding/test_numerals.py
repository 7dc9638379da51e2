"""Numbers as they are said, and the traps."""

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.understanding.numerals import DIGITS, numbers, value
from tickets.understanding.plain import plain


def said(text: str) -> list[tuple[float, float]]:
    return [(found.low, found.high) for found in numbers(plain(text))]


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("长湖路一百二十三号", 123),
        ("二零二六年", 2026),
        ("二〇二六年", 2026),
        ("欠我三千五", 3500),
        ("一万二", 12000),
        ("两百五", 250),
        ("十一点半", 11),
        ("十一月", 11),
        ("幺三八", 138),
        ("洞幺", 1),
        ("3.5万", 35000),
        ("80块", 80),
        ("一万零五十", 10050),
    ],
)
def test_a_number_is_worth_what_it_says(text: str, worth: float) -> None:
    assert said(text)[0] == (worth, worth)


@pytest.mark.parametrize(
    "text",
    [
        "去年十一",
        "今年十一我搬家",
        "十一期间",
        "五一假期",
        "万一着火",
        "千万别去",
        "请等一下",
        "十分感谢",
    ],
)
def test_words_that_only_look_like_numbers_are_none(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("七八天", (7, 8)),
        ("三四十个", (30, 40)),
        ("十七八岁", (17, 18)),
        ("五六百块", (500, 600)),
    ],
)
def test_an_about_is_a_range(text: str, bounds: tuple[float, float]) -> None:
    assert said(text) == [bounds]


@given(st.integers(min_value=0, max_value=99_999_999))
def test_a_number_spoken_is_the_number_again(number: int) -> None:
    assert value(cn2an.an2cn(number)) == number


@given(st.text(alphabet="零〇洞一幺二两三四五六七八九十百千万亿0123456789.点年", max_size=12))
def test_no_run_of_numerals_raises(text: str) -> None:
    for found in numbers(plain(text)):
        assert 0 <= found.start < found.end <= len(text)
        assert found.low <= found.high


@pytest.mark.parametrize("text", ["一" * 4000, "1" * 4000, "一三" * 400])
def test_digits_without_end_are_no_number(text: str) -> None:
    assert said(text) == []


def test_every_spoken_digit_has_its_value() -> None:
    assert "".join(DIGITS[sign] for sign in "洞幺两三四五六拐八勾") == "0123456789"
