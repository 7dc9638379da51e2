"""How one question is asked and its answer awaited: the words of turn-taking, and its time limits.

All times are seconds of the caller's audio.
"""

from dataclasses import dataclass
from enum import StrEnum

from ivr.speech.ports import Word

ANY_KEY = "0123456789*#"


class TurnEnd(StrEnum):
    """Why a turn is over."""

    SPOKEN = "spoken"
    """He said something and has come to its end."""
    KEY = "key"
    """He pressed a key that ends this turn."""
    SILENT = "silent"
    """He said nothing and pressed nothing in time."""
    LIMIT = "limit"
    """He spoke as long as he may."""
    NOISE = "noise"
    """Something was loud all the time and no word was in it: music, hum, a television."""
    STOPPED = "stopped"
    """What he was saying must be acted on at once (`stop_at`)."""


@dataclass(frozen=True, slots=True)
class TurnRules:
    """Limits of one turn.

    `answer_s`: from the prompt's end to the first speech. `silence_s`: silence that ends an answer,
    counted by us. `endpoint_silence_s`: silence that is enough when the recogniser has come to its
    own end point with words, `settled_s` when words are there but no end point yet (0 turns either
    off: only `silence_s` ends). `longest_s`: of speech.
    `start_s`: of voice within `start_window_s` pauses the prompt. `sure_s`: of voice makes it an
    interruption, as does the first word; less, followed by `false_start_s` of silence, was a false
    start: the prompt comes back. `wordless_s`: so long loud without a word is noise. `watchdog_s`
    after the prompt's length the turn ends whatever happens. `barge_in` off: the prompt is heard
    to its end.
    """

    answer_s: float = 5.0
    silence_s: float = 1.5
    endpoint_silence_s: float = 0.4
    settled_s: float = 0.7
    longest_s: float = 15.0
    start_s: float = 0.1
    start_window_s: float = 0.3
    sure_s: float = 0.5
    false_start_s: float = 0.6
    wordless_s: float = 8.0
    watchdog_s: float = 60.0
    barge_in: bool = True


SHORT_ANSWER = TurnRules()
"""Yes or no, a kind, a place: the recogniser's end point ends it."""
NUMBER_ANSWER = TurnRules(silence_s=2.5, endpoint_silence_s=1.2, settled_s=1.6, longest_s=30.0)
"""A telephone number, spoken in groups."""
FREE_SPEECH = TurnRules(
    answer_s=8.0,
    silence_s=4.0,
    endpoint_silence_s=0.0,
    settled_s=0.0,
    longest_s=180.0,
    wordless_s=30.0,
    watchdog_s=240.0,
)
"""What happened, in his own words: four seconds of silence end it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one question. `words` are those said in this turn with their places in the
    recording; `begun_s` and `ended_s` are where his speech began and ended there (both the turn's
    end when he said nothing). `heard` is False when the recogniser was away for some of it: then
    the voice is there and the words aren't, or not all.
    `interrupted`: he talked over the prompt."""

    end: TurnEnd
    key: str = ""
    words: tuple[Word, ...] = ()
    begun_s: float = 0.0
    ended_s: float = 0.0
    heard: bool = True
    interrupted: bool = False

    @property
    def text(self) -> str:
        """The words with blanks between them, as the recogniser writes them."""
        return " ".join(word.text for word in self.words)
