"""Events are read as panoramisk would read them."""

from hypothesis import given
from hypothesis import strategies as st
from panoramisk.message import Message

from telephony.told import EventTold, is_event

NAMES = st.sampled_from(["Uniqueid", "Channel", "ChanVariable", "Cause", "x"])
VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12).map(str.strip)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_names_values_and_repetitions_are_panoramisks(fields: list[tuple[str, str]]) -> None:
    text = "\r\n".join(["Event: Hangup", *(f"{name}: {value}" for name, value in fields)])
    told, theirs = EventTold(text), Message.from_line(text)
    assert is_event(text)
    assert told.event == "Hangup"
    for name in ("uniqueid", "channel", "chanvariable", "cause", "x", "missing"):
        assert getattr(told, name) == getattr(theirs, name)


def test_what_belongs_to_an_action_is_not_taken_for_an_event() -> None:
    assert not is_event("Event: Status\r\nActionID: 7\r\nChannel: a")
    assert not is_event("Response: Success\r\nActionID: 7")
