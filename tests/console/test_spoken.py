"""The morning list: who may see, hear, correct and submit what; and its page in a real browser."""

import wave
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from console.ports import Role
from tests.console.conftest import Caller
from tests.console.fakes import CITY, City
from tickets import life
from tickets.errors import UnknownTicket
from tickets.life import Actor
from tickets.model import Kind
from tickets.review import Correction, SpokenCase, StaleVersion
from tickets.spoken import Question, Review, SpokenAnswer, SpokenWord

AT = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
VOICE = "recordings/requests/2026/11/21/n-1.7-1.wav"
PATH = f"/api/v1/tenants/{CITY}/spoken"


def word(text: str, begin_s: float, end_s: float, confidence: float = 0.97) -> SpokenWord:
    return SpokenWord(text, begin_s, end_s, confidence)


WORDS = (
    word("投诉", 0.2, 0.6),
    *(word("青秀区", 0.8, 1.1), word("民族大道", 1.1, 1.6, 0.4)),
    *(word("路灯", 1.8, 2.2), word("坏", 2.2, 2.4), word("了", 2.4, 2.6)),
)


def answered(
    question: Question, value: str, label: str, words: tuple[SpokenWord, ...], **more: object
) -> SpokenAnswer:
    """An answer with its place in the recording."""
    given = SpokenAnswer(
        question, value, label, 0.8, words=words, recording=VOICE,
        begin_s=words[0].begin_s if words else 2.7, end_s=words[-1].end_s if words else 2.9,
    )  # fmt: skip
    return replace(given, **more)  # type: ignore[arg-type] # names are the dataclass's own


ANSWERS = (
    answered(Question.KIND, "complaint", "投诉", WORDS[:1]),
    answered(Question.PLACE, "450103", "民族大道", WORDS[1:3]),
    answered(Question.MATTER, "040101", "路灯", WORDS[3:], because=("路灯",)),
    answered(Question.CONFIRM, "", "", ()),
)


def case(number: str, language: str = "cmn", **changed: object) -> SpokenCase:
    """A spoken request that nobody has looked at."""
    made = SpokenCase(
        CITY, number, f"n-1.{number}", AT, language, "complaint", "民族大道", "450103", "040101",
        0.8, "路灯坏了", "+8613800138000", "", False, (Review.UNCONFIRMED, Review.UNSURE), ANSWERS,
        VOICE, True, 1,
    )  # fmt: skip
    return replace(made, **changed)  # type: ignore[arg-type] # names are the dataclass's own


class Cases:
    """The morning list in memory."""

    def __init__(self, *cases: SpokenCase) -> None:
        self.cases = {one.number: one for one in cases}
        self.submitted: list[tuple[str, Correction, Actor]] = []

    async def waiting(
        self, tenant: str, *, languages: Collection[str] | None, limit: int, after: str
    ) -> Sequence[SpokenCase]:
        found = [
            one
            for number, one in sorted(self.cases.items())
            if one.open and number > after and (languages is None or one.language in languages)
        ]
        return found[:limit]

    async def case(self, tenant: str, number: str) -> SpokenCase:
        if number not in self.cases:
            raise UnknownTicket(number)
        return self.cases[number]

    async def submit(
        self, tenant: str, number: str, version: int, correction: Correction, *, by: Actor
    ) -> SpokenCase:
        found = self.cases[number]
        if found.version != version:
            raise StaleVersion(number)
        self.submitted.append((number, correction, by))
        done = replace(found, open=False, version=version + 1, corrected=correction)
        self.cases[number] = done
        return done


@pytest.fixture
def cases(city: City, tmp_path: Path) -> Cases:
    """Three requests, one in Zhuang; their voice is three seconds long."""
    file = tmp_path / "voice.wav"
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 8000 * 3))
    city.audio[VOICE] = file
    made = Cases(case("261121000001"), case("261121000002", "za"), case("261121000003"))
    city.spoken = made
    return made


async def test_supervisors_see_all_and_seats_their_languages(
    cases: Cases, city: City, supervisor: Caller, nobody: Caller
) -> None:
    _, told, _ = await supervisor.ask(PATH)
    assert [one["number"][-1] for one in told["requests"]] == ["1", "2", "3"]
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    _, told, _ = await seat.ask(PATH)
    assert [one["number"][-1] for one in told["requests"]] == ["1", "3"]
    _, told, _ = await seat.ask(f"{PATH}?limit=1&after=261121000001")
    assert [one["number"][-1] for one in told["requests"]] == ["3"]
    assert told["next_after"] == "261121000003"
    assert await seat.refused(f"{PATH}/261121000002") == (404, "unknown-ticket")
    assert await seat.refused(f"{PATH}/261121000002/audio/0") == (404, "unknown-ticket")


async def test_a_wallboard_and_strangers_see_nothing(
    cases: Cases, wall: Caller, nobody: Caller
) -> None:
    for path in (PATH, f"{PATH}/261121000001", f"{PATH}/261121000001/audio/0"):
        assert await wall.refused(path) == (403, "role-refused")
        assert await nobody.refused(path) == (401, "token-missing")


async def test_every_word_has_its_place_in_the_recording(cases: Cases, supervisor: Caller) -> None:
    _, told, _ = await supervisor.ask(f"{PATH}/261121000001")
    request = told["request"]
    assert request["audio"] == [f"{PATH}/261121000001/audio/0"]
    assert request["answers"][1]["words"][1] == ["民族大道", 1.1, 1.6, 0.4]
    assert {answer["part"] for answer in request["answers"]} == {0}


async def test_audio_in_ranges(cases: Cases, supervisor: Caller) -> None:
    path = f"{PATH}/261121000001/audio/0"
    status, sound, headers = await supervisor.ask(path, headers={"Range": "bytes=0-43"})
    assert (status, len(sound), headers["Content-Type"]) == (206, 44, "audio/wav")
    assert await supervisor.refused(path, headers={"Range": "bytes=999999-"}) == (416, "bad-range")
    assert await supervisor.refused(f"{PATH}/261121000001/audio/1") == (404, "no-audio")


async def test_submitting_takes_it_off_the_list_once(cases: Cases, supervisor: Caller) -> None:
    path = f"{PATH}/261121000001"
    wish = {"version": 1, "kind": "help", "place": "长湖路", "text": "路灯不亮"}
    status, told, _ = await supervisor.ask(path, "POST", json=wish)
    assert (status, told["request"]["open"]) == (200, False)
    (number, correction, by) = cases.submitted[0]
    assert by.role is life.Role.SUPERVISOR
    assert number == "261121000001"
    assert (correction.kind, correction.place) == (Kind.HELP, "长湖路")
    assert await supervisor.refused(path, "POST", json=wish) == (409, "stale-version")
    assert await supervisor.refused(path, "POST", json={"version": 2, "kind": "x"}) == (
        422,
        "invalid",
    )
    assert len(cases.submitted) == 1


LIT = """() => {
  const page = document.documentElement;
  page.dataset.lit = 0;
  new MutationObserver(() => {
    page.dataset.lit = Math.max(page.dataset.lit, document.querySelectorAll(".word.now").length);
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["class"] });
}"""
"""Remembers how many words were lit at once: each for less than half a second."""


async def open_page(page: Page, caller: Caller, token: str) -> None:
    await page.goto(f"{caller.base}/spoken#token={token}")
    await expect(page.locator("#board")).to_be_visible()


async def test_a_seat_listens_corrects_and_submits(
    cases: Cases, city: City, nobody: Caller, page: Page
) -> None:
    """Words light up as they are said; what is corrected is sent, and the next one is opened."""
    await open_page(page, nobody, city.token(Role.SEAT, seat_id="801"))
    rows = page.locator("#requests li[data-number]")
    await expect(rows).to_have_count(2)
    await rows.first.click()
    await expect(page.locator("#number")).to_have_text("261121000001")
    await expect(page.locator("#answers > li")).to_have_count(4)
    await expect(page.locator(".word.unsure")).to_have_text("民族大道")
    await expect(page.locator("#clock")).to_have_text("0:00 / 0:03")
    await page.evaluate(LIT)
    await page.locator(".word", has_text="坏").click()  # plays from there
    lit = page.locator("html")
    await expect(lit).not_to_have_attribute("data-lit", "0")
    await expect(lit).to_have_attribute("data-lit", "1")  # one word at a time
    await page.fill("#place", "长湖路")
    await page.select_option("#kind", "help")
    await page.click("#submit")
    await expect(page.locator("#said")).to_contain_text("已提交")
    await expect(page.locator("#number")).to_have_text("261121000003")
    assert cases.submitted[0][1].place == "长湖路"
    assert cases.submitted[0][1].callback == "+8613800138000"


async def test_the_next_request_before_the_voice_began_is_no_failure(
    cases: Cases, city: City, nobody: Caller, page: Page
) -> None:
    """A browser tells a play that is stopped too early as an error: nothing for anybody to read."""
    await open_page(page, nobody, city.token(Role.SUPERVISOR))
    await page.locator("#requests li[data-number]").first.click()
    await expect(page.locator("#clock")).to_have_text("0:00 / 0:03")
    await page.evaluate(
        """() => {
          document.querySelector(".word").click();
          document.querySelectorAll("#requests li[data-number]")[2].click();
        }"""
    )
    await expect(page.locator("#number")).to_have_text("261121000003")
    await expect(page.locator("#clock")).to_have_text("0:00 / 0:03")
    await expect(page.locator("#said")).to_be_empty()


async def test_somebody_else_was_quicker(
    cases: Cases, city: City, nobody: Caller, page: Page
) -> None:
    await open_page(page, nobody, city.token(Role.SUPERVISOR))
    await page.locator("#requests li[data-number]").first.click()
    await expect(page.locator("#number")).to_have_text("261121000001")
    cases.cases["261121000001"] = case("261121000001", version=5)
    await page.click("#submit")
    await expect(page.locator("#said.failed")).to_contain_text("已被他人修改")
    assert cases.submitted == []


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768)])
async def test_nothing_is_cut_off_on_usual_screens(
    cases: Cases, city: City, nobody: Caller, page: Page, width: int, height: int
) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    await open_page(page, nobody, city.token(Role.SUPERVISOR))
    await page.locator("#requests li[data-number]").first.click()
    await expect(page.locator("#clock")).to_have_text("0:00 / 0:03")
    wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await page.evaluate(wider)
    outside = """() => [...document.querySelectorAll("main button, main input, main textarea")]
      .filter((part) => part.getBoundingClientRect().right > innerWidth).length"""
    assert await page.evaluate(outside) == 0
    below = """() => document.querySelector("#callback").getBoundingClientRect().bottom
      - document.querySelector("#submit").getBoundingClientRect().top"""
    assert await page.evaluate(below) <= 0, "the last field is hidden until somebody scrolls"


async def test_nothing_to_check_says_so(city: City, nobody: Caller, page: Page) -> None:
    await open_page(page, nobody, city.token(Role.SUPERVISOR))
    await expect(page.locator("#nothing")).to_contain_text("没有待复核")
