"""A spoken request: explain, talk with him (ivr/intake_door.py) or record, play back and confirm;
save, speak the ticket number twice."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from ivr.desk import Desk
from ivr.ending import (
    LEAST_VOICE_S,
    keep_take,
    make_ticket,
    notice_torn,
    outcome_of,
    request_ticket,
    unbroken,
)
from ivr.flow import PERSON_KEY, Close, VoiceRequest
from ivr.greeting import choose
from ivr.intake_door import Went, resumed_intake, take_spoken
from ivr.numbers import digits
from ivr.ports import Outcome
from ivr.story import Resume, Story
from ivr.transfer import connect
from ivr.voice_files import VoiceFile, VoiceFiles
from telephony.call import Call

CONFIRM_KEY, AGAIN_KEY = "1", "2"
MOST_TAKES = 5
MOST_EMPTY = 2
EXPLAIN_SILENCE_S = 2.0
CONFIRM_SILENCE_S = 5.0
EXPLAIN_LIMIT = 3
_MAY_HAVE_SPOKEN = (Resume.VOICE_REQUEST, Resume.TRANSFERRED, Resume.TRANSFER_BROKEN)


async def explain_closed(call: Call, story: Story, step: VoiceRequest) -> str | None:
    """Outside the hours: say so; key 0 reaches the duty phone where there is one, else the
    request is marked for first callback. The name of the step that follows, None when he was
    connected and all is over."""
    for _ in range(EXPLAIN_LIMIT):
        digit = await call.ask(
            step.closed, language=story.language, max_digits=1, timeout_s=EXPLAIN_SILENCE_S
        )
        story.keys += digit
        if digit == PERSON_KEY:
            return await person_outside_hours(call, story)
        key = step.keys.get(digit)
        if key is not None and key.go is not None:
            return key.go
        if key is None or key.language == story.language:
            break
        choose(story, key)
    return story.flow.closed


async def person_outside_hours(call: Call, story: Story) -> str | None:
    """He wants a person and there is none: as `explain_closed`."""
    duty_phone = story.known_line.duty_phone
    if duty_phone is not None:
        if await connect(call, story, duty_phone, "duty_transfer"):
            return None
        await call.play(("duty_failed",), language=story.language)
    await call.play(("first_callback",), language=story.language)
    return story.flow.closed


async def take_request(call: Call, desk: Desk, story: Story, step: VoiceRequest) -> str:
    """Record, confirm, save, tell the number; the name of the step that follows.

    After an engine's death what was recorded before is found again and only confirmed.
    """
    await call.remember(**story.variables("voice_request"))
    again = story.point is Resume.VOICE_REQUEST
    takes = await find_recorded(desk.voice, story) if again else story.takes
    if story.intake is not None:  # in danger he has waited for a seat since: this is added
        story.ticket_made = False
    if not story.ticket_made:
        heard = story.voice_s >= LEAST_VOICE_S and story.intake is None
        went, takes = await _by_voice(call, desk, story, step, takes)
        if went is Went.CONNECTED:
            return step.next
        if went is Went.TO_SEATS:
            return await _to_seats(call, desk, story, takes)
        if went is Went.PLAIN:
            await _record_and_confirm(call, desk, story, step, takes, heard=heard)
    await unbroken(make_ticket(story, desk, desk.clock.now()))
    if story.ticket:
        await call.remember(TICKET=story.ticket)
    if outcome_of(story) is Outcome.VOICE_REQUEST:
        await tell_number(call, story)
    elif story.ticket_made:
        await call.play(("request_taken",), language=story.language)
    elif isinstance(story.flow.steps[step.next], Close) and outcome_of(story) is Outcome.LEFT_EARLY:
        # He said nothing, and nothing more follows. Asked anew by an engine after us, what he
        # says then would be a request in the books beside a call that left early.
        await call.remember(STAGE="over")
    return step.next


async def _to_seats(call: Call, desk: Desk, story: Story, takes: int) -> str:
    """What he has said becomes his ticket before he waits, to be called back first whatever
    becomes of the wait; a talk is added to it."""
    story.takes = takes
    if outcome_of(story) is Outcome.VOICE_REQUEST:
        await unbroken(make_ticket(story, desk, desk.clock.now()))
        if story.ticket:
            await call.remember(TICKET=story.ticket)
    return story.flow.person


async def _by_voice(
    call: Call, desk: Desk, story: Story, step: VoiceRequest, takes: int
) -> tuple[Went, int]:
    """Talk with him, where that is possible; how it went, and the number of the last take."""
    if desk.spoken is None or step.spoken is None or takes >= MOST_TAKES:
        return Went.PLAIN, takes
    file = place_take(desk.voice, story, takes + 1)
    await desk.voice.prepare(file)
    new = replace(request_ticket(story, desk.clock.now()), voice_path=file.stored)
    went = await take_spoken(call, desk, desk.spoken, story, step.spoken, file, new)
    if story.pending is None:
        return went, takes  # his audio was never opened
    story.pending = None
    keep_take(story, file, await desk.voice.seconds(file.stored))
    return went, takes + 1


async def take_up(desk: Desk, story: Story) -> None:
    """After an engine's death: what its caller had answered, and said, by voice."""
    if desk.spoken is None or story.point not in _MAY_HAVE_SPOKEN:
        return
    kept = await desk.spoken.journal.read(story.info.call_id)
    if kept is None:
        return
    parts: list[tuple[str, float]] = []
    for take in range(1, MOST_TAKES + 1):
        file = place_take(desk.voice, story, take)
        seconds = await desk.voice.seconds(file.stored)
        if seconds > 0:
            keep_take(story, file, seconds)
            parts.append((file.stored, seconds))
    story.intake = resumed_intake(kept, parts)
    story.danger = story.danger or story.intake.alarm is not None
    story.kind = story.intake.kind or story.kind


async def find_recorded(voice: VoiceFiles, story: Story) -> int:
    """Take over what an engine before us recorded; the number of the last take (0: none)."""
    last = 0
    for take in range(1, MOST_TAKES + 1):
        file = place_take(voice, story, take)
        seconds = await voice.seconds(file.stored)
        if seconds > 0:
            keep_take(story, file, seconds)
            last = take
    return last


def place_take(voice: VoiceFiles, story: Story, take: int) -> VoiceFile:
    """Where his `take`-th attempt belongs. The same at every entry: the day is that of the call's
    beginning, where it happened."""
    day = story.info.answered_at.astimezone(ZoneInfo(story.tenant.time_zone)).date()
    return voice.place(story.info.call_id, day, take)


async def _record_and_confirm(
    call: Call, desk: Desk, story: Story, step: VoiceRequest, take: int, *, heard: bool
) -> None:
    """Attempts after the `take` that are there (the last one is to be confirmed when he was
    `heard` in it), until one is confirmed or kept as it is."""
    empty = 0
    while heard or take < MOST_TAKES:
        if not heard:
            take += 1
            heard = await _record(call, desk, story, step, take)
        if not heard and story.unheard:
            return
        if not heard:
            empty += 1
            await call.play(("request_empty",), language=story.language)
            if empty == MOST_EMPTY:
                return
            continue
        answer = await _confirm(call, story)
        story.confirmed = answer == CONFIRM_KEY
        if answer != AGAIN_KEY or take >= MOST_TAKES:
            return
        heard = False
        await call.play(("request_again",), language=story.language)


async def _record(call: Call, desk: Desk, story: Story, step: VoiceRequest, take: int) -> bool:
    """One attempt; False when nothing was said. The attempt before it stays until this one
    holds something: who hangs up while recording again has still said what he said."""
    await call.play(step.prompts, language=story.language, interrupt="#")
    file = place_take(desk.voice, story, take)
    await desk.voice.prepare(file)
    story.pending = file
    result = await call.record(
        file.inside, max_s=desk.voice_request_max_s, silence_s=step.silence_s
    )
    story.pending = None
    await notice_torn(story, desk, file, result.duration_s)
    return keep_take(story, file, result.duration_s)


async def _confirm(call: Call, story: Story) -> str:
    """Play it back and ask; one who presses nothing is asked once more, then it is kept as it
    is (not confirmed): a request is never thrown away for want of a key."""
    assert story.voice is not None
    await call.play(("request_playback",), language=story.language)
    digit = await call.play_file(story.voice.inside, interrupt=CONFIRM_KEY + AGAIN_KEY)
    for _ in range(2):
        if digit in (CONFIRM_KEY, AGAIN_KEY):
            return digit
        digit = await call.ask(
            ("request_confirm",),
            language=story.language,
            max_digits=1,
            timeout_s=CONFIRM_SILENCE_S,
        )
    return digit


async def tell_number(call: Call, story: Story) -> None:
    """Read him the number of his ticket, twice."""
    if not story.ticket:
        await call.play(("ticket_number_later",), language=story.language)
        return
    spoken = digits(story.ticket)
    await call.play(
        ("ticket_number", *spoken, "ticket_number_again", *spoken), language=story.language
    )
