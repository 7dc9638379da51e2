"""What is known of callers, how it makes them go first, and what it may cost."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ivr.known_callers import EndedCall, KnownCaller, KnownCallers, Mark
from ivr.ports import CallRecord, Outcome
from ivr.priority import Standing, priority_of, standing
from queue_manager.rules import Priorities
from tests.ivr.script import NOON
from tickets.model import CallFacts

WEIGHTS = Priorities()
NUMBER = "+8613800138000"
FACTS = CallFacts(
    tenant="default",
    call_id="hl-1.1",
    line_id="general",
    unit="",
    called_number="12345",
    dialled="12345",
    caller_raw="13800138000",
    caller_e164=NUMBER,
    anonymous=False,
    language="za",
    kind=None,
    keys="",
    started_at=NOON,
    recording="",
)
ANSWERED = CallRecord(FACTS, Outcome.ANSWERED, "8001", NOON, NOON, NOON, "1")


def test_an_ordinary_caller_is_unknown_and_has_no_priority() -> None:
    assert KnownCallers().find("default", NUMBER) is None
    assert priority_of(standing(None, NOON, WEIGHTS), WEIGHTS) == 0


def test_a_number_that_was_not_sent_is_nobodys() -> None:
    callers = KnownCallers()
    callers.note(replace(ANSWERED, facts=replace(FACTS, caller_e164="")))
    assert callers.find("default", "") is None


def test_the_last_seat_and_language_are_remembered_through_a_call_given_up() -> None:
    callers = KnownCallers()
    callers.note(ANSWERED)
    later = NOON + timedelta(hours=1)
    facts = replace(FACTS, language="cmn")
    callers.note(CallRecord(facts, Outcome.ABANDONED, "", later, None, later, ""))
    assert callers.find("default", NUMBER) == KnownCaller(
        elder=False, language="cmn", last_seat="8001", last_at=later, abandoned_at=later
    )
    assert callers.find("liuzhou", NUMBER) is None


def test_a_mark_of_the_staff_goes_before_the_last_calls_language() -> None:
    callers = KnownCallers()
    callers.note(ANSWERED)
    callers.set_marks("default", [(NUMBER, Mark(elder=True, language="yue"))])
    callers.set_marks("liuzhou", [])
    known = callers.find("default", NUMBER)
    assert known is not None
    assert (known.elder, known.language, known.last_seat) == (True, "yue", "8001")
    callers.set_marks("default", [])
    assert callers.find("default", NUMBER) is not None


def test_what_was_seen_since_the_start_goes_before_what_sql_tells() -> None:
    callers = KnownCallers()
    callers.note(ANSWERED)
    old = EndedCall(NOON - timedelta(days=2), Outcome.ABANDONED, "", "cmn")
    callers.learn("default", [(NUMBER, old), ("+8613800138001", old)])
    known = callers.find("default", NUMBER)
    assert known is not None
    assert (known.last_at, known.last_seat) == (NOON, "8001")
    assert callers.find("default", "+8613800138001") is not None


def test_what_ended_at_another_node_counts_unless_he_has_called_here_since() -> None:
    """Told twice, it is one; the seat that had him stays known."""
    callers = KnownCallers()
    callers.note(ANSWERED)
    gave_up = EndedCall(NOON + timedelta(minutes=5), Outcome.ABANDONED, "", "cmn")
    before = EndedCall(NOON - timedelta(minutes=5), Outcome.ABANDONED, "", "cmn")
    for _ in range(2):
        callers.hear("default", [(NUMBER, before), (NUMBER, gave_up)])
    known = callers.find("default", NUMBER)
    assert known is not None
    assert (known.last_at, known.abandoned_at) == (gave_up.at, gave_up.at)
    assert known.last_seat == "8001"


def test_learning_one_tenant_forgets_no_other() -> None:
    callers = KnownCallers()
    old = EndedCall(NOON, Outcome.ANSWERED, "8001", "cmn")
    callers.learn("liuzhou", [(NUMBER, old)])
    callers.learn("default", [(NUMBER, old)])
    assert callers.find("liuzhou", NUMBER) is not None


@given(numbers=st.lists(st.integers(0, 40), max_size=200), kept=st.integers(1, 20))
def test_memory_is_bounded_and_keeps_the_newest(numbers: list[int], kept: int) -> None:
    callers = KnownCallers(kept)
    for number in numbers:
        callers.note(replace(ANSWERED, facts=replace(FACTS, caller_e164=f"+86{number}")))
    assert len(callers) <= kept
    newest = list(dict.fromkeys(reversed(numbers)))[:kept]
    assert all(callers.find("default", f"+86{number}") for number in newest)


def test_how_long_an_earlier_call_counts() -> None:
    """A repeat within a day, a wait given up within the hour; the clock may be set back."""

    def shown(**hours: float) -> Standing:
        at = {name: NOON - timedelta(hours=ago) for name, ago in hours.items()}
        return standing(KnownCaller(**at), NOON, WEIGHTS)  # type: ignore[arg-type]  # times only

    assert shown(last_at=23.9) == Standing(repeat=True)
    assert shown(last_at=24.1) == Standing()
    assert shown(last_at=0.5, abandoned_at=0.9) == Standing(repeat=True, abandoned=True)
    assert shown(last_at=2, abandoned_at=1.1) == Standing(repeat=True)
    assert shown(last_at=-1) == Standing(repeat=True)


@given(
    shown=st.builds(Standing, *(st.booleans() for _ in range(4))),
    weights=st.builds(
        Priorities,
        elder=st.integers(0, 100),
        repeat=st.integers(0, 100),
        danger=st.integers(0, 100),
        abandoned=st.integers(0, 100),
    ),
)
def test_reasons_add_up_and_never_take_away(shown: Standing, weights: Priorities) -> None:
    steps = priority_of(shown, weights)
    for reason in ("elder", "repeat", "danger", "abandoned"):
        with_it = priority_of(replace(shown, **{reason: True}), weights)
        without = priority_of(replace(shown, **{reason: False}), weights)
        assert with_it - without == getattr(weights, reason)
        assert steps in (with_it, without)
