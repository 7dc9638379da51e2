"""Numbers as they are said: cn2an does the arithmetic, here it is decided what is a number at all.

Traps: 去年十一 is a holiday (1 October), 七八天 is seven to eight, 万一 and 千万别 are no numbers,
一三八 is digits one by one and 十一 is eleven.
"""

import re
from collections.abc import Iterator

from tickets.understanding.model import FoundNumber
from tickets.understanding.plain import Plain

LONGEST = 30
"""Signs of a numeral; what is longer is digits without end."""

ONES = "一二三四五六七八九"
DIGITS = {
    **{sign: str(value) for value, sign in enumerate("零一二三四五六七八九")},
    **{"〇": "0", "洞": "0", "幺": "1", "两": "2", "拐": "7", "勾": "9"},
    **{str(value): str(value) for value in range(10)},
}
_NUMBER = re.compile(r"[零〇洞一幺二三四五六七八九十百千万亿两]+|\d+(?:\.\d+)?[百千万亿]?")
_HOLIDAY = re.compile(
    r"(?<=年)十一(?![月个点日号栋楼])|(?:十一|五一)(?=期间|假|黄金周|节|放|长假|那天|当天)"
)
_NOT_COUNTED = re.compile(
    r"万一|千万[别不要莫]|(?<!十)一(?:下|样|起|直|边|般|定|切|些|点|旦|律|会|方面|段|路|到|味|脸|手)"
    r"|十分(?!钟)|百姓|三番五次|乱七八糟|七上八下|一五一十|十有八九|三天两头|九价|五险|[一二三四五六七八九十]号线"
    r"|唯一|统一|专一|其一|第一时间"
)
_RANGE = re.compile(rf"(十)?([{ONES}两])([{ONES}])(十|百|千|万)?")


def numbers(text: Plain) -> tuple[FoundNumber, ...]:
    """Every number said in the text, in order."""
    return tuple(_numbers(text))


def value(words: str) -> float | None:
    """What a Chinese or Arabic numeral is worth; None when it is none, or longer than any is."""
    if len(words) > LONGEST:
        return None
    try:
        return float(words)
    except ValueError:
        pass
    if len(words) > 1 and words[-1] in "百千万亿" and words[0].isascii():
        unit = {"百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8}[words[-1]]
        return float(words[:-1]) * unit
    try:
        import cn2an  # 6 MB for those who hear numbers only

        # 零 before a bare unit (一千零一百) and a unit alone (百) are refused with a ValueError
        return float(cn2an.cn2an(words.replace("洞", "零"), "normal"))
    except (ValueError, KeyError, IndexError):
        return None


def _numbers(text: Plain) -> Iterator[FoundNumber]:
    skipped = [m.span() for rule in (_HOLIDAY, _NOT_COUNTED) for m in rule.finditer(text.text)]
    for match in _NUMBER.finditer(text.text):
        if any(start < match.end() and match.start() < end for start, end in skipped):
            continue
        bounds = _bounds(match.group())
        if bounds is not None:
            yield FoundNumber(*bounds, *text.span(*match.span()))


def _bounds(words: str) -> tuple[float, float] | None:
    """Lowest and highest value: 三四十 is 30 to 40, 十七八 is 17 to 18, 二百 is 200 to 200."""
    match = _RANGE.fullmatch(words)
    if match:
        ten, first, second, unit = match.groups()
        low, high = int(DIGITS[first]), int(DIGITS[second])
        if high == low + 1 and not (ten and unit):
            times = {"十": 10, "百": 100, "千": 1000, "万": 10000}.get(unit or "", 1)
            base = 10 if ten else 0
            return base + low * times, base + high * times
    worth = value(words)
    return None if worth is None else (worth, worth)
