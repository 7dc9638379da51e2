"""What became of citizens who were only to be held: told from their own SIP trace.

Somebody is held when he was answered and neither side had hung up at the moment that is asked
about. Everybody else is lost, whoever's doing it was; `Loss.fate` says whose.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from simulator.rings import Message

NAMED = 20
REFUSALS = tuple(f"SIP/2.0 {first}" for first in "3456")


class Fate(StrEnum):
    """What happened to a citizen who isn't held."""

    NOT_CALLED = "hadn't called yet"
    UNANSWERED = "wasn't answered"
    REFUSED = "was refused"
    HUNG_UP_ON = "was hung up by the hotline"
    LEFT = "hung up himself, too early"


NEVER_CONNECTED = frozenset({Fate.NOT_CALLED, Fate.UNANSWERED, Fate.REFUSED})


@dataclass(frozen=True, slots=True)
class Loss:
    """A citizen who isn't held. `call_id` is his SIP call's, "" when he hadn't called; `after_s`
    from his first INVITE to his end, or to the moment asked about when there was none."""

    call_id: str
    fate: Fate
    after_s: float

    def __str__(self) -> str:
        if not self.call_id:
            return f"a citizen {self.fate}"
        return f"{self.call_id} {self.fate}, {self.after_s:.1f} s after his call"


def losses(trace: Iterable[Message], callers: int, at: float) -> list[Loss]:
    """Those of `callers` citizens who weren't held at `at` (epoch seconds): each is in one fate."""
    told: dict[str, list[Message]] = {}
    for message in trace:
        if message.at <= at:
            told.setdefault(message.call_id, []).append(message)
    lost = [loss for call_id, call in told.items() if (loss := _loss(call_id, call, at))]
    return lost + [Loss("", Fate.NOT_CALLED, 0.0)] * (callers - len(told))


def _loss(call_id: str, call: Sequence[Message], at: float) -> Loss | None:
    """How this call ended, if it did, or wasn't answered; None while he is held."""
    began, answered = call[0].at, False
    for message in call:
        line = message.first_line
        if line.startswith("BYE "):
            fate = Fate.LEFT if message.sent else Fate.HUNG_UP_ON
            return Loss(call_id, fate, message.at - began)
        if not message.sent and line.startswith(REFUSALS):
            return Loss(call_id, Fate.REFUSED, message.at - began)
        answered = answered or (message.sent and line.startswith("ACK "))
    return None if answered else Loss(call_id, Fate.UNANSWERED, at - began)


def told(lost: Sequence[Loss], channels_gone: int) -> list[str]:
    """Lines for whoever reads the bench: how many of each fate, then the first of them by name.
    `channels_gone`: citizens who believe they are held and have no channel."""
    counts = Counter(loss.fate for loss in lost)
    summary = [f"{count} {fate}" for fate, count in counts.most_common()]
    if channels_gone:
        summary.append(f"{channels_gone} held by their own word without a channel")
    if not summary:
        return []
    more = len(lost) - NAMED
    return [
        f"  lost: {', '.join(summary)}",
        *(f"  {loss}" for loss in lost[:NAMED]),
        *([f"  … and {more} more"] if more > 0 else []),
    ]
