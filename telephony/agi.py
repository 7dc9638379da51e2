"""AGI as text: commands out, replies in. Pure; the connection carries the bytes.

https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Gateway-Interface-AGI/
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from panoramisk.utils import parse_agi_result

from telephony.errors import PeerError, UnsafeValue

COMMAND_LIMIT_BYTES = 8000
"""Asterisk reads a command into 8 KB and takes what is longer for two commands."""

_FORBIDDEN = re.compile(r"[\r\n\0]")
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
_REPLY = re.compile(r"\d{3}[ -]")
_PLAIN_REPLY = re.compile(r"200 result=(0|[1-9]\d*)(?: endpos=(\d+))?")
"""What nearly every answer looks like."""
_VALUE = re.compile(r"200 result=1 \((.*)\)", re.DOTALL)
_KEYS = {str(ord(key)): key for key in "0123456789*#ABCD"}
_ENDPOS = re.compile(r"endpos=(\d+)")
_HEADER_LINE = re.compile(r"^(agi_[^:\n]*): ?(.*)$", re.MULTILINE)
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")
_MSET_SIGNS = str.maketrans({c: f"\\{c}" for c in '\\,"()[]'})
_ENCODED_SIGNS = str.maketrans({c: quote(c, safe="") for c in map(chr, range(128))})


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer to one command: `result` as sent ("" when empty), `note` from the brackets."""

    result: str
    note: str = ""
    endpos: int = 0

    @property
    def failed(self) -> bool:
        """The application failed or the caller left in the middle."""
        return self.result == "-1" or self.note == "hangup"

    @property
    def digit(self) -> str:
        """The key a STREAM FILE, WAIT FOR DIGIT or RECORD FILE ended with ("" when none).

        RECORD FILE's result is any number unless its note is `dtmf`.
        """
        return _KEYS.get(self.result, "") if self.note in ("", "dtmf") else ""


def checked(value: str) -> str:
    """The value itself; raises UnsafeValue when it would start a second command."""
    if _FORBIDDEN.search(value):
        raise UnsafeValue(f"a value for Asterisk holds CR, LF or NUL: {value!r}")
    return value


def quoted(value: str) -> str:
    """One AGI argument: in quotes, quotes and backslashes escaped; raises UnsafeValue."""
    text = checked(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def command(verb: str, *arguments: str) -> bytes:
    """One command line in bytes; raises UnsafeValue for line breaks, NUL or more than 8 KB."""
    words = [verb, *(a if _PLAIN.fullmatch(a) else quoted(a) for a in arguments)]
    line = " ".join(words).encode() + b"\n"
    if len(line) > COMMAND_LIMIT_BYTES:
        raise UnsafeValue(f"{verb}: {len(line)} bytes, more than Asterisk reads at once")
    return line


def assignments(variables: dict[str, str]) -> str:
    """Arguments of MSet: `NAME=value,…`, with what its own parser would eat escaped."""
    return ",".join(f"{name}={value.translate(_MSET_SIGNS)}" for name, value in variables.items())


def encoded_assignments(variables: dict[str, str]) -> str:
    """`encoded(assignments(variables))` at a fifth of its cost: nearly every value is plain."""
    return "%2C".join(
        f"{name}%3D{value}"
        if _UNRESERVED.fullmatch(value)
        else f"{name}%3D{encoded(value.translate(_MSET_SIGNS))}"
        for name, value in variables.items()
    )


@lru_cache(maxsize=2048)
def repeated(verb: str, *arguments: str) -> bytes:
    """`command` for what is said to many callers alike: prompts, above all."""
    return command(verb, *arguments)


def encoded(value: str) -> str:
    """A value for the dialplan's URIDECODE(): no sign in it means anything on the way there."""
    if checked(value).isascii():
        return value.translate(_ENCODED_SIGNS)  # a third of what `quote` costs
    return quote(value, safe="")


def parse_reply(line: str) -> Reply:
    """An answer of a command that returns a number or digits; raises PeerError for all else.

    panoramisk's parser takes the note `(hangup)` for the caller's end and drops `endpos`, and
    raises ValueError on a line without a code: both are looked at here first.
    """
    if plain := _PLAIN_REPLY.fullmatch(line):
        return Reply(plain[1], "", int(plain[2] or 0))
    if not _REPLY.match(line):
        raise PeerError(f"not an AGI reply: {line[:80]!r}")
    if line.startswith("511"):  # not permitted on a channel that is already hung up
        return Reply("-1", "hangup")
    endpos = _ENDPOS.search(line)
    parsed = parse_agi_result(line)
    error = parsed.get("error", "")
    if error in ("AGIResultHangup", "AGIAppError"):
        return Reply("-1", "hangup" if error == "AGIResultHangup" else "", _number(endpos))
    if error:
        raise PeerError(f"Asterisk refused a command: {line[:200]!r}")
    result, note = parsed["result"]
    if not result and "(timeout)" in line:
        note = "timeout"
    return Reply(result, note, _number(endpos))


def parse_value(line: str) -> str:
    """The answer of GET FULL VARIABLE: free text, so nothing in it may be taken for a sign."""
    if found := _VALUE.fullmatch(line):
        return found[1]
    if line.startswith("200 result=0"):
        return ""
    raise PeerError(f"not the value of a variable: {line[:80]!r}")


def parse_header(block: bytes) -> dict[str, str]:
    """The `agi_*: value` lines before the first command; raises PeerError when they aren't."""
    text = block.decode("utf-8", "replace")
    lines = _HEADER_LINE.findall(text)
    if len(lines) != text.count("\n") + 1:
        raise PeerError("a header line is not AGI's")
    header = dict(lines)
    if len(header) != len(lines):
        raise PeerError("the header has a line twice")
    return header


def decoded(argument: str) -> str:
    """An argument the dialplan wrote with URIENCODE()."""
    return unquote(argument, errors="replace") if "%" in argument else argument


def _number(found: re.Match[str] | None) -> int:
    return int(found[1]) if found else 0
