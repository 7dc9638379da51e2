"""Consultation, transfer and three-way on a real Asterisk: who hears whom is measured."""

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.errors import SeatBusy, TalkNotPossible, TargetNotAllowed, UnknownTalk
from console.talks import TalkTarget, TalkVerb
from queue_manager.model import SeatState
from tests.telephony.peers import eventually
from tests.telephony.talk_house import House, house

pytestmark = pytest.mark.e2e

TENANT = "default"
CONSULT, TRANSFER, JOIN = TalkVerb.CONSULT, TalkVerb.TRANSFER, TalkVerb.JOIN
COMPLETE, CANCEL = TalkVerb.COMPLETE, TalkVerb.CANCEL


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """8001 takes calls; 8002 may only be rung by name."""
    async with house(tmp_path, "8001", "8002") as made:
        made.engine.queue.pause("8002", "other")
        yield made


def seat(seat_id: str) -> TalkTarget:
    return TalkTarget("seat", seat_id)


async def consulting(home: House, call_id: str) -> None:
    """8001 speaks with 8002."""
    await home.board.act(TENANT, call_id, CONSULT, seat("8002"))
    await home.talk_is(call_id, "consulting")
    await home.phones["8002"].happens("answered")  # told of by its telephone, too


# --- consultation


async def test_consultation_and_attended_transfer(home: House) -> None:
    """The citizen hears music while the seats speak; then he has the second, and the first wraps
    up. His recording, his ticket and his call's row are of the whole call."""
    async with home.citizen() as call_id:
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        await consulting(home, call_id)
        await home.hears(citizen=set(), s8001={"8002"}, s8002={"8001"})
        assert home.state("8001") is home.state("8002") is SeatState.TALKING
        await home.board.act(TENANT, call_id, COMPLETE, None)
        await home.hears(citizen={"8002"}, s8002={"citizen"}, s8001=set())
        await home.is_("8001", SeatState.WRAP_UP)
        assert home.state("8002") is SeatState.TALKING
        await home.phones["citizen"].hang_up()
        await home.is_("8002", SeatState.WRAP_UP)
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8002")
    assert home.office.tickets[call_id].seat_id == "8002"
    assert len(home.office.tickets[call_id].notes) == 1
    await home.stack.no_channels()
    [recording] = (home.stack.home.recordings).rglob(f"{call_id}.wav")
    with wave.open(str(recording)) as sound:
        recorded_s = sound.getnframes() / sound.getframerate()
    lasted_s = (row.ended_at - row.facts.started_at).total_seconds()
    assert abs(recorded_s - lasted_s) < 0.5


async def test_the_first_seat_hangs_up_to_hand_over(home: House) -> None:
    """Hanging up in a consultation gives the citizen to the one who was consulted."""
    async with home.citizen() as call_id:
        await consulting(home, call_id)
        await home.phones["8001"].hang_up()
        await home.hears(citizen={"8002"}, s8002={"citizen"})
        await home.is_("8001", SeatState.WRAP_UP)
        await home.phones["8002"].hang_up()
        await home.phones["citizen"].happens("other_left")
    assert (await home.row()).seat_id == "8002"
    await home.stack.no_channels()


async def test_a_consultation_is_given_up(home: House) -> None:
    """The citizen has his first seat again, the other one wraps up; and he may be handed on later
    all the same."""
    async with home.citizen() as call_id:
        await consulting(home, call_id)
        await home.board.act(TENANT, call_id, CANCEL, None)
        await home.hears(citizen={"8001"}, s8001={"citizen"}, s8002=set())
        await home.is_("8002", SeatState.WRAP_UP)
        await eventually_gone(home, "s8002")
        home.engine.queue.pause("8002", "other")
        home.engine.queue.end_wrap_up("8002")
        await consulting(home, call_id)
        await home.board.act(TENANT, call_id, COMPLETE, None)
        await home.hears(citizen={"8002"}, s8002={"citizen"})
        await home.phones["citizen"].hang_up()
    assert (await home.row()).seat_id == "8002"
    await home.stack.no_channels()


async def test_the_consulted_seat_does_not_answer(home: House) -> None:
    """The citizen comes back to his seat by himself; the other is free again."""
    home.phones["8002"].answers = False
    home.engine.queue.ready("8002")
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, CONSULT, seat("8002"))
        await home.talk_is(call_id, "calling")
        await home.is_("8002", SeatState.RESERVED)
        await home.hears(citizen=set())
        await home.talk_is(call_id, "talking")
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        assert home.state("8002") in (SeatState.COOL_DOWN, SeatState.READY)
        await home.phones["8001"].hang_up()
        await home.phones["citizen"].happens("other_left")
    assert (await home.row()).seat_id == "8001"


async def test_ringing_for_a_consultation_is_cancelled(home: House) -> None:
    """Nobody answers yet: the ringing stops, and seat and citizen have each other again."""
    home.phones["8002"].answers = False
    home.engine.queue.ready("8002")
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, CONSULT, seat("8002"))
        await home.phones["8002"].happens("rang")
        await home.board.act(TENANT, call_id, CANCEL, None)
        await home.phones["8002"].happens("cancelled")
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        await home.is_("8002", SeatState.READY)


async def test_the_consulted_seat_hangs_up(home: House) -> None:
    """The citizen has his first seat again."""
    async with home.citizen() as call_id:
        await consulting(home, call_id)
        await home.phones["8002"].hang_up()
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        await home.is_("8002", SeatState.WRAP_UP)


@pytest.mark.parametrize("state", ["calling", "consulting", "three_way"])
async def test_the_citizen_hangs_up_in_the_middle(home: House, state: str) -> None:
    """Both seats are let go, whatever they were doing; one row, one ticket."""
    home.phones["8002"].answers = state != "calling"
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, CONSULT, seat("8002"))
        if state == "three_way":
            await home.talk_is(call_id, "consulting")
            await home.board.act(TENANT, call_id, JOIN, None)
        await home.talk_is(call_id, state)
        if state == "calling":
            await home.phones["8002"].happens("rang")
        await home.phones["citizen"].hang_up()
        await home.is_("8001", SeatState.WRAP_UP)
        after = SeatState.PAUSED if state == "calling" else SeatState.WRAP_UP
        await home.is_("8002", after)
    assert (await home.row()).outcome == "answered"
    assert len(home.office.tickets) == 1
    await home.stack.no_channels()


async def test_the_seat_hangs_up_while_the_other_one_rings(home: House) -> None:
    """Nobody has the citizen any more: he goes back to his queue, and is answered again."""
    home.phones["8002"].answers = False
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, CONSULT, seat("8002"))
        await home.phones["8002"].happens("rang")
        await home.phones["8001"].hang_up()
        await home.phones["8002"].happens("cancelled")
        await eventually(lambda: home.engine.queue.waiting().count == 1, "never queued again")
        home.engine.queue.ready("8001")
        await home.phones["8001"].happens("answered", times=2)
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        await home.phones["citizen"].hang_up()
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8001")


@pytest.mark.parametrize("target", [TalkTarget("queue", "main"), TalkTarget("line", "general")])
async def test_consulting_a_queue(home: House, target: TalkTarget) -> None:
    """Nobody is free there: the seat hears music, too; then whoever is free is rung, and may have
    the citizen. The citizen's own place is none of it."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, CONSULT, target)
        await home.talk_is(call_id, "calling")
        await home.hears(citizen=set(), s8001=set())
        assert home.state("8001") is SeatState.TALKING
        home.engine.queue.ready("8002")
        await home.talk_is(call_id, "consulting")
        await home.hears(citizen=set(), s8001={"8002"}, s8002={"8001"})
        assert home.state("8002") is SeatState.TALKING
        await home.board.act(TENANT, call_id, COMPLETE, None)
        await home.hears(citizen={"8002"}, s8002={"citizen"})
        await home.phones["8002"].hang_up()
        await home.phones["citizen"].happens("other_left")
        await home.is_("8002", SeatState.WRAP_UP)
    assert (await home.row()).seat_id == "8002"


async def test_nobody_of_a_queue_is_free_and_the_seat_gives_it_up(home: House) -> None:
    """The citizen has his seat again, and nobody waits any more."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, CONSULT, TalkTarget("queue", "main"))
        sought = home.engine.queue._floor.entries
        await eventually(lambda: len(sought) == 1, "never queued")
        assert home.engine.queue.waiting().count == 0, "a talk that goes on is no caller who waits"
        await home.board.act(TENANT, call_id, CANCEL, None)
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        assert not sought


# --- three-way


@pytest.mark.parametrize("leaves", ["8001", "8002", "cancel", "complete"])
async def test_three_way(home: House, leaves: str) -> None:
    """All hear each other; whoever leaves, or is let go, the other one keeps the citizen."""
    async with home.citizen() as call_id:
        await consulting(home, call_id)
        await home.board.act(TENANT, call_id, JOIN, None)
        await home.hears(
            citizen={"8001", "8002"}, s8001={"citizen", "8002"}, s8002={"citizen", "8001"}
        )
        if leaves in home.phones:
            await home.phones[leaves].hang_up()
        else:
            await home.board.act(TENANT, call_id, TalkVerb(leaves), None)
        stays = "8001" if leaves in ("8002", "cancel") else "8002"
        gone = "8002" if stays == "8001" else "8001"
        await home.is_(gone, SeatState.WRAP_UP)
        await home.hears(**{"citizen": {stays}, f"s{stays}": {"citizen"}, f"s{gone}": set()})
        assert home.state(stays) is SeatState.TALKING
        await home.phones[stays].hang_up()
        await home.phones["citizen"].happens("other_left")
        await home.is_(stays, SeatState.WRAP_UP)
    assert (await home.row()).seat_id == stays
    await home.stack.no_channels()


# --- numbers outside


async def test_consulting_a_number_outside(home: House) -> None:
    """By the outbound rules, with the citizen's number shown; then the citizen has it."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, CONSULT, TalkTarget("number", "110"))
        await home.talk_is(call_id, "consulting")
        await home.hears(citizen=set(), s8001={"far"}, far={"8001"})
        await home.board.act(TENANT, call_id, COMPLETE, None)
        await home.hears(citizen={"far"}, far={"citizen"}, s8001=set())
        await home.is_("8001", SeatState.WRAP_UP)
        assert any("→ 110" in note for note in home.office.tickets[call_id].notes)
        await home.phones["far"].hang_up()
        await home.phones["citizen"].happens("other_left")
    assert home.phones["far"].events[0].values[2].endswith("13800138000")
    assert (await home.row()).outcome == "answered"


@pytest.mark.parametrize("number", ["119", "0019005551234", "1100", "sip:x@y"])
async def test_a_number_without_a_rule_is_refused(home: House, number: str) -> None:
    """Toll fraud: nothing is dialled, the talk goes on."""
    async with home.citizen() as call_id:
        for verb in (CONSULT, TRANSFER):
            with pytest.raises(TargetNotAllowed):
                await home.board.act(TENANT, call_id, verb, TalkTarget("number", number))
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        assert home.phones["far"].events == []


# --- blind transfer


async def test_blind_to_a_seat(home: House) -> None:
    """The first seat is free at once, the citizen hears music, then the other seat."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TRANSFER, seat("8002"))
        await home.is_("8001", SeatState.WRAP_UP)
        await home.phones["8002"].happens("answered")
        await home.hears(citizen={"8002"}, s8002={"citizen"}, s8001=set())
        assert home.state("8002") is SeatState.TALKING
        await home.phones["8002"].hang_up()
        await home.phones["citizen"].happens("other_left")
        await home.is_("8002", SeatState.WRAP_UP)
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8002")
    await home.stack.no_channels()


async def test_blind_to_a_seat_that_does_not_answer(home: House) -> None:
    """He goes back to his queue with the time he came, and is answered there."""
    home.phones["8002"].answers = False
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TRANSFER, seat("8002"))
        await home.is_("8001", SeatState.WRAP_UP)
        await eventually(
            lambda: home.engine.queue.waiting().count == 1, "never queued", within_s=25
        )
        home.engine.queue.ready("8001")
        await home.phones["8001"].happens("answered", times=2)
        await home.hears(citizen={"8001"})
        await home.phones["citizen"].hang_up()
    assert (await home.row()).seat_id == "8001"


@pytest.mark.parametrize("target", [TalkTarget("queue", "main"), TalkTarget("line", "l12333")])
async def test_blind_to_a_queue_or_a_line(tmp_path: Path, target: TalkTarget) -> None:
    """He waits there with the time he has waited, before those who came later."""
    skills = {"8002": {"lang:cmn": 5, "svc:general": 3, "svc:12333": 3}}
    async with house(tmp_path, "8001", "8002", skills=skills) as home:
        home.engine.queue.pause("8002", "other")
        async with home.citizen() as call_id:
            queued = home.engine.talks.find(call_id)
            assert queued is not None
            came = queued.story.queued_at
            await home.board.act(TENANT, call_id, TRANSFER, target)
            await home.is_("8001", SeatState.WRAP_UP)
            await eventually(lambda: home.engine.queue.waiting().count == 1, "never queued")
            [waiting] = home.engine.queue.callers()
            assert waiting.queued_at == came
            assert waiting.line_id == ("l12333" if target.kind == "line" else "general")
            home.engine.queue.ready("8002")
            await home.phones["8002"].happens("answered")
            await home.hears(citizen={"8002"}, s8002={"citizen"})
            await home.phones["citizen"].hang_up()
        assert (await home.row()).seat_id == "8002"


async def test_blind_to_a_number(home: House) -> None:
    """He is connected on by the outbound rules; his call counts as answered here."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TRANSFER, TalkTarget("number", "110"))
        await home.is_("8001", SeatState.WRAP_UP)
        await home.hears(citizen={"far"}, far={"citizen"}, s8001=set())
        await eventually(
            lambda: any("→ 110" in note for note in home.office.tickets[call_id].notes),
            "no note of the number",
        )
        await home.phones["far"].hang_up()
        await home.phones["citizen"].happens("other_left")
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8001")


async def test_the_citizen_leaves_while_he_is_handed_on(home: House) -> None:
    """The seat that rings for him is free again; his call was answered all the same."""
    home.phones["8002"].answers = False
    home.engine.queue.ready("8002")
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TRANSFER, seat("8002"))
        await home.phones["8002"].happens("rang")
        await home.phones["citizen"].hang_up()
        await home.phones["8002"].happens("cancelled")
        await eventually(
            lambda: home.state("8002") in (SeatState.READY, SeatState.COOL_DOWN), "never free"
        )
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8001")
    assert len(home.office.tickets) == 1


# --- what can't be done


async def test_what_cannot_be_done_changes_nothing(home: House) -> None:
    """A busy seat, an unknown one, a talk that isn't there, a verb at the wrong time."""
    async with home.citizen() as call_id:
        for wrong, verb, target in (
            (SeatBusy, CONSULT, seat("8001")),
            (TargetNotAllowed, CONSULT, seat("8888")),
            (TargetNotAllowed, CONSULT, TalkTarget("line", "nowhere")),
            (TargetNotAllowed, TRANSFER, TalkTarget("queue", "nowhere")),
            (TalkNotPossible, COMPLETE, None),
            (TalkNotPossible, CANCEL, None),
        ):
            with pytest.raises(wrong):
                await home.board.act(TENANT, call_id, verb, target)
        with pytest.raises(UnknownTalk):
            await home.board.act(TENANT, "nobody", CONSULT, seat("8002"))
        with pytest.raises(UnknownTalk):
            home.board.talk("elsewhere", call_id)
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        assert home.state("8002") is SeatState.PAUSED
        await consulting(home, call_id)
        with pytest.raises(TalkNotPossible):
            await home.board.act(TENANT, call_id, CONSULT, seat("8002"))


async def test_two_ask_at_once(home: House) -> None:
    """One of two consultations begins; nothing is lost by the other."""
    async with home.citizen() as call_id:
        outcomes = await asyncio.gather(
            *(home.board.act(TENANT, call_id, CONSULT, seat("8002")) for _ in range(2)),
            return_exceptions=True,
        )
        refused = [o for o in outcomes if isinstance(o, Exception)]
        assert len(refused) == 1
        assert isinstance(refused[0], SeatBusy | TalkNotPossible)
        await home.talk_is(call_id, "consulting")
        await home.hears(s8001={"8002"}, s8002={"8001"})


async def eventually_gone(home: House, name: str) -> None:
    """Wait until a telephone has no channel; else what Asterisk knows of the one it has."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(25):
            while await home.channels_of(name):
                await asyncio.sleep(0.1)
            return
    known = [await home.stack.cli(f"core show channel {c}") for c in await home.channels_of(name)]
    raise AssertionError("\n".join([*known, await home.stack.cli("bridge show all")]))
