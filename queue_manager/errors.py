"""What can go wrong in the queue."""


class QueueError(Exception):
    """Base of this room's errors; `id` is stable."""

    id = "queue"


class UnknownSeat(QueueError, LookupError):
    """No seat of that number in this tenant."""

    id = "unknown-seat"


class UnknownReason(QueueError, ValueError):
    """A pause reason that the tenant's list doesn't have."""

    id = "unknown-pause-reason"


class ImpossibleEvent(QueueError):
    """An event that cannot happen to a seat in its state: we did wrong."""

    id = "impossible-event"


class StaleToken(QueueError):
    """A report on a reservation that is over, or a new one with an old token."""

    id = "stale-token"


class PlaceGone(QueueError):
    """This place no longer waits: its caller left, talks, or came back in a newer session."""

    id = "place-gone"


class UnknownAlert(QueueError, LookupError):
    """No open alert of that number in this tenant."""

    id = "unknown-alert"


class UnknownCaller(QueueError, LookupError):
    """Nobody of that call waits in this tenant."""

    id = "unknown-caller"


class NotWrappingUp(QueueError):
    """The seat isn't in wrap-up: there is nothing to extend."""

    id = "not-wrapping-up"
