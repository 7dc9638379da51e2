"""The `Recogniser` port: what a caller says goes in as audio, words with times come out.

```
hearing = recogniser.open("call-1", "cmn", told)     # told(event) is called in the event loop
hearing.listen_for(("投诉", "咨询"))                   # a step with a grammar; () hears everything
hearing.feed(pcm)                                     # as it comes, also while a prompt plays
final = await hearing.flush()                         # a key ended the answer: what is said so far
hearing.close()
```

Audio is 8 kHz, mono, signed 16 bit, little endian. All times are seconds since the first sample
that was fed to this `Hearing`, whatever steps, end points, crashes and replays lay between: with
the recording's offset added they are places in the recording.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

RATE_HZ = 8000
BYTES_PER_S = 2 * RATE_HZ
UNKNOWN = "[unk]"
"""What a recogniser with such a word in its vocabulary says for speech it has no word for."""


class SpeechAway(Exception):
    """Nothing can be recognised (now, or in this language): record the caller plainly."""

    def __init__(self, reason: str, *, language: str = "") -> None:
        super().__init__(reason)
        self.language = language


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word. `confidence` is 0.0 to 1.0 (Vosk's minimum Bayes risk)."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Partial:
    """Words heard so far of an utterance that goes on; never empty. A later one may differ.
    `until_s` is how far the audio had been heard: on a busy machine that is some time ago."""

    text: str
    until_s: float = inf


@dataclass(frozen=True, slots=True)
class Final:
    """The recogniser's own end point: an utterance is over, these are its words, for good.

    No words: it heard only silence (after about 5 s of it) or noise. `until_s` is how far the
    audio had been heard when it ended.
    """

    words: tuple[Word, ...] = ()
    until_s: float = 0.0

    @property
    def text(self) -> str:
        """The words with blanks between them, as Vosk writes them."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class SpeechLost:
    """Recognition of this call is over for good; no event follows. Go on with plain recording."""

    reason: str


SpeechEvent = Partial | Final | SpeechLost
Told = Callable[[SpeechEvent], None]


class Hearing(Protocol):
    """One call's recognition. No method raises for what is away: `SpeechLost` tells, once."""

    def listen_for(self, words: Sequence[str] = ()) -> None:
        """A new step begins with the next sample fed: only these words (a grammar) or, with none,
        all the model knows. Words of the step before that aren't final yet are dropped (`flush`
        first to have them). Words the model doesn't know are left out; a grammar of which nothing
        is left, and a model that can't take grammars, hears everything."""
        ...

    def feed(self, pcm: bytes, *, within_s: float = 0.0) -> None:
        """Audio as it comes, any even number of bytes. Never waits, never calls `told` itself.
        `within_s`: nothing can come of it sooner, so it may be kept back so long."""
        ...

    async def flush(self, *, silent: bool = False) -> Final:
        """End the utterance here: what was said and isn't final yet (it isn't told as an event,
        too). Listening goes on. Empty when recognition is lost. `silent`: nobody has spoken for
        half a second, so that nothing is lost when the recogniser ends it as it does by itself:
        it needn't finish what it hears just now and begin anew."""
        ...

    async def caught_up(self) -> None:
        """Return when all that was fed has been heard and its events told, or all is lost. For
        those who feed faster than people speak."""
        ...

    def close(self) -> None:
        """No event follows; safe to call twice."""
        ...


class Recogniser(Protocol):
    """Recognition of all calls."""

    def able(self, language: str) -> bool:
        """Whether a call in this language (`cmn`, `yue`, `en` …) could be recognised now."""
        ...

    def open(self, call_id: str, language: str, told: Told) -> Hearing:
        """Begin to hear a call, listening for everything. Raises `SpeechAway`."""
        ...

    @property
    def detail(self) -> str:
        """How it stands, one sentence for /readyz, the doctor and the log."""
        ...


class NoRecogniser:
    """`Recogniser` of a house where speech is off."""

    detail = "off (HOTLINE_SPEECH=off)"

    def able(self, language: str) -> bool:
        return False

    def open(self, call_id: str, language: str, told: Told) -> Hearing:
        raise SpeechAway("speech recognition is off", language=language)
