"""Published figures as JSON and CSV, and the monthly report, for who leads and supervises. A unit
sees its own figures and, of the others, what the ranking is made of."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Literal, NotRequired
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from console.auth import Identity
from console.board import iso
from console.doors import Moment, get
from console.errors import Invalid, RoleRefused, TimedOut, TooManyClients
from console.guard import allowed, query
from console.kpi import (
    TOLD_TO_ALL,
    KpiReader,
    Line,
    as_json,
    csv_text,
    described,
    figures_of,
    lines_of,
)
from console.live import encode
from console.ports import Role, TenantFacts
from console.report.model import BY, Asked, month_report
from console.report.page import html
from console.services import SERVICES
from tickets.kpi import By, Kpi
from tickets.kpi_book import KpiBook
from tickets.kpi_list import LEAST
from tickets.periods import Per, Period, month

LEADING = (Role.ADMIN, Role.SUPERVISOR, Role.REVIEWER, Role.LEADER, Role.AUDITOR)
LONGEST_DAYS = 366
MOST_PARTS = 400
MOST_PARTS_OF_GROUPS = 60
MOST_LINES = 5_000
MOST_WAITING = 4
TAKES_S = 600.0
"""A month of a million tickets takes a minute or two, at half speed beside calls."""

Grouping = Literal["all", "unit", "class", "area", "line", "kind"]
Day = Annotated[str, Field(max_length=10, description="a day such as 2026-11-01")]
Month = Annotated[str, Field(max_length=7, description="such as 2026-11")]


class KpiWish(BaseModel):
    """Either `month`, or `from` and `to` (both included). `compare` puts the period before and the
    same a year ago beside it. A unit needs `least` tickets due for a place in the ranking."""

    model_config = ConfigDict(extra="forbid")

    month: Month = ""
    since: Day = Field(default="", alias="from")
    to: Day = ""
    by: Grouping = "all"
    per: Per = Per.WHOLE
    compare: bool = False
    least: int = Field(default=LEAST, ge=1, le=1_000_000)


class CsvWish(KpiWish):
    """`bom` puts before the CSV what Excel needs to read UTF-8."""

    bom: bool = False


class ReportWish(BaseModel):
    """The month, such as 2026-11."""

    model_config = ConfigDict(extra="forbid")

    month: Month
    least: int = Field(default=LEAST, ge=1, le=1_000_000)


class FigureDefinition(TypedDict):
    """What a figure is made of; `numerator` and `denominator` name counts."""

    id: str
    name: str
    name_en: str
    numerator: str
    denominator: str
    formula: str
    formula_en: str
    measure: str
    source: str
    targets: list[str]


class Figure(TypedDict):
    """`value` is null when there is nothing to divide by; `before` and `year_before` are there when
    it was asked to compare."""

    numerator: int
    denominator: int
    value: float | None
    before: NotRequired[dict[str, float | None]]
    year_before: NotRequired[dict[str, float | None]]


KpiLine = TypedDict(
    "KpiLine",
    {
        "from": str, "to": str, "key": str, "name": str, "place": int | None,
        "counts": dict[str, int], "figures": dict[str, Figure],
    },
)  # fmt: skip
KpiAnswer = TypedDict(
    "KpiAnswer",
    {
        "by": str, "per": str, "from": str, "to": str, "as_of": Moment,
        "definitions": list[FigureDefinition], "lines": list[KpiLine], "own": list[KpiLine],
    },
)  # fmt: skip
KpiLine.__doc__ = "A group in a part of the period: its place in the ranking, counts and figures."
KpiAnswer.__doc__ = "Lines by time, units by place; `own`: a unit's own lines with every figure."


class Turns:
    """One count at a time, and few who wait for their turn."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._inside = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises `TooManyClients`, `TimedOut`."""
        if self._inside >= MOST_WAITING:
            raise TooManyClients(retry_after_s=30)
        self._inside += 1
        try:
            async with asyncio.timeout(TAKES_S), self._lock:
                yield
        except TimeoutError as late:
            raise TimedOut(retry_after_s=30) from late
        finally:
            self._inside -= 1


TURNS = web.AppKey("kpi-turns", Turns)


async def kpi(request: web.Request) -> web.Response:
    """The figures of a period, each with numerator and denominator."""
    identity, tenant = await allowed(request)
    wish = query(request, KpiWish)
    lines, period = await _lines(request, identity, tenant, wish)
    if len(lines) > MOST_LINES:
        raise Invalid(f"more than {MOST_LINES} lines: ask for CSV", "数据过多，请下载 CSV")
    as_of = iso(request.app[SERVICES].now())
    made = await asyncio.to_thread(_answer, identity, wish, period, lines, as_of)
    return web.Response(
        body=made, content_type="application/json", charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )  # fmt: skip


def _answer(
    identity: Identity, wish: KpiWish, period: Period, lines: Sequence[Line], as_of: str
) -> bytes:
    """The whole answer as JSON; made beside the loop that leads calls."""
    told, every = _told(identity, By(wish.by)), figures_of(By(wish.by))
    own = [line for line in lines if identity.unit and line.key == identity.unit]
    return encode(
        {
            "by": wish.by, "per": wish.per.value, "from": period.first.isoformat(),
            "to": period.last.isoformat(), "as_of": as_of,
            "definitions": [described(one) for one in every],
            "lines": [as_json(_only(line, told), told) for line in lines],
            "own": [as_json(line, every) for line in own],
        }
    )  # fmt: skip


async def kpi_csv(request: web.Request) -> web.Response:
    """The same as CSV."""
    identity, tenant = await allowed(request)
    wish = query(request, CsvWish)
    lines, period = await _lines(request, identity, tenant, wish)
    by = By(wish.by)
    told = _told(identity, by)
    text = await asyncio.to_thread(csv_text, by, lines, told, compared=wish.compare, bom=wish.bom)
    answer = web.Response(text=text, content_type="text/csv", charset="utf-8")
    name = f"kpi-{tenant.id}-{wish.by}-{period.first:%Y%m%d}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def report(request: web.Request) -> web.Response:
    """The month as an HTML document to print: figures, trends, ranking, definitions."""
    _, tenant = await allowed(request)
    wish = query(request, ReportWish)
    zone = ZoneInfo(tenant.time_zone)
    period = _month(wish.month)
    now = request.app[SERVICES].now().astimezone(zone)
    _in_reach(period, now.date())
    reader = request.app[SERVICES].kpis
    async with request.app[TURNS].turn():
        asked = Asked(
            tenant.name,
            await reader.book(tenant.id, period, now, BY),
            await reader.book(tenant.id, period.before(), now, (By.ALL,)),
            await reader.book(tenant.id, period.year_before(), now, (By.ALL,)),
            {by: reader.names(tenant.id, by) for by in By},
            now,
            tenant.service_level_s,
            wish.least,
        )
    text = await asyncio.to_thread(lambda: html(month_report(asked)))
    answer = web.Response(text=text, content_type="text/html", charset="utf-8")
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _lines(
    request: web.Request, identity: Identity, tenant: TenantFacts, wish: KpiWish
) -> tuple[list[Line], Period]:
    by = By(wish.by)
    if identity.role is Role.DEPARTMENT and by is not By.UNIT:
        raise RoleRefused
    now = request.app[SERVICES].now().astimezone(ZoneInfo(tenant.time_zone))
    period = _period(wish)
    _in_reach(period, now.date())
    most = MOST_PARTS if by is By.ALL else MOST_PARTS_OF_GROUPS
    if sum(1 for _ in period.cut(wish.per)) > most:
        raise Invalid(f"at most {most} parts", f"最多 {most} 段")
    reader = request.app[SERVICES].kpis
    async with request.app[TURNS].turn():
        books = await _books(reader, tenant.id, period, now, by, wish)
    names = reader.names(tenant.id, by)
    before, ago = (books[1], books[2]) if wish.compare else (None, None)
    lines = await asyncio.to_thread(
        lines_of, books[0], by, names, before=before, year_before=ago, least=wish.least
    )
    return lines, period


async def _books(
    reader: KpiReader, tenant: str, period: Period, now: datetime, by: By, wish: KpiWish
) -> Sequence[KpiBook]:
    books = [await reader.book(tenant, period, now, (by,), wish.per)]
    for other in (period.before(), period.year_before()) if wish.compare else ():
        books.append(await reader.book(tenant, other, now, (by,)))
    return books


def _told(identity: Identity, by: By) -> Sequence[Kpi]:
    return TOLD_TO_ALL if identity.role is Role.DEPARTMENT else figures_of(by)


def _only(line: Line, kpis: Collection[Kpi]) -> Line:
    """Without counts that none of these figures is made of."""
    if len(kpis) > len(TOLD_TO_ALL):
        return line
    named = {name for one in kpis for name in (one.numerator, one.denominator)}
    return replace(line, counts={name: n for name, n in line.counts.items() if name in named})


def _period(wish: KpiWish) -> Period:
    if wish.month:
        if wish.since or wish.to:
            raise Invalid("month, or from and to", "month 与 from、to 只能二选一")
        return _month(wish.month)
    try:
        return Period(date.fromisoformat(wish.since), date.fromisoformat(wish.to))
    except ValueError as mistake:
        raise Invalid(f"from, to: {mistake}", "from、to：日期无效") from mistake


def _month(text: str) -> Period:
    try:
        return month(text)
    except ValueError as mistake:
        raise Invalid(f"month: {mistake}", "month：月份无效") from mistake


def _in_reach(period: Period, today: date) -> None:
    """Ticket numbers tell the century's years; nothing can be known of the future."""
    if not date(2001, 1, 1) <= period.first <= today or period.last.year > today.year + 1:
        raise Invalid(f"from 2001 until {today}", f"时间应在 2001 年至 {today} 之间")
    if period.days > LONGEST_DAYS:
        raise Invalid(f"at most {LONGEST_DAYS} days", f"一次最多 {LONGEST_DAYS} 天")


_ERRORS = (TooManyClients,)
ROUTES = (
    get(
        "/api/v1/tenants/{tenant}/kpi", kpi, KpiAnswer, query=KpiWish,
        roles=(*LEADING, Role.DEPARTMENT), errors=_ERRORS,
    ),
    get(
        "/api/v1/tenants/{tenant}/kpi.csv", kpi_csv, query=CsvWish, media=("text/csv",),
        roles=(*LEADING, Role.DEPARTMENT), errors=_ERRORS,
    ),
    get(
        "/api/v1/tenants/{tenant}/report", report, query=ReportWish, media=("text/html",),
        roles=LEADING, errors=_ERRORS,
    ),
)  # fmt: skip
UNBOUNDED = (kpi, kpi_csv, report)
