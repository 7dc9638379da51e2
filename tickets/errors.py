"""What can go wrong with tickets."""


class TicketError(Exception):
    """Base of this room's errors; `id` is stable."""

    id = "ticket"


class UnknownTicket(TicketError, LookupError):
    """No ticket of that number in this tenant."""

    id = "unknown-ticket"


class StoreAway(TicketError):
    """The database doesn't answer right now; the fact was not written. Try again or spool it."""

    id = "store-away"
