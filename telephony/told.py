"""AMI events, read with a fraction of panoramisk's work: every call has some.

A `Message` in all but its making; answers to actions stay panoramisk's own.
"""

from typing import Any

from panoramisk.message import Message

EVENT, ANSWER_MARK = "Event: ", "\r\nActionID: "


class EventTold(Message):  # type: ignore[misc]  # panoramisk has no types
    """An event that nobody asked for. Names are read in lower case; a name that comes twice holds
    a list, one that isn't there is ""."""

    content = ""

    def __init__(self, text: str) -> None:
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
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = self._store.get(name)
        return "" if found is None else found[1]


def is_event(text: str) -> bool:
    """True for an event that belongs to no action of ours."""
    return text.startswith(EVENT) and ANSWER_MARK not in text
