"""Phone numbers as they are spoken and typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.understanding.phones import phones
from tickets.understanding.plain import plain

SPOKEN = {
    "0": "零〇洞0", "1": "一幺1", "2": "二两2", "3": "三3", "4": "四4",
    "5": "五5", "6": "六6", "7": "七7", "8": "八8", "9": "九9",
}  # fmt: skip


def found(text: str) -> list[str]:
    return [one.e164 or f"short:{one.short}" for one in phones(plain(text), "771")]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("我的电话幺三八零零零零幺二三四", "+8613800001234"),
        ("一三五洞洞洞洞幺洞幺洞", "+8613500001010"),
        ("幺三九四个零四零四零", "+8613900004040"),
        ("一三七，四个零，九九八八", "+8613700009988"),
        ("138-0000-1234", "+8613800001234"),
        ("+86 138 0000 1234", "+8613800001234"),
        ("138 0000 1234", "+8613800001234"),
        ("一五一〇〇〇〇四五六七", "+8615100004567"),
        ("零七七一五五五零一二三", "+867715550123"),
        ("座机五五五零一二三", "+867715550123"),
        ("今年65，13900003456", "+8613900003456"),
    ],
)
def test_a_number_is_heard_however_it_is_grouped(text: str, number: str) -> None:
    assert found(text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "电话一三九零零零零三三三三不对是一三九零零零零二二二二",
        "一三九零零零零三三三三，哎错了，一三九零零零零二二二二",
        "不是一三九零零零零三三三三是一三九零零零零二二二二",
        "电话一三九零零零零二二三三不对最后两位是二二",
        "一三九零零零零二二二二，我再讲一遍，一三九零零零零二二二二",
        "一三九不对电话一三九零零零零二二二二",
        "一三九零零零零二二二二一三九零零零零二二二二",
    ],
)
def test_what_is_taken_back_is_not_kept(text: str) -> None:
    assert found(text) == ["+8613900002222"]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("我打了一一零", "short:110"),
        ("打九五五九八没人接", "short:95598"),
        ("幺二三四五", "short:12345"),
        ("96588客服", "short:96588"),
        ("拨打12315", "short:12315"),
    ],
)
def test_short_codes_are_a_type_of_their_own(text: str, short: str) -> None:
    (one,) = phones(plain(text), "771")
    assert one.e164 == ""
    assert f"short:{one.short}" == short


@pytest.mark.parametrize(
    "text",
    [
        "120平米的房子",
        "长湖路一百二十三号",
        "欠了12345元",
        "等了一二零分钟",
        "十二栋一单元",
        "一二三四五六",
    ],
)
def test_other_digits_are_no_phone(text: str) -> None:
    assert found(text) == []


def test_a_number_that_can_not_be_one_is_kept_as_it_was_said() -> None:
    (one,) = phones(plain("我的手机号是一三八零零零零幺二"), "771")
    assert (one.e164, one.short, one.digits) == ("", "", "138000012")
    assert one.raw == "一三八零零零零幺二"


@given(
    st.from_regex(r"1[35789][0-9]{9}", fullmatch=True),
    st.data(),
)
def test_any_grouping_and_spelling_is_the_same_number(number: str, data: st.DataObject) -> None:
    gaps = st.sampled_from(["", "", "，", " ", "-", "、", "嗯"])
    spoken = "".join(
        data.draw(st.sampled_from(SPOKEN[digit])) + data.draw(gaps) for digit in number
    )
    once = found(f"电话{number}")
    assert found(f"电话{spoken}") == once


@given(st.text(alphabet="零幺二两三四五六七八九0123456789个双，,不对是最后位电话打 -", max_size=40))
def test_spans_lie_within_the_text(text: str) -> None:
    for one in phones(plain(text), "771"):
        assert 0 <= one.start < one.end <= len(text)
        assert text[one.start : one.end] == one.raw
