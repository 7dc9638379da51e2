"""Ticket numbers: `YYMMDD` of the tenant's local day and a count of at least six digits.

`261121000042` is the 42nd ticket of 2026-11-21: ordered in time, all digits, readable aloud.
"""

import re
from datetime import date, datetime, tzinfo

_NUMBER = re.compile(r"(\d{2})(\d{2})(\d{2})(\d{6,})", re.ASCII)
_SEPARATORS = re.compile(r"[\s\-]")


def local_day(at: datetime, zone: tzinfo) -> date:
    """The tenant's day of an aware time; ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError(f"a time without zone has no local day: {at!r}")
    return at.astimezone(zone).date()


def day_key(day: date) -> str:
    """The day's part of a number: `261121`."""
    return day.strftime("%y%m%d")


def format_number(day: date, n: int) -> str:
    """The number of a day's n-th ticket, n from 1. Beyond 999,999 a day it grows a digit."""
    if n < 1:
        raise ValueError(f"tickets are counted from 1, not {n}")
    return f"{day_key(day)}{n:06}"


def parse_number(text: str) -> tuple[date, int]:
    """Day and count of a number as people write it (spaces and dashes allowed); ValueError."""
    match = _NUMBER.fullmatch(_SEPARATORS.sub("", text))
    if match is None:
        raise ValueError(f"{text!r} is no ticket number: six digits of date, then the count")
    year, month, day, n = (int(part) for part in match.groups())
    found = date(2000 + year, month, day)
    if format_number(found, n) != match.group():
        raise ValueError(f"{text!r} is no ticket number: the count begins with a needless zero")
    return found, n


def is_number(text: str) -> bool:
    """Whether `parse_number` knows what day and count it is."""
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def spoken_digits(number: str) -> tuple[str, ...]:
    """The digits one by one, as they are read to the citizen."""
    parse_number(number)
    return tuple(c for c in number if c.isdigit())
