"""AGI's text: what goes out is one command, what comes in is taken for what it is."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panoramisk.utils import parse_agi_result

from telephony import agi, entry
from telephony.errors import PeerError, UnsafeValue
from tests.telephony.peers import ENTRY, header

ANY_TEXT = st.text(max_size=200)
SAFE_TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


def asterisk_splits(line: str) -> list[str]:
    """`parse_args` of res_agi.c: blanks part words, quotes hold, a backslash takes the next."""
    words, word, quoted, escaped, inside = [], "", False, False, False
    for c in line:
        if escaped:
            word, escaped, inside = word + c, False, True
        elif c == "\\":
            escaped = True
        elif c == '"':
            quoted, inside = not quoted, True
        elif c in " \t" and not quoted:
            if inside:
                words.append(word)
            word, inside = "", False
        else:
            word, inside = word + c, True
    return [*words, word] if inside else words


@given(st.lists(SAFE_TEXT, min_size=1, max_size=4))
def test_arguments_arrive_as_they_were(arguments: list[str]) -> None:
    """Quotes, backslashes, blanks and Chinese reach Asterisk's parser unchanged."""
    line = agi.command("EXEC", *arguments).decode().removesuffix("\n")
    assert asterisk_splits(line) == ["EXEC", *arguments]


@given(ANY_TEXT)
def test_a_command_is_one_line_or_refused(value: str) -> None:
    """No value, whatever it holds, makes a second command."""
    try:
        line = agi.command("SET VARIABLE", "X", value)
    except (UnsafeValue, UnicodeEncodeError):
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert b"\r" not in line
    assert b"\0" not in line


@pytest.mark.parametrize("value", ["a\nHANGUP", "a\rb", "a\0b"])
def test_line_breaks_and_nul_are_refused(value: str) -> None:
    """Trap 9: CR and LF inject commands; the door refuses them."""
    with pytest.raises(UnsafeValue):
        agi.command("SET VARIABLE", "HL_X", value)


def test_a_command_over_asterisks_limit_is_refused() -> None:
    """Asterisk takes a command of more than 8 KB apart; it is refused before it is sent."""
    with pytest.raises(UnsafeValue, match="bytes"):
        agi.command("SET VARIABLE", "HL_X", "张" * 3000)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("200 result=0", agi.Reply("0")),
        ("200 result=49 endpos=8000", agi.Reply("49", "", 8000)),
        ("200 result= (timeout)", agi.Reply("", "timeout")),
        ("200 result=12 (timeout)", agi.Reply("12", "timeout")),
        ("200 result=35 (dtmf) endpos=16000", agi.Reply("35", "dtmf", 16000)),
        ("200 result=0 (timeout) endpos=160", agi.Reply("0", "timeout", 160)),
        ("200 result=-1 (hangup) endpos=800", agi.Reply("-1", "hangup", 800)),
        ("200 result=-1", agi.Reply("-1")),
        ("511 Command Not Permitted on a dead channel", agi.Reply("-1", "hangup")),
    ],
)
def test_replies_are_read(line: str, reply: agi.Reply) -> None:
    """Each form of answer Asterisk gives."""
    assert agi.parse_reply(line) == reply


def test_digits_of_replies() -> None:
    """A digit comes as its character code; 0 is no digit."""
    assert agi.parse_reply("200 result=53 endpos=1").digit == "5"
    assert agi.parse_reply("200 result=0 endpos=1").digit == ""
    assert agi.parse_reply("200 result=35 (dtmf) endpos=1").digit == "#"
    assert agi.parse_reply("200 result=53 (timeout) endpos=1").digit == ""


@pytest.mark.parametrize("line", ["", "rubbish", "20", "510 Invalid or unknown command", "300 no"])
def test_what_is_no_answer_is_the_peers_fault(line: str) -> None:
    """Rubbish raises our error, not the parser's."""
    with pytest.raises(PeerError):
        agi.parse_reply(line)


def test_plain_panoramisk_fails_on_a_line_without_code() -> None:
    """The fault guarded above: its parser raises ValueError on rubbish."""
    with pytest.raises(ValueError, match="int"):
        parse_agi_result("rubbish")


def test_a_caller_named_hangup_has_not_hung_up() -> None:
    """Free text is never read for signs: a value `hangup` is a value."""
    assert agi.parse_value("200 result=1 (hangup)") == "hangup"
    assert agi.parse_value("200 result=1 (a) b=(c)") == "a) b=(c"
    assert agi.parse_value("200 result=0") == ""


def test_plain_panoramisk_takes_the_value_hangup_for_a_hangup() -> None:
    """The fault guarded above."""
    assert parse_agi_result("200 result=1 (hangup)")["error"] == "AGIResultHangup"


def test_header_lines_twice_are_refused() -> None:
    """A caller's number with a line feed in it can't set a second agi_arg_1."""
    with pytest.raises(PeerError, match="twice"):
        agi.parse_header(b"agi_arg_1: a\nagi_arg_1: b")


VALUES = st.fixed_dictionaries(
    {name: SAFE_TEXT for name in ENTRY if name != "ANSWERED_AT"} | {"ANSWERED_AT": st.just("1.5")}
)


@given(VALUES)
def test_entry_arguments_arrive_as_they_were(values: dict[str, str]) -> None:
    """Commas, quotes, brackets and Chinese survive URIENCODE and the header."""
    ordered = {name: values[name] for name in ENTRY}
    block = header(**ordered).removesuffix(b"\n\n")
    info = entry.read_entry(agi.parse_header(block))
    assert info.trunk == values["TRUNK"]
    assert info.caller_name == values["CALLER_NAME"]
    assert info.first_called == values["FIRST_CALLED"]
    assert info.variables == ({"STAGE": values["STAGE"]} if values["STAGE"] else {})


def test_entry_names_the_node_and_the_time() -> None:
    """The node is the system name before Uniqueid's time; the time has its fraction and zone."""
    info = entry.read_entry(agi.parse_header(header().removesuffix(b"\n\n")))
    assert info.node == "node"
    assert info.answered_at.timestamp() == 1795285829.25
    assert info.answered_at.utcoffset() is not None
    assert not info.reentry


@pytest.mark.parametrize("time", ["", "yesterday", "nan", "inf", "1e300"])
def test_an_entry_without_a_time_is_refused(time: str) -> None:
    """A dialplan of another make is the peer's fault, told as such."""
    with pytest.raises(PeerError):
        entry.read_entry(agi.parse_header(header(ANSWERED_AT=time).removesuffix(b"\n\n")))


def test_an_entry_with_too_few_arguments_is_refused() -> None:
    """Nine arguments, no fewer."""
    with pytest.raises(PeerError, match="nine"):
        entry.read_entry({"agi_uniqueid": "a-1.1", "agi_channel": "x", "agi_arg_1": "city"})


def test_the_rest_of_the_variables_is_read_in_order() -> None:
    """Empty variables are left out, encoded ones decoded."""
    texts = [""] * (len(entry.REMEMBERED) + 1)
    texts[0], texts[6], texts[-1] = "1.5", "lang%3Acmn%3D3%2Csvc%3Ax", "ANSWER"
    assert entry.read_rest("&".join(texts)) == {
        "QUEUED_AT": "1.5",
        "NEEDS": "lang:cmn=3,svc:x",
        "DIALSTATUS": "ANSWER",
    }
    with pytest.raises(PeerError):
        entry.read_rest("a&b")


@given(st.dictionaries(st.sampled_from(["HL_STAGE", "HL_NEEDS", "HL_TO"]), SAFE_TEXT))
def test_assignments_are_encoded_in_one_go_as_in_two(values: dict[str, str]) -> None:
    assert agi.encoded_assignments(values) == quote(agi.assignments(values), safe="")


@given(SAFE_TEXT)
def test_what_is_encoded_comes_back(value: str) -> None:
    assert agi.encoded(value) == quote(value, safe="")
    assert agi.decoded(agi.encoded(value)) == value


def test_line_breaks_are_not_encoded_either() -> None:
    with pytest.raises(UnsafeValue):
        agi.encoded_assignments({"HL_TO": "a\nb"})
