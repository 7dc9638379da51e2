"""The engine dies while callers wait and talk: talks go on, places are kept, nobody is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest

from simulator.audio import speech_like
from simulator.citizens import Citizen, LiveCall
from simulator.seats import Account, Manners, Seats
from tests.e2e.books import call_of, rows
from tests.e2e.installation import Installation

VOICE = speech_like(120, "ulaw")


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """An installation whose dialplan waits a minute for its engine."""
    with Installation(agi_tries=60) as installation:
        installation.cli("hours", "set", "open")
        yield installation


@pytest.fixture(scope="module")
def accounts(hotline: Installation) -> list[Account]:
    """Two seats."""
    return [hotline.add_seat(number) for number in ("1001", "1002")]


@pytest.fixture
async def seats(hotline: Installation, accounts: list[Account]) -> AsyncIterator[Seats]:
    """Both at work; a talk lasts until somebody ends it."""
    manners = Manners(ring_s=0.2, talk_s=None)
    async with Seats(accounts, sip=hotline.sip, usual=manners) as seats:
        await _until(hotline, "both seats ready", _states("ready", 2))
        yield seats


def _states(state: str, count: int) -> dict[str, int]:
    return {state: count}


async def _until(hotline: Installation, what: str, wanted: dict[str, int]) -> None:
    def there() -> bool:
        return hotline.ready and all(
            hotline.board()["seats_by_state"][state] == n for state, n in wanted.items()
        )

    await asyncio.to_thread(hotline.wait, there, what, seconds=60)


async def _waiting(hotline: Installation, count: int) -> None:
    await asyncio.to_thread(
        hotline.wait,
        lambda: hotline.ready and hotline.board()["waiting"] == count,
        f"{count} waiting",
        seconds=60,
    )


async def _person_wanted(call: LiveCall) -> None:
    await call.answered()
    await call.hear(0.1)  # a key that comes before the first word is lost
    call.press("0")


async def test_talks_go_on_and_waiting_callers_are_served_in_their_order(
    hotline: Installation, seats: Seats
) -> None:
    """Two talk, two wait; SIGKILL. Both talks are heard on, the new engine serves the two who
    wait in their order, every call has one ticket and one row, no channel stays."""
    names = [f"1390000000{n}" for n in range(4)]
    calls = [Citizen(name, hotline.sip).dial("12345", voice=VOICE, loop=True) for name in names]
    async with calls[0] as one, calls[1] as two, calls[2] as three, calls[3] as four:
        for n, call in enumerate((one, two)):
            await _person_wanted(call)
            await _until(hotline, "the talk", _states("talking", n + 1))
        for n, call in enumerate((three, four)):
            await _person_wanted(call)
            await _waiting(hotline, n + 1)
        talks = [event for event in seats.events if event.word == "answered"]

        hotline.kill("engine")
        heard = one.heard_voice_s
        await asyncio.to_thread(
            hotline.wait, lambda: one.heard_voice_s > heard + 1.5, "the talk going on"
        )
        await _until(hotline, "both talks found again", _states("talking", 2))
        await _waiting(hotline, 2)
        assert hotline.ticket_of(names[0])["origin"] == "talk"

        for n, talk in enumerate(talks):
            seen = len(seats.events)
            seats.hang_up(talk)
            answered = await seats.wait_for("answered", seen=seen, within_s=30)
            assert answered.values[1] == talk.values[1]
            await asyncio.to_thread(hotline.ticket_of, names[2 + n])
        for call in (one, two):
            assert (await call.ended(within_s=40)).ended_by == "hotline"
        for call in (three, four):
            call.hang_up()
            await call.ended()
    for name in names:
        assert call_of(hotline.home, name)["outcome"] == "answered"
    assert len(rows(hotline.home, "SELECT 1 FROM tickets")) == 4
    assert len([e for e in seats.events if e.word == "rang"]) == 4, "nobody was queued again"
    hotline.no_channels_left()


async def test_a_talk_that_ends_without_an_engine_is_not_queued_again(
    hotline: Installation, seats: Seats
) -> None:
    """The talk ends while no engine is there; the next engine closes the books and the call."""
    caller = "13911110000"
    async with Citizen(caller, hotline.sip).dial("12345", voice=VOICE, loop=True) as call:
        await _person_wanted(call)
        talk = await seats.wait_for("answered")
        await asyncio.to_thread(hotline.ticket_of, caller)
        await asyncio.to_thread(hotline.supervisorctl, "stop", "engine")
        seats.hang_up(talk)
        await seats.wait_for("hung_up")
        await asyncio.to_thread(hotline.supervisorctl, "start", "engine")
        assert (await call.ended(within_s=40)).ended_by == "hotline"
    assert call_of(hotline.home, caller)["outcome"] == "answered"
    assert hotline.ticket_of(caller)["origin"] == "talk"
    assert len([e for e in seats.events if e.word == "rang"]) == 1
    hotline.no_channels_left()


async def test_a_caller_who_gives_up_without_an_engine_still_leaves_a_ticket(
    hotline: Installation,
) -> None:
    """He waited, the engine died, he hung up: the dialplan tells, the next engine knows."""
    caller = "13922220000"
    async with Citizen(caller, hotline.sip).dial("12345", voice=VOICE, loop=True) as call:
        await _person_wanted(call)
        await _waiting(hotline, 1)
        await asyncio.to_thread(hotline.supervisorctl, "stop", "engine")
        call.hang_up()
        await call.ended()
    await asyncio.to_thread(
        hotline.wait, lambda: any(hotline.home.glob("spool/incoming/*.json")), "the spool item"
    )
    await asyncio.to_thread(hotline.supervisorctl, "start", "engine")
    await asyncio.to_thread(hotline.wait, lambda: hotline.ready, "the engine", seconds=60)
    ticket = await asyncio.to_thread(hotline.ticket_of, caller)
    assert (ticket["origin"], ticket["callback_due"]) == ("abandoned", True)
    assert call_of(hotline.home, caller)["outcome"] == "abandoned"


async def test_killed_asterisk_comes_back_and_its_callers_have_tickets(
    hotline: Installation,
) -> None:
    """Asterisk itself is killed: its calls are gone, but who waited is called back."""
    caller = "13933330000"
    async with Citizen(caller, hotline.sip).dial("12345", voice=VOICE, loop=True) as call:
        await _person_wanted(call)
        await _waiting(hotline, 1)
        await asyncio.to_thread(hotline.kill, "asterisk")
        ticket = await asyncio.to_thread(hotline.ticket_of, caller)
        assert ticket["callback_due"]
    await asyncio.to_thread(hotline.wait, lambda: hotline.ready, "Asterisk", seconds=60)
    await asyncio.to_thread(hotline.wait, lambda: hotline.board()["waiting"] == 0, "nobody waiting")


async def test_a_power_cut_loses_nobody_who_only_waited(hotline: Installation) -> None:
    """Asterisk and engine are killed together: his channel is gone, nobody heard him leave. When
    both are back there is one ticket to call him back, and his row."""
    caller = "13900000077"
    async with Citizen(caller, hotline.sip).dial("12345", voice=VOICE, loop=True) as call:
        await _person_wanted(call)
        await _waiting(hotline, 1)
        kept = hotline.home / "journal" / "who_waits"
        await asyncio.to_thread(
            hotline.wait,
            lambda: kept.exists() and caller in kept.read_text(),
            "his name on the disk",
        )
        parts = [hotline.part(name) for name in ("asterisk", "engine")]
        for part in parts:
            part.kill()
        psutil.wait_procs(parts, timeout=10)
        await asyncio.to_thread(hotline.wait, lambda: hotline.ready, "both back", seconds=60)
        ticket = await asyncio.to_thread(hotline.ticket_of, caller)
        assert (ticket["origin"], ticket["callback_due"]) == ("abandoned", True)
        await asyncio.to_thread(hotline.wait, lambda: kept.read_text() == "", "it forgotten")
    row = await asyncio.to_thread(call_of, hotline.home, caller)
    assert row["outcome"] == "abandoned"
