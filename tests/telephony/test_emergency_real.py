"""One key for an emergency, on a real Asterisk: who hears whom, what the brigade is told, and that
the seat has the citizen again when the brigade doesn't come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from console.errors import TargetNotAllowed
from console.talks import TalkTarget, TalkVerb
from ivr.asking import StopAt
from ivr.handed_on import HandedOn
from ivr.intake import Alarm
from ivr.intake_house import SpokenHouse
from ivr.speech.ports import Word
from ivr.spoken_ports import Sound, SpokenCaller
from ivr.turn_rules import ANY_KEY, Turn, TurnEnd, TurnRules
from queue_manager.model import SeatState
from simulator.citizens import Citizen
from simulator.sipp import Address, tell
from telephony.call import Call
from tests.ivr.fakes import FakeVoice
from tests.ivr.script import CATALOGUE
from tests.ivr.spoken import FakeMind, MemoryJournal
from tests.queue_manager.builders import caller
from tests.stack import tone
from tests.telephony.peers import eventually
from tests.telephony.talk_house import House, house

pytestmark = pytest.mark.e2e

TENANT = "default"
ONE_KEY, TOGETHER = TalkVerb.EMERGENCY, TalkVerb.EMERGENCY_TOGETHER
POLICE, AMBULANCE = TalkTarget("number", "110"), TalkTarget("number", "120")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """8001 takes calls; 110 leads to the brigade's telephone, `far`."""
    async with house(tmp_path, "8001") as made:
        yield made


def told_by(home: House) -> list[HandedOn]:
    """What tickets are told from now on."""
    told: list[HandedOn] = []

    async def note(handed: HandedOn) -> None:
        told.append(handed)

    home.engine.desk = replace(home.engine.desk, handed_on=note)
    return told


async def test_the_brigade_has_the_citizen_as_soon_as_it_answers(home: House) -> None:
    """His own number is shown to it; the seat wraps up; his ticket is told who has him."""
    told = told_by(home)
    async with home.citizen() as call_id:
        view = await home.board.act(TENANT, call_id, ONE_KEY, POLICE)
        assert view.state == "calling"
        await home.hears(citizen={"far"}, far={"citizen"}, s8001=set())
        await home.is_("8001", SeatState.WRAP_UP)
        await home.phones["far"].hang_up()
        await home.phones["citizen"].happens("other_left")
    assert home.phones["far"].events[0].values[2].endswith("13800138000")
    assert [(h.to, h.seat_id, h.call_id, bool(h.ticket)) for h in told] == [
        ("110", "8001", call_id, True)
    ]
    assert (await home.row()).outcome == "answered"
    await home.stack.no_channels()


async def test_when_it_is_unclear_all_three_speak(home: House) -> None:
    """The seat stays; when the brigade leaves it has the citizen, and no ticket is handed on."""
    told = told_by(home)
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TOGETHER, POLICE)
        await home.talk_is(call_id, "three_way")
        await home.hears(citizen={"8001", "far"}, s8001={"citizen", "far"}, far={"citizen", "8001"})
        assert told == []
        await home.phones["far"].hang_up()
        await home.hears(citizen={"8001"}, s8001={"citizen"}, far=set())
        assert home.talk_state(call_id) == "talking"
    assert told == []


async def test_of_three_the_seat_leaves_the_citizen_to_the_brigade(home: House) -> None:
    told = told_by(home)
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TOGETHER, POLICE)
        await home.talk_is(call_id, "three_way")
        await home.board.act(TENANT, call_id, TalkVerb.COMPLETE, None)
        await home.hears(citizen={"far"}, far={"citizen"}, s8001=set())
        await eventually(lambda: [h.to for h in told] == ["110"], f"told: {told}")


@pytest.mark.parametrize("ends", ["busy", "cancel", "no answer"])
async def test_a_brigade_that_does_not_come_leaves_him_with_his_seat(
    home: House, ends: str
) -> None:
    """Busy, nobody there in time, or the seat gives it up while it rings: they speak again, and
    the talk says why."""
    told = told_by(home)
    far = home.phones["far"]
    far.answers = False
    async with home.citizen() as call_id:
        called = AMBULANCE if ends == "no answer" else POLICE
        await home.board.act(TENANT, call_id, ONE_KEY, called)
        rang = await far.happens("rang")
        if ends == "busy":
            tell(far.own, rang.values[0], "PUBLISH")
        elif ends == "cancel":
            await home.board.act(TENANT, call_id, TalkVerb.CANCEL, None)
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        [view] = home.board.talks(TENANT)
        assert (view.state, view.seat_id) == ("talking", "8001")
        assert view.failed == {"busy": "BUSY", "cancel": "", "no answer": "NOANSWER"}[ends]
        far.answers = True
        await home.board.act(TENANT, call_id, ONE_KEY, POLICE)  # and again
        await home.hears(citizen={"far"}, far={"citizen"}, s8001=set())
    assert [handed.to for handed in told] == ["110"]


async def test_the_citizen_leaves_while_the_brigade_rings(home: House) -> None:
    """Everybody is let go, nobody is told of a transfer."""
    told = told_by(home)
    home.phones["far"].answers = False
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, ONE_KEY, POLICE)
        await home.phones["far"].happens("rang")
        await home.phones["citizen"].hang_up()
        await home.is_("8001", SeatState.WRAP_UP)
    await home.stack.no_channels()
    assert told == []
    assert home.office.tickets[call_id].seat_id == "8001"


class Cries(FakeMind):
    """Hears who is to help."""

    def alarm(self, text: str, *, live: bool = False) -> Alarm | None:
        return Alarm("着火", ("120",)) if "着火" in text else None


class OnFire:
    """A caller who says so to whatever he is asked (`ivr.spoken_ports.SpokenCaller`)."""

    at_s = 4.0
    recognising = True
    recording_failed = False

    def use_language(self, language: str) -> None:
        """He has one."""

    async def say(self, sounds: Sequence[Sound], *, keys: str = "") -> str:
        return ""

    async def ask(
        self,
        sounds: Sequence[Sound],
        rules: TurnRules,
        *,
        grammar: Sequence[str] = (),
        keys: str = ANY_KEY,
        stop_at: StopAt | None = None,
    ) -> Turn:
        assert stop_at is not None
        stop_at("着火 了", False)
        return Turn(TurnEnd.STOPPED, "", (Word("着火", 0.0, 1.0, 0.95),), 0.0, 4.0)


async def test_danger_by_day_that_no_number_answers_has_the_next_seat(home: House) -> None:
    """He waits, chooses to leave a message and cries fire: the brigade's telephone rings in vain,
    and the seat that becomes free has him before one who came earlier."""
    engine = home.engine
    voice = FakeVoice()

    @contextlib.asynccontextmanager
    async def speaking(call: Call, language: str, stored: str) -> AsyncIterator[SpokenCaller]:
        voice.files[stored] = OnFire.at_s
        yield OnFire()

    spoken = SpokenHouse(speaking, lambda language: True, CATALOGUE.has, Cries(), MemoryJournal())
    engine.desk = replace(engine.desk, spoken=spoken, voice=voice)
    for prompt in ("danger", "danger_to_seats"):
        tone(home.stack.home.prompts / "cmn" / "intake" / f"{prompt}.wav", seconds=0.3, hertz=620)
    home.phones["far"].answers = False
    busy = engine.queue.enter(caller("hl-1.99"))
    talk = await busy.next_offer()
    busy.answered(talk)
    earlier = engine.queue.enter(caller("hl-1.98"))
    sip = Address("127.0.0.1", home.stack.sip_port)
    async with Citizen("13800138000", sip).dial("12345") as call:
        await call.answered()
        await eventually(lambda: engine.queue.waiting().count == 2, "he never waited")
        async with asyncio.timeout(60):
            while not home.phones["far"].count("rang"):
                call.press("2")  # one that comes while nobody listens for it is lost
                await asyncio.sleep(1)
        await home.written("HL_STAGE=queued")
        [told] = home.office.told
        assert (told.spoken is not None and told.spoken.danger, told.first_callback) == (
            "着火",
            True,
        )
        busy.talk_ended(talk)
        engine.queue.ready("8001")
        await home.phones["8001"].happens("answered")
        assert not earlier.next_offer().done()
        call.hang_up()
        await call.ended()
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8001")
    [ticket] = home.office.tickets.values()
    assert (ticket.first_callback, ticket.seat_id) == (True, "8001")
    assert home.phones["far"].count("answered") == 0
    await home.stack.no_channels()


@pytest.mark.parametrize(
    "target",
    [TalkTarget("number", "119"), TalkTarget("number", "12315"), TalkTarget("seat", "8001")],
    ids=["no-rule", "no-emergency", "a-seat"],
)
async def test_only_emergencies_with_a_rule_are_called(home: House, target: TalkTarget) -> None:
    """Toll fraud: nothing else is dialled by this key, and the talk goes on."""
    async with home.citizen() as call_id:
        for verb in (ONE_KEY, TOGETHER):
            with pytest.raises(TargetNotAllowed):
                await home.board.act(TENANT, call_id, verb, target)
        await home.hears(citizen={"8001"}, s8001={"citizen"})
    assert home.phones["far"].events == []
