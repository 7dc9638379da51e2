"""What all pages have in common: one way in, links by role, and no failure that nobody is told."""

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from console.ports import Role
from tests.console.conftest import Caller
from tests.console.fakes import CITY, OTHER_CITY, City, everywhere

OPEN = {
    "/wallboard": "#board", "/queues": "#board", "/spoken": "#board", "/report": "#choose",
    "/tickets": "#board", "/": "#cards",
}  # fmt: skip
STATUS = "**/api/v1/status"
SOONER = """const real = window.setTimeout;
window.setTimeout = (deed, ms, ...more) => real(deed, ms === 3000 ? 20 : ms, ...more);"""


async def test_everybody_finds_the_pages_of_his_role(
    city: City, nobody: Caller, page: Page
) -> None:
    for role, paths in (
        (Role.SUPERVISOR, ["/tickets", "/queues", "/spoken", "/report", "/wallboard"]),
        (Role.SEAT, ["/tickets", "/seat", "/spoken", "/wallboard"]),
        (Role.REVIEWER, ["/tickets", "/report", "/wallboard"]),
    ):
        await page.goto("about:blank")
        await page.goto(f"{nobody.base}/#token={city.token(role, seat_id='801')}")
        cards = page.locator("#cards a")
        await expect(cards).to_have_count(len(paths))
        assert [await one.get_attribute("href") for one in await cards.all()] == paths
    await page.goto("about:blank")
    await page.goto(f"{nobody.base}/#token={city.token(Role.WALLBOARD)}")
    await page.wait_for_url("**/wallboard")
    await expect(page.locator("#board")).to_be_visible()
    await expect(page.locator("#home")).to_be_hidden()


async def test_the_links_lead_on_with_the_city_and_the_way_out_forgets_the_token(
    city: City, nobody: Caller, page: Page
) -> None:
    await page.goto(f"{nobody.base}/queues?tenant={OTHER_CITY}#token={everywhere(city)}")
    links = page.locator("#pages a")
    await expect(links).to_have_count(5)
    await expect(page.locator('#pages a[aria-current="page"]')).to_contain_text("排队与座席")
    await links.filter(has_text="语音受理复核").click()
    await expect(page.locator("#nothing")).to_contain_text("没有待复核")
    assert page.url == f"{nobody.base}/spoken?tenant={OTHER_CITY}"
    await page.select_option("#tenant-choice", CITY)
    assert page.url == f"{nobody.base}/spoken?tenant={CITY}"
    await page.locator("#pages button").click()
    await expect(page.locator("#enter")).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_a_page_of_others_says_so_and_shows_ones_own(
    city: City, nobody: Caller, page: Page
) -> None:
    token = city.token(Role.SEAT, seat_id="801")
    await page.goto(f"{nobody.base}/queues#token={token}")
    await expect(page.locator("#refused")).to_contain_text("需要班长")
    await page.locator("#pages a", has_text="语音受理复核").click()
    await expect(page.locator("#board")).to_be_visible()


@pytest.mark.parametrize("path", OPEN)
async def test_a_server_that_is_away_or_talks_nonsense_is_asked_again(
    city: City, nobody: Caller, page: Page, path: str
) -> None:
    """No answer, a proxy's own page, half a JSON: told, no promise is left alone, and it opens."""
    answers = iter(("abort", "html", "half"))
    asked: list[str] = []
    may = asyncio.Event()

    async def odd(route: Route) -> None:
        asked.append(next(answers, "good"))
        match asked[-1]:
            case "abort":
                await route.abort()
            case "html":
                await route.fulfill(status=502, content_type="text/html", body="<h1>Bad</h1>")
            case "half":
                await route.fulfill(content_type="application/json", body='{"tenants": [')
            case _:
                await may.wait()
                await route.continue_()

    await page.add_init_script(SOONER)
    await page.route(STATUS, odd)
    await page.goto(f"{nobody.base}{path}#token={city.token(Role.SUPERVISOR)}")
    await expect(page.locator("#banner")).to_contain_text("正在自动重连")
    may.set()
    await expect(page.locator(OPEN[path])).to_be_visible()
    await expect(page.locator("#banner")).to_be_hidden()
    assert asked[:4] == ["abort", "html", "half", "good"]


async def test_a_token_that_is_revoked_while_the_page_is_open_brings_the_form(
    city: City, nobody: Caller, page: Page
) -> None:
    token = city.token(Role.SUPERVISOR)
    await page.goto(f"{nobody.base}/spoken#token={token}")
    await expect(page.locator("#board")).to_be_visible()
    city.revoke(token)
    await page.select_option("#language", "en")
    await expect(page.locator("#refused")).to_contain_text("令牌无效")
    await expect(page.locator("#board")).to_be_hidden()


async def test_leaving_while_the_server_is_asked_is_no_failure(
    city: City, nobody: Caller, page: Page
) -> None:
    await page.route("**/callers?*", lambda route: None)  # it never answers
    await page.goto(f"{nobody.base}/queues#token={city.token(Role.SUPERVISOR)}")
    async with page.expect_request("**/callers?*"):
        await expect(page.locator("#board")).to_be_visible()
    await page.locator("#pages a", has_text="语音受理复核").click()
    await expect(page.locator("#nothing")).to_be_visible()
