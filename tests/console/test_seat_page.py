"""A seat's own desk: it tells that it lives, is told what concerns it, and leads its talk."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from console.ports import Role
from console.talks import TalkParty, TalkTarget, TalkVerb, TalkView
from queue_manager.model import Alert, AlertKind, SeatState
from tests.console.conftest import Caller, served
from tests.console.fakes import CITY, City
from tests.console.test_talks import FakeTalks
from tests.console.test_wallboard_page import SIZES

HERE = f"/api/v1/tenants/{CITY}/seats"
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def mine(city: City, nobody: Caller) -> Caller:
    """The desk of seat 801."""
    return nobody.having(city.token(Role.SEAT, seat_id="801"))


async def open_page(page: Page, caller: Caller) -> None:
    await page.goto(f"{caller.base}/seat#token={caller.token}")
    await expect(page.locator("#board")).to_be_visible()


async def test_a_heartbeat_is_heard_and_answered_with_what_the_seat_should_know(
    city: City, mine: Caller
) -> None:
    """Its second telephone; not what concerns others, or supervisors alone."""
    city.open_alerts[CITY] = [
        Alert(1, AlertKind.TWO_PHONES, city.now(), seat_id="802"),
        Alert(2, AlertKind.TWO_PHONES, city.now(), seat_id="801"),
        Alert(3, AlertKind.LATE_ANSWER, city.now(), seat_id="801"),
    ]
    status, told, _ = await mine.ask(f"{HERE}/801/heartbeat", "POST", json={})
    assert (status, told["seat"]["id"], city.beats["801"]) == (200, "801", 1)
    [notice] = told["notices"]
    assert notice["kind"] == "two_phones"
    assert notice["message_zh"].startswith("另一部话机")
    assert "Another telephone" in notice["message"]
    _, seen, _ = await mine.ask(f"{HERE}/801")
    assert (seen, city.beats["801"]) == (told, 1)


async def test_nobody_speaks_for_another_seats_desktop(
    city: City, mine: Caller, supervisor: Caller
) -> None:
    for path, method in (("802", "GET"), ("802/heartbeat", "POST"), ("802/wrap_up", "POST")):
        more = {} if method == "GET" else {"json": {"extra_s": 60} if "wrap" in path else {}}
        assert await mine.refused(f"{HERE}/{path}", method, **more) == (403, "role-refused")
    beat = await supervisor.refused(f"{HERE}/801/heartbeat", "POST", json={})
    assert beat == (403, "role-refused")
    assert not city.beats


async def test_wrap_up_is_extended_where_there_is_one(city: City, mine: Caller) -> None:
    path = f"{HERE}/801/wrap_up"
    refused = await mine.refused(path, "POST", json={"extra_s": 60})
    assert refused == (409, "not-wrapping-up")
    city.put(CITY, "801", SeatState.WRAP_UP)
    status, told, _ = await mine.ask(path, "POST", json={"extra_s": 60})
    assert (status, told["seat"]["state"]) == (200, "wrap_up")
    assert told["ends_at"] > told["seat"]["since"]
    for wrong in ({"extra_s": 0}, {"extra_s": "x"}, {}):
        assert await mine.refused(path, "POST", json=wrong) == (422, "invalid")


async def test_the_page_beats_and_sets_its_state(city: City, mine: Caller, page: Page) -> None:
    await open_page(page, mine)
    state = page.locator("#state")
    await expect(state).to_have_text("空闲")
    await page.select_option("#reason", "meal")
    await page.locator("#pause").click()
    await expect(state).to_have_text("示忙 · 用餐")
    await page.locator("#ready").click()
    await expect(state).to_have_text("空闲")
    city.put(CITY, "801", SeatState.WRAP_UP)  # a talk ended: told by the next beat
    await expect(state).to_have_text("整理")
    await page.locator("#more").click()
    await expect(page.locator("#said")).to_contain_text("已延长")
    await page.locator("#done").click()
    await expect(state).to_contain_text("示忙")
    assert city.beats["801"] > 3


async def test_the_page_tells_of_a_second_telephone_until_it_is_gone(
    city: City, mine: Caller, page: Page
) -> None:
    city.open_alerts[CITY] = [Alert(2, AlertKind.TWO_PHONES, city.now(), seat_id="801")]
    await open_page(page, mine)
    await expect(page.locator("#notices")).to_contain_text("另一部话机也用您的账号登录了")
    city.open_alerts[CITY] = []
    await expect(page.locator("#notices")).to_be_hidden()


async def test_the_page_leads_its_talk_and_fits_the_screens(city: City, page: Page) -> None:
    parties = [TalkParty("first", "801"), TalkParty("third", "802")]
    since = city.now() - timedelta(seconds=70)
    talks = FakeTalks([TalkView("n-1.1", "12333", "801", "consulting", since, parties, "BUSY")])
    city.talking = talks
    city.put(CITY, "801", SeatState.TALKING)
    city.open_alerts[CITY] = [Alert(2, AlertKind.TWO_PHONES, city.now(), seat_id="801")]
    async with served(city) as nobody:
        await open_page(page, nobody.having(city.token(Role.SEAT, seat_id="801")))
        await expect(page.locator("#talk-state")).to_contain_text("咨询中")
        await expect(page.locator("#talk-line")).to_have_text("12333 人社")
        await expect(page.locator("#failed")).to_contain_text("对方忙")
        for name, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            assert not await page.evaluate(WIDER), name
        await page.locator('[data-verb="consult"]').click()
        await expect(page.locator("#said")).to_contain_text("请填写对象")
        await page.select_option("#kind", "queue")
        await page.fill("#target", "main")
        await page.locator('[data-verb="transfer"]').click()
        await expect(page.locator("#target")).to_have_value("")
        await page.locator('[data-verb="complete"]').click()
        urgent = page.locator('[data-verb="emergency"]').first
        await urgent.click()
        await expect(urgent).to_be_enabled()
        await page.goto("about:blank")
    assert [(verb, target) for _, verb, target in talks.asked] == [
        (TalkVerb.TRANSFER, TalkTarget("queue", "main")),
        (TalkVerb.COMPLETE, None),
        (TalkVerb.EMERGENCY, TalkTarget("number", "110")),
    ]
