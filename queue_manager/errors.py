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
