"""A small city behind a real server on loopback, and a real browser to look at its pages.

All of it lives in one event loop, so that the browser has one driver: starting one for each test
cost as much computing as the pages themselves.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserType, Page, async_playwright, expect

from console.app import build_app, serving
from console.ports import LineView, Role
from tests.console.browser import chromium_running
from tests.console.fakes import CITY, OTHER_CITY, City
from tests.servers import free_port

FLUSH_S = 0.02
HERE = Path(__file__).parent
expect.set_options(timeout=20_000)  # of a page on a busy machine; 5 s by itself


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for all tests of this folder, as for their fixtures."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass
class Caller:
    """Someone who asks the server over HTTP, with a token or without."""

    session: aiohttp.ClientSession
    base: str
    token: str = ""

    def having(self, token: str) -> "Caller":
        """The same, with another token."""
        return Caller(self.session, self.base, token)

    async def ask(
        self, path: str, method: str = "GET", *, headers: dict[str, str] | None = None, **more: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON (or bytes), headers. No answer may lack the security headers."""
        head = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.request(
            method, self.base + path, headers={**head, **(headers or {})}, **more
        ) as answer:
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Python" not in answer.headers["Server"]
            if answer.content_type == "application/json":
                return answer.status, await answer.json(), answer.headers.copy()
            return answer.status, await answer.read(), answer.headers.copy()

    async def refused(self, path: str, method: str = "GET", **more: Any) -> tuple[int, str]:
        """Status and error id of an answer that must be an error in both languages."""
        status, told, _ = await self.ask(path, method, **more)
        assert set(told) == {"error"}, told
        assert set(told["error"]) == {"id", "message", "message_zh"}
        assert told["error"]["message"]
        assert told["error"]["message_zh"]
        return status, told["error"]["id"]


@asynccontextmanager
async def served(city: City, port: int = 0) -> AsyncIterator[Caller]:
    """The city's console on loopback."""
    port = port or free_port()
    async with (
        serving(build_app(city.services(), FLUSH_S), "127.0.0.1", port),
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):
        yield Caller(session, f"http://127.0.0.1:{port}")


@pytest.fixture
def city() -> City:
    """Two cities: the default one with two seats and two lines, and another with one seat."""
    city = City()
    for seat_id in ("801", "802"):
        city.seat(CITY, seat_id)
    city.seat(OTHER_CITY, "901")
    city.line_table[CITY] = [
        LineView("12345", "12345", "市民热线", "政务服务中心", "merged", "Hotline"),
        LineView("12333", "12333", "人社", "人社局", "dual"),
    ]
    return city


@pytest_asyncio.fixture(loop_scope="session")
async def nobody(city: City) -> AsyncIterator[Caller]:
    """A caller without a token."""
    async with served(city) as caller:
        yield caller


@pytest.fixture
def supervisor(city: City, nobody: Caller) -> Caller:
    """A supervisor of the default city."""
    return nobody.having(city.token(Role.SUPERVISOR))


@pytest.fixture
def admin(city: City, nobody: Caller) -> Caller:
    """An administrator of the default city."""
    return nobody.having(city.token(Role.ADMIN))


@pytest.fixture
def wall(city: City, nobody: Caller) -> Caller:
    """A wallboard of the default city."""
    return nobody.having(city.token(Role.WALLBOARD))


@pytest.fixture(scope="session")
def _chromium() -> Iterator[str]:
    with chromium_running() as address:
        yield address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _driver() -> AsyncIterator[BrowserType]:
    async with async_playwright() as play:
        yield play.chromium


@pytest_asyncio.fixture(loop_scope="session")
async def browser(_driver: BrowserType, _chromium: str) -> AsyncIterator[Browser]:
    """The browser, with nothing in it of other tests."""
    browser = await _driver.connect_over_cdp(_chromium)
    yield browser
    await browser.close()  # the test's windows; the browser itself stays


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A window that fails the test on any script error or refused resource."""
    page = await browser.new_page(viewport={"width": 1920, "height": 1080})
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda said: troubles.append(said.text) if "Content Security" in said.text else None,
    )
    yield page
    await page.close()
    assert troubles == []
