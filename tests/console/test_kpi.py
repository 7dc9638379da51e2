"""Published figures over the API: both numbers of each, who sees what, bounds, CSV, the report."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from pydantic import TypeAdapter

from console.api.kpi import KpiAnswer
from console.figures import BOM
from console.ports import Role
from tests.console.conftest import Caller, served
from tests.console.fakes import CITY, OTHER_CITY
from tests.console.kpi_books import EVIL, Books, KpiCity
from tickets.kpi import By
from tickets.kpi_list import KPIS, TICKET_KPIS
from tickets.periods import Per, Period

PATH = f"/api/v1/tenants/{CITY}/kpi"
REPORT = f"/api/v1/tenants/{CITY}/report"
MONTH = "2026-10"


@pytest.fixture
def city() -> KpiCity:
    return KpiCity(books=Books({MONTH, "2025-10"}))


@pytest_asyncio.fixture(loop_scope="session")
async def nobody(city: KpiCity) -> AsyncIterator[Caller]:
    async with served(city) as caller:
        yield caller


async def test_every_figure_has_its_numbers_and_its_definition(
    city: KpiCity, supervisor: Caller
) -> None:
    status, told, _ = await supervisor.ask(f"{PATH}?month={MONTH}&compare=true")
    assert status == 200
    assert [one["id"] for one in told["definitions"]] == [kpi.id for kpi in KPIS]
    TypeAdapter(KpiAnswer).validate_python(told, strict=True)
    (line,) = told["lines"]
    assert (line["from"], line["to"]) == ("2026-10-01", "2026-10-31")
    assert line["figures"]["finished_in_time"] == {
        "numerator": 37, "denominator": 43, "value": 0.8605,
        "before": {"numerator": 0, "denominator": 0, "value": None},
        "year_before": {"numerator": 37, "denominator": 43, "value": 0.8605},
    }  # fmt: skip
    assert line["figures"]["asa"]["value"] == 5.0
    assert line["figures"]["contacted_in_time"]["value"] is None
    assert [asked[1] for asked in city.books.asked] == [MONTH, "2026-09", "2025-10"]


async def test_units_are_ranked_and_who_has_too_few_has_no_place(supervisor: Caller) -> None:
    _, told, _ = await supervisor.ask(f"{PATH}?month={MONTH}&by=unit")
    assert [(one["place"], one["key"], one["name"]) for one in told["lines"]] == [
        (1, "water", "供水公司"), (2, "gas", EVIL), (None, "bus", "=公交集团"),
    ]  # fmt: skip
    _, told, _ = await supervisor.ask(f"{PATH}?month={MONTH}&by=unit&least=3")
    assert [one["key"] for one in told["lines"]] == ["bus", "water", "gas"]
    assert "connection" not in told["lines"][0]["figures"], "a call has no unit"


async def test_a_unit_sees_its_own_figures_and_the_ranking(city: KpiCity, nobody: Caller) -> None:
    water = nobody.having(city.department("water"))
    _, told, _ = await water.ask(f"{PATH}?month={MONTH}&by=unit")
    assert [one["place"] for one in told["lines"]] == [1, 2, None]
    ranked_by = {"finished_in_time", "satisfied", "closed"}
    for line in told["lines"]:
        assert line["figures"].keys() == ranked_by
        assert "dispatches" not in line["counts"]
    (own,) = told["own"]
    assert own["key"] == "water"
    assert own["figures"].keys() == {kpi.id for kpi in TICKET_KPIS}
    _, text, _ = await water.ask(f"{PATH}.csv?month={MONTH}&by=unit")
    assert "returned" not in text.decode().splitlines()[0]
    for path in (f"{PATH}?month={MONTH}", f"{PATH}.csv?month={MONTH}&by=class", REPORT):
        assert (await water.refused(path))[0] == 403


@pytest.mark.parametrize("role", [Role.SEAT, Role.WALLBOARD])
async def test_others_and_other_cities_see_nothing(
    city: KpiCity, nobody: Caller, role: Role
) -> None:
    other = nobody.having(city.token(role, seat_id="801" if role is Role.SEAT else ""))
    for path in (f"{PATH}?month={MONTH}", f"{PATH}.csv?month={MONTH}", f"{REPORT}?month={MONTH}"):
        assert await other.refused(path) == (403, "role-refused")
        assert (await nobody.refused(path))[0] == 401
        away = path.replace(CITY, OTHER_CITY, 1)
        leader = nobody.having(city.token(Role.LEADER))
        assert await leader.refused(away) == (403, "tenant-refused")


@pytest.mark.parametrize(
    "query",
    [
        "", "from=2026-10-01", "to=2026-10-01", "month=2026-13", "month=10-2026", "month=9999-12",
        "month=2026-10&from=2026-10-01", "from=2026-10-02&to=2026-10-01", "from=x&to=y",
        "month=2026-10&by=heat", "month=2026-10&by=phone", "month=2026-10&per=hour",
        "from=2026-01-01&to=2026-03-31&by=unit&per=day", "month=2026-10&least=0",
        "month=2026-10&more=1", "from=2024-01-01&to=2026-10-01",
        "from=0001-01-01&to=0001-01-02", "from=9999-12-31&to=9999-12-31",
        "from=1999-01-01&to=1999-01-02",
    ],
)  # fmt: skip
async def test_what_has_no_bounds_or_no_sense_is_refused(
    city: KpiCity, supervisor: Caller, query: str
) -> None:
    assert await supervisor.refused(f"{PATH}?{query}") == (422, "invalid")
    assert await supervisor.refused(f"{PATH}.csv?{query}") == (422, "invalid")
    assert city.books.asked == []


async def test_csv_has_a_line_a_group_and_no_formula(supervisor: Caller) -> None:
    status, text, headers = await supervisor.ask(
        f"{PATH}.csv?month={MONTH}&by=unit&compare=true&bom=true"
    )
    assert status == 200
    assert headers["Content-Disposition"] == (
        'attachment; filename="kpi-default-unit-20261001.csv"'
    )
    told = text.decode()
    assert told.startswith(BOM)
    rows = list(csv.DictReader(io.StringIO(told.removeprefix(BOM))))
    assert [row["place"] for row in rows] == ["1", "2", ""]
    assert rows[2]["name"] == "'=公交集团"
    assert (rows[0]["finished_in_time_numerator"], rows[0]["finished_in_time"]) == ("19", "0.95")
    assert rows[0]["finished_in_time_before"] == "", "nothing there is no 0"
    assert rows[0]["finished_in_time_year_before"] == "0.95"


async def test_a_line_a_week(city: KpiCity, supervisor: Caller) -> None:
    _, told, _ = await supervisor.ask(f"{PATH}?month={MONTH}&per=week")
    assert [line["from"] for line in told["lines"]] == [
        "2026-10-01", "2026-10-05", "2026-10-12", "2026-10-19", "2026-10-26",
    ]  # fmt: skip
    assert [line["counts"].get("received", 0) for line in told["lines"]] == [43, 0, 0, 0, 0]


async def test_a_database_that_is_away_is_said(city: KpiCity, supervisor: Caller) -> None:
    city.books.away = True
    for path in (f"{PATH}?month={MONTH}", f"{PATH}.csv?month={MONTH}", f"{REPORT}?month={MONTH}"):
        assert await supervisor.refused(path) == (503, "store-away")


async def test_one_is_counted_at_a_time_and_few_may_wait(
    city: KpiCity, supervisor: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    may, inside = asyncio.Event(), 0
    most = 0
    book = city.books.book

    async def slow(
        tenant: str, period: Period, now: object, by: tuple[By, ...], per: Per = Per.WHOLE
    ) -> object:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await may.wait()
        inside -= 1
        return await book(tenant, period, now, by, per)  # type: ignore[arg-type] # as it was given

    monkeypatch.setattr(city.books, "book", slow)
    monkeypatch.setattr("console.api.kpi.MOST_WAITING", 2)
    waiting = [asyncio.create_task(supervisor.ask(f"{PATH}?month={MONTH}")) for _ in range(5)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result()[0] for task in done} == {503}
    may.set()
    answers = [status for status, _, _ in await asyncio.gather(*waiting)]
    assert sorted(answers) == [200, 200, 503, 503, 503]
    assert most == 1


async def test_the_report_page_shows_and_prints_a_month(
    city: KpiCity, nobody: Caller, page: Page
) -> None:
    token = city.token(Role.LEADER)
    await page.goto(f"{nobody.base}/report?month={MONTH}#token={token}")
    report = page.locator("main.report")
    await expect(report).to_contain_text("运行月报")
    await expect(report).to_contain_text("37 / 43")
    await expect(report).to_contain_text(EVIL)
    assert await page.locator("script", has_text="alert").count() == 0
    await expect(page.locator("main.report svg")).to_have_count(5)
    await expect(page.locator("#print")).to_be_enabled()
    for width, height in ((1920, 1080), (1366, 768), (390, 844)):
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.emulate_media(media="print")
    await expect(page.locator(".bar")).to_be_hidden()
    await page.emulate_media(media="screen")
    await page.fill("#month", "2026-08")
    await page.click("#show")
    await expect(report).to_contain_text("本期没有工单数据")
    async with page.expect_download() as saved:
        await page.click("#html")
    assert (await saved.value).suggested_filename == "report-2026-08.html"


async def test_the_report_page_lets_nobody_else_in(
    city: KpiCity, nobody: Caller, page: Page
) -> None:
    await page.goto(f"{nobody.base}/report#token={city.department('water')}")
    await expect(page.locator("#refused")).to_contain_text("不能查看月报")
    await expect(page.locator("#choose")).to_be_hidden()
    await page.fill("#token", "nonsense")
    await page.click("#enter button")
    await expect(page.locator("#refused")).to_be_visible()
