"""What became of held citizens, on traces written by hand."""

from hypothesis import given
from hypothesis import strategies as st

from simulator.holding import NEVER_CONNECTED, Fate, Loss, losses, told
from simulator.rings import Message


def _sent(at: float, call: str, line: str) -> Message:
    return Message(at, True, call, f"{line} sip:12345@127.0.0.1 SIP/2.0")


def _came(at: float, call: str, line: str) -> Message:
    return Message(at, False, call, line)


def _answered(call: str, at: float = 0.0) -> list[Message]:
    return [
        _sent(at, call, "INVITE"),
        _came(at, call, "SIP/2.0 100 Trying"),
        _came(at + 0.1, call, "SIP/2.0 200 OK"),
        _sent(at + 0.1, call, "ACK"),
    ]


BYE = "BYE sip:trunk@127.0.0.2 SIP/2.0"


def test_each_citizen_who_is_not_held_is_told_by_what_ended_his_call() -> None:
    trace = [
        *_answered("held"),
        *_answered("repeated"), _came(0.6, "repeated", "SIP/2.0 200 OK"),
        _sent(0.6, "repeated", "ACK"),
        *_answered("dropped"), _came(31.0, "dropped", BYE),
        *_answered("early"), _sent(50.0, "early", "BYE"),
        _sent(2.0, "unheard", "INVITE"), _sent(2.5, "unheard", "INVITE"),
        _sent(3.0, "busy", "INVITE"), _came(3.2, "busy", "SIP/2.0 503 Service Unavailable"),
    ]  # fmt: skip
    lost = {loss.call_id: loss.fate for loss in losses(trace, 7, 60.0)}
    assert lost == {
        "dropped": Fate.HUNG_UP_ON,
        "early": Fate.LEFT,
        "unheard": Fate.UNANSWERED,
        "busy": Fate.REFUSED,
        "": Fate.NOT_CALLED,
    }


def test_what_comes_after_the_count_is_no_loss() -> None:
    trace = [*_answered("a"), _sent(61.0, "a", "BYE"), _came(61.1, "a", "SIP/2.0 200 OK")]
    assert losses(trace, 1, 60.0) == []


def test_an_answer_that_comes_after_the_count_is_none() -> None:
    (loss,) = losses(_answered("late", at=59.95), 1, 60.0)
    assert (loss.fate, round(loss.after_s, 2)) == (Fate.UNANSWERED, 0.05)


@given(st.lists(st.sampled_from(["held", *Fate]), max_size=30))
def test_nobody_is_counted_twice_or_forgotten(fates: list[str]) -> None:
    """However calls end, those lost and those held add up to all citizens, each in his fate."""
    ends = {
        Fate.REFUSED: [_sent(0, "", "INVITE"), _came(0.2, "", "SIP/2.0 486 Busy Here")],
        Fate.UNANSWERED: [_sent(0, "", "INVITE")],
        Fate.HUNG_UP_ON: [*_answered(""), _came(9.0, "", BYE)],
        Fate.LEFT: [*_answered(""), _sent(9.0, "", "BYE"), _came(9.1, "", "SIP/2.0 200 OK")],
        "held": _answered(""),
        Fate.NOT_CALLED: [],
    }
    trace = [
        Message(m.at, m.sent, str(number), m.first_line)
        for number, fate in enumerate(fates)
        for m in ends[fate]
    ]
    found = losses(trace, len(fates), 10.0)
    assert sorted(loss.fate for loss in found) == sorted(f for f in fates if f != "held")


def test_every_loss_is_told_by_name_up_to_a_number_and_all_are_counted() -> None:
    lost = [Loss(f"{n}-77@127.0.0.2", Fate.UNANSWERED, 31.5) for n in range(25)]
    lines = told(lost, 2)
    assert lines[0] == "  lost: 25 wasn't answered, 2 held by their own word without a channel"
    assert lines[1] == "  0-77@127.0.0.2 wasn't answered, 31.5 s after his call"
    assert (len(lines), lines[-1]) == (22, "  … and 5 more")
    assert told([], 0) == []


def test_who_never_was_connected_is_told_apart_from_who_was_let_go() -> None:
    assert set(Fate) - NEVER_CONNECTED == {Fate.HUNG_UP_ON, Fate.LEFT}
