"""What spoken intakes lean on; the wiring fills it with real parts."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from ivr.intake import Mind
from ivr.spoken_ports import SpokenCaller
from telephony.call import Call
from tickets.kept import TalkJournal

Speaking = Callable[[Call, str, str], AbstractAsyncContextManager[SpokenCaller]]
"""(call, language, stored) opens a caller's audio, see `ivr.spoken_ports`."""


@dataclass(frozen=True, slots=True)
class TicketMade:
    """What a citizen is told in writing: the number of his ticket. `to` is E.164."""

    tenant: str
    ticket: str
    to: str
    language: str


@dataclass(frozen=True, slots=True)
class TicketTold:
    """What became of his ticket with its event `seq`: `what` is a stable id (`extension-granted`,
    `not-accepted`, `info-asked`, `case-filed`), never the ticket's words. `to` is E.164."""

    tenant: str
    ticket: str
    to: str
    language: str
    what: str
    seq: int


class TicketMessages(Protocol):
    """Text messages."""

    def ticket_made(self, made: TicketMade) -> None:
        """Have it sent; returns at once, whatever becomes of it."""
        ...

    def ticket_told(self, told: TicketTold) -> None:
        """As `ticket_made`."""
        ...

    async def close(self) -> None:
        """The engine stops."""
        ...


class NoMessages:
    """`TicketMessages` of a house that sends none."""

    def ticket_made(self, made: TicketMade) -> None:
        return None

    def ticket_told(self, told: TicketTold) -> None:
        return None

    async def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class SpokenHouse:
    """`able` tells which languages are recognised now, `says(language, prompt)` whether there is
    such a prompt."""

    speaking: Speaking
    able: Callable[[str], bool]
    says: Callable[[str, str], bool]
    mind: Mind
    journal: TalkJournal
    messages: TicketMessages = field(default_factory=NoMessages)
