"""The way into a spoken intake and out of it: when a caller is talked with by voice, and what
becomes of him when that ends early.

| What happens | Then |
|---|---|
| an elder, or a language without a recogniser | recorded plainly at once |
| his audio or the recogniser can't be had, or break | recorded plainly |
| not understood twice | recorded plainly |
| a word of danger | connected at once; called back first |
| nobody answers there | to the seats, before others; none is at work: recorded plainly |
| he hangs up, we die | what was answered is in the journal, his voice in the recording |
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from ivr.at_work import seat_may_come
from ivr.desk import Desk
from ivr.intake import Alarm, Intake
from ivr.intake_house import SpokenHouse
from ivr.intake_plan import IntakePlan
from ivr.intake_talk import AlarmRaised, Knowing, RecordPlainly, take_intake
from ivr.speech.ports import SpeechAway
from ivr.story import Story
from ivr.taking_place import raise_priority
from ivr.transfer import connect
from ivr.voice_files import VoiceFile
from telephony.call import Call
from telephony.live_audio import AudioAway
from tickets.kept import KeptTalk
from tickets.model import NewTicket
from tickets.spoken import Question, SpokenAnswer

BACK_S, LOOK_S = 6.0, 0.25


class Went(StrEnum):
    """How a spoken intake ended while the caller is still there."""

    TAKEN = "taken"
    PLAIN = "plain"
    CONNECTED = "connected"
    TO_SEATS = "to_seats"
    """In danger, with seats at work: he is to wait for one of them."""


async def take_spoken(
    call: Call,
    desk: Desk,
    house: SpokenHouse,
    story: Story,
    plan: IntakePlan,
    file: VoiceFile,
    new: NewTicket,
) -> Went:
    """Lead him through the intake; `file` is where his voice goes, `new` the ticket so far."""
    intake = story.intake = story.intake or Intake(story.language)
    resumed = bool(intake.answers)
    if resumed:
        await _recogniser_back(house, story.language)
    if not _can_be_led(house, story, intake, plan):
        return Went.PLAIN
    if not resumed:
        await house.journal.begin(new)
    story.pending = file
    try:
        return await _led(call, house, story, plan, file, resumed=resumed)
    except AlarmRaised as raised:
        return await _to_safety(call, desk, house, story, raised.alarm)
    except (RecordPlainly, AudioAway, SpeechAway) as why:
        intake.recognised = False  # what is recorded plainly is recognised later
        story.log().info("intake_recorded_plainly", why=type(why).__name__, reason=str(why))
        return Went.PLAIN
    finally:
        story.kind = intake.kind or story.kind


async def _recogniser_back(house: SpokenHouse, language: str) -> None:
    """After an engine's death its caller is back before its recogniser is."""
    for _ in range(round(BACK_S / LOOK_S)):
        if house.able(language):
            return
        await asyncio.sleep(LOOK_S)


def _can_be_led(house: SpokenHouse, story: Story, intake: Intake, plan: IntakePlan) -> bool:
    if intake.alarm is not None:
        intake.recognised = False
        return False  # it rang before; nobody could be reached
    if story.language not in plan.languages:
        intake.elsewhere = True
        return False
    if story.elder or (story.known is not None and story.known.elder):
        intake.recognised = False
        return False
    intake.recognised = house.able(story.language)
    return intake.recognised


async def _led(
    call: Call,
    house: SpokenHouse,
    story: Story,
    plan: IntakePlan,
    file: VoiceFile,
    *,
    resumed: bool,
) -> Went:
    intake = story.intake
    assert intake is not None
    call_id = story.info.call_id
    async with house.speaking(call, story.language, file.stored) as caller:
        knowing = Knowing(
            plan=plan,
            mind=house.mind,
            recording=file.stored,
            own=story.caller.e164,
            area_code=story.tenant.area_code,
            says=lambda prompt: house.says(story.language, prompt),
            note=lambda answer: house.journal.note(call_id, answer),
        )
        try:
            opening = ("intake/gone_on",) if resumed else ()
            await take_intake(caller, intake, knowing, opening)
        finally:
            if intake.listening is not None:  # he hung up, or we lost his audio, in mid-sentence
                intake.listening = replace(intake.listening, end_s=caller.at_s)
            intake.recognised = caller.recognising
    return Went.TAKEN


async def _to_safety(
    call: Call, desk: Desk, house: SpokenHouse, story: Story, alarm: Alarm
) -> Went:
    """Whoever can help, one after another; by the outbound rules, as every transfer. Then the
    seats, who can go on trying."""
    assert story.intake is not None
    story.intake.alarm, story.danger = alarm, True
    story.log().warning("intake_danger", targets=alarm.targets, pii_word=alarm.word)
    await house.journal.note_alarm(story.info.call_id, alarm.word)
    raise_priority(desk, story)  # before it rings: an engine after us may find him in the queue
    duty_phone = story.known_line.duty_phone
    targets = dict.fromkeys((*alarm.targets, *((duty_phone,) if duty_phone else ())))
    for target in targets:
        if await connect(call, story, target, "intake/danger"):
            return Went.CONNECTED
    if seat_may_come(desk, story):
        await call.play(("intake/danger_to_seats",), language=story.language)
        return Went.TO_SEATS
    await call.play(("intake/danger_failed",), language=story.language)
    story.intake.recognised = False
    return Went.PLAIN


def resumed_intake(kept: KeptTalk, parts: Sequence[tuple[str, float]]) -> Intake:
    """The intake as the journal tells it. `parts` are the recordings there are, with their seconds:
    what lies behind the last answer in the last of them was said, too."""
    intake = Intake(kept.new.facts.language, list(kept.answers))
    intake.alarm = Alarm(kept.alarm) if kept.alarm else None
    for recording, seconds in parts[-1:]:
        ends = [a.end_s for a in kept.answers if a.recording == recording]
        begun = max(ends, default=0.0)
        if seconds > begun and not kept.alarm:
            broken = SpokenAnswer(
                Question.BROKEN, recording=recording, begin_s=begun, end_s=seconds
            )
            intake.answers.append(broken)
            intake.recognised = False  # until he is asked again
    return intake
