"""How long a recording is: from answer to end, exactly, as long as packets flow either way.

docs/decisions/0051-length-of-recordings.md has the measurements behind this. All calls of the
table are placed, some at once, one called number each; the tests look at what came of them.
"""

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from asterisk_conf.model import SeatEndpoint
from tests.engine import Session, engine
from tests.manager import Manager, manager
from tests.rtp import Telephone, telephone
from tests.servers import free_port
from tests.sipp import bye, callee, caller, pause, sipp_running, until_bye
from tests.stack import AsteriskStack, asterisk_stack
from tests.telephony.peers import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

TOLERANCE_S = 0.2
STARVED_S = 0.8  # of a 2 s gap: a machine with other work loses packets of its own
PACKET_S = 0.02
CALL_S = 4.0
AT_ONCE = 8
"""Two packets each 20 ms of each: more of them come late where others compute."""
AGAIN = 2
"""So often a call whose recording is too short, or whose caller was late to speak, is placed once
more, by itself: where others compute MixMonitor drops what came too late for one direction to match
the other (decision 0051). What is short for any other reason is short each time."""
SEATS, SEAT_PORTS = "127.0.0.5", {"s1": free_port(), "s2": free_port()}


@dataclass(frozen=True, slots=True)
class Measured:
    """A call's recording and what Asterisk says of its media."""

    wav_s: float
    lasted_s: float
    came_s: float
    went_s: float

    @property
    def least_s(self) -> float:
        """What the fuller direction carried, but never more than the call lasted."""
        return min(max(self.came_s, self.went_s), self.lasted_s)

    @property
    def fits(self) -> bool:
        return self.least_s - TOLERANCE_S <= self.wav_s <= self.lasted_s + TOLERANCE_S


async def steady(phone: Telephone) -> None:
    await phone.speak(CALL_S)


async def with_gap(phone: Telephone) -> None:
    await phone.speak(1.0)
    phone.hush(2.0)
    await asyncio.sleep(2.0)
    await phone.speak(1.0)


async def late(phone: Telephone) -> None:
    phone.hush(2.0)
    await asyncio.sleep(2.0)
    await phone.speak(2.0)


async def pressing(phone: Telephone) -> None:
    await phone.speak(1.0)
    await phone.press("12345")
    await phone.speak(1.7)


async def silent(phone: Telephone) -> None:
    await asyncio.sleep(CALL_S)


async def idle(session: Session) -> None:
    """The engine thinks."""


async def music(session: Session) -> None:
    await session.command("SET MUSIC ON")


async def plays(session: Session) -> None:
    await session.command('STREAM FILE /hotline/prompts/moh/music "#"')


async def records(session: Session) -> None:
    path = f"/hotline/spool/{session.arguments[1]}"
    await session.command(f'RECORD FILE {path} wav "#" 10000 0 s=10')


async def asks(session: Session) -> None:
    await session.command("GET DATA /hotline/prompts/cmn/welcome 10000 10")


async def rings_s1(session: Session) -> None:
    await session.command("EXEC Dial PJSIP/s1,20,g")


async def rings_s2(session: Session) -> None:
    await session.command("EXEC Dial PJSIP/s2,20,g")


Lead = Callable[[Session], Awaitable[object]]
Speak = Callable[[Telephone], Awaitable[None]]
STEADY: tuple[tuple[Speak, Lead], ...] = (
    *((steady, lead) for lead in (idle, music, plays, records, asks, rings_s1)),
)
COVERED: tuple[tuple[Speak, Lead], ...] = (
    *((with_gap, lead) for lead in (music, plays, records, asks, rings_s2)),
    *((silent, lead) for lead in (music, plays, records)),
    *((speak, music) for speak in (late, pressing)),
)
NOTHING: tuple[tuple[Speak, Lead], ...] = ((with_gap, idle), (silent, idle))
CASES = {f"{70001 + n}": case for n, case in enumerate((*STEADY, *COVERED, *NOTHING))}
NUMBERS = {case: number for number, case in CASES.items()}


def whole(number: str, call: Measured) -> bool:
    """Whether it measures as it does on a machine without other work."""
    case = CASES[number]
    came = case not in STEADY or abs(call.came_s - call.lasted_s) <= STARVED_S
    there = case in NOTHING or abs(call.wav_s - call.lasted_s) <= STARVED_S
    return call.fits and came and there


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, Measured]]:
    """Every case's measures, by called number."""
    seats = [
        SeatEndpoint(name, static_contact=f"sip:{name}@{SEATS}:{port}")
        for name, port in SEAT_PORTS.items()
    ]
    answered: dict[str, list[str]] = {}

    async def leads(session: Session) -> None:
        if session.request == "hangup":
            await session.done()
            return
        number = session.arguments[1]
        answered[number] = [*session.arguments, session.header["agi_uniqueid"]]
        await CASES[number][1](session)
        await session.ended()

    async def placed(stack: AsteriskStack, numbers: Sequence[str]) -> dict[str, Measured]:
        async with manager(stack) as events:
            ends = asyncio.create_task(ended(events, len(numbers)))
            called = {CASES[number][1].__name__.removeprefix("rings_") for number in numbers}
            talks = [asyncio.create_task(answers(name)) for name in SEAT_PORTS if name in called]
            room = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(place(stack, number, room) for number in numbers), *talks)
            media = await ends
        await eventually(lambda: not being_written(stack), "a recording was never closed")
        return {
            number: measured(stack, answered[number], media[answered[number][-1]])
            for number in numbers
        }

    async with asterisk_stack(tmp_path_factory.mktemp("length"), seats=seats) as stack:
        async with engine(stack.agi_port, leads):
            found = await placed(stack, list(CASES))
            for number in [number for number in found if not whole(number, found[number])] * AGAIN:
                if not whole(number, found[number]):
                    found |= await placed(stack, [number])
        yield found


async def ended(events: Manager, count: int) -> dict[str, str]:
    """HL_MEDIA of each trunk channel that hung up, by call id."""
    media: dict[str, str] = {}
    while len(media) < count:
        event = await events.event("Hangup", seconds=40)
        if event["Channel"].startswith("PJSIP/trunk"):
            media[event["Uniqueid"]] = event["ChanVariable"].removeprefix("HL_MEDIA=")
    return media


async def place(stack: AsteriskStack, number: str, room: asyncio.Semaphore) -> None:
    """One call, its caller sounding as its case says."""
    async with (
        room,
        telephone() as phone,
        sipp_running(
            caller(pause(CALL_S), bye()),
            to=stack.sip_port,
            sound_port=phone.port,
            called=number,
        ) as citizen,
    ):
        phone.connect(await citizen.remote_sound_port())
        await CASES[number][0](phone)
        result = await citizen.finish()
        assert result.ok, result.errors


async def answers(name: str) -> None:
    """A seat that rings half a second, then sounds until the caller leaves."""
    scenario, port = callee(until_bye(), ring_s=0.5), SEAT_PORTS[name]
    async with (
        telephone(SEATS) as headset,
        sipp_running(scenario, local=SEATS, port=port, sound_port=headset.port) as seat,
    ):
        headset.connect(await seat.remote_sound_port())
        await seat.answered()
        talk = asyncio.create_task(headset.speak(30))
        assert (await seat.finish()).ok
        talk.cancel()


def being_written(stack: AsteriskStack) -> bool:
    """Whether Asterisk has a recording open: it completes and closes one some time after the call,
    in a thread of its own."""
    for file in Path(f"/proc/{stack.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if "/recordings/" in str(file.readlink()):
                return True
    return False


def measured(stack: AsteriskStack, arguments: list[str], media: str) -> Measured:
    end, came, went = media.split()
    with wave.open(str(stack.home.outside(arguments[5]))) as file:
        wav_s = file.getnframes() / file.getframerate()
    lasted_s = float(end) - float(arguments[6])
    return Measured(wav_s, lasted_s, int(came) * PACKET_S, int(went) * PACKET_S)


def _named(case: tuple[Speak, Lead]) -> str:
    return f"{case[0].__name__}-{case[1].__name__}"


@pytest.mark.parametrize("case", STEADY, ids=_named)
async def test_a_sounding_caller_is_recorded_from_answer_to_end(
    calls: Mapping[str, Measured], case: tuple[Speak, Lead]
) -> None:
    """Whatever the engine does, the file is as long as the sound that came, which is the call."""
    call = calls[NUMBERS[case]]
    assert call.fits
    assert call.came_s == pytest.approx(call.lasted_s, abs=STARVED_S)


@pytest.mark.parametrize("case", COVERED, ids=_named)
async def test_what_we_send_counts_when_the_caller_sends_nothing(
    calls: Mapping[str, Measured], case: tuple[Speak, Lead]
) -> None:
    """Silence suppression, a late start, keys, no media at all: the gap is in the file."""
    call = calls[NUMBERS[case]]
    assert call.fits
    assert call.wav_s == pytest.approx(call.lasted_s, abs=STARVED_S)


@pytest.mark.parametrize("case", NOTHING, ids=_named)
async def test_only_when_nothing_flows_either_way_is_it_shorter(
    calls: Mapping[str, Measured], case: tuple[Speak, Lead]
) -> None:
    """Then it holds what flowed: no less than the fuller direction, no more than it lasted."""
    call = calls[NUMBERS[case]]
    assert call.fits
    assert call.wav_s < call.lasted_s - 1.0
    assert (call.came_s == 0.0) is (case[0] is silent), "no packet came: a call without media"
