"""Break the matcher on purpose, one rule at a time: a proof must notice each.

The tables are the answer to "which test fails when …".
"""

import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from queue_manager import callers, idle, positions, profiles, reservation, signatures
from queue_manager.bits import SkillBits
from queue_manager.matcher import Matcher
from tests.queue_manager import test_matcher_choices as choices
from tests.queue_manager import test_reservation
from tests.queue_manager.test_matcher_histories import MatcherMachine

QUIETLY = settings(
    max_examples=1000,
    stateful_step_count=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # finding a counterexample is enough, nobody reads it
)


@dataclass(frozen=True)
class Mutation:
    """In `function` of `owner` (a class or module), `old` becomes `new`."""

    name: str
    owner: Any
    function: str
    old: str
    new: str

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        original: FunctionType = getattr(self.owner, self.function)
        source = textwrap.dedent(inspect.getsource(original))
        assert source.count(self.old) == 1, f"{self.name}: the source has changed"
        changed: dict[str, Any] = {}
        room = {**vars(sys.modules[original.__module__]), "_last": lambda kept: -kept.first}
        exec(compile(source.replace(self.old, self.new), self.name, "exec"), room, changed)
        patch.setattr(self.owner, self.function, changed[self.function])


WHICH_CALLER = [
    Mutation("ignore the priority", Matcher, "_rank", "queued - priority", "queued - 0 * priority"),
    Mutation("ignore the ageing", Matcher, "_rank", "self._weight_us", "10**14"),
    Mutation(
        "block at the head",
        Matcher,
        "_best_caller",
        "best == NOBODY",
        "best != min(self._signatures.heads)",
    ),
    Mutation(
        "the newest first among equals",
        callers.Callers,
        "add",
        "self._entered += 1",
        "self._entered -= 1",
    ),
    Mutation("a wish counts for ever", Matcher, "_who_wants", "best + self", "best + 10**9 + self"),
    Mutation("a wish counts for nothing", Matcher, "_who_wants", "if profile.served", "if 0"),
    Mutation(
        "a missed offer costs the place",
        Matcher,
        "caller_returns",
        "slot = self._callers.slot(call_id)",
        "slot = self._callers.slot(call_id); self._callers.rank[slot] += 5_000_000",
    ),
    Mutation(
        "a step costs the place",
        Matcher,
        "change",
        "callers.signature[slot] = number",
        "callers.signature[slot] = number; callers.rank[slot] += 5_000_000",
    ),
    Mutation("offer a caller twice", Matcher, "_best_caller", "self._stop_waiting(slot)", "pass"),
    Mutation("keep an old head", signatures.Signatures, "stop", "== slot", "== -2"),
    Mutation(
        "count other people's queues", positions.Positions, "_found", "common &=", "common |="
    ),
]
WHICH_SEAT = [
    Mutation("ignore scarcity", SkillBits, "without", "for skill in skills", "for skill in ()"),
    Mutation("scarcity without a bound", idle.IdleOrder, "find", "if too_long", "if False"),
    Mutation("ignore the fit", SkillBits, "closest", "if fit:", "if True:"),
    Mutation("ignore the idle order", idle.IdleOrder, "_longest", "min(numbers", "max(numbers"),
    Mutation("ignore the wish for a seat", idle.IdleOrder, "find", "if preferred", "if False"),
    Mutation("offer a seat twice", Matcher, "_find_seat", "self._idle.set_busy(seat_id)", "pass"),
    Mutation(
        "count who is at home", idle.IdleOrder, "set_duty", "1 if on_duty else -1", "int(on_duty)"
    ),
]
OVER_TIME = [
    Mutation("moved up, but not to the front", Matcher, "move_first", "late // ", "late // 2 // "),
    Mutation(
        "lose the turn at a missed offer", Matcher, "seat_ready", "if not keep_turn:", "if True:"
    ),
    Mutation("look for nobody when skills change", Matcher, "put_seat", "if not", "if True or"),
    Mutation(
        "learn of no new needs",
        profiles.Profiles,
        "catch_up",
        "profile.births != births",
        "profile.births < 0",
    ),
    Mutation("forget births too early", profiles.Profiles, "catch_up", "news is None or", ""),
    Mutation("generations out of order", idle._Generation, "take", "|= younger.members", "|= {}"),
    Mutation("the last to be idle first", idle.IdleOrder, "_flip_ready", "key=_first", "key=_last"),
    Mutation("unlearn nothing", SkillBits, "change", "in old.items()", "in ()"),
    Mutation("serve as before", profiles.Profiles, "change", "dict(skills), -1", "dict(skills), 0"),
]
THE_FENCE = [
    Mutation("drop the fence for reports", reservation, "_target", "event in _FENCED", "False"),
    Mutation("drop the fence for offers", reservation, "_target", "event in _OPENING", "False"),
]


def named(mutation: Mutation) -> str:
    return mutation.name.replace(" ", "-")


def noticed(proof: Callable[[], object]) -> bool:
    """Whether a proof fails, in whatever way."""
    try:
        proof()
    except (Exception, pytest.fail.Exception):
        return True
    return False


def choice_of_a_caller(quietly: settings = QUIETLY) -> None:
    quietly(choices.WHICH_CALLER(choices.callers_are_chosen_well))()


def choice_of_a_seat(quietly: settings = QUIETLY) -> None:
    quietly(choices.WHICH_SEAT(choices.seats_are_chosen_well))()


def histories() -> None:
    run_state_machine_as_test(MatcherMachine, settings=QUIETLY)


@pytest.mark.parametrize("mutation", WHICH_CALLER, ids=named)
def test_the_choice_of_a_caller_is_proved(
    mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`test_matcher_choices.test_which_caller` fails."""
    mutation.apply(monkeypatch)
    assert noticed(choice_of_a_caller)


@pytest.mark.parametrize("mutation", WHICH_SEAT, ids=named)
def test_the_choice_of_a_seat_is_proved(
    mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`test_matcher_choices.test_which_seat` fails."""
    mutation.apply(monkeypatch)
    assert noticed(choice_of_a_seat)


@pytest.mark.parametrize("mutation", OVER_TIME, ids=named)
def test_what_happens_over_time_is_proved(
    mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`test_matcher_histories.MatcherMachine` fails."""
    mutation.apply(monkeypatch)
    assert noticed(histories)


@pytest.mark.parametrize("mutation", THE_FENCE, ids=named)
def test_the_fence_is_proved(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A late answer after a miss, or a token seen before, is taken: `test_reservation` fails."""
    mutation.apply(monkeypatch)
    assert noticed(test_reservation.test_a_late_answer_after_a_miss_is_refused) or noticed(
        test_reservation.test_tokens_only_grow
    )


def test_without_a_mutation_nothing_is_noticed() -> None:
    """The proofs hold for the matcher as it is: a mutation is what makes them fail."""
    fewer = settings(QUIETLY, max_examples=100)  # each has a test of its own with many
    assert not noticed(lambda: run_state_machine_as_test(MatcherMachine, settings=fewer))
    assert not noticed(lambda: choice_of_a_caller(fewer))
    assert not noticed(lambda: choice_of_a_seat(fewer))
    assert not noticed(test_reservation.test_a_late_answer_after_a_miss_is_refused)
    assert not noticed(test_reservation.test_tokens_only_grow)
