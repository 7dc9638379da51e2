"""What can go wrong with tickets."""


class TicketError(Exception):
    """Base of this room's errors; `id` is stable."""

    id = "ticket"


class UnknownTicket(TicketError, LookupError):
    """No ticket of that number in this tenant."""

    id = "unknown-ticket"


class StoreAway(TicketError):
    """The database doesn't answer right now; the fact was not written. Try again or spool it.

    When the deadline passed in the middle of a commit it may have been written all the same:
    every write can be repeated without harm.
    """

    id = "store-away"


class StoreRefused(TicketError):
    """The database is there but doesn't take this fact; trying again would not help."""

    id = "store-refused"


class EventRefused(TicketError):
    """A ticket doesn't take this event; nothing has changed. `id` is stable, one per reason;
    `reason_zh` the reason in Chinese, "" where the id says enough."""

    id = "event-refused"

    def __init__(self, error_id: str, reason: str, reason_zh: str = "") -> None:
        super().__init__(reason)
        self.id = error_id
        self.reason = reason
        self.reason_zh = reason_zh
