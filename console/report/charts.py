"""Charts of the report as inline SVG that prints: trend by day, bars, and heat of two groupings.

Own drawing for the reason of `hotline.plan_chart`; attributes only, no styles, so that a page with
a strict content policy may show them. Every text is escaped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from xml.sax.saxutils import escape

WIDTH = 720
INK, SOFT, GRID = "#1c2733", "#5b6875", "#dfe5ea"
MAIN, DONE, WARN, MISSING = "#7fa8d1", "#1f5fa8", "#c8463c", "#eef1f4"
FONT = (
    "'Noto Sans SC','Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',"
    "'WenQuanYi Zen Hei',sans-serif"
)
SIZE = 12
ROW = 24
STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class DayBar:
    """A day's tickets: how many, how many of them are closed by now; None: nothing is stored."""

    day: date
    received: int | None
    closed: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled bar: `share` of the whole width (0 to 1; None: nothing to be measured by), what
    is written behind it, and whether it misses a limit."""

    label: str
    share: float | None
    told: str
    low: bool = False


def text_width(text: str) -> float:
    """About how wide a text of `SIZE` is: Chinese signs are nearly twice as wide as Latin ones."""
    return sum(SIZE if ord(sign) > 0x2E80 else SIZE * 0.58 for sign in text)


def cut_to(text: str, width: float) -> str:
    """The text, or as much of it as fits with an ellipsis behind."""
    if text_width(text) <= width:
        return text
    kept = text
    while kept and text_width(kept) > width - SIZE:
        kept = kept[:-1]
    return f"{kept}…"


def trend(days: Sequence[DayBar], unit: str = "件 tickets") -> str:
    """A bar a day: what was received, and the part that is closed by now. Days of which nothing is
    stored are shown as such, never as 0."""
    height, left, top, bottom = 230, 52, 26, 34
    ticks = _ticks(max((day.received or 0 for day in days), default=0))
    high = ticks[-1]
    inner = height - top - bottom
    wide = (WIDTH - left - 8) / max(1, len(days))
    parts = [_text(left, 14, unit, fill=SOFT)]
    for tick in ticks:
        y = top + inner * (1 - tick / high)
        parts.append(_line(left, y, WIDTH - 8, y, GRID))
        parts.append(_text(left - 6, y + 4, f"{tick:,}", anchor="end", fill=SOFT))
    for n, day in enumerate(days):
        x = left + n * wide
        middle = x + wide / 2
        if day.received is None:
            parts.append(_rect(x + 1.5, top, wide - 3, inner, MISSING, f"{day.day} 无数据 no data"))
        else:
            told = f"{day.day} 收到 received {day.received:,}，已办结 closed {day.closed:,}"
            whole, done = inner * day.received / high, inner * day.closed / high
            parts.append(_rect(x + 1.5, top + inner - whole, wide - 3, whole, MAIN, told))
            parts.append(_rect(x + 1.5, top + inner - done, wide - 3, done, DONE, told))
        if len(days) <= 16 or n % 2 == 0:
            parts.append(_text(middle, height - 16, str(day.day.day), anchor="middle", fill=SOFT))
    parts.append(_line(left, top + inner, WIDTH - 8, top + inner, INK))
    legend = [(MAIN, "收到 received"), (DONE, "其中已办结 of them closed")]
    if any(day.received is None for day in days):
        legend.append((MISSING, "无数据 no data"))
    parts += _legend(legend, 14)
    return _picture(height, parts, "每日工单 Tickets by day")


def bars(rows: Sequence[Bar], title: str, limit: float | None = None) -> str:
    """Bars below each other in the order given; `limit` (0 to 1) is a line across."""
    label = min(max((text_width(row.label) for row in rows), default=0) + 10, 250)
    told = max((text_width(row.told) for row in rows), default=0) + 10
    inner = WIDTH - label - told
    height = ROW * len(rows) + 6
    parts = [_line(label, 0, label, height - 4, INK)]
    if limit is not None:
        x = label + inner * limit
        parts.append(_line(x, 0, x, height - 4, WARN, dash=True))
    for n, row in enumerate(rows):
        y = n * ROW + 4
        parts.append(
            _text(label - 8, y + 13, cut_to(row.label, label - 10), anchor="end", fill=INK)
        )
        if row.share is None:
            parts.append(_text(label + 6, y + 13, row.told, fill=SOFT))
            continue
        width = inner * min(max(row.share, 0.0), 1.0)
        colour = WARN if row.low else DONE
        parts.append(_rect(label, y, width, ROW - 8, colour, f"{row.label}: {row.told}"))
        parts.append(_text(label + width + 6, y + 13, row.told, fill=INK, halo=True))
    return _picture(height, parts, title)


def heat(
    rows: Sequence[tuple[str, str]],
    columns: Sequence[tuple[str, str]],
    values: Mapping[tuple[str, str], int],
    title: str,
) -> str:
    """A field for each row and column (key and name each): the more, the darker; the number in
    it. Where nothing was counted the field is empty."""
    left = min(max((text_width(name) for _, name in rows), default=0) + 12, 170)
    top, tall = 30, 26
    wide = (WIDTH - left) / max(1, len(columns))
    most = max(values.values(), default=0)
    height = top + tall * len(rows) + 4
    parts = []
    for c, (_, name) in enumerate(columns):
        x = left + (c + 0.5) * wide
        parts.append(_text(x, top - 10, cut_to(name, wide - 4), anchor="middle", fill=INK))
    for r, (row, name) in enumerate(rows):
        y = top + r * tall
        parts.append(_text(left - 8, y + 17, cut_to(name, left - 12), anchor="end", fill=INK))
        for c, (column, over) in enumerate(columns):
            count = values.get((row, column), 0)
            depth = (count / most) ** 0.6 if most else 0.0
            told = f"{name} · {over}: {count:,}"
            x = left + c * wide
            parts.append(_rect(x + 1, y + 1, wide - 2, tall - 2, _shade(depth), told))
            if count:
                ink = "#ffffff" if depth > 0.55 else INK
                parts.append(_text(x + wide / 2, y + 17, f"{count:,}", anchor="middle", fill=ink))
    return _picture(height, parts, title)


def _shade(depth: float) -> str:
    """From nearly white to deep blue."""
    pale, deep = (0xF1, 0xF4, 0xF7), (0x17, 0x4A, 0x86)
    mixed = (round(a + (b - a) * depth) for a, b in zip(pale, deep, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _ticks(high: int) -> list[int]:
    """Round values from 0 to at least `high`, six at most."""
    step = next((step for step in STEPS if high <= step * 5), 0)
    if not step:
        power = 10 ** (len(str(high)) - 1)
        step = power * ceil(high / power / 5)
    return [step * n for n in range(max(1, ceil(high / step)) + 1)]


def _picture(height: float, parts: Sequence[str], title: str) -> str:
    body = "".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'font-family="{FONT}" font-size="{SIZE}"><title>{escape(title)}</title>{body}</svg>'
    )


def _rect(x: float, y: float, width: float, height: float, fill: str, told: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
        f'fill="{fill}"><title>{escape(told)}</title></rect>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, ink: str, *, dash: bool = False) -> str:
    dashed = ' stroke-dasharray="5 4"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{ink}"{dashed}/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", fill: str = INK, halo: bool = False
) -> str:
    """`halo`: white around it, so that lines behind it don't disturb."""
    behind = ' stroke="#fff" stroke-width="3" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"{behind}>'
        f"{escape(text)}</text>"
    )


def _legend(entries: Sequence[tuple[str, str]], y: float) -> list[str]:
    """From the right."""
    parts = []
    x = float(WIDTH - 8)
    for colour, label in reversed(entries):
        x -= text_width(label)
        parts.append(_text(x, y, label, fill=SOFT))
        x -= 16
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 10}" width="11" height="11" fill="{colour}" '
            f'stroke="{GRID}"/>'
        )
        x -= 14
    return parts
