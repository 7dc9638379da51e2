"""Supervisors and interpreters in talks, on a real Asterisk: who hears whom is measured."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from console.errors import SeatBusy, TalkNotPossible
from console.talks import TalkTarget, TalkVerb
from ivr.queue_rules import DEFAULT_RULES
from queue_manager.model import SeatState
from tests.telephony.peers import eventually
from tests.telephony.talk_house import House, house

pytestmark = pytest.mark.e2e

TENANT = "default"
LISTEN, WHISPER = TalkVerb.LISTEN, TalkVerb.WHISPER
BARGE, TAKE_OVER = TalkVerb.BARGE, TalkVerb.TAKE_OVER
SUPERVISOR = TalkTarget("seat", "8009")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """8001 takes calls; 8002 and the supervisors' 8009 and 8003 are rung by name only."""
    async with house(tmp_path, "8001", "8002", "8003", "8009") as made:
        for seat_id in ("8002", "8003", "8009"):
            made.engine.queue.pause(seat_id, "other")
        yield made


async def test_listen_then_whisper_then_barge(home: House) -> None:
    """Listening: nobody hears the supervisor. Whispering: the seat alone does. Barging: all do.
    It is one call to the supervisor's telephone."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, LISTEN, SUPERVISOR)
        await home.hears(citizen={"8001"}, s8001={"citizen"}, s8009={"citizen", "8001"})
        assert home.state("8009") is SeatState.TALKING
        await home.board.act(TENANT, call_id, WHISPER, SUPERVISOR)
        await home.hears(citizen={"8001"}, s8001={"citizen", "8009"}, s8009={"citizen", "8001"})
        roles = {party.role for party in home.board.talk(TENANT, call_id).parties}
        assert roles == {"first", "whispering"}
        await home.board.act(TENANT, call_id, BARGE, SUPERVISOR)
        await home.hears(
            citizen={"8001", "8009"}, s8001={"citizen", "8009"}, s8009={"citizen", "8001"}
        )
        assert home.phones["8009"].count("rang") == 1
        await home.phones["8009"].hang_up()
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        await home.is_("8009", SeatState.WRAP_UP)
    assert (await home.row()).seat_id == "8001"
    await home.stack.no_channels()


async def test_a_listener_leaves_and_the_talk_goes_on(home: House) -> None:
    """His hanging up changes nothing; when the talk ends, a listener is let go."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, LISTEN, SUPERVISOR)
        await home.board.act(TENANT, call_id, LISTEN, TalkTarget("seat", "8003"))
        await home.hears(s8009={"citizen", "8001"}, s8003={"citizen", "8001"})
        await home.phones["8009"].hang_up()
        await home.is_("8009", SeatState.WRAP_UP)
        await home.hears(citizen={"8001"}, s8001={"citizen"}, s8003={"citizen", "8001"})
        await home.phones["8001"].hang_up()
        await home.phones["8003"].happens("caller_left")
        await home.is_("8003", SeatState.WRAP_UP)
    await home.stack.no_channels()


async def test_a_listener_follows_the_talk(home: House) -> None:
    """After a transfer he hears the seat that has the citizen now."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, LISTEN, SUPERVISOR)
        await home.hears(s8009={"citizen", "8001"})
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, TalkTarget("seat", "8002"))
        await home.talk_is(call_id, "consulting")
        await home.hears(s8009={"8001", "8002"})
        await home.board.act(TENANT, call_id, TalkVerb.COMPLETE, None)
        await home.hears(citizen={"8002"}, s8002={"citizen"}, s8009={"8002", "citizen"})


async def test_take_over(home: House) -> None:
    """The supervisor has the citizen, the seat wraps up; the row's last seat is his."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TAKE_OVER, SUPERVISOR)
        await home.hears(citizen={"8009"}, s8009={"citizen"}, s8001=set())
        await home.is_("8001", SeatState.WRAP_UP)
        assert home.state("8009") is SeatState.TALKING
        await home.phones["8009"].hang_up()
        await home.phones["citizen"].happens("other_left")
    assert (await home.row()).seat_id == "8009"
    await home.stack.no_channels()


async def test_the_seat_hangs_up_while_the_supervisor_s_telephone_rings(home: House) -> None:
    """The citizen hears music until the supervisor has picked up."""
    home.phones["8009"].answers = False
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TAKE_OVER, SUPERVISOR)
        await home.phones["8009"].happens("rang")
        await home.phones["8001"].hang_up()
        await home.talk_is(call_id, "held")
        home.phones["8009"].pick_up()
        await home.hears(citizen={"8009"}, s8009={"citizen"})
    assert (await home.row()).seat_id == "8009"


async def test_nobody_takes_over(home: House) -> None:
    """The supervisor doesn't answer: the talk goes on. Were the seat gone meanwhile, the citizen
    goes back to his queue."""
    home.phones["8009"].answers = False
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TAKE_OVER, SUPERVISOR)
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        await home.talk_is(call_id, "talking")
        assert home.state("8009") is SeatState.PAUSED
        await home.board.act(TENANT, call_id, TAKE_OVER, SUPERVISOR)
        await home.phones["8009"].happens("rang", times=2)
        await home.phones["8001"].hang_up()
        await home.talk_is(call_id, "held")
        await eventually(
            lambda: home.engine.queue.waiting().count == 1, "never queued", within_s=25
        )


async def test_two_supervisors_at_once(home: House) -> None:
    """One comes in, the other is told that the talk is busy; and nobody is lost."""
    async with home.citizen() as call_id:
        outcomes = await asyncio.gather(
            home.board.act(TENANT, call_id, BARGE, SUPERVISOR),
            home.board.act(TENANT, call_id, TAKE_OVER, TalkTarget("seat", "8003")),
            return_exceptions=True,
        )
        assert [type(o) for o in outcomes if isinstance(o, Exception)] == [TalkNotPossible]
        await home.hears(
            citizen={"8001", "8009"}, s8001={"citizen", "8009"}, s8009={"citizen", "8001"}
        )
        assert home.state("8003") is SeatState.PAUSED


async def test_a_busy_supervisor_cannot_be_rung(home: House) -> None:
    """Whoever listens to one talk can't be rung for another verb of another talk."""
    async with home.citizen() as call_id:
        with pytest.raises(SeatBusy):
            await home.board.act(TENANT, call_id, LISTEN, TalkTarget("seat", "8001"))


async def test_a_supervisor_whose_telephone_still_rings_is_not_rung_again(home: House) -> None:
    """He asks to listen and, before he has picked up, to take over: he is told to answer first,
    and it stays one call to his telephone."""
    home.phones["8009"].answers = False
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, LISTEN, SUPERVISOR)
        await home.phones["8009"].happens("rang")
        with pytest.raises(SeatBusy, match="answer first"):
            await home.board.act(TENANT, call_id, TAKE_OVER, SUPERVISOR)
        home.phones["8009"].pick_up()
        await home.hears(s8009={"citizen", "8001"})
        await home.board.act(TENANT, call_id, TAKE_OVER, SUPERVISOR)
        await home.hears(citizen={"8009"}, s8009={"citizen"}, s8001=set())
        assert home.phones["8009"].count("rang") == 1


# --- interpreters


ZHUANG = {
    "8002": {"lang:en": 5, "svc:interpreter": 5},
    "8001": {"lang:cmn": 5, "svc:general": 3},
    "8003": {"lang:za": 4, "svc:interpreter": 3},
}


async def with_interpreter(home: House, call_id: str) -> None:
    """What the rules do when a seat has answered that doesn't speak the caller's language."""
    talk = home.engine.talks.find(call_id)
    assert talk is not None
    home.engine.talks.interpreter_wanted(talk.story, "lang:za")


async def test_an_interpreter_joins(tmp_path: Path) -> None:
    """One is free: all three hear each other; when he leaves, the two go on."""
    async with house(tmp_path, "8001", "8003", skills=ZHUANG) as home:
        async with home.citizen() as call_id:
            await with_interpreter(home, call_id)
            await home.talk_is(call_id, "three_way")
            await home.hears(
                citizen={"8001", "8003"}, s8001={"citizen", "8003"}, s8003={"citizen", "8001"}
            )
            assert home.state("8003") is SeatState.TALKING
            await home.phones["8003"].hang_up()
            await home.is_("8003", SeatState.WRAP_UP)
            await home.hears(citizen={"8001"}, s8001={"citizen"})
        assert (await home.row()).seat_id == "8001"
        await home.stack.no_channels()


async def test_a_step_of_the_rules_adds_an_interpreter(tmp_path: Path) -> None:
    """A Zhuang caller waits, no seat that speaks it is there: a Mandarin one answers, and an
    interpreter of this language joins by the rules themselves; none of another."""
    shipped = yaml.safe_load(DEFAULT_RULES.read_text())
    [main] = [queue for queue in shipped["queues"] if queue["id"] == "main"]
    main["steps"] = [{"after_s": 1, "interpreter": True}]
    rules = tmp_path / "queues.yaml"
    rules.write_text(yaml.safe_dump(shipped, allow_unicode=True))
    seats = ("8001", "8002", "8003")
    async with house(tmp_path, *seats, skills=ZHUANG, language="za", rules_file=rules) as home:
        home.engine.queue.pause("8003", "other")
        async with home.citizen() as call_id:
            await home.talk_is(call_id, "seeking")
            await home.hears(citizen=set(), s8001=set())
            home.engine.queue.ready("8003")
            await home.talk_is(call_id, "three_way")
            await home.hears(
                citizen={"8001", "8003"}, s8001={"citizen", "8003"}, s8003={"citizen", "8001"}
            )
            assert home.phones["8002"].events == []


async def test_no_interpreter_is_free(tmp_path: Path) -> None:
    """Both are told and hear music, not each other; then one is ready and comes."""
    async with house(tmp_path, "8001", "8003", skills=ZHUANG) as home:
        home.engine.queue.pause("8003", "other")
        async with home.citizen() as call_id:
            await with_interpreter(home, call_id)
            await home.talk_is(call_id, "seeking")
            await home.hears(citizen=set(), s8001=set())
            assert home.phones["8003"].count("rang") == 0
            home.engine.queue.ready("8003")
            await home.hears(
                citizen={"8001", "8003"}, s8001={"citizen", "8003"}, s8003={"citizen", "8001"}
            )


async def test_an_interpreter_misses_and_the_seat_goes_on_without(tmp_path: Path) -> None:
    """The ring is missed, the search goes on; the seat may give it up."""
    async with house(tmp_path, "8001", "8003", skills=ZHUANG) as home:
        home.phones["8003"].answers = False
        async with home.citizen() as call_id:
            await with_interpreter(home, call_id)
            await home.phones["8003"].happens("rang")
            await home.is_("8003", SeatState.COOL_DOWN)
            await home.talk_is(call_id, "seeking")
            await home.board.act(TENANT, call_id, TalkVerb.CANCEL, None)
            await home.hears(citizen={"8001"}, s8001={"citizen"})
            assert home.engine.queue.waiting().count == 0


@pytest.mark.parametrize("who", ["citizen", "8001"])
async def test_somebody_leaves_while_an_interpreter_is_sought(tmp_path: Path, who: str) -> None:
    """The citizen: all is over. The seat: the citizen goes back to his queue."""
    async with house(tmp_path, "8001", "8003", skills=ZHUANG) as home:
        home.engine.queue.pause("8003", "other")
        async with home.citizen() as call_id:
            await with_interpreter(home, call_id)
            await home.talk_is(call_id, "seeking")
            await home.hears(citizen=set())
            await home.phones[who].hang_up()
            await home.is_("8001", SeatState.WRAP_UP)
            waiting = 0 if who == "citizen" else 1
            await eventually(
                lambda: home.engine.queue.waiting().count == waiting, "not as expected"
            )
