"""Figures per quarter of an hour or day, streamed as CSV or JSON: for supervisors."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console import answers
from console.doors import get
from console.errors import Invalid
from console.figures import By, Per, Report, csv_head, csv_text, lines_of, moment, row
from console.guard import allowed, query
from console.live import encode
from console.ports import Role
from console.services import SERVICES, Services
from queue_manager.counts import Figure

LONGEST = {By.SEAT: timedelta(days=31, hours=2)}
LONGEST_OTHERS = timedelta(days=366, hours=2)
WRITE_S = 15.0
TYPES = {"csv": "text/csv", "json": "application/json"}

log = structlog.get_logger(__name__)


class Wish(BaseModel):
    """`from` and `to` are days of the tenant (both included) or times with zone (`to` excluded).
    `bom` puts before a CSV what Excel needs to read UTF-8."""

    model_config = ConfigDict(extra="forbid")

    since: str = Field(alias="from", max_length=40)
    to: str = Field(max_length=40)
    by: By
    per: Per = Per.QUARTER
    format: Literal["csv", "json"] = "json"
    bom: bool = False


async def figures(request: web.Request) -> web.StreamResponse:
    """One line per quarter (or day) and key; the first page is read before anything is sent, and
    an outage in the middle breaks the answer off visibly."""
    _, tenant = await allowed(request)
    wish = query(request, Wish)
    report = await _report(request.app[SERVICES], tenant.id, wish)
    pages = request.app[SERVICES].reports.pages(tenant.id, report.by, report.begin, report.end)
    lines = lines_of(report, pages)
    first = await anext(lines, None)
    answer = web.StreamResponse(headers={"Cache-Control": "no-store"})
    answer.content_type, answer.charset = TYPES[wish.format], "utf-8"
    name = f"figures-{tenant.id}-{wish.by}-{report.begin:%Y%m%d}.{wish.format}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    spell = _csv if wish.format == "csv" else _json
    await answer.prepare(request)
    async for text in spell(report, wish, _beginning_with(first, lines)):
        async with asyncio.timeout(WRITE_S):
            await answer.write(text)
    await answer.write_eof()
    return answer


async def _report(services: Services, tenant_id: str, wish: Wish) -> Report:
    tenant = services.tenant(tenant_id)
    zone = ZoneInfo(tenant.time_zone)
    try:
        begin = moment(wish.since, zone, end=False)
        end = moment(wish.to, zone, end=True)
    except ValueError as mistake:
        raise Invalid(f"from, to: {mistake}", "from、to:日期或时间无效") from mistake
    longest = LONGEST.get(wish.by, LONGEST_OTHERS)
    if not begin < end:
        raise Invalid("from must lie before to", "from 必须早于 to")
    if end - begin > longest:
        raise Invalid(f"at most {longest.days} days at once", f"一次最多 {longest.days} 天")
    names = services.reports.names(tenant_id, wish.by)
    return Report(wish.by, wish.per, begin, end, zone, names, tenant.pause_reasons)


async def _csv(
    report: Report, wish: Wish, pages: AsyncIterator[Sequence[Figure]]
) -> AsyncIterator[bytes]:
    yield csv_head(report, bom=wish.bom).encode()
    async for page in pages:
        yield (await asyncio.to_thread(csv_text, report, page)).encode()


async def _json(
    report: Report, wish: Wish, pages: AsyncIterator[Sequence[Figure]]
) -> AsyncIterator[bytes]:
    head = {
        "by": report.by.value,
        "per": report.per.value,
        "from": report.begin.isoformat(),
        "to": report.end.isoformat(),
    }
    yield encode(head)[:-1] + b',"figures":['
    comma = b""
    async for page in pages:
        yield comma + await asyncio.to_thread(_encoded, report, page)
        comma = b","
    yield b"]}"


async def _beginning_with(
    first: Sequence[Figure] | None, rest: AsyncIterator[Sequence[Figure]]
) -> AsyncIterator[Sequence[Figure]]:
    if first is not None:
        yield first
    async for page in rest:
        yield page


def _encoded(report: Report, page: Sequence[Figure]) -> bytes:
    return b",".join(encode(dict(row(report, figure))) for figure in page)


ROUTES = (
    get(
        "/api/v1/tenants/{tenant}/figures",
        figures,
        answers.Figures,
        query=Wish,
        roles=(Role.ADMIN, Role.SUPERVISOR),
        media=("application/json", "text/csv"),
    ),
)
UNBOUNDED = (figures,)
