"""How the dialplan hands a call over: `AGI(agi://…/call,arg1,…,arg9)`, the same for `/hangup`.

The arguments, each `${URIENCODE(${HL_…})}`, in this order:

1. HL_TRUNK         the trunk's id
2. HL_CALLED        the number dialled here
3. HL_FIRST_CALLED  the number dialled first, of Diversion or History-Info ("" when none)
4. HL_ASSERTED      P-Asserted-Identity of a trusted trunk ("" when none)
5. HL_CALLER        the From number, "" when anonymous
6. HL_RECORDING     the recording's path as Asterisk sees it
7. HL_ANSWERED_AT   epoch seconds with fraction
8. HL_STAGE         "" on the first entry
9. HL_CALLER_NAME   last: URIENCODE leaves `(` alone, which would swallow commas after it

When HL_STAGE is set the other variables are read by one `GET FULL VARIABLE`.
docs/architecture.md, "The dialplan's contract", is the same from the other side.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from telephony.agi import decoded
from telephony.call import CallInfo
from telephony.errors import PeerError

ARGUMENTS = (
    "TRUNK",
    "CALLED",
    "FIRST_CALLED",
    "ASSERTED",
    "CALLER",
    "RECORDING",
    "ANSWERED_AT",
    "STAGE",
    "CALLER_NAME",
)
REMEMBERED = (
    "QUEUED_AT",
    "TENANT",
    "LINE",
    "LANG",
    "KIND",
    "KEYS",
    "NEEDS",
    "PRIORITY",
    "QUEUE",
    "NUMBER",
    "SEAT",
    "TICKET",
    "CALLBACK",
    "ORIGIN",
    "TALKED",
    "TO",
    "DONE",
)
"""The engine's own variables besides STAGE: what `remember` may write and a new engine reads."""

WRITABLE = frozenset({"STAGE", *REMEMBERED})
_SOURCES = (*(f"HL_{name}" for name in REMEMBERED), "DIALSTATUS")
REST = "&".join(f"${{URIENCODE(${{{source}}})}}" for source in _SOURCES)
"""The expression for GET FULL VARIABLE that `read_rest` takes apart."""


def read_entry(header: Mapping[str, str]) -> CallInfo:
    """The call as the AGI header and the nine arguments tell; raises PeerError."""
    call_id, channel = header.get("agi_uniqueid"), header.get("agi_channel")
    arguments = [header.get(f"agi_arg_{n}") for n in range(1, len(ARGUMENTS) + 1)]
    if not call_id or not channel or None in arguments:
        raise PeerError("the AGI header lacks the call's id, channel or one of nine arguments")
    values = dict(zip(ARGUMENTS, (decoded(a or "") for a in arguments), strict=True))
    return CallInfo(
        call_id=call_id,
        channel=channel,
        node=call_id.rpartition("-")[0],
        trunk=values["TRUNK"],
        called_number=values["CALLED"],
        caller_number=values["CALLER"],
        caller_name=values["CALLER_NAME"],
        first_called=values["FIRST_CALLED"],
        asserted_caller=values["ASSERTED"],
        answered_at=_instant(values["ANSWERED_AT"]),
        recording=values["RECORDING"],
        variables={"STAGE": values["STAGE"]} if values["STAGE"] else {},
    )


def read_rest(text: str) -> dict[str, str]:
    """The value of `REST` as variables without their prefix, empty ones left out."""
    values = [decoded(part) for part in text.split("&")]
    if len(values) != len(_SOURCES):
        raise PeerError(f"{len(values)} variables instead of {len(_SOURCES)}")
    names = (*REMEMBERED, "DIALSTATUS")
    return {name: value for name, value in zip(names, values, strict=True) if value}


def _instant(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise PeerError(f"HL_ANSWERED_AT is no time: {text[:40]!r}") from error
