"""Places by name, by sound, and the division they lie in."""

import os

import pytest

from tickets.understanding.model import FoundPlace
from tickets.understanding.sounds import syllable
from tickets.understanding.understand import understand


def place(text: str) -> FoundPlace:
    found = understand(text).place
    assert found is not None, text
    return found


@pytest.mark.parametrize(
    ("text", "name", "division"),
    [
        ("在青秀区", "青秀区", "450103"),
        ("青秀那边", "青秀区", "450103"),
        ("津头街道", "津头街道", "450103005"),
        ("长湖路路灯坏了", "长湖路", "450103"),
        ("西乡塘区的人民路", "人民路", "450107"),
        ("人民路", "人民路", "450100"),
        ("南宁市停水", "南宁市", "450100"),
        ("马山镇", "马山镇", "450181118"),
        ("隆安县城厢镇", "城厢镇", "450123100"),
        ("武鸣区城厢镇", "城厢镇", "450110100"),
    ],
)
def test_a_place_has_the_code_of_its_division(text: str, name: str, division: str) -> None:
    found = place(text)
    assert (found.name, found.division, found.score >= 0.95) == (name, division, True)


def test_the_finest_place_said_comes_first() -> None:
    found = understand("良庆区五象大道阳光小区三栋").places
    assert [one.level for one in found] == ["community", "road", "district"]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("长湖路二十八号", "二十八号"),
        ("阳光小区三栋二单元", "三栋二单元"),
        ("翠竹苑5栋201", "5栋201"),
        ("石门森林公园东门", "东门"),
        ("长湖路很黑", ""),
    ],
)
def test_the_house_follows_the_name(text: str, detail: str) -> None:
    assert place(text).detail == detail


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("有爱路", "友爱路"),
        ("常湖路", "长湖路"),
        ("明修路", "明秀路"),
        ("人名公园", "人民公园"),
        ("心竹街道", "新竹街道"),
        ("吴许镇", "吴圩镇"),
        ("秀香大道", "秀厢大道"),
    ],
)
def test_a_name_that_sounds_alike_is_found_and_scored_lower(said: str, name: str) -> None:
    found = place(f"我在{said}这里")
    assert (found.name, found.said) == (name, said)
    assert found.score < 1.0


@pytest.mark.parametrize(
    "text", ["马路中间有个洞", "楼道里很黑", "我们村停水", "小区门口", "在路上", ""]
)
def test_where_no_place_of_the_list_is_said_none_is_found(text: str) -> None:
    assert understand(text).place is None


def test_a_sign_sounds_as_pypinyin_has_it() -> None:
    """We take its table as data, without the package: every 29th sign, and some that are none."""
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")  # 45 MB
    from pypinyin import Style, lazy_pinyin

    signs = [chr(code) for code in range(0x3400, 0xA000, 29)] + list("绿女略A1 。")
    told = {sign: syllable(sign) for sign in signs}
    assert told == {sign: lazy_pinyin([sign], style=Style.NORMAL)[0] for sign in signs}
    assert (told["绿"], told["A"]) == ("lv", "A")
