"""A day's plan drawn as SVG: calls, seats by kind with what the shifts give, and the service level.

Text in Chinese first and English; every bar tells its figures when pointed at. No library: the one
that would do (pygal) can't put bars, a line and intervals of confidence over one axis.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, isnan
from xml.sax.saxutils import escape

from queue_manager.day_plan import IntervalPlan, ShiftPlan
from queue_manager.forecast import DAY_MIN, Forecast, Kind, SeatProfile
from queue_manager.simulation import Estimate, KindResult

COLOURS = (
    "#2f6db3", "#e58a1f", "#2f9e6b", "#9c4fa0", "#c8463c",
    "#5a7d8c", "#b8a02a", "#7a5c3e", "#4b56c0", "#8a8f98",
)  # fmt: skip
WIDTH, LEFT, RIGHT = 1160, 86, 28
FONT = (
    "'Noto Sans SC','Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',"
    "'WenQuanYi Zen Hei',sans-serif"
)
INK, PALE, STAFFED = "#1f2933", "#e3e7eb", "#b3261e"
ALL, WORST, ANSWERED = "#2f6db3", "#e58a1f", "#2f9e6b"
TICKS = 5


@dataclass(frozen=True, slots=True)
class Series:
    """What is stacked: its key, its two names and its colour."""

    key: str
    name: str
    name_en: str
    colour: str

    @property
    def label(self) -> str:
        """Both names."""
        return self.name if self.name == self.name_en else f"{self.name} {self.name_en}"


@dataclass(slots=True)
class Panel:
    """One diagram over the day: from `top` on, `height` high, values from `low` to `high`."""

    top: float
    height: float
    low: float
    high: float
    parts: list[str] = field(default_factory=list)

    def x(self, minute: float) -> float:
        """Where a minute of the day lies."""
        return LEFT + (WIDTH - LEFT - RIGHT) * minute / DAY_MIN

    def y(self, value: float) -> float:
        """Where a value lies."""
        share = (value - self.low) / (self.high - self.low)
        return self.top + self.height * (1 - min(max(share, 0.0), 1.0))

    def text(self, x: float, y: float, text: str, extra: str = "") -> None:
        """A piece of text; escaped."""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{escape(text)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, ink: str, extra: str = "") -> None:
        """A straight line."""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{ink}" {extra}/>'
        )

    def axes(self, title: str, ticks: Sequence[float], spell: Callable[[float], str]) -> None:
        """Frame, horizontal lines with their values, hours, and the title above."""
        for value in ticks:
            y = self.y(value)
            self.line(LEFT, y, WIDTH - RIGHT, y, PALE)
            self.text(LEFT - 8, y + 4, spell(value), 'text-anchor="end" class="tick"')
        bottom = self.top + self.height
        for hour in range(25):
            x = self.x(hour * 60)
            self.line(x, bottom, x, bottom + (3 if hour % 2 else 6), INK)
            if hour % 2 == 0:
                self.text(x, bottom + 20, f"{hour:02}:00", 'text-anchor="middle" class="tick"')
        self.line(LEFT, bottom, WIDTH - RIGHT, bottom, INK)
        self.text(LEFT, self.top - 14, title, 'class="title"')

    def legend(self, entries: Sequence[tuple[str, str, bool]]) -> None:
        """Entries (label, colour, whether it is a line) from the right, above the panel."""
        x = float(WIDTH - RIGHT)
        for label, colour, line in reversed(entries):
            x -= text_width(label)
            self.text(x, self.top - 14, label, 'class="legend"')
            x -= 22
            if line:
                self.line(x, self.top - 18, x + 16, self.top - 18, colour, 'stroke-width="2.5"')
            else:
                self.parts.append(
                    f'<rect x="{x + 3:.1f}" y="{self.top - 24}" width="12" height="12" rx="2" '
                    f'fill="{colour}"/>'
                )
            x -= 14

    def bars(
        self, begin: int, end: int, values: Mapping[str, float], what: Sequence[Series]
    ) -> None:
        """One interval's values on top of each other."""
        base, gap = self.low, 1.2
        told = f"{clock(begin)}–{clock(end)}"
        for series in what:
            value = values.get(series.key, 0.0)
            if value <= 0:
                continue
            x, top, foot = self.x(begin) + gap, self.y(base + value), self.y(base)
            width = self.x(end) - self.x(begin) - 2 * gap
            self.parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{foot - top:.1f}" '
                f'fill="{series.colour}"><title>{escape(f"{told} {series.label}: {value:g}")}'
                "</title></rect>"
            )
            base += value


def draw(forecast: Forecast, plans: Sequence[IntervalPlan], shifts: ShiftPlan | None) -> str:
    """The whole picture as SVG text."""
    panels = (_calls(forecast, plans), _seats(forecast, plans, shifts), _service(forecast, plans))
    height = panels[-1].top + panels[-1].height + 52
    target = forecast.target
    subtitle = (
        f"目标 Target: {target.within_s:g} 秒内接听 answered within {target.within_s:g} s ≥ "
        f"{target.share:.0%} · 接通率 answered ≥ {target.connection:.0%} · "
        "竖线 bars: 95% 置信区间 confidence"
    )
    body = "\n".join(part for panel in panels for part in panel.parts)
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" \
width="{WIDTH}" height="{height:.0f}" role="img" font-family="{FONT}" fill="{INK}">
<title>座席规划 Staffing plan</title>
<style>.head{{font-size:22px;font-weight:600}}.sub{{font-size:14px;fill:#4a5560}}\
.title{{font-size:15px;font-weight:600}}.tick,.legend{{font-size:12.5px;fill:#4a5560}}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="{LEFT}" y="36" class="head">座席规划 Staffing plan</text>
<text x="{LEFT}" y="60" class="sub">{escape(subtitle)}</text>
{body}
<text x="{middle}" y="{height - 12:.0f}" text-anchor="middle" class="tick">时间 Time of day</text>
</svg>
"""


def series_of(entries: Sequence[SeatProfile | Kind]) -> list[Series]:
    """Profiles or kinds of callers, each with a colour."""
    return [
        Series(entry.id, entry.name, entry.name_en, COLOURS[number % len(COLOURS)])
        for number, entry in enumerate(entries)
    ]


def clock(minute: int) -> str:
    """Minutes after midnight as people write them."""
    return f"{minute // 60:02}:{minute % 60:02}"


def text_width(text: str) -> float:
    """About how wide a legend's text is: Chinese signs are twice as wide as Latin ones."""
    return sum(12.5 if ord(sign) > 0x2E80 else 6.9 for sign in text)


def ticks_to(high: float) -> list[float]:
    """Round values from 0 to at least `high`."""
    for step in (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 50_000):
        if high <= step * TICKS:
            return [float(step * n) for n in range(ceil(high / step) + 1)]
    return [0.0, high]


def worst(plan: IntervalPlan) -> tuple[str, KindResult] | None:
    """The kind of callers with the smallest share in time; None when none were simulated."""
    kinds = [(n, k) for n, k in plan.answer.result.kinds.items() if not isnan(k.service_level.mean)]
    return min(kinds, key=lambda entry: entry[1].service_level.mean, default=None)


def _calls(forecast: Forecast, plans: Sequence[IntervalPlan]) -> Panel:
    ticks = ticks_to(max(sum(plan.calls.values()) for plan in plans))
    panel = Panel(112, 130, 0.0, ticks[-1])
    minutes = forecast.interval_min
    each = "每小时 per hour" if minutes == 60 else f"每 {minutes} 分钟 per {minutes} min"
    panel.axes(f"来电 Calls ({each})", ticks, "{:g}".format)
    kinds = series_of(forecast.kinds)
    for plan in plans:
        panel.bars(plan.begin_min, plan.end_min, plan.calls, kinds)
    panel.legend([(kind.label, kind.colour, False) for kind in kinds])
    return panel


def _seats(forecast: Forecast, plans: Sequence[IntervalPlan], shifts: ShiftPlan | None) -> Panel:
    staffed = [sum(seats.values()) for seats in shifts.staffed] if shifts else []
    needed = max(sum(plan.answer.seats.values()) for plan in plans)
    ticks = ticks_to(max([needed, *staffed]))
    panel = Panel(308, 260, 0.0, ticks[-1])
    panel.axes("座席 Seats (需要 needed)", ticks, "{:g}".format)
    profiles = series_of(forecast.profiles)
    for plan in plans:
        seats = {name: float(count) for name, count in plan.answer.seats.items()}
        panel.bars(plan.begin_min, plan.end_min, seats, profiles)
    entries = [(profile.label, profile.colour, False) for profile in profiles]
    if staffed:
        panel.parts.append(_steps(panel, staffed, forecast.interval_min))
        entries.append(("班次在岗 on shift", STAFFED, True))
    panel.legend(entries)
    return panel


def _steps(panel: Panel, staffed: Sequence[int], minutes: int) -> str:
    points: list[str] = []
    for number, count in enumerate(staffed):
        y = panel.y(count)
        for minute in (number * minutes, (number + 1) * minutes):
            points.append(f"{panel.x(minute):.1f},{y:.1f}")
    return (
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{STAFFED}" '
        'stroke-width="2.5" stroke-linejoin="round"/>'
    )


def _service(forecast: Forecast, plans: Sequence[IntervalPlan]) -> Panel:
    target = forecast.target
    found = [(plan, lowest) for plan in plans if (lowest := worst(plan)) is not None]
    lows = [kind.service_level.mean - kind.service_level.half_width for _, (_, kind) in found]
    lows += [1 - kind.abandonment.mean - kind.abandonment.half_width for _, (_, kind) in found]
    bottom = max(0.0, min([*lows, target.share, target.connection]) - 0.01)
    step = 0.05 if bottom >= 0.7 else 0.1 if bottom >= 0.4 else 0.2
    low = max(0.0, 1.0 - step * ceil((1.0 - bottom) / step))
    panel = Panel(634, 180, low, 1.0)
    ticks = [1.0 - step * n for n in range(round((1.0 - low) / step) + 1)]
    within = f"{target.within_s:g}"
    panel.axes("服务水平 Service (%)", ticks, lambda share: f"{share * 100:.0f}")
    dashed = 'stroke-width="1.5" stroke-dasharray="6 4"'
    for wanted, colour in ((target.share, ALL), (target.connection, ANSWERED)):
        panel.line(LEFT, panel.y(wanted), WIDTH - RIGHT, panel.y(wanted), colour, dashed)
    names = {kind.id: f"{kind.name} {kind.name_en}" for kind in forecast.kinds}
    for plan, (name, kind) in found:
        middle = panel.x((plan.begin_min + plan.end_min) / 2)
        whole = plan.answer.result.total.service_level
        panel.parts += [
            _dot(panel, middle - 8, whole, ALL, f"{within} s, 全部 all callers"),
            _dot(panel, middle, kind.service_level, WORST, f"{within} s, {names[name]}"),
            _dot(panel, middle + 8, lowest_answered(plan), ANSWERED, "接通率 answered"),
        ]
    panel.legend(
        [
            (f"{within} 秒内接听 within {within} s: 全部 all", ALL, False),
            ("最低的一类 worst kind", WORST, False),
            ("接通率 answered: 最低的一类 worst kind", ANSWERED, False),
            ("目标 target", "#6b7680", True),
        ]
    )
    return panel


def lowest_answered(plan: IntervalPlan) -> Estimate:
    """The share answered (接通率) of the kind of callers with the smallest."""
    kinds = [kind.abandonment for kind in plan.answer.result.kinds.values() if kind.arrived]
    lost = max(kinds, key=lambda estimate: estimate.mean)
    return Estimate(1.0 - lost.mean, lost.half_width, lost.half_width_999)


def _dot(panel: Panel, x: float, share: Estimate, colour: str, label: str) -> str:
    top, foot = panel.y(share.mean + share.half_width), panel.y(share.mean - share.half_width)
    told = f"{label}: {share.mean:.1%} ± {share.half_width:.1%}"
    return (
        f'<g stroke="{colour}" fill="{colour}"><line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" '
        f'y2="{foot:.1f}" stroke-width="1.6"/><circle cx="{x:.1f}" cy="{panel.y(share.mean):.1f}" '
        f'r="3.4" stroke="none"/><title>{escape(told)}</title></g>'
    )
