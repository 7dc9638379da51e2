"""Whom we may ring: ordinary telephones, by rule."""

import pytest

from asterisk_conf.model import OutboundRule
from ivr.dialling import dialled, trunk_for
from ivr.targets import allowed

RULES = tuple(
    OutboundRule(number=number, trunk=trunk)
    for number, trunk in (
        ("13*", "mobile"),
        ("139*", "fast"),
        ("13900000001", "own"),
        ("07*", "land"),
    )
)


@pytest.mark.parametrize(
    ("e164", "digits"),
    [
        ("+8613900000000", "13900000000"),
        ("+867711234567", "07711234567"),
        ("+85221234567", "0085221234567"),
        ("+864001234567", ""),
        ("+8612345", ""),
        ("+8616812345678", ""),
        ("+447011234567", ""),
        ("", ""),
        ("110", ""),
        ("+86139;phone-context=x", ""),
    ],
)
def test_only_ordinary_telephones_are_rung(e164: str, digits: str) -> None:
    """Premium and shared-cost numbers and short codes cost or reach what nobody meant."""
    assert dialled(e164) == digits


@pytest.mark.parametrize(
    ("number", "trunk"),
    [
        ("13900000001", "own"),
        ("13900000002", "fast"),
        ("13800000002", "mobile"),
        ("07711234567", "land"),
        ("0085221234567", ""),
        ("955881", ""),
        ("1", ""),
        ("", ""),
    ],
)
def test_the_rule_that_fits_best_names_the_trunk(number: str, trunk: str) -> None:
    assert trunk_for(RULES, number) == trunk


def test_without_a_rule_nobody_is_rung() -> None:
    assert trunk_for((), "13900000001") == ""


def test_a_rule_for_callbacks_alone_lets_no_seat_hand_anybody_on() -> None:
    """Citizens are rung by it; for seats the number is not allowed, unless another rule has it."""
    only = OutboundRule(number="139*", trunk="mobile", callback_only=True)
    assert trunk_for((only,), "13900000001") == "mobile"
    assert not allowed("13900000001", (only,))
    assert allowed("13900000001", (only, OutboundRule(number="13900000001", trunk="mobile")))
