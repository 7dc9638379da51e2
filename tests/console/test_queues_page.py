"""The supervisors' page in a real browser: it lists, moves up, forces, and lets nobody else in."""

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from console.ports import LineView, Role
from console.talks import TalkTarget, TalkVerb
from queue_manager.model import Alert, AlertKind, CallerView, Forced, SeatState
from tests.console.conftest import Caller, served
from tests.console.fakes import CITY, OTHER_CITY, City, everywhere
from tests.console.test_talks import FakeTalks
from tests.console.test_wallboard_page import SIZES, fill, group

NEEDS = "lang:za>=2 & (svc:12333 | svc:general>=3)"
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
OUTSIDE = """() => [...document.querySelectorAll("main button, main input, main select")]
  .filter((part) => part.getBoundingClientRect().right > innerWidth
    || part.scrollWidth > part.clientWidth + 1).map((part) => part.textContent)"""


def waits(city: City, number: int, **changed: object) -> CallerView:
    """Somebody in the queue."""
    queued_at = city.now() - timedelta(seconds=100 - number)
    view = CallerView(f"n-1.{number}", "12345", "main", queued_at, NEEDS)
    return replace(view, **changed)  # type: ignore[arg-type]  # names are the dataclass's own


@pytest.fixture
def busy(city: City) -> City:
    """Three callers, one alert, one queue."""
    city.queues_now[CITY] = [group("main", "综合受理", waiting=3, oldest=city.now(), good=90)]
    city.in_queue[CITY] = [waits(city, n) for n in range(3)]
    city.open_alerts[CITY] = [Alert(7, AlertKind.SEAT_MISSES, city.now(), seat_id="801")]
    return city


async def open_page(page: Page, caller: Caller, token: str, query: str = "") -> None:
    await page.goto(f"{caller.base}/queues{query}#token={token}")
    await expect(page.locator("#board")).to_be_visible()


async def test_a_caller_is_moved_up_with_a_reason(busy: City, nobody: Caller, page: Page) -> None:
    """What he needs is told by the names of skills; an unknown one keeps its id."""
    busy.skills_now[CITY] = [group("svc:12333", "人社", waiting=0, oldest=busy.now(), good=90)]
    await open_page(page, nobody, busy.token(Role.SUPERVISOR))
    rows = page.locator("#callers tr")
    await expect(rows).to_have_count(3)
    await expect(rows.nth(1)).to_contain_text("12345 市民热线")
    await expect(rows.nth(1).locator(".needs")).to_have_text("lang:za>=2 & (人社 | svc:general>=3)")
    await expect(rows.nth(1).locator(".needs")).to_have_attribute("title", NEEDS)
    await page.fill("#why", "孕妇")
    await rows.nth(1).locator("button").click()
    await expect(rows.nth(1)).to_contain_text("已置顶")
    assert busy.in_queue[CITY][1].first
    await expect(page.locator("#said")).to_contain_text("已置顶")
    busy.in_queue[CITY] = busy.in_queue[CITY][:1]  # the others were answered
    await expect(rows).to_have_count(1)
    busy.in_queue[CITY] = []
    await expect(page.locator("#callers")).to_contain_text("无人等待")


async def test_a_button_pressed_too_late_says_so(busy: City, nobody: Caller, page: Page) -> None:
    await open_page(page, nobody, busy.token(Role.SUPERVISOR))
    await expect(page.locator("#callers tr")).to_have_count(3)
    button = page.locator("#callers tr").nth(2).locator("button")
    busy.in_queue[CITY] = []
    await button.click()
    await expect(page.locator("#said.failed")).to_contain_text("已不在排队中")


async def test_a_seat_is_forced_and_shows_it(busy: City, nobody: Caller, page: Page) -> None:
    await open_page(page, nobody, busy.token(Role.SUPERVISOR))
    seat = page.locator('#seats tr[data-seat="801"]')
    await expect(seat.locator(".state")).to_have_text("空闲")
    await page.fill("#why", "交班")
    await page.select_option("#reason", "meal")
    await seat.locator('button[data-wish="paused"]').click()
    await expect(seat.locator(".state")).to_have_text("示忙 · 用餐")
    assert [(f[0], f[1], f[3], f[4]) for f in busy.forced] == [
        ("801", Forced.PAUSED, "交班", "meal")
    ]
    await seat.locator('button[data-wish="offline"]').click()
    await expect(seat.locator(".state")).to_have_text("离线")
    await seat.locator('button[data-wish="ready"]').click()
    await expect(seat.locator(".state")).to_have_text("空闲")
    await page.fill("#find", "802")
    await expect(page.locator("#seats tr")).to_have_count(1)


async def test_a_supervisor_listens_to_a_talk(city: City, page: Page) -> None:
    """His own telephone rings for it, so he has to say which that is."""
    city.talking = talks = FakeTalks()
    city.put(CITY, "801", SeatState.TALKING)
    async with served(city) as nobody:
        await open_page(page, nobody, city.token(Role.SUPERVISOR))
        choice = page.locator('#seats tr[data-seat="801"] .supervise')
        await expect(page.locator('#seats tr[data-seat="802"] .supervise')).to_be_hidden()
        await choice.select_option("listen")
        await expect(page.locator("#said.failed")).to_contain_text("请先填写您自己的座席号")
        await page.fill("#mine", "809")
        await choice.select_option("whisper")
        await expect(page.locator("#said")).to_contain_text("座席 809 的话机振铃")
        await page.goto("about:blank")
    assert talks.asked == [("hl-1.7", TalkVerb.WHISPER, TalkTarget("seat", "809"))]


async def test_in_a_city_of_thousands_a_seat_is_forced_by_its_number(
    city: City, nobody: Caller, page: Page
) -> None:
    fill(city, 700)
    city.put(CITY, "1400", SeatState.TALKING)
    await open_page(page, nobody, city.token(Role.SUPERVISOR))
    await expect(page.locator("#seats")).to_contain_text("请输入座席号")
    await page.fill("#find", "1400")
    await page.locator('#seats tr[data-seat="1400"] button[data-wish="offline"]').click()
    await expect(page.locator("#said")).to_contain_text("1400")
    assert city.seats[CITY]["1400"].state is SeatState.OFFLINE


async def test_an_alert_is_acknowledged(busy: City, nobody: Caller, page: Page) -> None:
    await open_page(page, nobody, busy.token(Role.SUPERVISOR))
    button = page.locator("#alerts button")
    await expect(page.locator("#alerts")).to_contain_text("座席 801")
    await button.click()
    await expect(page.locator("#alerts .seen")).to_contain_text("已知悉")
    await expect(button).to_be_disabled()


@pytest.mark.parametrize("role", [Role.WALLBOARD, Role.SEAT])
async def test_others_are_not_let_in(city: City, nobody: Caller, page: Page, role: Role) -> None:
    token = city.token(role, seat_id="801" if role is Role.SEAT else "")
    await page.goto(f"{nobody.base}/queues#token={token}")
    await expect(page.locator("#refused")).to_contain_text("需要班长")
    await expect(page.locator("#board")).to_be_hidden()
    await page.fill("#token", city.token(Role.ADMIN))
    await page.keyboard.press("Enter")
    await expect(page.locator("#board")).to_be_visible()


async def test_one_for_all_cities_chooses(city: City, nobody: Caller, page: Page) -> None:
    await open_page(page, nobody, everywhere(city), f"?tenant={OTHER_CITY}")
    await expect(page.locator("#seats tr")).to_have_count(1)
    await page.select_option("#tenant-choice", CITY)
    await expect(page.locator("#seats tr")).to_have_count(2)


async def test_script_in_texts_is_only_text(busy: City, nobody: Caller, page: Page) -> None:
    evil = '<img src=x onerror="document.title=1">'
    busy.in_queue[CITY] = [waits(busy, 1, call_id=evil, needs=evil, seat_id=evil, queue_id=evil)]
    busy.seat(CITY, "803", SeatState.PAUSED, name=evil)
    view = busy.seats[CITY]["803"]
    busy.seats[CITY]["803"] = replace(view, pause_reason=evil)
    busy.line_table[CITY].append(LineView("12345", evil, evil, evil, "dual"))
    busy.open_alerts[CITY] = [Alert(7, AlertKind.NO_REPORT, busy.now(), seat_id=evil)]
    await open_page(page, nobody, busy.token(Role.SUPERVISOR))
    await expect(page.locator("#callers")).to_contain_text("<img src=x")
    assert await page.locator("main img").count() == 0


async def test_it_fits_every_screen(city: City, nobody: Caller, page: Page) -> None:
    fill(city, 60)
    city.in_queue[CITY] = [waits(city, n, line_id=str(12300 + n)) for n in range(40)]
    for name, (width, height) in SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        await open_page(page, nobody, city.token(Role.SUPERVISOR))
        await page.reload()
        await expect(page.locator("#callers tr")).to_have_count(40)
        await expect(page.locator("#seats tr")).to_have_count(60)
        assert not await page.evaluate(WIDER), name
        assert await page.evaluate(OUTSIDE) == [], name
        if width >= 1000:
            assert await page.evaluate("document.documentElement.scrollHeight") == height, name
