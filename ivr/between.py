"""What a caller says between two questions, before the next one is put: it is heard, too.

The gap is short (an answer is made durable, a prompt is read), but on a busy machine a whole word
fits into it, and who speaks on into the question has said the beginning of his answer there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ivr.speech.ports import Word

GOES_ON_S = 0.3
"""A voice heard so shortly before the question is still speaking."""
APART_S = 1.0
"""After so much silence it is another voice that begins."""


@dataclass(slots=True)
class Between:
    """Since the last question was over, in seconds of his audio."""

    words: list[Word] = field(default_factory=list)
    _begun_s: float = 0.0
    _voice_s: float = -APART_S

    def voice(self, at_s: float) -> None:
        """20 ms of voice, which end here."""
        if at_s - self._voice_s > APART_S:
            self._begun_s = at_s
        self._voice_s = at_s

    def heard(self, words: Iterable[Word]) -> None:
        """Words that the recogniser has called final meanwhile."""
        self.words += words

    def speaking_since(self, at_s: float) -> float | None:
        """Where the voice began that goes on at `at_s`; None when nobody speaks then."""
        return self._begun_s if at_s - self._voice_s <= GOES_ON_S else None
