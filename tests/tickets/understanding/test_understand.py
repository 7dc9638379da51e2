"""One call, all guesses: kinds, classes, confidence, and any text at all."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.model import Kind
from tickets.understanding.rules import DATA, RulesError, load_rules
from tickets.understanding.scoring import HALVES, load_cases
from tickets.understanding.understand import Context, understand


@dataclass(frozen=True)
class Heard:
    text: str
    confidence: float


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("我要投诉物业", Kind.COMPLAINT),
        ("请问医保怎么报销", Kind.CONSULTATION),
        ("路灯坏了帮忙修一下", Kind.HELP),
        ("建议多装几盏路灯", Kind.SUGGESTION),
        ("我要举报有人赌博", Kind.REPORT),
        ("我要表扬公交司机", Kind.PRAISE),
        ("我不是投诉，我想问问物业费怎么算", Kind.CONSULTATION),
        ("请问怎么投诉物业", Kind.CONSULTATION),
    ],
)
def test_the_six_kinds(text: str, kind: Kind) -> None:
    found = understand(text)
    assert found.kind is not None
    assert found.kind.kind is kind
    assert found.kind is found.kinds[0]
    assert sum(one.score for one in found.kinds) == pytest.approx(1.0, abs=0.01)


def test_a_class_names_its_path_its_unit_and_the_words_that_gave_it() -> None:
    (best, *_) = understand("长湖路的路灯不亮").classes
    assert best.path == ("公共服务", "市政设施", "路灯故障")
    assert best.unit == "城市照明管理处"
    assert "路灯不亮" in {hit.words for hit in best.hits}
    assert 0.5 < best.score < 1.0


def test_the_classification_has_five_domains_and_three_levels() -> None:
    leaves = load_rules().classes.leaves
    domains = ["经济调节", "市场监管", "社会管理", "公共服务", "生态环境保护"]
    assert list(dict.fromkeys(leaf.path[0] for leaf in leaves)) == domains
    assert len({leaf.code for leaf in leaves}) == len(leaves)
    assert 80 <= len(leaves) <= 150
    for leaf in leaves:
        assert leaf.code.isdigit()
        assert len(leaf.code) == 6
        assert leaf.unit


def test_blanks_between_words_change_nothing_but_the_offsets() -> None:
    joined, spaced = understand("我要投诉长湖路路灯不亮"), understand("我 要 投诉 长湖路 路灯 不亮")
    assert joined.kind is not None
    assert spaced.kind is not None
    assert joined.kind.kind is spaced.kind.kind
    assert [one.code for one in joined.classes] == [one.code for one in spaced.classes]
    assert spaced.place is not None
    assert spaced.text[spaced.place.start : spaced.place.end] == "长湖路"


def test_speech_without_a_word_joins_nothing() -> None:
    assert understand("长 [unk] 湖路").place is None


def test_low_confidence_lowers_scores_but_never_danger() -> None:
    text = "投诉 长湖路 着火 了"
    sure = understand(text, [Heard(word, 1.0) for word in text.split()])
    unsure = understand(text, [Heard(word, 0.4) for word in text.split()])
    plain = understand(text)
    assert sure.place is not None
    assert unsure.place is not None
    assert plain.place is not None
    assert sure.place.score == plain.place.score
    assert unsure.place.score == pytest.approx(0.4 * sure.place.score)
    assert unsure.danger == sure.danger


def test_words_that_are_not_in_the_text_lower_nothing() -> None:
    found = understand("长湖路", [Heard("别的", 0.1), Heard("", 0.0)])
    assert found.place is not None
    assert found.place.score == 1.0


def test_a_folder_without_rules_is_told() -> None:
    with pytest.raises(RulesError, match=r"places\.yaml"):
        understand("路灯", context=Context(rules=DATA / "nowhere"))


SENTENCES = [case.text for half in HALVES for case in load_cases(half)][::7]
ODD = ("[unk]", " ", "，", "不对", "四个零", "İ", "\u3000", "１３８", "Ａ", "\x00", "🙂", "ß")
WORDS = st.sampled_from([*SENTENCES, *ODD])


@given(st.one_of(st.text(max_size=120), st.lists(WORDS, max_size=4).map("".join)))
def test_nothing_raises_and_every_span_lies_within_the_text(text: str) -> None:
    found = understand(text)
    hits = [hit for kind in found.kinds for hit in kind.hits]
    hits += [hit for leaf in found.classes for hit in leaf.hits]
    hits += found.danger.hits if found.danger else ()
    for hit in hits:
        assert 0 <= hit.start < hit.end <= len(text)
        assert text[hit.start : hit.end] == hit.words
    spans = [(one.start, one.end) for one in found.places]
    spans += [(one.start, one.end) for one in found.phones]
    spans += [(one.start, one.end) for one in found.numbers]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    scores = [one.score for one in found.kinds] + [one.score for one in found.classes]
    assert all(0.0 <= score <= 1.0 for score in scores)


def test_a_text_without_end_is_looked_at_up_to_a_limit() -> None:
    found = understand("路灯" * 10_000 + "着火了")
    assert found.danger is None
    assert found.classes[0].path[2] == "路灯故障"
