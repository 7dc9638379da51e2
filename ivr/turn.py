"""Whose turn it is: one question's states, its table, and `TurnTaking`, which feeds them.

Everything that decides when a prompt stops, comes back, and when an answer is over, lives in this
file. Time is the caller's audio, told with every frame; nothing here waits.

| State | Meaning |
|---|---|
| asking | the prompt plays, nobody speaks |
| interrupted | a voice was heard over the prompt, which is paused: is it meant? |
| waiting | the prompt is over, nobody speaks yet |
| starting | a voice was heard: is it speech? |
| speaking | he speaks, or pauses within his answer |
| over | the turn is over |
"""

from collections import deque
from enum import StrEnum

from ivr.turn_rules import TurnEnd, TurnRules

FRAME_S = 0.02
WORDS_OF_A_VOICE_S = 2.5
"""While the prompt plays words count only so soon after a voice: else they are our own echo."""
UNCHANGED_S = 0.2
WORDS_OUT_S = 0.5
NOISY_ENDPOINT_S = 1.0
"""So long without a new word after the recogniser's end point, and it's over however loud it is."""


class State(StrEnum):
    """Where a turn stands."""

    ASKING = "asking"
    INTERRUPTED = "interrupted"
    WAITING = "waiting"
    STARTING = "starting"
    SPEAKING = "speaking"
    OVER = "over"


class Signal(StrEnum):
    """What the frames, the words, the keys and the limits come to."""

    VOICE = "voice"
    SURE = "sure"
    WORDS = "words"
    FALSE_START = "false_start"
    PROMPT_ENDED = "prompt_ended"
    SILENCE = "silence"
    NO_ANSWER = "no_answer"
    TOO_LONG = "too_long"
    WORDLESS = "wordless"
    WATCHDOG = "watchdog"
    KEY = "key"
    STOP = "stop"


class Do(StrEnum):
    """What is done to the prompt."""

    NOTHING = "nothing"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


_PROMPTED = (State.ASKING, State.INTERRUPTED)

TABLE: dict[tuple[State, Signal], tuple[State, Do]] = {
    (State.ASKING, Signal.VOICE): (State.INTERRUPTED, Do.PAUSE),
    (State.ASKING, Signal.WORDS): (State.SPEAKING, Do.STOP),
    (State.ASKING, Signal.PROMPT_ENDED): (State.WAITING, Do.NOTHING),
    (State.INTERRUPTED, Signal.SURE): (State.SPEAKING, Do.STOP),
    (State.INTERRUPTED, Signal.WORDS): (State.SPEAKING, Do.STOP),
    (State.INTERRUPTED, Signal.FALSE_START): (State.ASKING, Do.RESUME),
    (State.WAITING, Signal.VOICE): (State.STARTING, Do.NOTHING),
    (State.WAITING, Signal.WORDS): (State.SPEAKING, Do.NOTHING),
    (State.WAITING, Signal.NO_ANSWER): (State.OVER, Do.NOTHING),
    (State.STARTING, Signal.SURE): (State.SPEAKING, Do.NOTHING),
    (State.STARTING, Signal.WORDS): (State.SPEAKING, Do.NOTHING),
    (State.STARTING, Signal.FALSE_START): (State.WAITING, Do.NOTHING),
    (State.SPEAKING, Signal.SILENCE): (State.OVER, Do.NOTHING),
    (State.SPEAKING, Signal.TOO_LONG): (State.OVER, Do.NOTHING),
    (State.SPEAKING, Signal.WORDLESS): (State.OVER, Do.NOTHING),
    **{
        (state, signal): (State.OVER, Do.STOP if state in _PROMPTED else Do.NOTHING)
        for state in State
        if state is not State.OVER
        for signal in (Signal.KEY, Signal.STOP, Signal.WATCHDOG)
    },
}

_ENDS = {
    Signal.SILENCE: TurnEnd.SPOKEN,
    Signal.NO_ANSWER: TurnEnd.SILENT,
    Signal.TOO_LONG: TurnEnd.LIMIT,
    Signal.WORDLESS: TurnEnd.NOISE,
    Signal.KEY: TurnEnd.KEY,
    Signal.STOP: TurnEnd.STOPPED,
}


def decide(state: State, signal: Signal) -> tuple[State, Do]:
    """The next state, and what is done; raises KeyError for a pair that can't be."""
    return TABLE[state, signal]


class TurnTaking:
    """One turn. Tell it everything, in order; each call returns what is to be done to the prompt.

    `at_s` is the time of the audio, `prompt_s` how long the prompt plays. `recognised` is False
    when no words will come: then music and false starts are told from speech by length alone.
    `spoke`: he has said something in this turn, or was about to when it ended. `tries` are the
    voices that were taken for false starts, from and to: words may still turn out to be theirs.
    """

    __slots__ = (
        "_asked_at",
        "_endpoint",
        "_last_at",
        "_recent",
        "_recognised",
        "_rules",
        "_start_frames",
        "_voice_at",
        "_voice_s",
        "_waiting_at",
        "_words",
        "_words_at",
        "_words_until",
        "at_s",
        "begun_s",
        "end",
        "interrupted",
        "spoke",
        "state",
        "tries",
    )

    def __init__(
        self, rules: TurnRules, at_s: float, *, prompt_s: float, recognised: bool = True
    ) -> None:
        self._rules = rules
        self._recognised = recognised
        self._start_frames = round(rules.start_s / FRAME_S)
        self._recent: deque[bool] = deque(maxlen=round(rules.start_window_s / FRAME_S))
        self._asked_at = self._waiting_at = at_s
        self._last_at = at_s + prompt_s + rules.watchdog_s
        self._voice_at = self._words_at = self._words_until = -WORDS_OF_A_VOICE_S
        self._voice_s = 0.0
        self._words = False
        self._endpoint = False
        self.at_s = at_s
        self.begun_s = at_s
        self.state = State.ASKING if prompt_s else State.WAITING
        self.end: TurnEnd | None = None
        self.interrupted = False
        self.spoke = False
        self.tries: list[tuple[float, float]] = []

    @property
    def ended_s(self) -> float:
        """Where his speech ended, as far as voice and words tell."""
        return max(self._voice_at, self._words_until, self.begun_s)

    @property
    def silent(self) -> bool:
        """Whether he has been quiet for so long that his words are out (a recogniser is up to a
        third of a second behind)."""
        quiet = self.at_s - self._voice_at >= WORDS_OUT_S
        return quiet and self.at_s - self._words_at >= UNCHANGED_S

    def frame(self, at_s: float, *, voiced: bool, still: bool = False) -> Do:
        """20 ms of him, which end at `at_s`; see `ivr.voice`."""
        self.at_s = at_s
        if still:
            self._recent.clear()
        self._recent.append(voiced)
        if voiced:
            self._voice_at = at_s
            self._voice_s += FRAME_S
        signal = self._due()
        return Do.NOTHING if signal is None else self._take(signal)

    def words(self, until_s: float) -> Do:
        """Words were heard that weren't there before, up to about `until_s`: a busy recogniser
        tells of them late."""
        self._words_at, self._words_until = self.at_s, until_s
        self._endpoint = False
        if self.state is State.SPEAKING:
            self._words = True
            return Do.NOTHING
        ours = self.state is State.ASKING and until_s - self._voice_at > WORDS_OF_A_VOICE_S
        if ours or self.state is State.OVER:
            return Do.NOTHING
        self._words = True
        if self.state in (State.ASKING, State.WAITING):
            self.begun_s = self._begun_of_words(until_s)
        return self._take(Signal.WORDS)

    def endpoint(self) -> Do:
        """The recogniser has come to an end point of its own, with words."""
        self._endpoint = self._words
        if self.state is not State.SPEAKING or not self._quiet_enough():
            return Do.NOTHING
        return self._take(Signal.SILENCE)

    def key(self) -> Do:
        """A key that ends the turn."""
        return self._take(Signal.KEY) if self.state is not State.OVER else Do.NOTHING

    def stop(self) -> Do:
        """What he says must be acted on at once."""
        return self._take(Signal.STOP) if self.state is not State.OVER else Do.NOTHING

    def prompt_ended(self, at_s: float) -> Do:
        """The prompt has been played to its end."""
        self._waiting_at = at_s
        return self._take(Signal.PROMPT_ENDED) if self.state is State.ASKING else Do.NOTHING

    def unrecognised(self) -> None:
        """No words will come any more."""
        self._recognised = False

    def _begun_of_words(self, until_s: float) -> float:
        """Words that no voice was seen for, or one that was over before they came."""
        for begun_s, ended_s in self.tries:
            if begun_s <= until_s and until_s - ended_s <= WORDS_OF_A_VOICE_S:
                return begun_s
        if self.state is State.ASKING:
            return self.begun_s
        return max(self._waiting_at, until_s - WORDS_OF_A_VOICE_S)

    def _take(self, signal: Signal) -> Do:
        begun = self.state in (State.STARTING, State.INTERRUPTED)
        self.state, do = decide(self.state, signal)
        if self.state is State.SPEAKING or (self.state is State.OVER and begun):
            self.spoke = True
        if signal is Signal.FALSE_START:
            self.tries.append((self.begun_s, self._voice_at))
        if signal is Signal.VOICE:
            self._voice_s = sum(self._recent) * FRAME_S
            self.begun_s = max(self._asked_at, self.at_s - len(self._recent) * FRAME_S)
        if do is Do.STOP and signal in (Signal.SURE, Signal.WORDS):
            self.interrupted = True
        if self.state is State.OVER:
            self.end = self._end_of(signal)
        return do

    def _end_of(self, signal: Signal) -> TurnEnd:
        if signal is Signal.WATCHDOG:
            return TurnEnd.LIMIT if self._words else TurnEnd.SILENT
        if signal is Signal.WORDLESS and self._words:
            return TurnEnd.SPOKEN  # he has said it; a television goes on
        return _ENDS[signal]

    def _due(self) -> Signal | None:
        """What this very frame brings about."""
        rules = self._rules
        if self.state is State.OVER:
            return None
        if self.at_s >= self._last_at:
            return Signal.WATCHDOG
        if self.state in (State.ASKING, State.WAITING):
            if self._begins():
                return Signal.VOICE
            waited = self.state is State.WAITING and self.at_s - self._waiting_at >= rules.answer_s
            return Signal.NO_ANSWER if waited else None
        if self.state in (State.INTERRUPTED, State.STARTING):
            if self._voice_s >= rules.sure_s:
                return Signal.SURE
            quiet = self.at_s - self._voice_at >= rules.false_start_s
            return Signal.FALSE_START if quiet else None
        return self._due_while_speaking()

    def _due_while_speaking(self) -> Signal | None:
        rules = self._rules
        if self.at_s - self.begun_s >= rules.longest_s:
            return Signal.TOO_LONG
        complete = self._endpoint and self._quiet_enough()
        if complete or self._settled() or self._quiet_s() >= rules.silence_s:
            return Signal.SILENCE
        if self._recognised and self._wordless_s() >= rules.wordless_s:
            return Signal.WORDLESS
        return None

    def _begins(self) -> bool:
        if self.state is State.ASKING and not self._rules.barge_in:
            return False
        return sum(self._recent) >= self._start_frames

    def _quiet_s(self) -> float:
        return self.at_s - max(self._voice_at, self._words_at)

    def _wordless_s(self) -> float:
        return self.at_s - max(self._words_at, self.begun_s)

    def _settled(self) -> bool:
        """Silence enough for an answer whose words have stopped coming: the recogniser's own end
        point takes up to a second when it isn't sure of them."""
        settled_s = self._rules.settled_s
        return (
            self._words
            and settled_s > 0
            and self.at_s - self._voice_at >= settled_s
            and self.at_s - self._words_at >= UNCHANGED_S
        )

    def _quiet_enough(self) -> bool:
        """Silence enough for an answer that the recogniser has found complete."""
        enough_s = self._rules.endpoint_silence_s
        if enough_s <= 0:
            return False
        if self.at_s - self._voice_at >= enough_s:
            return True
        return self.at_s - self._words_at >= NOISY_ENDPOINT_S
