"""How seats and waiting callers are written in Redis: JSON, times in ISO 8601 with their zone."""

import json
from datetime import datetime

import structlog

from queue_manager.model import Seat, SeatState, SeatView, WaitingCaller

log = structlog.get_logger(__name__)


_written = json.JSONEncoder(ensure_ascii=False).encode


def seat_text(view: SeatView, settled: str = "") -> str:
    """A seat with its state. `settled` is `settled_text` of its seat, for who has kept it."""
    return (settled or settled_text(view.seat)) + _written(
        {
            "state": view.state,
            "since": view.since.isoformat(),
            "pause_reason": view.pause_reason,
            "call_id": view.call_id,
            "node": view.node,
            "token": view.token,
            "desktop": view.desktop,
        }
    )[1:]


def settled_text(seat: Seat) -> str:
    """What a seat's state doesn't change of its text: the first half, of an object that is open
    still. A seat is written several times a call, itself unchanged."""
    fields = {
        "seat_id": seat.seat_id,
        "name": seat.name,
        "endpoint": seat.endpoint,
        "skills": seat.skills,
        "team": seat.team,
    }
    return f"{_written(fields)[:-1]}, "


def seat_from(tenant: str, text: bytes) -> SeatView | None:
    """The stored view; None, and a line in the log, for one that can't be read."""
    try:
        found = json.loads(text)
        skills, team = found["skills"], found.get("team", "")
        seat = Seat(tenant, found["seat_id"], found["name"], found["endpoint"], skills, team)
        since = datetime.fromisoformat(found["since"])
        if since.tzinfo is None:
            raise ValueError(f"time without zone: {found['since']}")
        state = SeatState(found["state"])
        return SeatView(
            seat,
            state,
            since,
            found["pause_reason"],
            found["call_id"],
            found.get("node", ""),
            int(found.get("token", 0)),  # these three are missing in what an older engine wrote
            bool(found.get("desktop", False)),
        )
    except (ValueError, KeyError, TypeError) as error:
        log.warning("live_seat_unreadable", tenant=tenant, error=repr(error))
        return None


def caller_text(caller: WaitingCaller) -> str:
    """A waiting caller; no phone number is part of it."""
    return json.dumps(
        {
            "call_id": caller.call_id,
            "line_id": caller.line_id,
            "needs": str(caller.needs),
            "queued_at": caller.queued_at.isoformat(),
            "priority": caller.priority,
            "queue_id": caller.queue_id,
            "node": caller.node,
            "language": caller.language,
            "callback": caller.callback,
        }
    )
