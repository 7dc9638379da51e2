"""What the rules have made of a caller who has waited so and so long."""

from hypothesis import given
from hypothesis import strategies as st

from queue_manager.model import Requirement, Suggestion
from queue_manager.steps import Way
from tests.queue_manager.rulebook import main, rules

NEEDS = Requirement.parse("lang:za>=3 & svc:12333>=4")
STEPS = [
    {"after_s": 30, "lower": {"svc:12333": 2}},
    {"after_s": 45, "lower": {"svc:12333": 1}, "widen": {"svc:12333": ["svc:general>=3"]}},
    {"after_s": 60, "interpreter": True, "suggest": "callback"},
    {"after_s": 90, "suggest": "voice_request"},
]


def way(*steps: dict[str, object]) -> Way:
    return Way({"nanning": main(*steps)}, "nanning", "main")


def test_each_step_adds_to_those_before_it() -> None:
    """Lowered, then widened and lowered at once, then without the language."""
    walked = way(*STEPS)
    assert [str(walked.standing(NEEDS, taken).needs) for taken in range(5)] == [
        "lang:za>=3 & svc:12333>=4",
        "lang:za>=3 & svc:12333>=2",
        "(svc:12333 | svc:general>=3) & lang:za>=3",
        "(svc:12333 | svc:general>=3)",
        "(svc:12333 | svc:general>=3)",
    ]


def test_a_step_counts_from_the_very_second_it_is_due() -> None:
    """Not a moment before; who waited long has all of them behind him."""
    walked = way(*STEPS)
    waited = (0, 29.999, 30, 59.9, 60, 1e9)
    assert [walked.taken_after(seconds) for seconds in waited] == [0, 0, 1, 2, 3, 4]
    assert [walked.at_s(step) for step in range(4)] == [30, 45, 60, 90]


def test_the_language_that_was_given_up_is_remembered_for_the_interpreter() -> None:
    """A seat that speaks it after all needs none: that is what `spoken` tells."""
    standing = way(*STEPS).standing(NEEDS, 3)
    assert standing.interpreter == "lang:za"
    assert standing.spoken.met_by({"lang:za": 3})
    assert not standing.spoken.met_by({"lang:za": 2})
    without = way(*STEPS).standing(Requirement.parse("svc:12333"), 3)
    assert without.interpreter == "", "who asked for no language needs no interpreter"


def test_suggestions_come_in_the_order_of_their_steps() -> None:
    """Only those of the steps that are asked about."""
    walked = way(*STEPS)
    assert list(walked.suggestions(0, 4)) == [Suggestion.CALLBACK, Suggestion.VOICE_REQUEST]
    assert list(walked.suggestions(3, 4)) == [Suggestion.VOICE_REQUEST]
    assert list(walked.suggestions(0, 2)) == []


def test_an_overflow_keeps_what_is_hard_and_goes_on_from_there() -> None:
    """The other queue's own needs are added, its steps count from the overflow."""
    book = rules(
        {"id": "main", "steps": [{"after_s": 20, "overflow": {"queue": "general"}}]},
        {
            "id": "general",
            "needs": "svc:general",
            "steps": [{"after_s": 10, "interpreter": True}],
        },
    )
    walked = Way({"nanning": book}, "nanning", "main")
    there = walked.standing(NEEDS, walked.taken_after(20))
    assert (str(there.needs), there.queue_id) == ("lang:za>=3 & svc:general", "general")
    assert walked.overflowed_s(1) == 20
    assert walked.at_s(1) == 30
    assert str(walked.standing(NEEDS, 2).needs) == "svc:general"


def test_an_overflow_to_another_tenant_names_it() -> None:
    """One that isn't there any more is as good as none."""
    leaving = rules({"id": "main", "steps": [{"after_s": 20, "overflow": {"tenant": "baoji"}}]})
    both = Way({"nanning": leaving, "baoji": main()}, "nanning", "main")
    assert both.standing(NEEDS, 1).tenant == "baoji"
    alone = Way({"nanning": leaving}, "nanning", "main")
    assert alone.standing(NEEDS, 1).tenant == "nanning"


def test_without_rules_nothing_ever_changes() -> None:
    """A tenant nobody wrote rules for."""
    walked = Way({}, "nanning", "main")
    assert (len(walked), walked.taken_after(1e6)) == (0, 0)
    assert walked.standing(NEEDS, 0).needs == NEEDS


LEVELS = st.integers(1, 5)
STEP = st.fixed_dictionaries(
    {},
    optional={
        "lower": st.dictionaries(st.sampled_from(["svc:12333", "lang:za"]), LEVELS, min_size=1),
        "widen": st.just({"svc:12333": ["svc:general>=2"]}),
        "interpreter": st.just(True),
    },
)


@given(
    steps=st.lists(STEP, max_size=6),
    service=LEVELS,
    language=LEVELS,
    skills=st.dictionaries(st.sampled_from(["svc:12333", "lang:za", "svc:general"]), LEVELS),
)
def test_a_step_never_takes_a_seat_away(
    steps: list[dict[str, object]], service: int, language: int, skills: dict[str, int]
) -> None:
    """Whoever could serve him before a step can serve him after it."""
    timed = [{"after_s": 10.0 * number + 10, **step} for number, step in enumerate(steps)]
    walked = way(*timed)
    needs = Requirement.parse(f"svc:12333>={service} & lang:za>={language}")
    able = [walked.standing(needs, taken).needs.met_by(skills) for taken in range(len(steps) + 1)]
    assert able == sorted(able)
