"""The ten reasons not to accept: all there, each with words of its own; emergencies go first."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ivr.stage import CATALOGUE
from tickets.life_rules import REFUSALS
from tickets.scope import FILE, reasons, scope_of


def test_there_are_ten_and_the_table_knows_the_same() -> None:
    assert {reason.code for reason in reasons()} == REFUSALS
    assert len(reasons()) == 10


def test_each_has_a_prompt_for_the_citizen() -> None:
    for reason in reasons():
        for language in CATALOGUE.languages:
            assert CATALOGUE.has(language, f"refused/{reason.code}")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("我在广东省那边买的房子漏水", "outside_jurisdiction"),
        ("有人倒卖绝密文件", "state_secret"),
        ("帮我查一下邻居的身份证号", "third_party_secret"),
        ("我要举报书记受贿，纪委不管", "other_authority"),
        ("法院判决下来了我不服", "legal_procedure"),
        ("上次已经答复过了，我还是要再反映", "already_closed"),
        ("你们这帮王八蛋", "insult"),
        ("没事打着玩的，陪我聊聊", "abuse"),
        ("我要申请国家赔偿", "other_law"),
    ],
)
def test_words_remind_of_a_reason_and_are_shown(text: str, code: str) -> None:
    scope = scope_of(text)
    hint = next((hint for hint in scope.hints if hint.code == code), None)
    assert hint is not None, scope
    for hit in hint.hits:
        assert text[hit.start : hit.end] == hit.words


@pytest.mark.parametrize(
    "text",
    ["长湖路路灯不亮", "小区停水三天了", "社保卡怎么补办", "公交车晚点", "北京路有人占道经营", ""],
)
def test_an_ordinary_matter_reminds_of_nothing(text: str) -> None:
    scope = scope_of(text)
    assert (scope.emergency, scope.hints) == (None, ())


def test_a_place_of_ours_goes_before_the_name_of_another() -> None:
    assert not scope_of("外地老板在青秀区民族大道欠薪").hints
    assert scope_of("外地老板欠薪").hints[0].code == "outside_jurisdiction"


def test_an_emergency_is_told_with_the_number_to_transfer_to() -> None:
    scope = scope_of("法院门口着火了")
    assert scope.emergency is not None
    assert scope.emergency.line == "119"


@given(st.text(max_size=200))
def test_whatever_is_typed_nothing_raises(text: str) -> None:
    scope = scope_of(text)
    assert len(scope.hints) <= 3


def test_a_file_that_lacks_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "refusals.yaml"
    file.write_text(
        FILE.read_text(encoding="utf-8").replace("code: abuse", "code: insult"), "utf-8"
    )
    with pytest.raises(ValueError, match="each of the ten codes once"):
        reasons(file)
