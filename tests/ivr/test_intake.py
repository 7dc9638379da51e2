"""After hours the caller is talked with: what he says becomes his ticket, however it ends."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from ivr.conversation import converse
from ivr.ending import request_ticket
from ivr.intake_left import take_left, ticket_left
from ivr.known_callers import Mark
from ivr.ports import Outcome
from ivr.story import open_story
from telephony.call import DialStatus
from tests.ivr.script import LONG_S, NIGHT, Script, in_virtual_time, made
from tests.ivr.spoken import SILENT, Breaks, Deed, Leaves, Presses, Says, SpokenWorld
from tickets.kept import KeptTalk
from tickets.model import Kind, NewTicket
from tickets.spoken import Question, Review, SpokenRequest

WHOLE = (
    Says("我 要 投诉"),
    Says("青秀区 民族大道"),
    Says("路灯 坏 了"),
    Says("可以"),
    Says("对"),
)
VOICE = "recordings/requests/2026/11/21/hl-1795233600.7-1.wav"


async def spoken(*deeds: Deed, able: bool = True, script: Script | None = None) -> SpokenWorld:
    world = SpokenWorld(script or Script(now=NIGHT), deeds, able=able)
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    assert world.journal.talks == {}, "a ticket stands: nothing is left in the journal"
    return world


def fact(world: SpokenWorld) -> NewTicket:
    """The last fact told of the call."""
    return world.office.told[-1]


def request(world: SpokenWorld) -> SpokenRequest:
    told = fact(world).spoken
    assert told is not None
    return told


@in_virtual_time
async def test_everything_is_asked_said_back_and_confirmed() -> None:
    """Kind, place, matter and number by voice; the place by its prompt, the matter by his own
    voice, the number digit by digit; then the ticket's number twice."""
    world = await spoken(*WHOLE)
    said = " ".join(world.call.said)
    order = (
        r"intake/kind intake/place intake/matter intake/number intake/said_back kind/complaint "
        r"intake/said_at place/450103 intake/said_words own 20-24 intake/said_number "
        r"(digits/\d ){11}intake/confirm ticket_number .*ticket_number_again"
    )
    assert re.search(order, said), said
    told = request(world)
    assert told.confirmed
    assert told.review == ()
    assert told.text == "路灯坏了"
    assert [a.value for a in told.answers] == ["complaint", "450103", "040101", *_yes()]
    assert told.answer(Question.PLACE).label == "青秀区"  # type: ignore[union-attr] # it is there
    ticket = made(world)
    assert (ticket.facts.kind, ticket.confirmed, ticket.voice_path) == (
        Kind.COMPLAINT,
        True,
        VOICE,
    )
    assert world.row.outcome is Outcome.VOICE_REQUEST


def _yes() -> list[str]:
    return ["+8613800138000", "yes"]


@in_virtual_time
async def test_every_question_can_be_answered_by_key() -> None:
    world = await spoken(
        Presses("2"), SILENT, Presses("1"), Says("路灯 坏 了"), Presses("1"), Presses("1")
    )
    told = request(world)
    assert told.confirmed
    assert made(world).facts.kind is Kind.COMPLAINT
    assert told.answer(Question.PLACE).value == "450103"  # type: ignore[union-attr] # it is there
    assert "intake/place_again" in world.call.said


@in_virtual_time
async def test_another_number_is_spoken_or_typed() -> None:
    spoken_number = await spoken(*WHOLE[:3], Presses("2"), Says("13900139000"), Says("对"))
    typed = await spoken(*WHOLE[:3], Presses("2"), *map(Presses, "13900139000#"), Says("对"))
    for world in (spoken_number, typed):
        number = request(world).answer(Question.NUMBER)
        assert number is not None
        assert number.value == "+8613900139000"


@in_virtual_time
async def test_nobody_need_be_called_back() -> None:
    world = await spoken(*WHOLE[:3], Presses("3"), Says("对"))
    assert "intake/no_callback" in world.call.said
    assert request(world).confirmed


@in_virtual_time
async def test_said_again_from_the_beginning() -> None:
    """不对: all is asked anew, and the new answers hold."""
    world = await spoken(
        *WHOLE[:4],
        Says("不对"),
        Says("咨询"),
        Says("青秀区"),
        Says("社保"),
        Says("可以"),
        Says("对"),
    )
    told = request(world)
    assert told.text == "社保"
    assert made(world).facts.kind is Kind.CONSULTATION
    assert told.confirmed


@in_virtual_time
async def test_something_is_added() -> None:
    world = await spoken(*WHOLE[:4], Presses("3"), Says("有 三 天 了"), Says("对"))
    assert request(world).text == "路灯坏了\n有三天了"
    assert request(world).confirmed


@in_virtual_time
async def test_who_is_not_understood_twice_is_recorded_plainly() -> None:
    """No loop: two answers, then the tone. The voice of the plain recording is the request's."""
    script = Script(now=NIGHT, digits=["", "1"], takes=[9.0])
    world = await spoken(Says("嗯"), Says("啊"), script=script)
    assert world.call.said.count("intake/kind_again") == 1
    assert "request_intro" in world.call.said
    assert request(world).review == (
        Review.NOT_RECOGNISED,
        Review.UNCONFIRMED,
        Review.NOT_UNDERSTOOD,
    )
    assert made(world).voice_path.endswith("-2.wav")
    assert made(world).voice_s == 9.0


@in_virtual_time
async def test_who_says_nothing_at_all_is_recorded_plainly() -> None:
    world = await spoken(SILENT, SILENT, script=Script(now=NIGHT, takes=[5.0]))
    assert made(world).voice_s == 5.0


@in_virtual_time
async def test_an_elder_is_recorded_at_once() -> None:
    world = SpokenWorld(Script(now=NIGHT, takes=[9.0]), WHOLE)
    world.callers.set_marks("default", [("+8613800138000", Mark(elder=True))])
    await converse(world.call, world.desk)
    assert "intake/kind" not in world.call.said
    assert request(world).review == (Review.NOT_RECOGNISED, Review.UNCONFIRMED)


@in_virtual_time
async def test_another_language_keeps_the_voice_and_is_marked() -> None:
    world = await spoken(*WHOLE, script=Script(now=NIGHT, digits=["3", "", "1"], takes=[9.0]))
    assert "intake/kind" not in world.call.said
    assert request(world).language == "yue"
    assert Review.LANGUAGE in request(world).review


@in_virtual_time
async def test_without_recognition_he_is_recorded() -> None:
    world = await spoken(*WHOLE, able=False, script=Script(now=NIGHT, takes=[9.0]))
    assert Review.NOT_RECOGNISED in request(world).review
    assert made(world).voice_s == 9.0


@in_virtual_time
async def test_lost_audio_goes_on_with_a_plain_recording() -> None:
    world = await spoken(*WHOLE[:2], Breaks(), script=Script(now=NIGHT, takes=[9.0]))
    told = request(world)
    assert [a.value for a in told.answers][:2] == ["complaint", "450103"]
    assert made(world).voice_s == 9.0


@in_virtual_time
async def test_unsure_words_go_to_the_morning_list() -> None:
    world = await spoken(WHOLE[0], WHOLE[1], Says("路灯 坏 了", sure=0.4), *WHOLE[3:])
    assert request(world).confirmed
    assert request(world).review == (Review.UNSURE,)


@in_virtual_time
@pytest.mark.parametrize("question", range(5))
async def test_danger_in_any_answer_connects_at_once(question: int) -> None:
    """着火: 119, whatever was being asked; what was said becomes a ticket that is called first."""
    script = Script(now=NIGHT, transfers=[DialStatus.ANSWER])
    world = await spoken(*WHOLE[:question], Says("着火 了"), script=script)
    assert world.call.dialled == ["119 +8613800138000 12345"]
    assert "intake/danger" in world.call.said
    assert world.row.outcome is Outcome.TRANSFERRED
    assert request(world).danger == "着火"
    assert request(world).review[0] is Review.DANGER
    assert fact(world).first_callback
    assert made(world).number == world.row.ticket


@in_virtual_time
@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        (Says("是的"), Outcome.TRANSFERRED),
        (Presses("1"), Outcome.TRANSFERRED),
        (Presses("2"), Outcome.VOICE_REQUEST),
        (SILENT, Outcome.VOICE_REQUEST),
    ],
)
async def test_danger_heard_badly_is_asked_about_once(deed: Deed, outcome: Outcome) -> None:
    """A noise can sound like 着火: who confirms it is connected, others go on; a person looks first
    all the same."""
    unsure = Says("着火 了", sure=0.4)
    script = Script(now=NIGHT, transfers=[DialStatus.ANSWER])
    world = await spoken(unsure, deed, *WHOLE, script=script)
    assert world.row.outcome is outcome
    assert world.call.said.count("intake/danger_check") == 1
    assert request(world).review[0] is Review.DANGER
    assert fact(world).first_callback


@in_virtual_time
async def test_hum_that_is_taken_for_a_word_is_none() -> None:
    """A word can't take four seconds: it is neither a kind nor a danger."""
    hums = (Says("投诉", lasts_s=4.0), Says("着火 了", lasts_s=9.0))
    world = await spoken(*hums, script=Script(now=NIGHT, takes=[5.0]))
    assert made(world).facts.kind is None
    assert world.call.dialled == []
    assert [a.text for a in request(world).answers] == ["…", "……"]


@in_virtual_time
async def test_danger_that_nobody_answers_is_recorded_and_called_first() -> None:
    world = await spoken(Says("着火 了"), script=Script(now=NIGHT, takes=[9.0]))
    assert "intake/danger_failed" in world.call.said
    assert fact(world).first_callback
    assert made(world).voice_s == 9.0
    assert world.row.outcome is Outcome.VOICE_REQUEST


def leaving(at: int) -> Sequence[Deed]:
    return (*WHOLE[:at], Leaves("路灯 不"))


@in_virtual_time
@pytest.mark.parametrize("at", range(5))
async def test_hanging_up_in_any_answer_leaves_a_ticket_of_what_was_said(at: int) -> None:
    world = await spoken(*leaving(at))
    told = request(world)
    assert len(told.answers) == at + 1
    assert told.answers[-1].text == "路灯不"
    assert not told.confirmed
    assert made(world).voice_path == VOICE
    assert made(world).voice_s == 10.0 * at + 4.0
    assert len(world.office.tickets) == 1


@in_virtual_time
@pytest.mark.parametrize("at", range(5))
async def test_an_engine_killed_in_any_answer_goes_on_where_it_stopped(at: int) -> None:
    """The next engine asks what wasn't settled; what was said meanwhile is kept."""
    world = SpokenWorld(Script(now=NIGHT), (*WHOLE[:at], Breaks(engine=True), *WHOLE[at:]))
    task = asyncio.ensure_future(converse(world.call, world.desk))
    await world.call.stopped.wait()
    task.cancel()
    await asyncio.wait({task})
    world.engine()
    world.call.come_back()
    await converse(world.call, world.desk)
    told = request(world)
    assert told.confirmed
    assert told.text == "路灯坏了"
    values = [a.value for a in told.answers if a.question is not Question.BROKEN]
    assert values == ["complaint", "450103", "040101", *_yes()]
    broken = [a for a in told.answers if a.question is Question.BROKEN]
    assert [(a.recording, a.end_s) for a in broken] == [(VOICE, 10.0 * at + 4.0)]
    assert "intake/gone_on" in world.call.said
    assert len(world.office.tickets) == 1
    assert world.journal.talks == {}


@in_virtual_time
@pytest.mark.parametrize("at", range(5))
async def test_killed_engine_and_a_caller_gone_leave_one_ticket(at: int) -> None:
    """Nobody leads him any more: the journal and the recording tell what was said, once."""
    world = SpokenWorld(Script(now=NIGHT), (*WHOLE[:at], Breaks(engine=True)))
    task = asyncio.ensure_future(converse(world.call, world.desk))
    await world.call.stopped.wait()
    task.cancel()
    await asyncio.wait({task})

    async def parts(kept: KeptTalk) -> Sequence[tuple[str, float]]:
        return list(world.voice.files.items())

    journal = _Left(world)
    assert await take_left(journal, world.office, parts, lambda call: True) == 0, "still led"
    assert await take_left(journal, world.office, parts, lambda call: False) == 1
    assert await take_left(journal, world.office, parts, lambda call: False) == 0
    told = request(world)
    assert len(told.answers) == at + 1
    assert told.answers[-1].question is Question.BROKEN
    assert made(world).voice_s == 10.0 * at + 4.0
    assert made(world).facts.kind is (Kind.COMPLAINT if at else None)


class _Left:
    def __init__(self, world: SpokenWorld) -> None:
        self._world = world

    async def left(self, older_s: float) -> Sequence[KeptTalk]:
        return list(self._world.journal.talks.values())

    async def forget(self, call_id: str) -> None:
        await self._world.journal.forget(call_id)


@in_virtual_time
async def test_a_full_disk_and_sql_away_cost_no_word() -> None:
    """The journal takes nothing and SQL neither: the ticket is told what was said all the same."""
    world = SpokenWorld(Script(now=NIGHT, sql_away=True), WHOLE)
    world.journal.failing = True
    await converse(world.call, world.desk)
    assert request(world).confirmed
    assert "ticket_number_later" in world.call.said or "request_taken" in world.call.said


@in_virtual_time
async def test_a_ticket_left_behind_with_danger_is_called_first() -> None:
    """What the journal tells of an alarm isn't lost with the engine."""
    world = SpokenWorld(Script(now=NIGHT), ())
    story = open_story(world.call.info, world.desk.directory)
    kept = KeptTalk(request_ticket(story, NIGHT), alarm="着火")
    left = ticket_left(kept, [(VOICE, 3.0)])
    assert left.first_callback
    assert left.spoken is not None
    assert left.spoken.danger == "着火"


@in_virtual_time
async def test_an_elders_recording_is_only_confirmed_after_a_crash() -> None:
    """He has said it once: the next engine plays it back to him and asks."""
    world = SpokenWorld(Script(now=NIGHT, digits=["", "1"], takes=[9.0]), ())
    world.callers.set_marks("default", [("+8613800138000", Mark(elder=True))])
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    while "request_playback" not in world.call.said:
        await asyncio.sleep(0)
    leading.cancel()
    await asyncio.wait({leading})
    world.engine()
    world.call.come_back()
    await converse(world.call, world.desk)
    assert world.call.said.count("request_intro") == 1
    assert made(world).voice_s == 9.0
    assert made(world).confirmed
