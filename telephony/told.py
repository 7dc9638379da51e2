"""AMI events, read with a fraction of panoramisk's work: every call has some.

A `Message` in all but its making; answers to actions stay panoramisk's own.
"""

from typing import Any

from panoramisk.message import Message

EVENT, ANSWER_MARK = "Event: ", "\r\nActionID: "
_SPELLED = {
    name.lower(): f"\r\n{name}: "
    for name in (
        "Timestamp",
        "Channel",
        "Uniqueid",
        "Cause",
        "ChanVariable",
        "DialStatus",
        "DestChannel",
    )
}
"""What is looked at in an ordinary call's events, as Asterisk spells it."""


class EventTold(Message):  # type: ignore[misc]  # panoramisk has no types
    """An event that nobody asked for. Names are read in lower case; a name that comes twice holds
    a list, one that isn't there is "". Of an event's some twenty lines a handful is looked at: it
    is taken apart only when another one is asked for."""

    content = ""

    def __init__(self, text: str) -> None:
        """`text` is an event's (`is_event`): its first line is its name."""
        self._text = f"\r\n{text}\r\n"
        self.event = text[len(EVENT) :].partition("\r\n")[0]

    def __getattr__(self, name: str) -> Any:
        if name == "_store":
            self._store = _lines(self._text)
            return self._store
        if (begin := _SPELLED.get(name)) is not None:
            text = self._text
            if (at := text.find(begin)) >= 0:
                at += len(begin)
                end = text.index("\r\n", at)
                if text.find(begin, end) < 0:
                    return text[at:end]
        found = self._store.get(name)
        return "" if found is None else found[1]


def _lines(text: str) -> dict[str, tuple[str, Any]]:
    store: dict[str, tuple[str, Any]] = {}
    for line in text.split("\r\n"):
        name, colon, value = line.partition(": ")
        if colon:
            key = name.lower()
            if key not in store:
                store[key] = (name, value)
            else:
                known = store[key][1]
                store[key] = (name, [*(known if isinstance(known, list) else [known]), value])
    return store


def is_event(text: str) -> bool:
    """True for an event that belongs to no action of ours."""
    return text.startswith(EVENT) and ANSWER_MARK not in text
