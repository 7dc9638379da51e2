"""What a ticket is told when its citizen was connected on to somebody outside the house."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HandedOn:
    """Somebody outside has answered. `ticket` is "" while only the journal has it; `to` the number
    that was dialled; `unit` the line's, when the line itself led there (a utility's); `seat_id` is
    who handed him on, "" when nobody did."""

    tenant: str
    call_id: str
    ticket: str
    to: str
    at: datetime
    seat_id: str = ""
    unit: str = ""


TellHandedOn = Callable[[HandedOn], Awaitable[None]]
"""Has the ticket told; never raises for an outage, and never keeps a call waiting for one."""


async def nobody_is_told(handed: HandedOn) -> None:
    """Of a house without tickets' lives."""
