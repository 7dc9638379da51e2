"""Facts as JSON and back, for events and the journal: exact, zones and microseconds kept."""

from typing import Any

from pydantic import TypeAdapter

from storage.callbacks import KeptCallback
from storage.follow_up_told import ToldFollowUp
from tickets.model import CallRecord, NewTicket

_NEW_TICKET = TypeAdapter(NewTicket)
_CALL_RECORD = TypeAdapter(CallRecord)
_CALLBACK = TypeAdapter(KeptCallback)
_FOLLOW_UP = TypeAdapter(ToldFollowUp)


def dump_new_ticket(new: NewTicket) -> dict[str, Any]:
    """JSON values (strings, numbers, lists, dicts)."""
    values: dict[str, Any] = _NEW_TICKET.dump_python(new, mode="json")
    return values


def load_new_ticket(values: object) -> NewTicket:
    """Raises ValueError (pydantic's) that names what is wrong."""
    return _NEW_TICKET.validate_python(values)


def dump_call_record(record: CallRecord) -> dict[str, Any]:
    """As `dump_new_ticket`."""
    values: dict[str, Any] = _CALL_RECORD.dump_python(record, mode="json")
    return values


def load_call_record(values: object) -> CallRecord:
    """As `load_new_ticket`."""
    return _CALL_RECORD.validate_python(values)


def dump_callback(kept: KeptCallback) -> dict[str, Any]:
    """As `dump_new_ticket`."""
    values: dict[str, Any] = _CALLBACK.dump_python(kept, mode="json")
    return values


def load_callback(values: object) -> KeptCallback:
    """As `load_new_ticket`."""
    return _CALLBACK.validate_python(values)


def dump_follow_up(told: ToldFollowUp) -> dict[str, Any]:
    """What came of a call to a citizen, as JSON values."""
    values: dict[str, Any] = _FOLLOW_UP.dump_python(told, mode="json")
    return values


def load_follow_up(values: object) -> ToldFollowUp:
    """`dump_follow_up`, back."""
    return _FOLLOW_UP.validate_python(values)
