"""The page of those who handle tickets, in a real browser over a real store."""

import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Locator, Page, expect

from console.ports import Role
from tests.console.fakes import CITY
from tests.console.ticket_house import HERE_PATH, LAMP, Person, TicketHouse, ticket_house
from tests.storage.facts import call_facts, new_ticket
from tickets.follow_up import FollowUp, FollowUpState
from tickets.model import Origin

LAMPS = "lighting"
SIZES = [(1920, 1080), (1366, 768)]
CUT_OFF = """() => {
  const found = [], wide = document.documentElement;
  if (wide.scrollWidth > wide.clientWidth) found.push("the page is wider than the window");
  for (const part of document.querySelectorAll("header *, main *")) {
    const box = part.getBoundingClientRect();
    if (!box.width || part.closest("option, optgroup, .unseen")) continue;
    const name = `${part.tagName}.${part.className} ${part.textContent.slice(0, 20)}`;
    if (box.right > innerWidth + 1) found.push(`beyond the window: ${name}`);
    const card = part.closest(".card")?.getBoundingClientRect();
    if (card && box.right > card.right + 1) found.push(`beyond its card: ${name}`);
    const style = getComputedStyle(part);
    const own = [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (own && parseFloat(style.fontSize) < 12) found.push(`${style.fontSize}: ${name}`);
    const clips = style.overflowX !== "visible" || part.tagName === "BUTTON";
    const cut = clips && part.scrollWidth > part.clientWidth + 1 && part.clientWidth;
    if (cut && style.textOverflow !== "ellipsis") found.push(`cut: ${name}`);
  }
  return found;
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def house(sqlite_url: str) -> AsyncIterator[TicketHouse]:
    """A city whose tickets are real."""
    async with ticket_house(sqlite_url) as made:
        yield made


async def enter(page: Page, person: Person, query: str = "") -> None:
    """The page as this person sees it."""
    await page.goto("about:blank")  # with a new fragment alone nothing would be loaded
    await page.goto(f"{person.caller.base}/tickets{query}#token={person.caller.token}")
    await expect(page.locator("#board")).to_be_visible()
    await expect(page.locator("#page")).to_contain_text("第")


async def show(page: Page, number: str) -> None:
    """One of the list."""
    await page.click(f'#rows [data-number="{number}"]')
    await expect(page.locator("#one .number")).to_have_text(number)


async def begin(page: Page, event: str) -> Locator:
    """The form of an event."""
    await page.click(f'#acts button[data-event="{event}"]')
    form = page.locator(f'#acts form[data-event="{event}"]')
    await expect(form).to_be_visible()
    return form


async def done(page: Page, event: str) -> None:
    """Sent, and what it led to is in the timeline."""
    await page.click("#acts .submit")
    await expect(page.locator(f'.timeline > [data-event="{event}"]')).to_be_visible()


async def taken(house: TicketHouse, **more: Any) -> str:
    """A ticket's number."""
    number: str = (await house.seat.take(**more))["ticket"]["number"]
    return number


async def test_from_the_form_to_the_archive(house: TicketHouse, page: Page) -> None:
    """Taken at a desk, dispatched as suggested, signed, replied to, passed, and found good."""
    await enter(page, house.seat)
    await page.click("#new")
    form = page.locator('form[data-event="taken"]')
    for name, words in (
        ("title", "路灯不亮"), ("text", LAMP["text"]), ("place", "翠竹园小区"),
        ("requester", "张先生"), ("phone", "13812345678"),
    ):  # fmt: skip
        await form.locator(f'[name="{name}"]').fill(str(words))
    await form.locator('[name="kind"]').select_option("complaint")
    await form.locator('[name="urgency"]').select_option("urgent")
    await form.locator('[name="class_code"]').select_option("040201")
    await form.locator('[name="place_code"]').select_option("450103")
    await form.locator(".submit").click()
    await expect(page.locator("#title")).to_have_text("路灯不亮")
    number = await page.locator("#one .number").inner_text()
    await expect(page.locator(".facts")).to_contain_text("公共服务 / 市政设施 / 路灯故障")
    await expect(page.locator(".facts")).to_contain_text("青秀区")
    first = number

    await page.click("#new")
    await form.locator('[name="text"]').fill("翠竹园小区门口的路灯不亮,上次打官司了,现在着火了")
    await form.locator('[name="place"]').fill("翠竹园小区")
    for words in (first, "疑似重复", "119", "可能不予受理"):
        await expect(form.locator(".hints")).to_contain_text(words)
    await form.locator('[name="text"]').fill("")
    await form.locator('[name="place"]').fill("")
    await expect(form.locator(".hints > li")).to_have_count(0)

    await enter(page, house.reviewer, f"?ticket={number}")
    await expect(page.locator("#title")).to_have_text("路灯不亮")
    form = await begin(page, "dispatched")
    await expect(form.locator(".offer").first).to_contain_text("分类")
    await form.locator(".offer", has_text="城市照明管理处").first.click()
    await form.locator('[name="co_units"]').fill("公安局")
    await form.locator('[name="co_units"]').press("Enter")
    await expect(form.locator(".taken")).to_contain_text("公安局")
    await done(page, "dispatched")
    await expect(page.locator(".owner")).to_contain_text("城市照明管理处")

    await enter(page, house.unit(LAMPS))
    await expect(page.locator("#inbox-count")).to_have_text("1")
    await show(page, number)
    await expect(page.locator('.clock[data-clock="sign"] .track')).to_be_visible()
    await begin(page, "signed")
    await done(page, "signed")
    await expect(page.locator(".not-now").first).to_contain_text("请先登记联系市民")
    form = await begin(page, "contacted")
    await form.locator('[name="how"]').fill("电话")
    await done(page, "contacted")
    form = await begin(page, "replied")
    await form.locator('[name="reply"]').fill("已更换灯泡")
    await form.locator('[name="public_reply"]').fill("已修复")
    photo = b"\xff\xd8\xff a lamp that shines"
    await form.locator('[name="evidence"]').set_input_files(
        [FilePayload(name="灯.jpg", mimeType="image/jpeg", buffer=photo)]
    )
    await expect(form.locator(".taken")).to_contain_text("灯.jpg")
    await done(page, "replied")
    await expect(page.locator(".reply")).to_contain_text("已更换灯泡")
    async with page.expect_download() as saving:
        await page.click(".proofs button")
    assert Path(await (await saving.value).path()).read_bytes() == photo

    await enter(page, house.reviewer, f"?ticket={number}")
    await begin(page, "reply_passed")
    await done(page, "reply_passed")
    await enter(page, house.seat, f"?ticket={number}")
    form = await begin(page, "satisfied")
    await form.locator('[name="solved"]').select_option("true")
    await form.locator('[name="satisfied"]').select_option("true")
    await done(page, "satisfied")
    await expect(page.locator(".number-line .state")).to_contain_text("已归档")
    life = (await house.reviewer.sees(number))["life"]
    assert (life["state"], life["co_units"]) == ("ARCHIVED", ["police"])
    told = await house.reviewer.asks(f"tickets/{number}/history")
    assert [one["event"] for one in told["events"]] == [
        "created", "submitted", "dispatched", "signed", "contacted", "replied", "reply_passed",
        "satisfied",
    ]  # fmt: skip
    assert told["events"][-1]["data"] == {"solved": True, "satisfied": True}


async def test_somebody_was_faster_and_what_was_written_stays(
    house: TicketHouse, page: Page
) -> None:
    """The ticket is read again, the form keeps its words, and then it can be sent."""
    number = await taken(house)
    await enter(page, house.reviewer, f"?ticket={number}")
    form = await begin(page, "dispatched")
    await form.locator('[name="lead"]').fill("城市照明管理处")
    await form.locator('[name="reason"]').fill("属照明设施")
    await house.supervisor.tells(number, "supervised", reason="涉及安全")
    await form.locator(".submit").click()
    await expect(page.locator("#said.failed")).to_contain_text("已重新加载")
    await expect(page.locator('.timeline > [data-event="supervised"]')).to_be_visible()
    await expect(form.locator('[name="reason"]')).to_have_value("属照明设施")
    await done(page, "dispatched")
    form = await begin(page, "reassigned")
    await form.locator('[name="lead"]').fill("城市管理局")
    await form.locator('[name="reason"]').fill("职责")
    await house.seat.tells(number, "withdrawn", code="市民要求")
    await form.locator(".submit").click()
    await expect(page.locator("#said.failed")).to_contain_text("不再适用")
    await expect(form).to_have_count(0)
    assert (await house.reviewer.sees(number))["state"] == "WITHDRAWN"


async def test_what_is_refused_is_told_in_a_sentence_and_nothing_is_lost(
    house: TicketHouse, page: Page
) -> None:
    number = await taken(house)
    await enter(page, house.reviewer)
    await page.fill("#q", "灯")
    await page.press("#q", "Enter")
    await expect(page.locator("#said.failed")).to_contain_text("请至少输入两个字")
    await page.fill("#q", "")
    await show(page, number)
    form = await begin(page, "dispatched")
    await form.locator('[name="lead"]').fill("没有的局")
    await form.locator(".submit").click()
    assert not await form.locator('[name="lead"]').evaluate("part => part.validity.valid")
    await form.locator('[name="lead"]').fill("城市照明管理处")
    where = f"**{HERE_PATH}/tickets/{number}/events"
    await page.route(where, lambda route: route.abort())
    await form.locator(".submit").click()
    await expect(form.locator(".refused")).to_contain_text("连接不上服务器")
    await page.unroute(where)
    await page.route(
        where,
        lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad</h1>"),
    )
    await form.locator(".submit").click()
    await expect(form.locator(".refused")).to_contain_text("502")
    await page.unroute(where)
    await done(page, "dispatched")
    form = await begin(page, "reassigned")
    await form.press("Escape")
    await expect(form).to_have_count(0)
    await expect(page.locator('#acts [data-event="reassigned"]')).to_be_focused()


async def test_each_role_sees_and_may_what_is_its_own(house: TicketHouse, page: Page) -> None:
    mine, other = await taken(house), await taken(house, title="另一件", text="请拨13812345678")
    await house.reviewer.tells(mine, "dispatched", lead=LAMPS)
    await house.reviewer.tells(other, "dispatched", lead="urban")
    await enter(page, house.unit(LAMPS), f"?ticket={other}")
    await expect(page.locator("#rows .row")).to_have_count(1)
    await expect(page.locator("#unit")).to_be_disabled()
    await expect(page.locator("#new")).to_be_hidden()
    await expect(page.locator("#said.failed")).to_contain_text("不属于贵单位")
    await page.click("#inbox")
    await (
        page.locator("#notices li").filter(has_text=mine).locator("button", has_text="知悉").click()
    )
    await expect(page.locator("#notices")).to_contain_text("没有未读通知")
    await enter(page, house.person(Role.AUDITOR), f"?ticket={other}")
    await expect(page.locator("#acts")).to_contain_text("没有可办事项")
    await expect(page.locator(".facts")).to_contain_text("张** 138****5678")
    await expect(page.locator(".matter .text")).to_have_text("请拨138****5678")
    await enter(page, house.person(Role.LEADER), f"?ticket={other}")
    await expect(page.locator('#acts [data-event="instructed"]')).to_be_visible()
    await expect(page.locator('#acts [data-event="signed"]')).to_have_count(0)


async def test_a_recording_is_heard_by_who_may(
    house: TicketHouse, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "call.wav"
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 8000))
    facts = call_facts("n-1.7", recording="/hotline/recordings/n-1.7.wav")
    new = new_ticket("n-1.7", facts=facts, at=house.clock.now(), origin=Origin.TALK)
    number = (await house.tickets.create(new)).number
    house.city.audio[f"recording-{number}"] = file
    await enter(page, house.supervisor, f"?ticket={number}")
    await page.locator(".sounds button").click()
    await expect(page.locator(".sounds audio")).to_be_visible()
    await expect(page.locator(".sounds audio")).to_have_js_property("duration", 1)
    del house.city.audio[f"recording-{number}"]
    await enter(page, house.supervisor, f"?ticket={number}")
    await page.locator(".sounds button").click()
    await expect(page.locator("#said.failed")).to_be_visible()
    await enter(page, house.reviewer, f"?ticket={number}")
    await expect(page.locator("#title")).to_be_visible()
    await expect(page.locator(".sounds button")).to_have_count(0)


async def test_it_finds_by_words_state_unit_and_limit_in_pages(
    house: TicketHouse, page: Page
) -> None:
    numbers = [await taken(house, title=f"第{n}件", text=f"诉求{n}") for n in range(31)]
    await house.reviewer.tells(numbers[0], "dispatched", lead=LAMPS)
    rows = page.locator("#rows .row")
    await enter(page, house.reviewer)
    await expect(rows).to_have_count(30)
    await expect(page.locator("#previous")).to_be_disabled()
    await page.click("#next")
    await expect(rows).to_have_count(1)
    await expect(page.locator("#page")).to_contain_text("第 2 页")
    await page.click("#previous")
    await expect(rows).to_have_count(30)
    await rows.first.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#one .number")).to_have_text(numbers[-2])
    await page.select_option("#state", "DISPATCHED")
    await expect(rows).to_have_count(1)
    await page.reload()
    await expect(rows).to_have_count(1)
    await expect(page.locator("#state")).to_have_value("DISPATCHED")
    await page.select_option("#due", "overdue")
    await expect(page.locator("#rows .none")).to_contain_text("没有符合条件的工单")
    house.clock.on(days=30)
    await page.reload()
    await expect(rows.locator(".due")).to_contain_text("■ 已超期")
    for words, found in (("诉求0", 1), ("诉求30", 0)):
        await page.fill("#q", words)
        await page.press("#q", "Enter")
        await expect(rows).to_have_count(found)
    await page.fill("#q", "")
    await page.select_option("#due", "")
    await page.select_option("#state", "")
    await house.supervisor.tells(numbers[0], "red_card", reason="逾期")
    await page.select_option("#card", "red_card")
    await expect(rows).to_have_count(1)
    await expect(rows.locator(".chip", has_text="红牌")).to_be_visible()
    await page.reload()
    await expect(page.locator("#card")).to_have_value("red_card")
    await expect(rows).to_have_count(1)
    await page.select_option("#unit", LAMPS)
    await expect(page.locator("#part")).to_be_enabled()


async def test_calls_to_the_citizen_and_other_houses_are_shown(
    house: TicketHouse, page: Page
) -> None:
    """What he said when he was phoned, and the number his ticket has elsewhere; a unit has no ear
    for the centre's calls."""
    number = await taken(house)
    await house.reviewer.tells(number, "dispatched", lead=LAMPS)
    call = FollowUp(
        CITY, number, 1, made_at=1_795_300_000, next_at=0, state=FollowUpState.UNSATISFIED,
        attempts=2, result="answered", solved=True, satisfied=False, ended_at=1_795_390_000,
    )  # fmt: skip
    house.city.followed_up[CITY] = [call, replace(call, number="1")]
    house.crossings[number] = [
        {"peer": "water", "way": "out", "their_number": "261123000007",
         "their_state": "IN_PROGRESS", "open": True}
    ]  # fmt: skip
    await enter(page, house.reviewer, f"?ticket={number}")
    shown = page.locator(".outside li")
    await expect(shown).to_have_count(2)
    await expect(shown.first).to_contain_text("不满意")
    await expect(shown.first).to_contain_text("已拨 2 次 · 上次：已接听 · 解决 是 · 满意 否")
    await expect(shown.last).to_contain_text("已转往 water")
    await expect(shown.last).to_contain_text("对方单号 261123000007 · 对方状态 办理中")
    assert await page.evaluate(CUT_OFF) == []
    await enter(page, house.unit(LAMPS), f"?ticket={number}")
    await expect(page.locator("#title")).to_be_visible()
    await expect(shown).to_have_count(0)


async def test_limits_parts_and_merged_ones_are_shown(house: TicketHouse, page: Page) -> None:
    """A bar from its beginning to its due date, with what it rested and its cards in words too."""
    main, same = await taken(house), await taken(house, text=str(LAMP["text"]))
    await house.reviewer.tells(same, "linked", main=main)
    await house.reviewer.tells(main, "dispatched", lead=LAMPS)
    unit = house.unit(LAMPS)
    await unit.tells(main, "signed")
    whole = await unit.tells(main, "handed_down", units=["police"])
    house.clock.on(days=2)
    await house.supervisor.tells(main, "long_term_set", reason="需年度计划", review_on="2026-12-20")
    await enter(page, house.supervisor)
    rests = page.locator(f'#rows [data-number="{main}"]')
    await expect(rests).to_contain_text("‖ 暂停计时")
    await expect(rests).to_contain_text("挂账")
    await show(page, main)
    await expect(page.locator('.clock[data-clock="finish"] .legend')).to_contain_text("恢复后顺延")
    house.clock.on(days=3)
    await house.supervisor.tells(main, "long_term_ended", reason="已列入计划")
    house.clock.on(days=30)
    await enter(page, house.reviewer, f"?ticket={main}")
    finish = page.locator('.clock[data-clock="finish"]')
    await expect(finish.locator(".track .rest")).to_have_count(1)
    await expect(finish.locator(".track .over")).to_be_visible()
    await expect(finish.locator(".legend")).to_contain_text("黄牌")
    await expect(finish.locator(".legend")).to_contain_text("暂停")
    await expect(page.locator(".clocks .ended")).to_contain_text("平台处理(挂账复查)")
    await expect(finish.locator(".stands")).to_contain_text("■ 已超期")
    label = await finish.locator(".track").get_attribute("aria-label")
    assert label is not None
    assert "超期" in label
    related = page.locator(".related")
    await expect(related).to_contain_text("子单")
    await expect(related.locator("li", has_text="已并入本单")).to_contain_text("张先生 13812345678")
    await related.locator("button", has_text=whole["parts"][0]).click()
    await expect(page.locator("#one .number")).to_have_text(whole["parts"][0])
    await page.locator(".related button", has_text=main).click()
    await expect(page.locator("#one .number")).to_have_text(main)
    await enter(page, unit, f"?ticket={main}")
    await expect(page.locator(".related")).to_contain_text(same)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_a_ticket_is_shown_as_it_was_after_each_step(
    house: TicketHouse, page: Page, width: int, height: int
) -> None:
    """Its state, words and way of then, with nothing to be done there, and back to now."""
    number = await taken(house, title="路灯不亮")
    await house.reviewer.tells(number, "dispatched", lead=LAMPS)
    unit = house.unit(LAMPS)
    await unit.tells(number, "signed")
    await unit.tells(number, "contacted", how="电话")
    await unit.tells(number, "replied", reply="已更换灯泡")
    await page.set_viewport_size({"width": width, "height": height})
    for person in (house.supervisor, unit):
        await enter(page, person, f"?ticket={number}")
        state, steps = page.locator("#one .number-line .state"), page.locator(".timeline > li")
        await expect(state).to_contain_text("反馈审核")
        assert await steps.first.get_attribute("data-event") == "replied"
        assert await steps.first.locator(".to-then").count() == 0, "that is now"
        await page.click('.timeline > [data-event="dispatched"] .to-then')
        await expect(page.locator(".then-told")).to_contain_text("并非现在")
        await expect(state).to_contain_text("已派单")
        assert await steps.first.get_attribute("data-event") == "dispatched"
        assert await page.locator(".replies .reply, #acts [data-event]").count() == 0
        assert await page.evaluate(CUT_OFF) == []
        await page.click("#acts .later")
        await expect(state).to_contain_text("办理中")
        for event in ("contacted", "replied"):
            await page.keyboard.press("Enter")  # where the keyboard is stays
            await expect(steps.first).to_have_attribute("data-event", event)
        await expect(page.locator(".replies")).to_contain_text("已更换灯泡")
        await expect(page.locator("#acts .later")).to_be_disabled()
        await page.click('.timeline > [data-event="dispatched"] .to-then')
        await expect(state).to_contain_text("已派单")
        await page.click("#acts .to-now")
        await expect(state).to_contain_text("反馈审核")
        await expect(page.locator(".then-told")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_nothing_is_cut_off_and_no_text_acts(
    house: TicketHouse, page: Page, width: int, height: int
) -> None:
    """Long words, script as a name, every form of a role: all of it fits, none of it acts."""
    evil = "<img src=x><b>alert(1)</b>" + "很长的标题" * 30
    number = await taken(house, title=evil, text=evil * 3, place=evil[:190], channel=evil[:30])
    await house.reviewer.tells(number, "dispatched", lead=LAMPS, urgency="critical", reason=evil)
    await house.seat.tells(number, "urged", reason="x" * 900)
    await house.seat.tells(number, "confided")
    await page.set_viewport_size({"width": width, "height": height})
    for person, events in (
        (house.unit(LAMPS), ("signed", "return_asked", "noted")),
        (house.reviewer, ("reassigned",)),
        (house.supervisor, ("supervised",)),
    ):
        await enter(page, person)
        assert await page.evaluate(CUT_OFF) == []
        await show(page, number)
        assert await page.evaluate(CUT_OFF) == []
        assert await page.evaluate("document.documentElement.scrollHeight") == height
        for event in events:
            form = await begin(page, event)
            await form.evaluate(
                "form => form.querySelectorAll('details').forEach((d) => d.open = true)"
            )
            assert await page.evaluate(CUT_OFF) == [], event
            await form.press("Escape")
    assert await page.locator("main img").count() == 0
    await expect(page.locator("#title")).to_contain_text("<img src=x")
    unit = house.unit(LAMPS)
    await unit.tells(number, "signed")
    await enter(page, unit, f"?ticket={number}")
    await expect(page.locator(".not-now").first).to_be_visible()
    assert await page.evaluate(CUT_OFF) == []
    await unit.tells(number, "contacted", how="电话")
    await enter(page, unit, f"?ticket={number}")
    form = await begin(page, "replied")
    photo = FilePayload(
        name="很长的名字" * 20 + ".jpg", mimeType="image/jpeg", buffer=b"\xff\xd8\xff"
    )
    await form.locator('[name="evidence"]').set_input_files([photo])
    await expect(form.locator(".taken .chip")).to_be_visible()
    assert await page.evaluate(CUT_OFF) == []
    await form.locator(".taken .chip").click(position={"x": 5, "y": 5})
    await expect(form.locator(".taken .chip")).to_have_count(0)
