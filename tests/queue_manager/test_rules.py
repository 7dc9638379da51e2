"""Rules as values: what a step makes of a requirement, what lies before a caller, what is wrong."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from queue_manager.model import Need, Requirement, Suggestion
from queue_manager.rule_faults import faults, overflow_faults
from queue_manager.rules import (
    MOST_STEPS,
    Rules,
    Step,
    languages,
    overflowed,
    path,
    stepped,
)

HARD = ("lang:cmn", "lang:za", "sign:video")
SOFT = ("svc:general", "svc:12333", "svc:12315", "svc:interpreter")
SKILLS: dict[str, Any] = {
    **{name: {"name": name, "name_en": name, "hard": True} for name in HARD},
    **{name: {"name": name, "name_en": name} for name in SOFT},
}


def ruled(*queues: Mapping[str, Any], **more: Any) -> Rules:
    """Rules with these queues (the first is `main`)."""
    named = ({"id": "main", "name": "m", **queue} for queue in queues or ({},))
    document = {"version": 1, "skills": SKILLS, "queues": tuple(named), **more}
    return Rules.model_validate(document)


def steps(*given: Mapping[str, Any]) -> dict[str, Any]:
    return {"steps": tuple(given)}


RULES = ruled()


def after(needs: str, **step: Any) -> str:
    """The requirement as text after one step."""
    done = Step.model_validate({"after_s": 1, **step})
    return str(stepped(Requirement.parse(needs), done, RULES))


def test_a_step_lowers_what_it_names() -> None:
    assert after("svc:12333>=4 & lang:za>=3", lower={"svc:12333": 2}) == "lang:za>=3 & svc:12333>=2"
    assert after("svc:12333", lower={"svc:12333": 2}) == "svc:12333"


def test_a_step_both_lowers_and_widens_in_this_order() -> None:
    """What it widens to isn't lowered by the same step."""
    done = after("svc:12333>=4", lower={"svc:*": 1}, widen={"svc:12333": ("svc:general>=3",)})
    assert done == "(svc:12333 | svc:general>=3)"


def test_a_wildcard_never_touches_what_is_hard() -> None:
    assert after("lang:za>=3 & svc:12333>=3", lower={"svc:*": 1}) == "lang:za>=3 & svc:12333"
    assert after("lang:za & svc:12333", drop=("svc:*",)) == "lang:za"


def test_a_hard_skill_is_given_up_by_its_own_name() -> None:
    assert after("lang:za>=3 & svc:general", lower={"lang:za": 1}) == "lang:za & svc:general"
    assert after("lang:za & svc:general", drop=("lang:za",)) == "svc:general"


def test_an_interpreter_takes_the_place_of_the_language_and_of_nothing_else() -> None:
    assert after("lang:za>=2 & svc:general", interpreter=True) == "svc:general"
    assert after("sign:video", interpreter=True) == "sign:video"
    assert languages(Requirement.parse("lang:za & svc:general & lang:cmn")) == (
        "lang:cmn",
        "lang:za",
    )
    assert languages(Requirement.parse("lang:za & svc:interpreter")) == ()


def test_overflow_keeps_what_is_hard_and_takes_the_needs_of_the_queue() -> None:
    into = ruled({"needs": "svc:12315>=2"}).queue("main")
    needs = Requirement.parse("lang:za>=2 & svc:12333")
    assert str(overflowed(needs, RULES, into)) == "lang:za>=2 & svc:12315>=2"


NEEDS = st.builds(Need, st.sampled_from([*HARD, *SOFT]), st.integers(1, 5))
REQUIREMENTS = st.builds(
    Requirement, st.frozensets(st.frozensets(NEEDS, min_size=1, max_size=3), max_size=4)
)
STEPS = st.builds(
    lambda **fields: Step.model_validate({"after_s": 1, **fields}),
    lower=st.dictionaries(st.sampled_from([*HARD, *SOFT, "svc:*"]), st.integers(1, 4), max_size=2),
    widen=st.dictionaries(
        st.sampled_from([*HARD, *SOFT, "svc:*"]),
        st.sampled_from([("svc:general",), ("svc:12315>=3", "lang:cmn")]),
        max_size=2,
    ),
    drop=st.sampled_from([(), ("svc:12333",), ("lang:za",), ("svc:*",)]),
    interpreter=st.booleans(),
)
SEATS = st.dictionaries(st.sampled_from([*HARD, *SOFT]), st.integers(1, 5))


@given(needs=REQUIREMENTS, step=STEPS, seat=SEATS)
def test_a_step_only_ever_lets_more_seats_serve(
    needs: Requirement, step: Step, seat: dict[str, int]
) -> None:
    """Who could serve before a step can serve after it."""
    if needs.met_by(seat):
        assert stepped(needs, step, RULES).met_by(seat)


@given(needs=REQUIREMENTS, step=STEPS, seat=SEATS)
def test_language_and_sign_stay_hard_until_a_step_names_them(
    needs: Requirement, step: Step, seat: dict[str, int]
) -> None:
    """A group of hard needs that no step names is asked for afterwards as before."""
    done = stepped(needs, step, RULES)
    named = {*step.lower, *step.widen, *step.drop}
    for group in needs.all_of:
        skills = {need.skill for need in group}
        untouched = skills <= set(HARD) and not skills & named
        if untouched and not (step.interpreter and any(s.startswith("lang:") for s in skills)):
            assert group in done.all_of


# --- the way that lies before a caller


def test_the_way_goes_over_overflows_and_counts_on() -> None:
    """The next queue's seconds count from the overflow; what the first still had is left out."""
    own = ruled(
        steps({"after_s": 30, "lower": {"svc:*": 1}}, {"after_s": 90, "overflow": {"tenant": "b"}})
    )
    other = ruled(steps({"after_s": 60, "suggest": "callback"}))
    way = path({"a": own, "b": other}, "a", "main")
    assert [(due.at_s, due.tenant, due.queue_id) for due in way] == [
        (30, "a", "main"),
        (90, "a", "main"),
        (150, "b", "main"),
    ]
    assert way[2].step.suggest is Suggestion.CALLBACK


def test_a_way_in_a_circle_ends() -> None:
    circle = ruled(
        steps({"after_s": 10, "overflow": {"queue": "b"}}),
        {"id": "b", **steps({"after_s": 10, "overflow": {"queue": "main"}})},
    )
    assert [due.at_s for due in path({"a": circle}, "a", "main")] == [10, 20]


def test_a_queue_that_is_gone_goes_by_the_rules_of_main() -> None:
    rules = ruled(steps({"after_s": 5, "suggest": "callback"}))
    assert [due.at_s for due in path({"a": rules}, "a", "gone")] == [5]


# --- what is wrong


def told(*queues: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    rules = ruled(*queues)
    found = [*faults(rules), *(fault for _, fault in overflow_faults({"a": rules}))]
    return [(fault.place, fault.reason) for fault in found]


def test_good_rules_have_no_fault() -> None:
    everything = {
        "after_s": 1,
        "lower": {"svc:*": 1, "lang:za": 2},
        "widen": {"svc:12333": ("svc:general>=3",)},
        "drop": ("sign:video",),
        "interpreter": True,
        "suggest": "callback",
    }
    assert told(steps(everything, {"after_s": 2, "overflow": {"queue": "b"}}), {"id": "b"}) == []


@pytest.mark.parametrize(
    ("step", "place", "words"),
    [
        ({"lower": {"svc:12334": 1}}, ("lower", "svc:12334"), "no skill 'svc:12334'"),
        ({"lower": {"lang:*": 1}}, ("lower", "lang:*"), "the hard skill 'lang:cmn'"),
        ({"lower": {"branch:*": 1}}, ("lower", "branch:*"), "begins with 'branch:'"),
        ({"lower": {"svc:12333": 5}}, ("lower", "svc:12333"), "nothing is lowered"),
        ({"widen": {"lang:yue": ("lang:cmn",)}}, ("widen", "lang:yue"), "no skill 'lang:yue'"),
        ({"widen": {"lang:*": ("lang:cmn",)}}, ("widen", "lang:*"), "hard skill"),
        ({"widen": {"svc:12333": ("svc:x",)}}, ("widen", "svc:12333", 0), "no skill 'svc:x'"),
        ({"widen": {"svc:12333": ()}}, ("widen", "svc:12333"), "at least one need"),
        ({"drop": ("sign:*",)}, ("drop", 0), "hard skill 'sign:video'"),
        ({"drop": ("svc:x",)}, ("drop", 0), "no skill 'svc:x'"),
        ({}, (), "does nothing"),
        ({"overflow": {"queue": "b"}}, ("overflow", "queue"), "no queue 'b'"),
        ({"overflow": {"tenant": "z"}}, ("overflow", "tenant"), "no tenant 'z'"),
        ({"overflow": {"queue": "main"}}, ("overflow",), "in a circle: a/main → a/main"),
    ],
)
def test_a_fault_of_a_step_has_its_place_and_reason(
    step: dict[str, Any], place: tuple[str | int, ...], words: str
) -> None:
    ((found, reason),) = told(steps({"after_s": 1, **step}))
    assert found == ("queues", 0, "steps", 0, *place)
    assert words in reason


def test_unknown_skills_are_told_with_those_of_their_kind() -> None:
    ((_, reason),) = told(steps({"after_s": 1, "drop": ("lang:yue",)}))
    assert reason.endswith("(there are lang:cmn, lang:za)")


def test_faults_of_order() -> None:
    later = {"after_s": 30, "suggest": "callback"}
    found = told(steps(later, later, {"after_s": 20, "interpreter": True}))
    assert [place for place, _ in found] == [
        ("queues", 0, "steps", 1, "after_s"),
        ("queues", 0, "steps", 2, "after_s"),
    ]
    onward = {"after_s": 10, "overflow": {"queue": "b"}}
    ((place, reason),) = told(steps(onward, later), {"id": "b"})
    assert place == ("queues", 0, "steps", 0, "overflow")
    assert "last step" in reason


def test_faults_of_queues() -> None:
    assert told({"id": "b"}) == [
        (("queues",), "a queue 'main' is missing: lines that name none use it")
    ]
    assert told({}, {"name": "twice"}) == [(("queues", 1, "id"), "queue 'main' is there twice")]
    ((place, _),) = told({"needs": "svc:x"})
    assert place == ("queues", 0, "needs")


def test_an_interpreter_needs_a_skill_to_be_called_by() -> None:
    skills = {name: skill for name, skill in SKILLS.items() if name != "svc:interpreter"}
    rules = ruled(steps({"after_s": 1, "interpreter": True}), skills=skills)
    (fault,) = faults(rules)
    assert fault.place == ("queues", 0, "steps", 0, "interpreter")


def test_a_circle_over_three_queues_and_two_tenants_is_told_at_each() -> None:
    a = ruled(
        steps({"after_s": 1, "overflow": {"queue": "x"}}),
        {"id": "x", **steps({"after_s": 1, "overflow": {"tenant": "b"}})},
    )
    b = ruled(steps({"after_s": 1, "overflow": {"tenant": "a"}}))
    found = [(tenant, fault.reason) for tenant, fault in overflow_faults({"a": a, "b": b})]
    assert found == [
        ("a", "callers would overflow in a circle: a/main → a/x → b/main → a/main"),
        ("a", "callers would overflow in a circle: a/x → b/main → a/main → a/x"),
        ("b", "callers would overflow in a circle: b/main → a/main → a/x → b/main"),
    ]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (steps({"after_s": 1, "lower": {"svc:12333": 6}}), "less than or equal to 5"),
        (steps({"after_s": 1, "lower": {"svc:12333": 0}}), "greater than or equal to 1"),
        (steps({"after_s": 1, "widen": {"svc:12333": ("svc:general>=9",)}}), "level 9 is not 1"),
        (steps({"after_s": 1, "widen": {"svc:12333": ("general",)}}), "is not a need such as"),
        (steps({"after_s": -1, "suggest": "callback"}), "greater than or equal to 0"),
        (steps({"after_s": 1, "suggest": "coffee"}), "callback"),
        (steps({"after_s": 1, "lowr": {}}), "Extra inputs"),
        (steps(*({"after_s": n, "suggest": "callback"} for n in range(MOST_STEPS + 1))), "at most"),
        ({"needs": "svc:general>=7"}, "level 7 is not 1"),
        ({"id": "Main!"}, "String should match"),
    ],
)
def test_what_pydantic_refuses(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ruled(document)
