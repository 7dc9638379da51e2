"""The wallboard in a real browser: it shows, moves, comes back, fits, and obeys no text."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from console.board import MOST_TILES
from console.ports import (
    DayFigures,
    GroupFigures,
    HoursMode,
    LineView,
    Quarter,
    Role,
    WaitingSummary,
)
from queue_manager.model import Alert, AlertKind, SeatState
from tests.console.conftest import Caller, served
from tests.console.fakes import CITY, OTHER_CITY, City, everywhere
from tests.console.test_roster import duty_of
from tests.servers import free_port
from tickets.model import Origin

SIZES = {
    "wide wall": (3840, 1080),
    "wall": (1920, 1080),
    "laptop": (1366, 768),
    "tablet": (834, 1194),
    "phone": (390, 844),
}
OVERFLOWS = """() => {
  const found = [], width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push("the page is wider than the window");
  for (const part of document.querySelectorAll("#board *, .top *")) {
    const box = part.getBoundingClientRect();
    if (!box.width || part.closest("svg")) continue;
    const name = `${part.tagName}#${part.id}.${part.className} ${part.textContent.slice(0, 20)}`;
    if (box.right > width + 1) found.push(`beyond the window: ${name}`);
    const card = part.closest(".card")?.getBoundingClientRect();
    if (card && (box.right > card.right + 1 || box.bottom > card.bottom + 1))
      found.push(`beyond its card: ${name}`);
    const style = getComputedStyle(part);
    const cut = part.scrollWidth > part.clientWidth + 1 && style.display !== "inline";
    const number = part.matches(".row > [class^=g-]:not(.g-what)");
    const words = style.textOverflow === "ellipsis" && !number;
    if (cut && part.clientWidth && !words) found.push(`cut: ${name}`);
  }
  return found;
}"""


async def open_board(page: Page, caller: Caller, token: str, query: str = "") -> None:
    await page.goto(f"{caller.base}/wallboard{query}#token={token}")
    await expect(page.locator("#board")).to_be_visible()


def group(key: str, name: str, *, waiting: int, oldest: datetime, good: int) -> GroupFigures:
    """A queue or skill of which `good` of a hundred answers were in time."""
    return GroupFigures(
        key, name, "In English", waiting=waiting, callbacks=waiting // 3,
        oldest=oldest if waiting else None, offered=120, answered=100, answered_in_time=good,
        abandoned=20, recent_answered=10, recent_in_time=good // 10,
        seats={SeatState.READY: waiting % 4, SeatState.TALKING: 17, SeatState.PAUSED: 3},
    )  # fmt: skip


def fill(city: City, seats: int = 60, waiting: int = 17) -> None:
    """A busy day in the city."""
    states = [SeatState.TALKING] * 5 + list(SeatState)
    for number in range(seats):
        seat_id = str(801 + number)
        city.seat(CITY, seat_id, states[number % len(states)], name="一号座席")
        view = city.seats[CITY][seat_id]
        since = city.now() - timedelta(seconds=37 * number)
        reason = "meeting" if view.state is SeatState.PAUSED else ""
        city.seats[CITY][seat_id] = replace(view, since=since, pause_reason=reason)
    city.line_table[CITY] = [
        LineView(str(12300 + n), str(12300 + n), f"第{n}号政务服务热线", "单位", "dual")
        for n in range(45)
    ]
    oldest = city.now() - timedelta(seconds=83)
    city.waiting_now[CITY] = WaitingSummary(waiting, oldest, {"12307": waiting}, 3)
    city.queues_now[CITY] = [
        group(f"q{n}", name, waiting=max(0, waiting - 7 * n), oldest=oldest, good=90 - 9 * n)
        for n, name in enumerate(("综合受理", "人力资源和社会保障", "涉企服务专席", "夜间值守"))
    ]
    city.skills_now[CITY] = [
        group(f"lang:x{n}", name, waiting=n % 3, oldest=city.now(), good=99 - 5 * n)
        for n, name in enumerate(
            ("普通话", "壮语", "粤语", "西南官话", "平话", "客家话", "瑶语", "苗语", "侗语", "英语",
             "越南语", "手语视频", "综合受理", "口译")
        )
    ]  # fmt: skip
    city.open_alerts[CITY] = [
        Alert(n, kind, city.now(), seat_id=str(801 + n), times=n + 1)
        for n, kind in enumerate(AlertKind)
    ]
    city.duty[CITY] = duty_of(city, minutes_missing=6)
    quarters = [Quarter(40, 36, 3) if 32 <= n < 60 else Quarter() for n in range(96)]
    city.figures[CITY] = DayFigures(
        date(2026, 11, 21), 12_345, 11_234, 10_987, 1_111, 222, 33, 4, 12, 318, 290, 99_999.0,
        {Origin.TALK: 11_234, Origin.VOICE_REQUEST: 33, Origin.ABANDONED: 1_111}, quarters,
        direct=9_871, accepted=11_234,
    )  # fmt: skip


async def test_values_change_by_themselves(city: City, nobody: Caller, page: Page) -> None:
    await open_board(page, nobody, city.token(Role.WALLBOARD))
    await expect(page.locator("#waiting")).to_have_text("0")
    await expect(page.locator("#tenant-name")).to_have_text("12345政务服务便民热线")
    await expect(page.locator('#tiles li[data-state="ready"]')).to_have_count(2)
    city.waiting_now[CITY] = WaitingSummary(3, city.now() - timedelta(seconds=70), {"12333": 3})
    city.put(CITY, "801", SeatState.TALKING)
    city.figures[CITY] = DayFigures(
        date(2026, 11, 21), 10, 8, 6, 2, tickets={Origin.TALK: 8, Origin.ABANDONED: 2},
        direct=5, accepted=8,
    )  # fmt: skip
    city.overrides[CITY, ""] = HoursMode.CLOSED
    await expect(page.locator("#waiting")).to_have_text("3")
    await expect(page.locator("#queue svg")).to_have_count(3)
    await expect(page.locator('#tiles li[data-state="talking"] b')).to_have_text("801")
    await expect(page.locator("#answered")).to_have_text("8")
    await expect(page.locator("#abandoned")).to_have_text("2")
    await expect(page.locator("#tickets")).to_have_text("10")
    await expect(page.locator("#direct")).to_have_text("62.5%")
    await expect(page.locator("#direct-fraction")).to_have_text("5/8")
    await expect(page.locator("#level")).to_have_text("75.0%")
    await expect(page.locator("#level-numerator")).to_have_text("6")
    await expect(page.locator("#level-denominator")).to_have_text("8")
    await expect(page.locator("#lines li").first).to_contain_text("12333")
    await expect(page.locator("#lines .busy .count")).to_have_text("3")
    await expect(page.locator("#open")).to_contain_text("非人工时段")
    await expect(page.locator("section.longest")).to_have_attribute("data-tone", "alarm")


async def test_queues_skills_and_alerts_change_by_themselves(
    city: City, nobody: Caller, page: Page
) -> None:
    city.queues_now[CITY] = [
        group("main", "综合受理", waiting=0, oldest=city.now(), good=95),
        group("night", "夜间值守", waiting=0, oldest=city.now(), good=70),
    ]
    await open_board(page, nobody, city.token(Role.WALLBOARD))
    await expect(page.locator("#queues .g-what")).to_have_text(["综合受理", "夜间值守"])
    await expect(page.locator("#queues .g-level")).to_have_text(["95.0%", "70.0%"])
    await expect(page.locator("#queues .g-able")).to_have_text(["0/17", "0/17"])
    await expect(page.locator("#skills")).to_contain_text("暂无")
    await expect(page.locator("#alerts")).to_be_hidden()
    since = city.now() - timedelta(seconds=70)
    city.queues_now[CITY][1] = group("night", "夜间值守", waiting=5, oldest=since, good=70)
    city.skills_now[CITY] = [group("lang:za", "壮语", waiting=1, oldest=since, good=100)]
    city.open_alerts[CITY] = [Alert(1, AlertKind.SEAT_MISSES, city.now(), seat_id="801")]
    city.waiting_now[CITY] = WaitingSummary(5, since, {}, callbacks=2)
    await expect(page.locator("#queues .g-what")).to_have_text(["夜间值守", "综合受理"])
    await expect(page.locator("#queues .busy .g-count")).to_have_text("5")
    await expect(page.locator("#queues .busy .g-since")).to_have_attribute("data-tone", "alarm")
    await expect(page.locator("#skills .g-what")).to_have_text("壮语")
    await expect(page.locator("#callbacks-waiting")).to_have_text("2")
    await expect(page.locator("#alerts")).to_contain_text("座席 801 连续未接")
    city.open_alerts[CITY] = []
    city.queues_now[CITY].pop()
    await expect(page.locator("#alerts")).to_be_hidden()
    await expect(page.locator("#queues .g-what")).to_have_text("综合受理")


async def test_who_is_due_and_missing_is_shown_where_there_is_a_roster(
    city: City, nobody: Caller, page: Page
) -> None:
    await open_board(page, nobody, city.token(Role.WALLBOARD))
    await expect(page.locator("#duty")).to_be_hidden()
    city.duty[CITY] = duty_of(city, minutes_missing=6)
    await expect(page.locator("#duty")).to_be_visible()
    for what, count in (("due", 2), ("present", 1), ("paused", 0), ("missing", 1)):
        await expect(page.locator(f"#duty-{what}")).to_have_text(str(count))
    await expect(page.locator("#duty-absent")).to_have_attribute("data-tone", "alarm")


async def test_the_gauge_names_the_seconds_that_its_queues_have(
    city: City, nobody: Caller, page: Page
) -> None:
    """Not the tenant's own, which no caller may have been measured by."""
    city.queues_now[CITY] = [
        replace(group("main", "综合受理", waiting=0, oldest=city.now(), good=95), within_s=20.0)
    ]
    await open_board(page, nobody, city.token(Role.WALLBOARD))
    await expect(page.locator("#level-name")).to_have_text("20 秒接通率")
    night = group("night", "夜间值守", waiting=0, oldest=city.now(), good=70)
    city.queues_now[CITY].append(replace(night, within_s=60.0))
    await expect(page.locator("#level-name")).to_have_text("各队列限时接通率")
    await expect(page.locator("#scale-1")).to_have_text("15 秒")


async def test_a_city_of_thousands_shows_how_many_seats_do_what(
    city: City, nobody: Caller, page: Page
) -> None:
    city.seats.clear()
    fill(city, 2_000)
    await open_board(page, nobody, city.token(Role.WALLBOARD))
    await expect(page.locator("#seats-total")).to_have_text("2000")
    talking = page.locator('#tiles li[data-state="talking"]')
    await expect(talking).to_have_count(1)
    before = await talking.locator(".time").inner_text()
    city.put(CITY, "806", SeatState.TALKING)  # the only one that moves
    await expect(talking.locator(".time")).not_to_have_text(before)
    for seat_id in list(city.seats[CITY])[3:]:
        del city.seats[CITY][seat_id]
    await expect(page.locator("#tiles li b")).to_have_text(["801", "802", "803"])
    for seat_id in range(900, 1_600):
        city.seat(CITY, str(seat_id))
    await expect(page.locator("#tiles li")).to_have_count(7)


async def test_the_longest_wait_counts_up_without_any_message(
    city: City, nobody: Caller, page: Page
) -> None:
    since = city.now() - timedelta(seconds=55)
    city.waiting_now[CITY] = WaitingSummary(1, since)
    await open_board(page, nobody, city.token(Role.WALLBOARD))
    longest = page.locator("#longest")
    await expect(longest).to_have_text(re.compile(r"^[1-9]:[0-5]\d$"))
    for _ in range(2):
        before_s = (city.now() - since).total_seconds()
        told = await longest.inner_text()
        after_s = (city.now() - since).total_seconds()
        minutes, seconds = told.split(":")
        assert before_s - 2 < 60 * int(minutes) + int(seconds) < after_s + 2, told
        await expect(longest).not_to_have_text(told)


async def test_the_token_leaves_the_address_bar_and_survives_a_reload(
    city: City, nobody: Caller, page: Page
) -> None:
    token = city.token(Role.WALLBOARD)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda ws: asked.append(ws.url))
    await open_board(page, nobody, token)
    assert page.url == f"{nobody.base}/wallboard"
    await page.reload()
    await expect(page.locator("#board")).to_be_visible()
    assert any("/live" in url for url in asked)
    assert all(token.split(".")[1] not in url.split("#")[0] for url in asked)
    stored = await page.evaluate("[localStorage.length, document.cookie, sessionStorage.length]")
    assert stored == [0, "", 1]


async def test_without_a_good_token_it_asks_for_one(city: City, nobody: Caller, page: Page) -> None:
    await page.goto(f"{nobody.base}/wallboard")
    await expect(page.locator("#enter")).to_be_visible()
    await page.fill("#token", "wrong")
    await page.click("#enter button")
    await expect(page.locator("#refused")).to_contain_text("令牌无效")
    await page.fill("#token", city.token(Role.WALLBOARD))
    await page.keyboard.press("Enter")
    await expect(page.locator("#board")).to_be_visible()
    await expect(page.locator("#enter")).to_be_hidden()


async def test_it_comes_back_by_itself_after_the_server_was_gone(city: City, page: Page) -> None:
    port, token = free_port(), city.token(Role.WALLBOARD)
    async with served(city, port) as caller:
        await open_board(page, caller, token)
        await expect(page.locator("#banner")).to_be_hidden()
    await expect(page.locator("#banner")).to_contain_text("连接中断")
    city.waiting_now[CITY] = WaitingSummary(5, city.now())
    async with served(city, port):
        await expect(page.locator("#waiting")).to_have_text("5", timeout=20_000)
        await expect(page.locator("#banner")).to_be_hidden()
        city.waiting_now[CITY] = WaitingSummary(6, city.now())
        await expect(page.locator("#waiting")).to_have_text("6")


async def test_a_revoked_token_brings_the_form_back(
    city: City, nobody: Caller, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.api.wallboard.RECHECK_S", 0.2)
    token = city.token(Role.WALLBOARD)
    await open_board(page, nobody, token)
    city.revoke(token)
    await expect(page.locator("#enter")).to_be_visible()
    await expect(page.locator("#board")).to_be_hidden()


async def test_script_in_texts_is_only_text(city: City, nobody: Caller, page: Page) -> None:
    evil = '<img src=x onerror="document.title=1"><script>alert(1)</script>'
    city.seat(CITY, "803", SeatState.PAUSED, name=evil)
    view = city.seats[CITY]["803"]
    city.seats[CITY]["803"] = replace(view, pause_reason=evil)
    city.line_table[CITY].append(LineView("x", evil, evil, evil, "dual"))
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: asked.append(request.url))
    await open_board(page, nobody, city.token(Role.WALLBOARD))
    await expect(page.locator('#tiles li[data-state="paused"] .name')).to_contain_text("<script>")
    await expect(page.locator("#lines")).to_contain_text("<img src=x")
    assert await page.locator("#board img, #board script").count() == 0
    assert "运行看板" in await page.title()
    assert not [url for url in asked if url.endswith("/x") or "/" not in url]


async def test_a_token_for_all_cities_may_choose(city: City, nobody: Caller, page: Page) -> None:
    await open_board(page, nobody, everywhere(city, Role.WALLBOARD), f"?tenant={OTHER_CITY}")
    await expect(page.locator("#tenant-name")).to_have_text("宝鸡市12345")
    await expect(page.locator("#tiles li")).to_have_count(1)
    await page.select_option("#tenant-choice", CITY)
    await expect(page.locator("#tenant-name")).to_have_text("12345政务服务便民热线")
    await expect(page.locator("#tiles li")).to_have_count(2)
    assert page.url.endswith(f"?tenant={CITY}")


@pytest.mark.parametrize(
    "day",
    [
        lambda _: None, fill, lambda city: fill(city, 400, 1_234), lambda city: fill(city, 7),
        lambda city: fill(city, 15_000, 123_456),
    ],
    ids=["empty", "busy", "huge", "small", "province"],
)  # fmt: skip
async def test_everything_fits_on_every_screen(
    nobody: Caller, city: City, page: Page, day: Callable[[City], None]
) -> None:
    city.seats.clear()
    city.line_table.clear()
    day(city)
    await open_board(page, nobody, city.token(Role.WALLBOARD))
    for name, (width, height) in SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        await page.reload()
        await expect(page.locator("#clock")).not_to_have_text("--:--:--")
        seats = max(1, len(city.seats.get(CITY, {})))
        tiles = seats if seats <= MOST_TILES else len(SeatState)
        await expect(page.locator("#tiles li")).to_have_count(tiles)
        assert await page.evaluate(OVERFLOWS) == [], name
        if width >= 1100:
            assert await page.evaluate("document.documentElement.scrollHeight") == height, name
