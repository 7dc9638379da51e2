"""One question being asked: its decisions, the words it has so far, who waits for its end."""

import asyncio
from collections.abc import Callable

from ivr.speech.ports import UNKNOWN, Word
from ivr.turn import TurnTaking
from ivr.turn_rules import Turn

EARLY_S = 0.6
"""Words may begin so long before the voice was noticed; earlier ones are our own echo."""


class Asking:
    """A turn under way. `done` is done when it is over, or the caller has gone."""

    __slots__ = ("_stop_at", "done", "keys", "partial", "pressed", "taking", "words")

    def __init__(
        self, taking: TurnTaking, keys: str, stop_at: Callable[[str], bool] | None
    ) -> None:
        self.taking = taking
        self.keys = keys
        self.words: list[Word] = []
        self.partial = ""
        self.pressed = ""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stop_at = stop_at

    def must_stop(self, text: str) -> bool:
        """Whether this text ends the turn at once."""
        return self._stop_at is not None and self._stop_at(text)


def known(text: str) -> bool:
    """Whether there is any word in it that the recogniser has a word for."""
    return any(word != UNKNOWN for word in text.split())


def turn_of(asking: Asking, *, heard: bool) -> Turn:
    """What came of it; `heard`: all of it was recognised."""
    taking = asking.taking
    assert taking.end is not None
    words = tuple(w for w in asking.words if w.end_s > taking.begun_s - EARLY_S)
    if not taking.spoke:
        words = ()  # an echo of our own prompt
    return Turn(
        end=taking.end,
        key=asking.pressed,
        words=words,
        begun_s=min((taking.begun_s, *(word.start_s for word in words))),
        ended_s=max((taking.ended_s, *(word.end_s for word in words))),
        heard=heard,
        interrupted=taking.interrupted,
    )
