"""What a caller needs, as value and as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_manager.requirement import Need, Requirement

SKILL = st.sampled_from(["lang:za", "lang:cmn", "svc:general", "svc:12333", "sign:video"])
NEED = st.builds(Need, SKILL, st.integers(1, 5))
REQUIREMENT = st.builds(
    Requirement, st.frozensets(st.frozensets(NEED, min_size=1, max_size=3), max_size=3)
)
SKILLS = st.dictionaries(SKILL, st.integers(1, 5))


@given(REQUIREMENT)
def test_the_text_form_says_everything(requirement: Requirement) -> None:
    assert Requirement.parse(str(requirement)) == requirement


@given(REQUIREMENT, SKILL, st.integers(1, 5), SKILLS)
def test_a_lowered_or_widened_requirement_is_met_by_all_who_met_it_before(
    requirement: Requirement, skill: str, level: int, skills: dict[str, int]
) -> None:
    if requirement.met_by(skills):
        assert requirement.lowered(skill, level).met_by(skills)
        assert requirement.widened(skill, [Need("lang:en")]).met_by(skills)
        assert requirement.without(skill).met_by(skills)


def test_alternatives_are_or_groups_are_and() -> None:
    asked = Requirement.parse("lang:za>=2 & (svc:12333 | svc:general>=3)")
    assert asked.met_by({"lang:za": 2, "svc:12333": 1})
    assert asked.met_by({"lang:za": 5, "svc:general": 3})
    assert not asked.met_by({"lang:za": 1, "svc:12333": 5})
    assert not asked.met_by({"lang:za": 5, "svc:general": 2})


@pytest.mark.parametrize(
    ("text", "named"),
    [("lang:za>=6", "level 6"), ("lang:za>=0", "level 0"), ("za", "'za'"), ("lang:za & ", "''")],
)
def test_a_mistake_in_the_text_is_named(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Requirement.parse(text)
