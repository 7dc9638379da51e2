"""Translates what the drivers say: is the store away, or does it refuse this fact?"""

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from tickets.errors import StoreAway, StoreRefused, TicketError

# SQLSTATE classes (PostgreSQL manual, appendix A): data exception, constraint violation.
REFUSED_CLASSES = ("22", "23")
BAD_VALUES = (ValueError, TypeError, OverflowError)


def translated(error: Exception) -> TicketError | None:
    """`StoreRefused` for a fact the store won't take, `StoreAway` for an outage.

    None for errors that are not the store's: those belong to the operation itself.
    """
    if isinstance(error, TicketError):
        return error
    if isinstance(error, (OSError, TimeoutError)):
        return StoreAway(str(error) or type(error).__name__)
    if not isinstance(error, StatementError):
        return None
    if _refused(error):
        return StoreRefused(str(error.orig))
    return StoreAway(str(error.orig))


def _refused(error: StatementError) -> bool:
    if isinstance(error, (IntegrityError, DataError)):
        return True
    if not isinstance(error, DBAPIError):
        return True  # raised while values were bound, before any database was asked
    origin: BaseException | None = error.orig
    state = getattr(origin, "sqlstate", None) or ""
    if state[:2] in REFUSED_CLASSES:
        return True
    while origin is not None:
        if isinstance(origin, BAD_VALUES):
            return True
        origin = origin.__cause__
    return False
