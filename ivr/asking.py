"""One question being asked: its decisions, the words it has so far, who waits for its end."""

import asyncio
from collections.abc import Callable

from ivr.between import Between
from ivr.speech.ports import UNKNOWN, Word
from ivr.turn import TurnTaking
from ivr.turn_rules import Turn, TurnEnd

EARLY_S = 0.6
"""Words may begin so long before the voice was noticed; earlier ones are our own echo."""
StopAt = Callable[[str, bool], bool]
"""(text, going on): whether this text ends the turn at once; `going on`: it isn't final yet."""


class Asking:
    """A turn under way. `done` is done when it is over, or the caller has gone; `between` is what
    he said before it began, `heard_s` how far his words are final."""

    __slots__ = (
        "_since_s",
        "_stop_at",
        "asked_s",
        "done",
        "heard_s",
        "keys",
        "partial",
        "pressed",
        "taking",
        "words",
    )

    def __init__(
        self, taking: TurnTaking, keys: str, stop_at: StopAt | None, between: Between
    ) -> None:
        self.taking = taking
        self.keys = keys
        self.words: list[Word] = list(between.words)
        self.asked_s = taking.at_s
        self._since_s = between.speaking_since(taking.at_s)
        self.partial = ""
        self.heard_s = 0.0
        self.pressed = ""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stop_at = stop_at

    def must_stop(self, text: str, *, going_on: bool) -> bool:
        """Whether this text ends the turn at once."""
        return self._stop_at is not None and self._stop_at(text, going_on)

    @property
    def complete(self) -> bool:
        """Whether all he said has been told of: a recogniser that lost its worker has heard no more
        than its last words for a while."""
        ended = self.taking.end is TurnEnd.SPOKEN and self.heard_s >= self.taking.ended_s
        return ended and bool(self.words) and not self.partial

    @property
    def may_have_words(self) -> bool:
        """Whether the recogniser may still have words of his: of an answer, or of a voice that was
        so short that it was taken for no answer."""
        taking = self.taking
        return taking.spoke or (taking.end is TurnEnd.SILENT and bool(taking.tries))

    def his(self, word: Word) -> bool:
        """Whether it belongs to this turn, and is no echo of our own prompt."""
        taking = self.taking
        tried = any(
            word.end_s > begun_s - EARLY_S and word.start_s < ended_s + EARLY_S
            for begun_s, ended_s in taking.tries
        )
        if not taking.spoke:
            return taking.end is TurnEnd.SILENT and tried
        if tried:
            return True  # a short word, told of so late that he spoke on meanwhile
        from_s = taking.begun_s - EARLY_S
        if self._since_s is not None and from_s <= self.asked_s:
            from_s = min(from_s, self._since_s)  # he was speaking when it began, and went on
        return word.end_s > from_s


def known(text: str) -> bool:
    """Whether there is any word in it that the recogniser has a word for."""
    return any(word != UNKNOWN for word in text.split())


def turn_of(asking: Asking, *, heard: bool) -> Turn:
    """What came of it; `heard`: all of it was recognised."""
    taking = asking.taking
    assert taking.end is not None
    words = tuple(w for w in asking.words if asking.his(w))
    if not taking.spoke and not any(known(word.text) for word in words):
        words = ()
    return Turn(
        end=TurnEnd.SPOKEN if words and taking.end is TurnEnd.SILENT else taking.end,
        key=asking.pressed,
        words=words,
        begun_s=min((taking.begun_s, *(word.start_s for word in words))),
        ended_s=max((taking.ended_s, *(word.end_s for word in words))),
        heard=heard,
        interrupted=taking.interrupted,
    )
