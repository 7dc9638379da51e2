"""Whom we may ring ourselves: ordinary telephones, by rule, spelled as they are dialled here.

Premium, shared-cost and toll-free numbers are never rung, nor short codes: whoever asks for a
callback must not decide what it costs (toll fraud).
"""

from collections.abc import Sequence

import phonenumbers

from asterisk_conf.model import OutboundRule

_ORDINARY = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
)
HERE = "CN"


def dialled(number_e164: str) -> str:
    """The digits by which a telephone is reached from here: `13900000000`, `07711234567`, with 00
    in front abroad; "" for what isn't an ordinary telephone's number."""
    try:
        number = phonenumbers.parse(number_e164)
    except phonenumbers.NumberParseException:
        return ""
    if phonenumbers.number_type(number) not in _ORDINARY:
        return ""
    text = phonenumbers.format_out_of_country_calling_number(number, HERE)
    return "".join(c for c in text if c.isdigit())


def trunk_for(rules: Sequence[OutboundRule], number: str) -> str:
    """The trunk through which a number may be dialled: by its own rule, else by the longest prefix
    that has one (as Asterisk's dialplan chooses); "" when no rule allows it."""
    fitting = [rule for rule in rules if number and _fits(rule.number, number)]
    best = max(fitting, key=lambda rule: (rule.number == number, len(rule.number)), default=None)
    return best.trunk if best else ""


def _fits(pattern: str, number: str) -> bool:
    if pattern.endswith("*"):
        return number.startswith(pattern[:-1]) and len(number) > len(pattern) - 1
    return pattern == number
