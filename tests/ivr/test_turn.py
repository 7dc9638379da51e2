"""Whose turn it is: the table, and what voice, words and time come to."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.turn import FRAME_S, TABLE, Do, Signal, State, TurnTaking, decide
from ivr.turn_rules import FREE_SPEECH, NUMBER_ANSWER, SHORT_ANSWER, TurnEnd, TurnRules


class Turn:
    """A turn told by its story: `.` a silent frame, `v` a voiced one, each many times."""

    def __init__(self, rules: TurnRules, *, prompt_s: float = 0.0, recognised: bool = True) -> None:
        self.taking = TurnTaking(rules, 0.0, prompt_s=prompt_s, recognised=recognised)
        self.at_s = 0.0
        self.did: list[tuple[float, Do]] = []

    def hears(self, seconds: float, *, voiced: bool) -> "Turn":
        for _ in range(round(seconds / FRAME_S)):
            self.at_s += FRAME_S
            self.note(self.taking.frame(self.at_s, voiced=voiced))
        return self

    def note(self, do: Do) -> "Turn":
        if do is not Do.NOTHING:
            self.did.append((round(self.at_s, 2), do))
        return self

    def voice(self, seconds: float) -> "Turn":
        return self.hears(seconds, voiced=True)

    def quiet(self, seconds: float) -> "Turn":
        return self.hears(seconds, voiced=False)

    def words(self) -> "Turn":
        return self.note(self.taking.words(self.at_s))

    def endpoint(self) -> "Turn":
        return self.note(self.taking.endpoint())

    @property
    def end(self) -> TurnEnd | None:
        return self.taking.end


def test_every_pair_that_is_not_in_the_table_raises() -> None:
    """And every state but `over` can be left at any time by a key, danger and the watchdog."""
    for state in State:
        for signal in Signal:
            if (state, signal) in TABLE:
                assert decide(state, signal) == TABLE[state, signal]
            else:
                with pytest.raises(KeyError):
                    decide(state, signal)
        always = {(state, s) in TABLE for s in (Signal.KEY, Signal.STOP, Signal.WATCHDOG)}
        assert always == {state is not State.OVER}


def test_a_prompt_stops_within_300_ms_of_the_voice() -> None:
    """A tenth of a second of voice pauses it; whether it was meant is decided later."""
    turn = Turn(SHORT_ANSWER, prompt_s=5.0).quiet(1.0).voice(0.3)
    assert turn.did == [(1.1, Do.PAUSE)]


def test_a_voice_that_lasts_is_an_interruption_and_a_short_one_is_not() -> None:
    sure = Turn(SHORT_ANSWER, prompt_s=5.0).quiet(1.0).voice(0.6)
    assert [do for _, do in sure.did] == [Do.PAUSE, Do.STOP]
    assert sure.taking.interrupted
    cough = Turn(SHORT_ANSWER, prompt_s=5.0).quiet(1.0).voice(0.3).quiet(0.7)
    assert [do for _, do in cough.did] == [Do.PAUSE, Do.RESUME]
    assert not cough.taking.interrupted
    assert cough.taking.state is State.ASKING


def test_a_prompt_that_must_be_heard_is() -> None:
    """Keys still end it."""
    turn = Turn(TurnRules(barge_in=False), prompt_s=5.0).voice(4.0)
    assert turn.did == []
    assert turn.note(turn.taking.key()).did == [(4.0, Do.STOP)]


def test_a_short_answer_ends_with_the_recognisers_end_point() -> None:
    """As soon as it comes: of the silence after the last word nothing is added by us."""
    turn = Turn(SHORT_ANSWER).voice(0.6).words().quiet(0.6)
    assert turn.end is None
    assert turn.endpoint().end is TurnEnd.SPOKEN
    early = Turn(SHORT_ANSWER).voice(0.6).words().quiet(0.2).endpoint()
    assert early.end is None, "he may go on"
    assert early.quiet(0.3).end is TurnEnd.SPOKEN


def test_an_answer_whose_words_have_stopped_coming_is_complete() -> None:
    """The recogniser's end point takes up to a second; a word that comes late is waited for."""
    turn = Turn(SHORT_ANSWER).voice(0.6).words().quiet(0.6)
    assert turn.end is None
    assert turn.quiet(0.1).end is TurnEnd.SPOKEN
    late = Turn(SHORT_ANSWER).voice(0.6).words().quiet(0.6).words().quiet(0.18)
    assert late.end is None
    assert late.quiet(0.04).end is TurnEnd.SPOKEN


def test_without_an_end_point_silence_ends_a_short_answer() -> None:
    turn = Turn(SHORT_ANSWER).voice(1.0).quiet(1.4)
    assert turn.end is None
    assert turn.quiet(0.2).end is TurnEnd.SPOKEN


def test_numbers_are_spoken_in_groups() -> None:
    """An end point after the first group isn't the end."""
    turn = Turn(NUMBER_ANSWER).voice(1.0).words().quiet(0.8).endpoint()
    assert turn.end is None
    turn.voice(1.0).words().quiet(0.8).endpoint().quiet(0.5)
    assert turn.end is TurnEnd.SPOKEN


@pytest.mark.parametrize("gap_s", [1.0, 3.0, 3.9])
def test_free_speech_has_gaps(gap_s: float) -> None:
    """Four seconds of silence end it, counted by us above the recogniser's own end points."""
    turn = Turn(FREE_SPEECH)
    for _ in range(5):
        turn.voice(1.0).words().quiet(0.7).endpoint().quiet(gap_s - 0.7)
    assert turn.end is None
    assert turn.quiet(4.0).end is TurnEnd.SPOKEN


def test_who_says_nothing_is_silent_in_time() -> None:
    """Counted from the prompt's end."""
    turn = Turn(SHORT_ANSWER, prompt_s=3.0).quiet(3.0)
    turn.note(turn.taking.prompt_ended(turn.at_s)).quiet(4.9)
    assert turn.end is None
    assert turn.quiet(0.2).end is TurnEnd.SILENT
    assert not turn.taking.spoke


def test_who_speaks_without_end_is_ended() -> None:
    turn = Turn(FREE_SPEECH)
    for _ in range(180):
        turn.voice(1.0).words()
    assert turn.quiet(0.1).end is TurnEnd.LIMIT


def test_a_television_behind_him_doesnt_keep_his_answer_open() -> None:
    """No new word after the end point, and loud all the time: it was complete."""
    turn = Turn(SHORT_ANSWER).voice(1.0).words().voice(0.7).endpoint()
    assert turn.end is None
    assert turn.voice(0.4).end is TurnEnd.SPOKEN


def test_loud_without_a_word_is_noise_but_only_if_words_would_come() -> None:
    assert Turn(SHORT_ANSWER).voice(9.0).end is TurnEnd.NOISE
    assert Turn(SHORT_ANSWER, recognised=False).voice(9.0).end is None
    said = Turn(FREE_SPEECH).voice(1.0).words().voice(31.0)
    assert said.end is TurnEnd.SPOKEN, "what he said before counts"


def test_words_of_a_voice_too_soft_to_be_noticed_are_an_answer() -> None:
    """The recogniser hears what the detector doesn't; not over a prompt, that might be our echo."""
    soft = Turn(SHORT_ANSWER).quiet(1.0).words().quiet(0.7).endpoint()
    assert soft.end is TurnEnd.SPOKEN
    echo = Turn(SHORT_ANSWER, prompt_s=3.0).quiet(1.0).words().endpoint()
    assert (echo.end, echo.taking.state) == (None, State.ASKING)


def test_a_late_word_after_a_false_start_still_counts() -> None:
    """The recogniser is behind: the prompt that came back stops again."""
    turn = Turn(SHORT_ANSWER, prompt_s=5.0).quiet(1.0).voice(0.3).quiet(0.7).words()
    assert [do for _, do in turn.did] == [Do.PAUSE, Do.RESUME, Do.STOP]


STEPS = st.lists(
    st.tuples(st.sampled_from("vq"), st.floats(0.02, 3.0), st.sampled_from("-wepks")), max_size=40
)


@given(STEPS, st.sampled_from([SHORT_ANSWER, NUMBER_ANSWER, FREE_SPEECH]), st.booleans())
def test_every_turn_ends(
    steps: list[tuple[str, float, str]], rules: TurnRules, recognised: bool
) -> None:
    """Whatever comes, in whatever order: nothing raises, it ends by the watchdog at the latest, and
    what has ended stays as it is."""
    turn = Turn(rules, prompt_s=2.0, recognised=recognised)
    for sound, seconds, then in steps:
        turn.hears(seconds, voiced=sound == "v")
        taking = turn.taking
        match then:
            case "w":
                turn.words()
            case "e":
                turn.endpoint()
            case "p":
                turn.note(taking.prompt_ended(turn.at_s))
            case "k" if len(steps) % 5 == 0:
                turn.note(taking.key())
            case "s" if len(steps) % 7 == 0:
                turn.note(taking.stop())
        assert (taking.end is None) == (taking.state is not State.OVER)
    before = turn.end
    turn.quiet(rules.watchdog_s + 3.0)
    assert turn.end is not None
    assert before in (None, turn.end)
    dos = [do for _, do in turn.did]
    assert all(a is not b for a, b in pairwise(dos)), "paused twice, stopped twice"
    assert turn.taking.begun_s <= turn.taking.ended_s <= turn.at_s
