"""Caller ids: real numbers in normal form, everything else kept apart, nothing dangerous kept."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.caller import CallerKind, caller_id, is_unsafe, safe_text

NUMBER, SHORT = CallerKind.NUMBER, CallerKind.SHORT_CODE
ANONYMOUS, UNRECOGNISED, UNSAFE = (
    CallerKind.ANONYMOUS,
    CallerKind.UNRECOGNISED,
    CallerKind.UNSAFE,
)


@pytest.mark.parametrize(
    ("received", "e164", "kind"),
    [
        ("13800138000", "+8613800138000", NUMBER),
        ("+8613800138000", "+8613800138000", NUMBER),
        ("008613800138000", "+8613800138000", NUMBER),
        ("07715551234", "+867715551234", NUMBER),
        ("5551234", "+867715551234", NUMBER),
        ("4008123456", "+864008123456", NUMBER),
        ("+85291234567", "+85291234567", NUMBER),
        ("+442071234567", "+442071234567", NUMBER),
        ("12345", "", SHORT),
        ("110", "", SHORT),
        ("10086", "", SHORT),
        ("", "", ANONYMOUS),
        ("anonymous", "", ANONYMOUS),
        ("Anonymous", "", ANONYMOUS),
        ("unknown", "", ANONYMOUS),
        ("alice", "", UNRECOGNISED),
        ("0013800", "", UNRECOGNISED),
        ("+12345", "", UNRECOGNISED),
        ("１３８００１３８０００", "", UNRECOGNISED),
    ],
)
def test_recognised(received: str, e164: str, kind: CallerKind) -> None:
    caller = caller_id(received, area_code="0771")
    assert (caller.raw, caller.e164, caller.kind) == (received, e164, kind)
    assert caller.anonymous is (kind is ANONYMOUS)


def test_a_local_number_without_an_area_code_is_not_guessed() -> None:
    assert caller_id("5551234").kind is UNRECOGNISED


@pytest.mark.parametrize(
    "received",
    ["138\r\nAction: Originate", "138\n", "138\x00", "138;x", "138\u2028", "\u202e138", "1" * 65],
)
def test_what_could_inject_is_refused_and_forgotten(received: str) -> None:
    caller = caller_id(received)
    assert (caller.raw, caller.e164, caller.kind) == ("", "", UNSAFE)
    assert safe_text(received) == ""


@given(st.text(max_size=80))
def test_whatever_is_received(received: str) -> None:
    """Nothing raises, nothing unsafe comes out, and only real numbers have a normal form."""
    caller = caller_id(received, area_code="0771")
    assert not is_unsafe(caller.raw)
    assert (caller.e164 != "") == (caller.kind is NUMBER)


@given(st.text("+0123456789", min_size=1, max_size=16))
def test_a_normal_form_is_its_own_normal_form(received: str) -> None:
    caller = caller_id(received)
    if caller.e164:
        assert caller_id(caller.e164).e164 == caller.e164


@given(st.from_regex(r"1(3[0-9]|5[0-35-9]|8[0-9])[0-9]{8}", fullmatch=True))
def test_what_is_known_of_mobile_numbers_is_what_the_library_says(received: str) -> None:
    parsed = phonenumbers.parse(received, "CN")
    assert phonenumbers.is_valid_number(parsed)
    assert caller_id(received).e164 == phonenumbers.format_number(
        parsed, phonenumbers.PhoneNumberFormat.E164
    )
