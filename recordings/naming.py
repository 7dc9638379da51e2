"""Where audio lies: names inside Asterisk's view and outside, and what a name tells.

Paths are kept relative to the home (`recordings/2026/11/21/<call_id>.wav`); Asterisk sees the
home at `/hotline`. A name has the call's id, not the tenant: the dialplan names a recording
before anybody knows the tenant; the rows in SQL have it.
"""

import re
from datetime import date
from pathlib import Path, PurePosixPath

from recordings.model import RecordingKind

INSIDE = "/hotline"
CALL_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}"
_DATED = re.compile(
    r"recordings/(?P<requests>requests/)?"
    r"(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)/" + CALL_ID + r"\.wav",
    re.ASCII,
)


def call_path(call_id: str, day: date) -> str:
    """The recording of a whole call, relative to the home; ValueError for a strange id."""
    return f"recordings/{day:%Y/%m/%d}/{_checked(call_id)}.wav"


def request_path(call_id: str, day: date, take: str) -> str:
    """A spoken request, relative to the home; a call may have several takes (`1`, `2`, `spool`).

    ValueError for a strange id or take.
    """
    return f"recordings/requests/{day:%Y/%m/%d}/{_checked(f'{call_id}-{take}')}.wav"


def relative(path: str) -> str:
    """A path as Asterisk names it, or already relative, as one relative to the home.

    ValueError when it is absolute elsewhere or climbs out.
    """
    inner = path.removeprefix(f"{INSIDE}/")
    if _DATED.fullmatch(inner):
        return inner  # every call has one: as it is made here
    parts = PurePosixPath(inner)
    if not inner or parts.is_absolute() or ".." in parts.parts or "\0" in inner:
        raise ValueError(f"{path!r} is not below {INSIDE}")
    return str(parts)


def outside(home: Path, path: str) -> Path:
    """The real file of a path as Asterisk names it or as we keep it."""
    return home / relative(path)


def inside(path: str) -> str:
    """As Asterisk sees a path that is relative to the home."""
    return f"{INSIDE}/{relative(path)}"


def kind_and_day(path: str) -> tuple[RecordingKind, date] | None:
    """What a path relative to the home tells; None when it isn't a recording's name."""
    match = _DATED.fullmatch(path)
    if match is None:
        return None
    kind = RecordingKind.REQUEST if match["requests"] else RecordingKind.CALL
    try:
        return kind, date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None


def _checked(call_id: str) -> str:
    if re.fullmatch(CALL_ID, call_id, re.ASCII) is None:
        raise ValueError(f"call id {call_id!r} can't be a file's name")
    return call_id
