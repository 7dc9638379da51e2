"""A spoken conversation on the disk: what it outlives the engine by."""

from dataclasses import dataclass
from typing import Protocol

from tickets.model import NewTicket
from tickets.spoken import SpokenAnswer


@dataclass(frozen=True, slots=True)
class KeptTalk:
    """What was noted of a conversation: `new` is the ticket as it was at the beginning, `alarm` the
    word of danger that broke it off."""

    new: NewTicket
    answers: tuple[SpokenAnswer, ...] = ()
    alarm: str = ""


class TalkJournal(Protocol):
    """Conversations being led. Nothing here raises for a disk that is full: what couldn't be kept
    is logged, and the caller served."""

    async def begin(self, new: NewTicket) -> None:
        """A conversation begins (or begins anew); this is its ticket if nothing more is heard."""
        ...

    async def note(self, call_id: str, answer: SpokenAnswer) -> None:
        """An answer; durable on return."""
        ...

    async def note_alarm(self, call_id: str, word: str) -> None:
        """A word of danger broke the conversation off."""
        ...

    async def read(self, call_id: str) -> KeptTalk | None:
        """What was noted of a call, by whichever engine; None when nothing was."""
        ...

    async def forget(self, call_id: str) -> None:
        """Its ticket stands. Twice, or for another call, it changes nothing."""
        ...
