"""After hours a caller speaks and a ticket stands: real SIP, real Asterisk, a real recogniser."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from recordings.wav import wav_length_s
from simulator.citizens import Citizen
from simulator.phones import Phone
from tests.e2e.books import PLACED, as_long, call_of, recording_of, rows
from tests.e2e.callbacks import telephone
from tests.e2e.installation import TENANTS, Installation
from tests.e2e.prompts import brief_cache
from tests.e2e.speaking import (
    KIND,
    MATTER,
    PAUSE_S,
    PLACE,
    RIGHT,
    YES,
    Talk,
    said,
    speaks,
    spoken_of,
)
from tests.servers import wait_until

FIRE_BRIGADE = telephone()
CONFIG = f"""{TENANTS}dial = "{FIRE_BRIGADE}"

[[outbound]]
number = "119"
trunk = "carrier"
"""


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """Nobody is at work; prompts are soon over, the dialplan waits long for an engine; the
    trunk leads to the fire brigade."""
    with Installation(CONFIG, speech="vosk", cache=brief_cache(), agi_tries=120) as installation:
        installation.cli("hours", "set", "closed")
        wait_until(lambda: speaks(installation), seconds=60, what="a recogniser")
        yield installation


async def test_what_a_caller_says_becomes_his_ticket(hotline: Installation) -> None:
    """Kind, place, matter, number and yes by voice: the ticket has them word for word, the
    recordings are as long as the call, and the log has neither his number nor his words."""
    for placed in range(1, PLACED + 1):
        caller = f"1380000401{placed}"
        talk = Talk(hotline, caller)
        async with Citizen(caller, hotline.sip).dial("12345") as call:
            await call.answered()
            await talk.answer(call, KIND, PLACE, MATTER, YES, RIGHT)
            outcome = await call.ended(within_s=120)
        assert outcome.ended_by == "hotline"
        ticket = hotline.ticket_of(caller)
        assert (ticket["origin"], ticket["confirmed"]) == ("voice_request", True)
        assert ticket["facts"]["kind"] == "complaint"
        told = spoken_of(hotline, ticket["number"])
        assert [a["text"] for a in told["answers"]] == [KIND, PLACE, MATTER, YES, RIGHT]
        place = (told["place"], told["place_code"])
        assert (told["kind"], place) == ("complaint", (PLACE, "450103"))
        assert told["text"] == MATTER
        assert told["callback"] == f"+86{caller}"
        assert told["confirmed"]
        ends = [word[2] for answer in told["answers"] for word in answer["words"]]
        assert ends == sorted(ends)
        call_id = call_of(hotline.home, caller)["call_id"]
        log = (hotline.home / "log" / "engine.log").read_text()
        assert call_id in log
        assert not [secret for secret in (caller, MATTER[:2], PLACE[:3]) if secret in log]
        voice_s = wav_length_s(hotline.home / ticket["voice_path"])
        assert abs(voice_s - ticket["voice_s"]) <= 0.2
        file = ticket["voice_path"]
        checked = rows(hotline.home, "SELECT * FROM recordings WHERE path = ?", file)
        assert checked[0]["expected_s"] == pytest.approx(voice_s, abs=0.2)
        recording = await asyncio.to_thread(recording_of, hotline.home, call_id)
        if as_long(recording, placed):
            break


async def test_an_engine_killed_while_he_speaks_loses_no_word(hotline: Installation) -> None:
    """SIGKILL in the middle of what happened: the next engine asks again, the ticket has both."""
    caller = "13800004002"
    talk = Talk(hotline, caller)
    async with Citizen(caller, hotline.sip).dial("12345") as call:
        await call.answered()
        await talk.answer(call, KIND, PLACE)
        await talk.has(2)
        engine = await asyncio.to_thread(hotline.part, "engine")
        await talk.goes_on(call, MATTER, 3.0)
        engine.kill()
        call.say(b"")
        await asyncio.to_thread(
            hotline.wait, lambda: speaks(hotline), "the next engine", seconds=120
        )
        second = "recordings/requests/*/*/*/*-2.wav"
        await asyncio.to_thread(
            hotline.wait,
            lambda: any(hotline.home.glob(second)),
            "his second recording",
            seconds=120,
        )
        await call.hear(0.4, within_s=60)  # we were interrupted, let us go on
        await talk.answer(call, MATTER, YES, RIGHT, first=2)
        await call.ended(within_s=120)
    ticket = hotline.ticket_of(caller)
    told = spoken_of(hotline, ticket["number"])
    found = (told["kind"], told["place"], told["text"])
    assert found == ("complaint", PLACE, MATTER), json.dumps(told["answers"], ensure_ascii=False)
    broken = [a for a in told["answers"] if a["question"] == "broken"]
    assert len(broken) == 1
    assert broken[0]["end_s"] - broken[0]["begin_s"] > 1.0
    assert len(told["audio"]) == 2


async def test_who_hangs_up_while_the_engine_is_dead_has_his_ticket(hotline: Installation) -> None:
    caller = "13800004003"
    talk = Talk(hotline, caller)
    async with Citizen(caller, hotline.sip).dial("12345") as call:
        await call.answered()
        await talk.answer(call, KIND, PLACE)
        await talk.has(2)
        engine = await asyncio.to_thread(hotline.part, "engine")
        await talk.goes_on(call, MATTER, 3.0)
        engine.kill()
        call.hang_up()
        await call.ended()
    await asyncio.to_thread(hotline.wait, lambda: speaks(hotline), "the next engine", seconds=120)
    number = hotline.ticket_of(caller)["number"]

    def told_whole() -> bool:
        return bool(spoken_of(hotline, number)["kind"] == "complaint")

    await asyncio.to_thread(hotline.wait, told_whole, "what was answered", seconds=120)
    ticket = hotline.ticket_of(caller)
    assert ticket["voice_path"].endswith("-1.wav")
    assert ticket["voice_s"] > 3
    told = spoken_of(hotline, number)
    assert told["place"] == PLACE
    assert "unconfirmed" in told["review"]


async def test_a_word_of_danger_connects_at_once(hotline: Installation) -> None:
    """着火了, said to the first question: the fire brigade rings, sees who calls, and has him; what
    he said is a ticket that is called back first."""
    caller = "13800004004"
    talk = Talk(hotline, caller)
    async with Phone(FIRE_BRIGADE) as brigade, Citizen(caller, hotline.sip).dial("12345") as call:
        await call.answered()
        await talk.has(0)
        call.say(await asyncio.to_thread(said, "着火了"))
        rang = await brigade.wait_for("rang")
        assert rang.values[1] == "119"
        assert caller in rang.values[2]
        brigade.answer(rang)
        talked = await brigade.wait_for("answered")
        call.say(said(MATTER))
        await brigade.hear(0.5)
        await brigade.hang_up(talked)
        await call.ended(within_s=90)
    ticket = hotline.ticket_of(caller)
    assert ticket["first_callback"]
    told = spoken_of(hotline, ticket["number"])
    assert "着火" in told["danger"]
    assert told["review"][0] == "danger"
    assert call_of(hotline.home, caller)["outcome"] == "transferred"


async def test_a_citizen_says_the_digits_of_his_ticket(hotline: Installation) -> None:
    """Self-service after hours: 5, then the last four digits by voice, from his own telephone."""
    caller = "13800004009"
    hotline.cli("hours", "set", "open")
    try:
        async with Citizen(caller, hotline.sip).dial("12345") as call:
            await call.answered()
            await call.hear(0.1)  # a key that comes before the first word is lost
            call.press("0")
            await asyncio.to_thread(
                hotline.wait, lambda: hotline.board()["waiting"] == 1, "his place", seconds=60
            )
            call.hang_up()
            await call.ended()
    finally:
        hotline.cli("hours", "set", "closed")
    number = (await asyncio.to_thread(hotline.ticket_of, caller))["number"]
    asked = "recordings/requests/*/*/*/*-9.wav"  # the question is being asked
    before = len(list(hotline.home.glob(asked)))
    async with Citizen(caller, hotline.sip).dial("12345") as call:
        await call.answered()
        await call.hear(0.1)
        call.press("5")
        await asyncio.to_thread(
            hotline.wait, lambda: len(list(hotline.home.glob(asked))) > before, "the question"
        )
        digits = "".join("零幺二三四五六七八九"[int(digit)] for digit in number[-4:])
        voice = await asyncio.to_thread(said, digits)
        await asyncio.sleep(PAUSE_S)
        call.say(voice)
        log = hotline.home / "log" / "engine.log"
        await asyncio.to_thread(
            hotline.wait,
            lambda: any(
                "self_service" in line and number in line for line in log.read_text().splitlines()
            ),
            "how his ticket stands",
            seconds=60,
        )
        call.hang_up()
        await call.ended()
