"""Bad peers at a running hotline's FastAGI port, citizens who hang up at any step, telephones that
are nowhere, unplugged or two, and a speech model that is broken all the while."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from recordings.wav import wav_length_s
from simulator.audio import speech_like
from simulator.citizens import Citizen, LiveCall
from simulator.seats import Account, Manners, Seats, register
from simulator.sipp import Address, free_port
from tests.e2e.books import call_of, rows
from tests.e2e.installation import PROJECT, Installation
from tests.e2e.speaking import speaks, spoken_of
from tests.ivr.speech import model

VOICE = speech_like(60, "ulaw")
CLOSED_S = 60.0
HEADER_S = 5.0
"""A slow header is given up after five seconds; a busy machine takes longer. Who was closed sooner
was closed for what he sent."""
NOT_AGI = {
    "rubbish": bytes(range(256)) * 4,
    "header_too_long": b"agi_" + b"x" * 1_000_000,
    "bad_header": b"agi_request: x\nrubbish\n\n",
    "unknown_route": b"agi_network: yes\nagi_network_script: nowhere\nagi_uniqueid: a\n\n",
}


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """An installation that is open; 12333 is closed, and its model is cut off in the middle."""
    installation = Installation(speech="vosk", speech_workers=1)
    broken = installation.home / "model"
    shutil.copytree(model(), broken)
    acoustic = broken / "am" / "final.mdl"
    acoustic.write_bytes(acoustic.read_bytes()[:1000])
    installation.environment["HOTLINE_SPEECH_MODELS"] = json.dumps({"cmn": str(broken)})
    with installation:
        installation.cli("hours", "set", "open")
        installation.cli("hours", "set", "closed", "--line", "12333")
        yield installation


@pytest.fixture(scope="module")
def account(hotline: Installation) -> Account:
    """The one seat."""
    return hotline.add_seat("1001")


@asynccontextmanager
async def at_work(
    hotline: Installation, account: Account, manners: Manners
) -> AsyncIterator[Seats]:
    async with Seats([account], sip=hotline.sip, usual=manners) as seats:
        await _until(hotline, lambda: hotline.seat_state("1001") == "ready", "the seat")
        yield seats


async def _until(hotline: Installation, there: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(hotline.wait, there, what, seconds=60)


async def _waits(hotline: Installation, call: LiveCall) -> None:
    """He asks for a person and is in the queue."""
    await call.answered()
    await asyncio.sleep(0.4)  # a citizen needs a moment to find the key
    call.press("0")
    await _until(hotline, lambda: hotline.board()["waiting"] == 1, "him waiting")


def _refused(hotline: Installation) -> dict[str, float]:
    """Connections closed by FastAGI's door, by reason."""
    with urllib.request.urlopen(f"{hotline.http}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    name = "hotline_agi_refused_connections_total{"
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines if line.startswith(name)}


async def test_who_speaks_no_agi_is_closed_and_counted_and_a_call_goes_on(
    hotline: Installation, account: Account
) -> None:
    """A port probe, half a line, a line of 1 MB, a header byte by byte, binary rubbish: each closed
    and counted, while a citizen waits and then talks as if nothing had been."""
    caller = "13810000001"
    before = _refused(hotline)
    port = int(hotline.environment["HOTLINE_AGI_PORT"])
    async with Citizen(caller, hotline.sip).dial("12345", voice=VOICE) as call:
        await _waits(hotline, call)
        slow = asyncio.create_task(_dripping(port))
        took_s = {why: await _closed(port, first) for why, first in NOT_AGI.items()}
        for first in (b"", b"agi_net"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(first)
            writer.close()
        assert await slow
        peers = len(NOT_AGI) + 2 + 1
        now: dict[str, float] = {}

        def counted() -> bool:
            now.update(_refused(hotline))
            return sum(now.values()) - sum(before.values()) == peers

        try:
            await _until(hotline, counted, "each of them counted")
        except TimeoutError:
            pytest.fail(f"counted {now}, before {before}")
        gained = {why: count - before.get(why, 0) for why, count in now.items()}
        in_time = {why for why, s in took_s.items() if s < HEADER_S}
        assert all(gained.get(why) == 1 for why in in_time), gained
        # who is stopped by a busy machine in mid-header is late, too, whatever he would have sent
        assert gained["header_too_late"] >= 1
        assert set(gained) <= {*NOT_AGI, "closed_before_header", "header_too_late"}
        async with at_work(hotline, account, Manners(ring_s=0.2, talk_s=1.0)) as seats:
            assert (await call.ended(within_s=60)).ended_by == "hotline"
            assert len([event for event in seats.events if event.word == "answered"]) == 1
    assert call_of(hotline.home, caller)["outcome"] == "answered"
    assert hotline.ticket_of(caller)["seat_id"] == "1001"
    hotline.no_channels_left()


async def _closed(port: int, first: bytes) -> float:
    """Who begins so is closed; after how many seconds."""
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    try:
        with suppress(ConnectionResetError):  # closed with bytes of ours unread
            async with asyncio.timeout(CLOSED_S):
                assert await reader.read() == b""
    finally:
        writer.close()
    return time.monotonic() - begun


async def _dripping(port: int) -> bool:
    """A byte now and then, until the door is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ended = asyncio.ensure_future(reader.read())
    writer.write(b"agi_")
    async with asyncio.timeout(CLOSED_S):
        while not ended.done():
            writer.write(b"x")
            await asyncio.wait({ended}, timeout=0.2)
    writer.close()
    return ended.exception() is not None or ended.result() == b""


async def _in_the_greeting(hotline: Installation, call: LiveCall, seats: Seats | None) -> None:
    await call.answered()


async def _while_waiting(hotline: Installation, call: LiveCall, seats: Seats | None) -> None:
    await _waits(hotline, call)


async def _while_it_rings(hotline: Installation, call: LiveCall, seats: Seats | None) -> None:
    assert seats is not None
    await call.answered()
    call.press("0")
    await seats.wait_for("rang", within_s=40)


async def _in_the_talk(hotline: Installation, call: LiveCall, seats: Seats | None) -> None:
    assert seats is not None
    await call.answered()
    call.press("0")
    await seats.wait_for("answered", within_s=40)


async def _told_it_is_closed(hotline: Installation, call: LiveCall, seats: Seats | None) -> None:
    await call.answered()
    await call.hear(1.0)


async def _while_speaking(hotline: Installation, call: LiveCall) -> None:
    """His file grows: he is being recorded."""
    before = set(hotline.home.glob("recordings/**/requests/**/*.wav"))
    await call.answered()
    await call.hear(1.0)
    call.press("#")

    def recorded() -> bool:
        return any(
            file.stat().st_size > 30_000
            for file in hotline.home.glob("recordings/**/requests/**/*.wav")
            if file not in before
        )

    await _until(hotline, recorded, "his voice on the disk")


STEPS = {
    "in the greeting": (_in_the_greeting, "12345", None, "left_early", None),
    "waiting": (_while_waiting, "12345", None, "abandoned", "abandoned"),
    "a seat rings": (_while_it_rings, "12345", Manners(answers=False), "abandoned", "abandoned"),
    "in the talk": (_in_the_talk, "12345", Manners(ring_s=0.1, talk_s=None), "answered", "talk"),
    "told it is closed": (_told_it_is_closed, "12333", None, "left_early", None),
}


@pytest.mark.parametrize("step", STEPS)
async def test_hanging_up_at_any_step_leaves_what_that_step_asks_for(
    hotline: Installation, account: Account, step: str
) -> None:
    """One row with its outcome, its one ticket or none, no channel, nobody waiting, the seat free
    again."""
    until_there, number, manners, outcome, origin = STEPS[step]
    caller = f"1382000000{list(STEPS).index(step)}"
    async with Citizen(caller, hotline.sip).dial(number, voice=VOICE) as call:
        if manners is None:
            await until_there(hotline, call, None)
            call.hang_up()
            await call.ended()
        else:
            async with at_work(hotline, account, manners) as seats:
                await until_there(hotline, call, seats)
                call.hang_up()
                await call.ended()
                await _until(hotline, lambda: hotline.seat_state("1001") == "ready", "it ready")
    row = await asyncio.to_thread(call_of, hotline.home, caller)
    assert row["outcome"] == outcome
    found = rows(hotline.home, "SELECT origin FROM tickets WHERE call_id = ?", row["call_id"])
    assert [ticket["origin"] for ticket in found] == ([] if origin is None else [origin])
    assert hotline.board()["waiting"] == 0
    hotline.no_channels_left()


async def test_a_broken_model_is_told_and_who_calls_then_is_recorded(
    hotline: Installation,
) -> None:
    """The engine started all the same, the doctor says so; who speaks, and hangs up in the middle,
    has his ticket with his voice, to be listened to."""
    doctor = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "hotline", "doctor"], cwd=PROJECT,
        env=hotline.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = " ".join(doctor.stdout.split())
    assert doctor.returncode, said
    assert "callers are only recorded" in said
    assert not speaks(hotline)
    caller = "13830000001"
    async with Citizen(caller, hotline.sip).dial("12333", voice=VOICE) as call:
        await _while_speaking(hotline, call)
        call.hang_up()
        await call.ended()
    ticket = await asyncio.to_thread(hotline.ticket_of, caller)
    assert ticket["origin"] == "voice_request"
    assert wav_length_s(hotline.home / ticket["voice_path"]) > 1
    assert "not_recognised" in spoken_of(hotline, ticket["number"])["review"]
    assert call_of(hotline.home, caller)["outcome"] == "voice_request"
    assert hotline.board()["waiting"] == 0
    hotline.no_channels_left()


async def test_telephones_that_are_nowhere_cost_a_citizen_no_more_than_a_ring(
    hotline: Installation, account: Account, tmp_path: Path
) -> None:
    """One registered from an address where nobody is: never rung. One was unplugged: it rings for
    nobody, then counts no more. Meanwhile he hears music, and the next telephone is his."""
    nowhere = await asyncio.to_thread(hotline.add_seat, "1002")
    dead = Address("127.0.0.8", free_port("127.0.0.8"))
    caller = "13830000002"
    async with at_work(hotline, account, Manners()) as gone:
        await register([nowhere], dead, hotline.sip, tmp_path, expires_s=300)
        await gone.unplug()
        async with Citizen(caller, hotline.sip).dial("12345", voice=VOICE) as call:
            await call.answered()
            call.press("0")
            await _until(hotline, lambda: hotline.seat_state("1001") == "offline", "it gone")
            assert hotline.board()["waiting"] == 1
            await call.hear(1.0)
            assert hotline.seat_state("1002") == "offline"
            async with at_work(hotline, account, Manners(ring_s=0.2, talk_s=1.0)) as seats:
                assert (await call.ended(within_s=60)).ended_by == "hotline"
                assert len([event for event in seats.events if event.word == "answered"]) == 1
    assert call_of(hotline.home, caller)["outcome"] == "answered"
    assert hotline.ticket_of(caller)["seat_id"] == "1001"


async def test_a_second_telephone_of_a_seat_is_told_and_is_the_one_to_ring(
    hotline: Installation, account: Account
) -> None:
    """Supervisors see it on the board; the citizen is heard at the newest."""

    def told() -> bool:
        alerts = hotline.board()["alerts"]
        return ("two_phones", "1001") in {(alert["kind"], alert["seat"]) for alert in alerts}

    def answers() -> bool:
        listed = hotline.asterisk("pjsip show contacts").splitlines()
        return any(account.endpoint in line and " Avail " in line for line in listed)

    manners = Manners(ring_s=0.2, talk_s=1.0)
    async with at_work(hotline, account, manners) as first:
        await _until(hotline, answers, "its telephone's answer")
        async with Seats([account], sip=hotline.sip, usual=manners, ip="127.0.0.7") as second:
            await _until(hotline, told, "the alert")
            caller = "13830000003"
            async with Citizen(caller, hotline.sip).dial("12345", voice=VOICE) as call:
                await call.answered()
                call.press("0")
                assert (await call.ended(within_s=90)).ended_by == "hotline"
            assert "answered" in {event.word for event in second.events}
        assert first.events == []
    assert call_of(hotline.home, caller)["outcome"] == "answered"
