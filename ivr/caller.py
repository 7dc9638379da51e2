"""Who is calling: the caller id as received, in normal form, and what kind of thing it is.

Short codes (12345, 110, 10086) are a kind of their own: phonenumbers would make +8612345 of them.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers

_ANONYMOUS = frozenset(
    {"", "anonymous", "unknown", "unavailable", "restricted", "private", "withheld", "asterisk"}
)
_MOBILE = re.compile(r"1(?:3[0-9]|5[0-35-9]|8[0-9])[0-9]{8}", re.ASCII)
"""Mobile numbers of ranges that are assigned whole; the library agrees (a test asks it)."""
_LONGEST_SHORT_CODE = 6
_LONGEST_LOCAL = 8
_LONGEST_RAW = 64


class CallerKind(StrEnum):
    """What a caller id turned out to be."""

    NUMBER = "number"
    SHORT_CODE = "short_code"
    ANONYMOUS = "anonymous"
    UNRECOGNISED = "unrecognised"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class CallerId:
    """`raw` as received ("" when unsafe), `e164` only for real numbers."""

    raw: str
    e164: str
    kind: CallerKind

    @property
    def anonymous(self) -> bool:
        """True when nobody can be called back on it because nothing was sent."""
        return self.kind is CallerKind.ANONYMOUS


def is_unsafe(text: str) -> bool:
    """True for text that could inject a header, a command or a dialplan line, or isn't text."""
    if len(text) > _LONGEST_RAW or ";" in text:
        return True
    if text.isascii():
        return not text.isprintable()
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


def safe_text(text: str) -> str:
    """The text itself, or "" when it must not be sent on or stored."""
    return "" if is_unsafe(text) else text.strip()


def caller_id(received: str, *, area_code: str = "") -> CallerId:
    """Recognise a caller id. `area_code` (such as 0771) completes local numbers."""
    if is_unsafe(received):
        return CallerId("", "", CallerKind.UNSAFE)
    raw = received.strip()
    if raw.lower() in _ANONYMOUS:
        return CallerId(raw, "", CallerKind.ANONYMOUS)
    digits = raw.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return CallerId(raw, "", CallerKind.UNRECOGNISED)
    if digits == raw and len(raw) <= _LONGEST_SHORT_CODE:
        return CallerId(raw, "", CallerKind.SHORT_CODE)
    e164 = _e164(_completed(raw, area_code))
    return CallerId(raw, e164, CallerKind.NUMBER if e164 else CallerKind.UNRECOGNISED)


def _completed(raw: str, area_code: str) -> str:
    """A local number with its area code; "" for one that can't be completed."""
    if raw.startswith(("+", "0")) or len(raw) > _LONGEST_LOCAL:
        return raw
    return f"{area_code}{raw}" if area_code.startswith("0") else ""


def _e164(number: str) -> str:
    """Normal form of a valid number, else ""."""
    if _MOBILE.fullmatch(number):
        return f"+86{number}"  # most callers; what the library says of these costs 0.1 ms
    try:
        parsed = phonenumbers.parse(number, "CN")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
