"""The call in which a citizen is told the result: what is said, and what counts, where it ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.follow_up import MARK, Progress, follow_up, hung_up
from ivr.follow_up_ear import Keys
from telephony.call import CallInfo
from telephony.errors import CallEnded
from tests.ivr.stage import CATALOGUE
from tickets.follow_up import FollowUpState, Heard, Leg, verdict

LEG = Leg("", "default", "261122000007", 1, 1)
INFO = CallInfo(
    call_id=LEG.id, channel="PJSIP/trunk-demo-1", node="hl", trunk="demo", called_number="12345",
    caller_number="13900000001", caller_name="", first_called="", asserted_caller="",
    answered_at=datetime(2026, 11, 23, 2, 0, tzinfo=UTC), recording="/hotline/recordings/x.wav",
    variables={"CALLBACK": MARK, "STAGE": "called_back", "LANG": "cmn"},
)  # fmt: skip
REPLY = "/hotline/state/followups/reply"


class Desk:
    """The follow-ups: what they were told."""

    def __init__(self, sound: str = REPLY, wanted: bool = True) -> None:
        self.sound, self.is_wanted = sound, wanted
        self.ear = Keys()
        self.told: list[Heard] = []

    async def wanted(self, leg: Leg) -> bool:
        assert leg == LEG
        return self.is_wanted

    def reply_sound(self, leg: Leg) -> str:
        return self.sound

    async def conclude(self, leg: Leg, heard: Heard) -> None:
        self.told.append(heard)


class Citizen:
    """A call: one key for each question (" ": none), then he hangs up; `gone_at` is the step at
    which he does before that."""

    def __init__(self, keys: str, info: CallInfo = INFO, gone_at: int = 0) -> None:
        self.info = info
        self.said: list[str] = []
        self.variables = dict(info.variables)
        self.finished = False
        self._keys = list(keys)
        self._gone_at = gone_at
        self.steps = 0

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self._gone_at:
            raise CallEnded("hangup")

    async def play(self, prompts: Sequence[str], *, language: str, interrupt: str = "") -> str:
        self._step()
        assert all(CATALOGUE.has(language, prompt) for prompt in prompts), prompts
        self.said.extend(prompts)
        return ""

    async def ask(
        self, prompts: Sequence[str], *, language: str, max_digits: int = 1, timeout_s: float = 5.0
    ) -> str:
        await self.play(prompts, language=language)
        if not self._keys:
            raise CallEnded("hangup")
        return self._keys.pop(0).strip()

    async def play_file(self, path: str, *, interrupt: str = "") -> str:
        self._step()
        self.said.append(path)
        return ""

    async def remember(self, **variables: str) -> None:
        self._step()
        self.variables |= variables

    async def finish(self) -> None:
        self.finished = True

    def seen(self) -> CallInfo:
        """As the dialplan tells of it afterwards."""
        return replace(self.info, variables=self.variables)


async def called(keys: str, desk: Desk, info: CallInfo = INFO, gone_at: int = 0) -> Citizen:
    """One call, and the dialplan's word of its end when he hung up."""
    citizen = Citizen(keys, info, gone_at)
    await follow_up(citizen, desk)  # type: ignore[arg-type] # what a follow-up needs of a call
    if not citizen.finished:
        await hung_up(citizen.seen(), desk, LEG)
    return citizen


@pytest.mark.parametrize(
    ("keys", "state", "farewell"),
    [
        ("111", "satisfied", "followup/thanks"),
        ("112", "unsatisfied", "followup/again"),
        ("121", "unsatisfied", "followup/again"),
        ("1 11", "satisfied", "followup/thanks"),
        ("11  ", "mixed", "followup/person"),
        ("1    ", "mixed", "followup/person"),
        ("17777", "mixed", "followup/person"),
    ],
)
async def test_he_is_told_and_asked_and_his_word_counts(
    keys: str, state: str, farewell: str
) -> None:
    """Silence and other keys are asked about once more, and are never taken for content."""
    desk = Desk()
    citizen = await called(keys, desk)
    (heard,) = desk.told
    assert verdict(heard) == state
    assert citizen.said[-1] == farewell
    assert REPLY in citizen.said
    assert citizen.said.count("followup/solved_again") <= 1
    assert citizen.finished
    assert (heard.recording, heard.answered_at) == (INFO.recording, INFO.answered_at.timestamp())


@pytest.mark.parametrize(
    ("keys", "result"), [("  ", "no_key"), ("2", "not_now"), ("77", "no_key"), ("", "no_key")]
)
async def test_without_his_key_nothing_personal_is_said(keys: str, result: str) -> None:
    desk = Desk()
    citizen = await called(keys, desk)
    assert set(citizen.said) <= {"followup/greeting", "followup/later"}
    (heard,) = desk.told
    assert (heard.result, verdict(heard)) == (result, None)


async def test_a_reply_that_could_not_be_spoken_has_a_sentence_in_its_place() -> None:
    citizen = await called("111", Desk(sound=""))
    assert "followup/reply_unspoken" in citizen.said
    assert "followup/reply" not in citizen.said


async def test_who_has_been_asked_is_let_go() -> None:
    """An engine died after his last answer was written down: the next one doesn't ask again."""
    desk = Desk(wanted=False)
    citizen = await called("", desk)
    assert (citizen.said, desk.told, citizen.finished) == (["followup/over"], [], True)


@given(
    st.text("12 7", max_size=5),
    st.integers(0, 14),
    st.lists(st.integers(1, 10), max_size=3),
)
async def test_wherever_he_hangs_up_or_the_engine_dies_one_thing_is_heard(
    keys: str, gone_at: int, deaths: list[int]
) -> None:
    """Engines die at any step: the next one goes on from the channel, never puts a question again
    that was answered, and what is told in the end is what he said."""
    desk, info = Desk(), INFO
    left = keys
    for death in deaths:
        citizen = Citizen(left, info, death)
        await follow_up(citizen, desk)  # type: ignore[arg-type] # as above
        if citizen.finished:
            break
        answered = Progress.parse(citizen.variables.get("KEYS", ""))
        assert len(answered.answers) >= len(Progress.parse(info.variables.get("KEYS", "")).answers)
        info, left = citizen.seen(), left[len(left) - len(citizen._keys) :]
    else:
        await called(left, desk, info, gone_at)
    said = [heard for heard in desk.told if verdict(heard) is not None]
    assert len({(h.solved, h.satisfied) for h in said}) <= 1
    assert desk.told
    for heard in said:
        if verdict(heard) is FollowUpState.SATISFIED:
            assert keys.count("1") >= 3


@given(st.lists(st.sampled_from([True, False, None]), max_size=2), st.booleans())
def test_progress_survives_on_the_channel(answers: list[bool | None], reached: bool) -> None:
    progress = Progress(reached, tuple(answers) if reached else ())
    assert Progress.parse(str(progress)) == progress


@pytest.mark.parametrize("rubbish", ["", "0", "y", "1x", "1yyy", "2y", "11"])
def test_rubbish_on_the_channel_is_no_answer(rubbish: str) -> None:
    assert Progress.parse(rubbish) == Progress()
