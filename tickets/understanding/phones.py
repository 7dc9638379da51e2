"""Phone numbers as spoken or typed: 幺三八零零…, 138-0000-1234, 一三九四个零…, corrections.

A run is digits with nothing between them that would end a number; numbers are looked for in runs,
from one group's begin to another's end, so that what stands before or after isn't swallowed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import phonenumbers

from tickets.understanding.model import FoundPhone
from tickets.understanding.numerals import DIGITS
from tickets.understanding.plain import Plain

_SIGNS = "零〇洞一幺二两三四五六七八九拐勾"
_TIMES = {
    "俩": 2,
    "双": 2,
    **{sign: value for value, sign in enumerate("二三四五六七八", 2)},
    "两": 2,
}
_UNIT = re.compile(rf"([二两三四五六七八2-8])个([{_SIGNS}\d])|([{_SIGNS}])|(\d+)")
_GAP = re.compile(r"(?:[,、.。\-—–()+ ]|然后|接着|后面是|再来|嗯|呃|啊|哦|那个)*")
_CORRECTED = re.compile(r"不对|错了|说错|讲错|不是|更正|应该是|改成|重说|重新说|记错")
_TAIL = re.compile(
    r"^.{0,6}(?:不对|错了|说错|讲错|不是|更正|改成|记错).{0,6}"
    r"(?:最后|尾号|后面|末尾)(?:[一两二三四]位)?(?:应该)?是"
)
_ASKED = re.compile(r"电话|手机|号码|座机|联系|打给|回电|回我|拨|打|微信")
_CALLED = re.compile(r"(?:打|拨|拨打|电话|热线|致电|报|找|喊|叫|号码)(?:过|了|是|个|通)?$")
_COUNTED = re.compile(r"[号栋楼元块平米度年月日天个多斤公点岁户人次层亩%室线路]|分钟")
_EMERGENCY = frozenset({"110", "119", "120", "122", "114", "117", "121"})
_SERVICE = re.compile(
    r"1(?:2[3][0-9]{2}|0(?:0[0-9]{2})|2(?:110|122|119|395))|9(?:5|6)[0-9]{3}|11[0-9]{3}"
)
_LONGEST, _SHORTEST = 13, 7


@dataclass(frozen=True, slots=True)
class _Group:
    """Digits said in one go, and where they stand."""

    digits: str
    start: int
    end: int


def phones(text: Plain, area_code: str = "", region: str = "CN") -> tuple[FoundPhone, ...]:
    """Every number said, in order and once, without those that were taken back.

    `area_code` completes local numbers of seven or eight digits, such as `771`. What was said to be
    a number and can't be one is kept with `e164` "".
    """
    found = [phone for run in _runs(text.text) for phone in _in_run(text, run, area_code, region)]
    told: dict[str, tuple[FoundPhone, int, int]] = {}
    for phone, start, end in _corrected(text.text, found):
        told.setdefault(phone.e164 or phone.short or phone.digits, (phone, start, end))
    return tuple(phone for phone, _, _ in told.values())


def _runs(text: str) -> Iterator[list[_Group]]:
    """Groups with at most a pause or a filler between them."""
    run: list[_Group] = []
    for match in _UNIT.finditer(text):
        times, repeated, sign, digits = match.groups()
        said = DIGITS[repeated] * _times(times) if times else digits or DIGITS[sign]
        group = _Group(said, *match.span())
        if run and not _GAP.fullmatch(text, run[-1].end, group.start):
            yield run
            run = []
        run.append(group)
    if run:
        yield run


def _times(sign: str) -> int:
    return _TIMES[sign] if sign in _TIMES else int(sign)


_Found = tuple[FoundPhone, int, int]


def _in_run(text: Plain, run: list[_Group], area_code: str, region: str) -> Iterator[_Found]:
    """The numbers in one run, from left to right; else, where one was meant, its digits."""
    numbers = _numbers(text.text, run, area_code, region)
    start, end = run[0].start, run[-1].end
    first, found = 0, False
    while first < len(run):
        number = numbers[first]
        if number is None or not (_paused(run, first) or found):
            first, found = first + 1, False
            continue
        last, e164, short, digits = number
        yield _phone(text, run[first].start, run[last].end, digits, e164, short)
        first, found = last + 1, True
    digits = "".join(group.digits for group in run)
    meant = _ASKED.search(text.text[max(0, start - 8) : start])
    if meant and not any(numbers) and _SHORTEST <= len(digits) <= _LONGEST:
        yield _phone(text, start, end, digits, "", "")


def _paused(run: list[_Group], at: int) -> bool:
    """Whether something stands before this group, or the run begins or is over there."""
    return at in (0, len(run)) or run[at - 1].end < run[at].start


_Number = tuple[int, str, str, str]


def _numbers(text: str, run: list[_Group], area_code: str, region: str) -> list[_Number | None]:
    """For each group the longest number that begins there and ends at a pause or where the next
    one begins: its last group, E.164, short code, digits."""
    numbers: list[_Number | None] = [None] * len(run)
    asked = bool(_ASKED.search(text[max(0, run[0].start - 6) : run[0].start]))
    for first in reversed(range(len(run))):
        digits = ""
        for last in range(first, len(run)):
            digits += run[last].digits
            if len(digits) > _LONGEST:
                break
            if not (_paused(run, last + 1) or numbers[last + 1]):
                continue
            local = asked and first == 0 and last == len(run) - 1
            e164 = _e164(digits, area_code if local else "", region)
            short = "" if e164 else _short(text, run, first, last, digits)
            if e164 or short:
                numbers[first] = (last, e164, short, digits)
    return numbers


def _phone(text: Plain, start: int, end: int, digits: str, e164: str, short: str) -> _Found:
    hit = text.hit(start, end)
    return FoundPhone(hit.words, digits, e164, short, hit.start, hit.end), start, end


@lru_cache(maxsize=4096)
def _e164(digits: str, area_code: str, region: str) -> str:
    """The normal form of a possible number, "" for any other."""
    mobile = re.fullmatch(r"(?:\+?86|0086)?1[3-9]\d{9}", digits)
    landline = re.fullmatch(r"0\d{9,11}|[48]00\d{7}", digits)
    local = bool(area_code) and re.fullmatch(r"[2-8]\d{6,7}", digits)
    if not (mobile or landline or local):
        return ""
    try:
        number = phonenumbers.parse(area_code + digits if local else digits, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number) or not phonenumbers.is_valid_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _short(text: str, run: list[_Group], first: int, last: int, digits: str) -> str:
    """A service code, when nothing speaks for another meaning."""
    start, end = run[first].start, run[last].end
    alone = first == 0 and last == len(run) - 1
    if not alone or _COUNTED.match(text, end):
        return ""
    if _SERVICE.fullmatch(digits):
        return digits
    called = _CALLED.search(text[max(0, start - 5) : start])
    return digits if digits in _EMERGENCY and called else ""


def _corrected(text: str, found: list[_Found]) -> list[_Found]:
    """Without numbers that the caller took back before saying the next one."""
    kept = list(found)
    for one, other in pairwise(found):
        between = text[one[2] : other[1]]
        denied = text[max(0, one[1] - 6) : one[1]].rstrip(",").endswith(("不是", "不要打", "别打"))
        if (_CORRECTED.search(between) or denied) and len(between) <= 30 and one in kept:
            kept.remove(one)
    return [_new_tail(text, phone) for phone in kept]


def _new_tail(text: str, found: _Found) -> _Found:
    """…不对，最后两位是二二: the end of the number is replaced by what was said last."""
    phone, start, end = found
    rest = text[end : end + 40]
    said = _TAIL.search(rest) if phone.e164 else None
    run = next(_runs(rest[said.end() :]), None) if said else None
    digits = "".join(group.digits for group in run or ())
    if not run or run[0].start > 1 or not 0 < len(digits) <= 6:
        return found
    e164 = phone.e164[: -len(digits)] + digits
    whole = phone.digits[: -len(digits)] + digits
    return FoundPhone(phone.raw, whole, e164, "", phone.start, phone.end), start, end
