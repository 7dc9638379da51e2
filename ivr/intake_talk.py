"""The spoken intake as it is led: one question at a time, then everything said back.

A straight line over `SpokenCaller`. What ends it early is raised: `AlarmRaised` by a word of
danger, `RecordPlainly` when he isn't understood twice; `CallEnded` and `AudioAway` come from the
audio. Whatever happens, what was answered until then is in the `Intake` and has been noted.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ivr.dialling import dialled
from ivr.intake import (
    OTHER,
    Alarm,
    Intake,
    Mind,
    answer_of,
    confirmation_of,
    heard,
    number_of,
    plausible_text,
    so_far,
    surely_said,
    understood,
)
from ivr.intake_plan import Asked, IntakePlan
from ivr.numbers import DIGITS, digits
from ivr.spoken_ports import OwnVoice, Sound, SpokenCaller
from ivr.turn_rules import FREE_SPEECH, NUMBER_ANSWER, SHORT_ANSWER, Turn, TurnRules
from tickets.spoken import Confirmation, Question, SpokenAnswer, holding

END_KEY = "#"
TRIES = 2
MOST_ROUNDS = 3
MOST_DIGITS = 16
TYPING = TurnRules(answer_s=4.0, barge_in=True)
Noted = Callable[[SpokenAnswer], Awaitable[None]]


class AlarmRaised(Exception):
    """He said a word of danger: everything else can wait."""

    def __init__(self, alarm: Alarm) -> None:
        super().__init__(alarm.word)
        self.alarm = alarm


class RecordPlainly(Exception):
    """He can't be understood, or his words aren't heard any more: let him speak, and keep it."""


@dataclass(frozen=True, slots=True)
class Knowing:
    """What the conversation leans on besides the caller. `own` is the number he calls from (E.164,
    "" unknown); `says(prompt)` tells whether there is such a prompt in his language; `note` makes
    an answer durable, `place` names what is kept of his voice now."""

    plan: IntakePlan
    mind: Mind
    recording: str
    own: str
    area_code: str
    says: Callable[[str], bool]
    note: Noted


async def take_intake(
    caller: SpokenCaller, intake: Intake, knowing: Knowing, opening: Sequence[Sound] = ()
) -> None:
    """Ask what isn't settled, say it back until it is confirmed or he says nothing more to it.
    `opening` is said with the first question, and talked over as that is.

    Raises `AlarmRaised`, `RecordPlainly`."""
    talk = _Talk(caller, intake, knowing, opening)
    for _ in range(MOST_ROUNDS):
        await talk.questions()
        if await talk.confirmed():
            return


class _Talk:
    def __init__(
        self, caller: SpokenCaller, intake: Intake, knowing: Knowing, opening: Sequence[Sound]
    ) -> None:
        self._caller = caller
        self._intake = intake
        self._knowing = knowing
        self._opening = opening
        self._alarm: Alarm | None = None

    async def questions(self) -> None:
        """Everything that isn't settled."""
        for asked in self._knowing.plan.questions:
            if self._intake.settled(asked.ask):
                continue
            if asked.ask is Question.NUMBER:
                await self._number(asked)
            else:
                await self._question(asked)

    async def _question(self, asked: Asked) -> None:
        rules, keys = SHORT_ANSWER, "".join(asked.keys)
        if asked.ask is Question.MATTER:
            rules, keys = self._free(asked), END_KEY
        sounds: Sequence[Sound] = asked.prompts
        for _ in range(TRIES):
            turn = await self._ask(asked.ask, sounds, rules, keys)
            answer = answer_of(asked, turn, self._knowing.mind, self._knowing.recording)
            await self._take(answer)
            if understood(answer):
                return
            self._still_heard()
            sounds = asked.again or asked.prompts
        raise RecordPlainly

    async def _number(self, asked: Asked) -> None:
        """Whom to call back. Who isn't understood here has told everything else: nothing is asked
        of him again, a person will see it."""
        knowing = self._knowing
        sounds: Sequence[Sound] = asked.prompts if knowing.own else ("intake/number_other",)
        own = bool(knowing.own)
        for _ in range(TRIES + 1):
            rules = SHORT_ANSWER if own else NUMBER_ANSWER
            turn = await self._ask(asked.ask, sounds, rules, "123" if own else DIGITS + END_KEY)
            typed = "" if own else await self._typed(turn.key)
            answer = number_of(
                turn, typed, knowing.mind, knowing.recording,
                own=knowing.own, area_code=knowing.area_code,
            )  # fmt: skip
            await self._take(answer)
            if answer.value and answer.value != OTHER:
                return
            if answer.value == OTHER:
                own = False
            sounds = asked.again if own and asked.again else ("intake/number_other",)
            own = own and bool(asked.again)

    async def _typed(self, first: str) -> str:
        """The rest of a number of which a key was pressed."""
        typed = first
        while typed and typed[-1] != END_KEY and len(typed) < MOST_DIGITS:
            turn = await self._caller.ask((), TYPING, keys=DIGITS + END_KEY)
            if not turn.key:
                break
            typed += turn.key
        return typed.rstrip(END_KEY)

    async def confirmed(self) -> bool:
        """Say everything back. True when nothing more is to be asked: he confirmed it, or there is
        no use in asking on."""
        sounds: Sequence[Sound] = (*self._said_back(), "intake/confirm")
        for _ in range(TRIES):
            turn = await self._ask(Question.CONFIRM, sounds, SHORT_ANSWER, "123")
            answer = confirmation_of(turn, self._knowing.mind, self._knowing.recording)
            await self._take(answer)
            match answer.value:
                case Confirmation.YES:
                    return True
                case Confirmation.AGAIN:
                    self._opening = ("intake/anew",)
                    return False
                case Confirmation.MORE:
                    await self._more()
                    return False
            sounds = ("intake/confirm_again",)
        return True

    async def _more(self) -> None:
        """What he adds; one who then says nothing has lost nothing."""
        matter = next(a for a in self._knowing.plan.questions if a.ask is Question.MATTER)
        turn = await self._ask(matter.ask, ("intake/more",), self._free(matter), END_KEY)
        await self._take(answer_of(matter, turn, self._knowing.mind, self._knowing.recording))

    def _said_back(self) -> Sequence[Sound]:
        """Key facts by prompts, what has none and what happened in his own voice."""
        holds = holding(self._intake.answers)
        sounds: list[Sound] = ["intake/said_back"]
        for kind in holds.get(Question.KIND, ()):
            if kind.value:
                sounds.append(f"kind/{kind.value}")
        for place in holds.get(Question.PLACE, ()):
            named = f"place/{place.value}"
            own = self._own(place)
            called = self._knowing.mind.place_name(place.value)
            if called and called == place.label and self._knowing.says(named):
                sounds += ["intake/said_at", named]
            elif own is not None:
                sounds += ["intake/said_at", own]
        matters = [own for a in holds.get(Question.MATTER, ()) if (own := self._own(a))]
        if matters:
            sounds += ["intake/said_words", *matters]
        number = dialled(self._intake.number)
        if number:
            sounds += ["intake/said_number", *digits(number)]
        elif holds.get(Question.NUMBER):
            sounds.append("intake/no_callback")
        return sounds

    def _own(self, answer: SpokenAnswer) -> OwnVoice | None:
        """His voice, where it can be played: an engine before us kept it in another file."""
        if answer.recording != self._knowing.recording or answer.end_s <= answer.begin_s:
            return None
        return OwnVoice(answer.begin_s, answer.end_s)

    def _free(self, asked: Asked) -> TurnRules:
        longest_s = self._knowing.plan.longest_s
        return replace(
            FREE_SPEECH,
            silence_s=asked.silence_s,
            longest_s=longest_s,
            wordless_s=min(FREE_SPEECH.wordless_s, longest_s),
            watchdog_s=longest_s + 60.0,
        )

    async def _ask(
        self, question: Question, sounds: Sequence[Sound], rules: TurnRules, keys: str
    ) -> Turn:
        """One turn. Who hangs up in the middle of it has said what lies in the recording."""
        begun_s = self._caller.at_s
        self._intake.listening = SpokenAnswer(
            question, recording=self._knowing.recording, begin_s=begun_s, end_s=begun_s
        )
        self._alarm = None
        sounds, self._opening = (*self._opening, *sounds), ()
        turn = await self._caller.ask(sounds, rules, keys=keys, stop_at=self._alarmed)
        self._intake.listening = None
        self._intake.missed |= not turn.heard  # they are recognised later
        await self._look_for_danger(heard(question, turn, self._knowing.recording))
        return turn

    async def _look_for_danger(self, answer: SpokenAnswer) -> None:
        """Raises `AlarmRaised` for words of danger that were heard well, or that he confirms. Noise
        can be taken for such a word: then he is asked, once in a call."""
        alarm = self._knowing.mind.alarm(plausible_text(answer))
        if alarm is not None and surely_said(alarm, answer):
            await self._take(answer)
            raise AlarmRaised(alarm)
        alarm = alarm or self._alarm
        if alarm is None or self._intake.suspected:
            return
        self._intake.suspected = alarm.word
        turn = await self._caller.ask(("intake/danger_check",), SHORT_ANSWER, keys="12")
        if confirmation_of(turn, self._knowing.mind, "").value == Confirmation.YES:
            await self._take(answer)
            raise AlarmRaised(alarm)

    def _alarmed(self, text: str, going_on: bool) -> bool:
        """Asked of every text heard, which is all there is of his words should he hang up now."""
        listening = self._intake.listening
        if listening is not None:
            self._intake.listening = so_far(listening, text, self._caller.at_s)
        self._alarm = self._knowing.mind.alarm(text, live=going_on)
        return self._alarm is not None

    async def _take(self, answer: SpokenAnswer) -> None:
        self._intake.answers.append(answer)
        await self._knowing.note(answer)

    def _still_heard(self) -> None:
        if not self._caller.recognising:
            raise RecordPlainly
