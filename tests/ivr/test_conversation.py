"""Every way a conversation can go, with the caller there to its end."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.conversation import converse
from ivr.flow import DEFAULT_FLOW
from ivr.known_callers import EndedCall, Mark
from ivr.ports import KeptPlace, Outcome
from ivr.queue_rules import DEFAULT_RULES
from ivr.tenants import Tenant
from queue_manager.estimate import WaitEstimate
from queue_manager.model import Suggestion, WaitingCaller
from queue_manager.opening import HoursMode
from telephony.call import DialStatus
from tests.ivr.script import (
    NIGHT,
    NOON,
    SEAT,
    FakePlace,
    FakeQueue,
    Script,
    World,
    directory,
    in_virtual_time,
)
from tickets.model import Kind, Origin, Ticket, TicketState

LONG_S = 86_400.0


async def led(script: Script, **override: HoursMode) -> World:
    world = World(script)
    world.override = {("default", line): word for line, word in override.items()}
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    assert len(world.desk.live) == 0
    return world


def made(world: World) -> Ticket:
    assert world.ticket is not None
    return world.ticket


@in_virtual_time
async def test_silence_goes_straight_to_the_queue_and_a_seat() -> None:
    """Notice, one sentence, ring, talk: a draft ticket, one row, the last word said."""
    world = await led(Script(seats=[DialStatus.ANSWER]))
    assert world.call.said == ["recording_notice", "welcome"]
    assert world.call.dialled == ["default-8001"]
    assert world.place.events == ["answered", "talk_ended"]
    ticket = made(world)
    assert (ticket.origin, ticket.state, ticket.seat_id) == (Origin.TALK, TicketState.DRAFT, "8001")
    assert ticket.facts.caller_e164 == "+8613800138000"
    assert world.row.outcome is Outcome.ANSWERED
    assert (world.row.seat_id, world.row.ticket) == ("8001", "261121000042")
    assert (world.row.queued_at, world.row.answered_at) == (NOON, NOON)
    assert world.call.done
    assert world.office.creates == 1


@in_virtual_time
async def test_keys_choose_language_and_skill() -> None:
    """4 is English: prompts, need and ticket follow."""
    world = await led(Script(digits=["4"], seats=[DialStatus.ANSWER]))
    assert {need.skill for need in world.place.caller.needs.needs()} == {"lang:en", "svc:general"}
    facts = made(world).facts
    assert (facts.language, facts.keys) == ("en", "4")


@in_virtual_time
async def test_zero_reaches_a_person() -> None:
    world = await led(Script(digits=["0"], seats=[DialStatus.ANSWER]))
    assert world.row.outcome is Outcome.ANSWERED


@in_virtual_time
async def test_two_wrong_keys_reach_a_person() -> None:
    world = await led(Script(digits=["7", "8"], seats=[DialStatus.ANSWER]))
    assert world.call.said == ["recording_notice", "welcome", "wrong_key", "to_person"]
    assert world.row.outcome is Outcome.ANSWERED
    assert made(world).facts.keys == "78"


@in_virtual_time
async def test_a_right_key_after_a_wrong_one_counts() -> None:
    world = await led(Script(digits=["7", "3"], seats=[DialStatus.ANSWER]))
    assert made(world).facts.language == "yue"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (DialStatus.NOANSWER, "no_answer"),
        (DialStatus.BUSY, "busy"),
        (DialStatus.CHANUNAVAIL, "unreachable"),
        (DialStatus.CONGESTION, "unreachable"),
    ],
)
@in_virtual_time
async def test_a_missed_ring_keeps_the_place(status: DialStatus, reason: str) -> None:
    """The next seat rings, the caller entered the queue once."""
    world = await led(Script(seats=[status, DialStatus.ANSWER]))
    assert world.place.events == [f"missed {reason}", "answered", "talk_ended"]
    assert len(world.queue.places) == 1


@in_virtual_time
async def test_cancel_means_the_caller_left() -> None:
    """The seat isn't blamed for a caller who hung up while it rang."""
    world = await led(Script(seats=[DialStatus.CANCEL]))
    assert world.place.events == ["left abandoned"]
    assert made(world).origin is Origin.ABANDONED


@in_virtual_time
async def test_the_waiting_hear_their_place_and_what_they_may_choose() -> None:
    """Nobody is free: place and wait told soon, then news or information; the choice refused by
    silence, offered again, then taken."""
    script = Script(digits=["", "", "2", "1"], takes=[7.5])
    world = waited(script, WaitEstimate(100, 200))
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    place = ["waiting_thanks", "ahead_before", "numbers/3", "ahead_after"]
    wait = ["wait_before", "numbers/1", "wait_to", "numbers/4", "wait_minutes"]
    said = [(round(t, -1), prompt) for t, prompt in world.call.heard_at_s[2:]]
    assert said[:12] == [
        *((10, prompt) for prompt in (*place, *wait)),
        (40, "inform_prepare"),
        (60, "choice_offer"),
        (90, "inform_emergency"),
    ]
    assert said[12] == (120, "choice_offer")
    assert world.place.events == ["left voice_request"]
    ticket = made(world)
    assert (ticket.origin, ticket.state) == (Origin.VOICE_REQUEST, TicketState.PENDING_REVIEW)
    assert (ticket.voice_s, ticket.confirmed) == (7.5, True)
    assert ticket.voice_path == "recordings/requests/2026/11/21/hl-1795233600.7-1.wav"
    assert world.row.outcome is Outcome.VOICE_REQUEST
    assert world.row.queued_at == NOON


def waited(script: Script, wait: WaitEstimate | None = None, ahead: int = 3) -> World:
    """A world in which he finds this many ahead of him."""
    world = World(script)
    entered = world.queue.enter

    def enter(caller: WaitingCaller) -> FakePlace:
        place = entered(caller)
        place.ahead, place.wait = ahead, wait
        return place

    world.queue.enter = enter  # type: ignore[method-assign]  # a wrapper of the fake
    return world


@in_virtual_time
async def test_he_is_told_again_when_much_has_changed() -> None:
    """Three ahead, then one: said. The same again: not."""
    world = waited(Script(), ahead=3)
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(20)
    world.place.ahead = 1
    await asyncio.sleep(80)
    told = [prompt for _, prompt in world.call.heard_at_s if prompt.startswith("numbers/")]
    assert told == ["numbers/3", "numbers/1"]
    await leading


@in_virtual_time
async def test_a_step_of_the_rules_suggests_a_callback_and_he_takes_it() -> None:
    """Offered at once; his number is read to him and confirmed; he leaves, his place doesn't."""
    world = waited(Script(digits=["", "1", "1"]))
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(15)
    world.place.suggested.set_result(Suggestion.CALLBACK)
    await asyncio.wait_for(leading, LONG_S)
    offered_s = next(t for t, prompt in world.call.heard_at_s if prompt == "callback_offer")
    assert 15 <= offered_s < 16
    number = [f"digits/{d}" for d in "13800138000"]
    assert world.call.said[-15:] == [
        *("callback_offer", "callback_confirm", *number, "callback_confirm_keys"),
        "callback_taken",
    ]
    (taken,) = world.callbacks.taken.values()
    assert (taken.number_e164, taken.queued_at, taken.queue_id) == ("+8613800138000", NOON, "main")
    assert world.place.events == ["left callback"]
    assert world.row.outcome is Outcome.CALLBACK
    assert (made(world).origin, made(world).callback_due) == (Origin.CALLBACK, True)
    assert world.call.done


@in_virtual_time
async def test_a_key_while_the_music_plays_is_as_good_as_an_answer() -> None:
    """1 at any time; the number is another one, typed and read back."""
    script = Script(caller="anonymous", digits=["", *"02088880000", "#", "1"])
    world = waited(script)
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(5)
    world.call.key.set_result("1")
    await asyncio.wait_for(leading, LONG_S)
    (taken,) = world.callbacks.taken.values()
    assert taken.number_e164 == "+862088880000"
    assert world.row.outcome is Outcome.CALLBACK


@in_virtual_time
async def test_a_number_that_cant_be_rung_is_asked_for_again_and_he_waits_on() -> None:
    """Three tries, short codes and premium numbers refused; nothing is promised."""
    script = Script(caller="anonymous", digits=["", *"110", "#", *"95588", "#", *"400", "#"])
    world = waited(script)
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(5)
    world.call.key.set_result("1")
    await asyncio.wait_for(leading, LONG_S)
    assert world.call.said.count("callback_number_wrong") == 3
    assert world.callbacks.taken == {}
    assert world.row.outcome is Outcome.ABANDONED


@in_virtual_time
async def test_a_callback_that_cant_be_promised_is_told_and_he_keeps_waiting() -> None:
    world = waited(Script(digits=["", "1", "1"], callbacks_away=True))
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    assert "callback_failed" in world.call.said
    assert world.place.events == ["left abandoned"]
    assert world.call.variables["STAGE"] == "queued"
    assert world.call.variables["NUMBER"] == ""


@in_virtual_time
async def test_a_seat_offered_while_he_is_asked_goes_first() -> None:
    """The question ends at once, he is connected, no callback is taken."""
    world = waited(Script(digits=["", "1", ""], seats=[DialStatus.ANSWER]))
    world.queue = FakeQueue([])
    world.desk = replace(world.desk, queues={"default": world.queue})
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(61)
    assert world.call.said[-1] == "callback_confirm_keys"
    world.place.give(SEAT)
    await asyncio.wait_for(leading, LONG_S)
    assert world.row.outcome is Outcome.ANSWERED
    assert world.callbacks.taken == {}


@in_virtual_time
async def test_who_was_to_be_called_back_and_calls_again_has_his_old_place() -> None:
    """The callback is called off; the ticket is that of the call he asked in."""
    world = World(Script(seats=[DialStatus.ANSWER]))
    earlier = NOON.replace(hour=3)
    world.callbacks.kept = KeptPlace("hl-1.1", earlier, 2)
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    caller = world.place.caller
    assert (caller.queued_at, caller.priority) == (earlier, 2)
    assert made(world).call_id == "hl-1.1"


@in_virtual_time
async def test_without_callbacks_only_the_message_is_offered() -> None:
    world = waited(Script(digits=["", "1", "2", "1"], takes=[3.0]))
    world.callbacks.open = False
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    assert "choice_offer" not in world.call.said
    assert world.call.said.count("voice_offer") == 2
    assert world.row.outcome is Outcome.VOICE_REQUEST


@in_virtual_time
async def test_elders_and_those_who_gave_up_before_go_first() -> None:
    """By key, by record, by the last call; what is known of him is asked of memory alone."""
    world = World(Script(digits=["9"], seats=[DialStatus.ANSWER]))
    await converse(world.call, world.desk)
    assert world.place.caller.priority == 2
    assert made(world).facts.keys == "9"
    again = World(Script(seats=[DialStatus.ANSWER]))
    again.callers.set_marks("default", [("+8613800138000", Mark(elder=True, language="yue"))])
    gave_up = NOON.replace(hour=3, minute=30)
    again.callers.learn("default", [("+8613800138000", EndedCall(gave_up, Outcome.ABANDONED))])
    await converse(again.call, again.desk)
    assert again.place.caller.priority == 2 + 1 + 1
    assert again.place.caller.language == "yue"
    assert again.place.caller.preferred_seat == ""


@pytest.mark.parametrize(
    ("same_seat_s", "last", "wanted"),
    [(0, "8001", ""), (20, "8001", "8001"), (20, "liuzhou/2001", "")],
)
@in_virtual_time
async def test_the_seat_he_had_is_wanted_where_the_rules_say_so(
    same_seat_s: int, last: str, wanted: str, tmp_path: Path
) -> None:
    """Also when he gave up meanwhile; never a seat of another city."""
    file = tmp_path / "queues.yaml"
    text = DEFAULT_RULES.read_text(encoding="utf-8")
    changed = text.replace("same_seat_s: 0", f"same_seat_s: {same_seat_s}")
    file.write_text(changed, encoding="utf-8")
    own = directory([Tenant(id="default", name="12345", queues_file=file)])
    world = World(Script(seats=[DialStatus.ANSWER], directory=own))
    calls = [EndedCall(NOON, Outcome.ANSWERED, last), EndedCall(NOON, Outcome.ABANDONED)]
    world.callers.learn("default", [("+8613800138000", call) for call in calls])
    await converse(world.call, world.desk)
    assert world.place.caller.preferred_seat == wanted


@in_virtual_time
async def test_a_known_callers_language_never_locks_him_in() -> None:
    world = World(Script(digits=["1"], seats=[DialStatus.ANSWER]))
    world.callers.set_marks("default", [("+8613800138000", Mark(language="en"))])
    await converse(world.call, world.desk)
    assert world.call.languages[:1] == ["en"]
    assert {n.skill for n in world.place.caller.needs.needs()} == {"lang:cmn", "svc:general"}


@in_virtual_time
async def test_what_his_place_is_stands_on_the_channel() -> None:
    """A new engine queues him with the same needs, priority and queue, whatever it would say."""
    world = World(Script(digits=["9"]))
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(5)
    leading.cancel()
    await asyncio.wait({leading})
    seen = world.call.variables
    assert (seen["PRIORITY"], seen["QUEUE"], seen["NEEDS"]) == (
        "2",
        "main",
        "lang:cmn & svc:general",
    )
    world.call.variables["NEEDS"] = "lang:za>=3"
    world.engine()
    world.call.come_back()
    await converse(world.call, world.desk)
    assert str(world.place.caller.needs) == "lang:za>=3"
    assert world.place.caller.priority == 2


@in_virtual_time
async def test_the_next_in_line_is_told_so_once() -> None:
    """He isn't talked to again and again: the next free seat is his."""
    world = World(Script())
    original = world.queue.enter

    def enter(caller):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        place = original(caller)
        place.ahead = 0
        return place

    world.queue.enter = enter  # type: ignore[method-assign]  # as above
    await converse(world.call, world.desk)
    assert world.call.said.count("ahead_none") == 1
    assert world.row.outcome is Outcome.ABANDONED


@in_virtual_time
async def test_an_announcement_yields_to_a_free_seat() -> None:
    """The seat comes free while the position is said: the rest of it isn't."""
    world = World(Script(seats=[DialStatus.ANSWER]))
    world.queue = FakeQueue([])
    world.desk = replace(world.desk, queues={"default": world.queue})
    play = world.call.play

    async def playing(prompts, **how):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        await play(prompts, **how)
        if prompts == ("waiting_thanks",):
            world.place.give(SEAT)

    world.call.play = playing  # type: ignore[method-assign]  # as above
    await converse(world.call, world.desk)
    assert world.call.said[-1] == "waiting_thanks"
    assert world.row.outcome is Outcome.ANSWERED


@in_virtual_time
async def test_zero_reaches_a_person_even_where_no_flow_says_so(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    text = DEFAULT_FLOW.read_text(encoding="utf-8")
    text = text.replace('      "0": {go: person}\n', "", 1)
    text = text.replace("silence: person", "silence: goodbye", 1)
    file.write_text(text, encoding="utf-8")
    own = directory([Tenant(id="default", name="12345", flow_file=file)])
    world = await led(Script(directory=own))
    assert world.row.outcome is Outcome.LEFT_EARLY
    world = await led(Script(digits=["0"], seats=[DialStatus.ANSWER], directory=own))
    assert world.row.outcome is Outcome.ANSWERED


@in_virtual_time
async def test_who_waits_in_vain_and_leaves_gets_a_ticket() -> None:
    world = await led(Script())
    assert world.place.events == ["left abandoned"]
    assert made(world).origin is Origin.ABANDONED
    assert world.row.outcome is Outcome.ABANDONED
    assert world.row.ticket == "261121000042"


@in_virtual_time
async def test_after_hours_request() -> None:
    """Explained, recorded, played back, confirmed, the number spoken twice, digit by digit."""
    world = await led(Script(now=NIGHT, digits=["", "1"], takes=[12.0]))
    said = world.call.said
    number = [f"digits/{d}" for d in "261121000042"]
    recorded = "/hotline/recordings/requests/2026/11/21/hl-1795233600.7-1"
    assert said == [
        *("closed_hours", "closed_help", "request_intro", "request_playback", recorded),
        *("request_confirm", "ticket_number", *number, "ticket_number_again", *number, "goodbye"),
    ]
    ticket = made(world)
    assert (ticket.confirmed, ticket.first_callback, ticket.voice_s) == (True, False, 12.0)
    assert world.queue.places == []
    assert world.call.done


@in_virtual_time
async def test_recording_again_keeps_the_last() -> None:
    world = await led(Script(now=NIGHT, digits=["", "2", "1"], takes=[12.0, 5.0]))
    assert made(world).voice_path.endswith("-2.wav")
    assert made(world).voice_s == 5.0


@in_virtual_time
async def test_recording_again_and_again_ends() -> None:
    world = await led(Script(now=NIGHT, digits=["", *"2222222222"], takes=[3.0] * 10))
    assert made(world).voice_path.endswith("-5.wav")
    assert not made(world).confirmed


@in_virtual_time
async def test_who_presses_nothing_is_kept_unconfirmed() -> None:
    world = await led(Script(now=NIGHT, takes=[12.0]))
    assert not made(world).confirmed
    assert world.call.said.count("request_confirm") == 2


@in_virtual_time
async def test_nothing_said_after_hours_leaves_no_ticket() -> None:
    """Asked twice; a silent call is logged, not made a request."""
    world = await led(Script(now=NIGHT, takes=[0.0, 0.0]))
    assert world.call.said.count("request_empty") == 2
    assert world.ticket is None
    assert world.row.outcome is Outcome.LEFT_EARLY


@in_virtual_time
async def test_a_mere_breath_is_asked_for_again_but_never_thrown_away() -> None:
    world = await led(Script(now=NIGHT, takes=[0.4, 0.0]))
    assert world.call.said.count("request_empty") == 2
    assert made(world).voice_s == 0.4
    world = await led(Script(now=NIGHT, digits=["", "2", "1"], takes=[12.0, 0.4, 0.0]))
    assert made(world).voice_s == 12.0


@in_virtual_time
async def test_nothing_said_after_the_queue_is_still_called_back() -> None:
    world = await led(Script(digits=["", "2"], takes=[0.0, 0.0]))
    assert made(world).origin is Origin.ABANDONED
    assert "request_taken" in world.call.said


@in_virtual_time
async def test_language_key_after_hours() -> None:
    world = await led(Script(now=NIGHT, digits=["4", "", "1"], takes=[9.0]))
    assert world.call.languages[0] == "cmn"
    assert set(world.call.languages[1:]) == {"en"}
    assert made(world).facts.language == "en"


@in_virtual_time
async def test_sql_away_says_that_the_number_follows() -> None:
    world = await led(Script(now=NIGHT, digits=["", "1"], takes=[9.0], sql_away=True))
    assert "ticket_number_later" in world.call.said
    assert "ticket_number" not in world.call.said
    assert world.office.creates == 1


@in_virtual_time
async def test_zero_after_hours_without_a_duty_phone_is_called_back_first() -> None:
    world = await led(Script(now=NIGHT, digits=["0", "1"], takes=[9.0]))
    assert "first_callback" in world.call.said
    assert made(world).first_callback


@in_virtual_time
async def test_zero_after_hours_and_silence_is_called_back_all_the_same() -> None:
    world = await led(Script(now=NIGHT, digits=["0"]))
    assert (made(world).origin, made(world).first_callback) == (Origin.VOICE_REQUEST, True)


@pytest.mark.parametrize(
    ("override", "answered"),
    [
        ({}, False),
        ({"": HoursMode.OPEN}, True),
        ({"general": HoursMode.OPEN}, True),
        ({"": HoursMode.OPEN, "general": HoursMode.CLOSED}, False),
        ({"": HoursMode.CLOSED, "general": HoursMode.OPEN}, True),
    ],
)
@in_virtual_time
async def test_the_lines_override_wins(override: dict[str, HoursMode], answered: bool) -> None:
    world = await led(Script(now=NIGHT, seats=[DialStatus.ANSWER], takes=[2.0]), **override)
    assert (world.row.outcome is Outcome.ANSWERED) is answered


@in_virtual_time
async def test_dual_track_keeps_its_context() -> None:
    """12333 forwarded to 12345: the number first dialled decides line, unit and skill."""
    world = await led(Script(first_called="12333", seats=[DialStatus.ANSWER]))
    facts = made(world).facts
    assert (facts.line_id, facts.unit, facts.called_number, facts.dialled) == (
        *("l12333", "人社", "12333", "12345"),
    )
    assert "svc:12333" in {need.skill for need in world.place.caller.needs.needs()}


@pytest.mark.parametrize(
    ("number", "announced"),
    [
        ("110", "transfer_emergency"),
        ("95598", "transfer_utility"),
        ("12388", "transfer_not_merged"),
    ],
)
@in_virtual_time
async def test_lines_that_transfer(number: str, announced: str) -> None:
    """Spoken at once, connected with the original caller and the number he dialled."""
    world = await led(Script(called=number, transfers=[DialStatus.ANSWER]))
    assert world.call.said == [announced]
    assert world.call.dialled == [f"{number} +8613800138000 {number}"]
    assert world.row.outcome is Outcome.TRANSFERRED
    assert world.ticket is None


@in_virtual_time
async def test_a_failed_transfer_reaches_a_person() -> None:
    world = await led(Script(called="119", now=NIGHT, seats=[DialStatus.ANSWER]))
    assert world.call.said == ["transfer_emergency", "transfer_failed"]
    assert world.row.outcome is Outcome.ANSWERED
    assert made(world).facts.line_id == "l119"


@in_virtual_time
async def test_unknown_number_hears_an_apology() -> None:
    world = await led(Script(called="99999", caller="anonymous"))
    assert world.call.said == ["unknown_number"]
    assert world.row.outcome is Outcome.UNKNOWN_NUMBER
    assert world.row.facts.called_number == "99999"
    assert world.row.facts.anonymous
    assert world.ticket is None
    assert world.call.done


@in_virtual_time
async def test_injected_lines_are_never_passed_on() -> None:
    """CR, LF and `;` in names and numbers: left out of ticket, row and transfer."""
    world = await led(
        Script(called="12345", first_called="123;33", caller="138\r\nAction: x", asserted="1\n2"),
    )
    facts = world.row.facts
    assert (facts.caller_raw, facts.anonymous, facts.called_number) == ("", True, "12345")


@in_virtual_time
async def test_the_asserted_caller_wins() -> None:
    world = await led(Script(asserted="+8613911112222", seats=[DialStatus.ANSWER]))
    assert made(world).facts.caller_e164 == "+8613911112222"


@in_virtual_time
async def test_kind_key_is_kept(tmp_path: Path) -> None:
    """A tenant's own flow may ask for the kind of request."""
    file = tmp_path / "own.yaml"
    text = DEFAULT_FLOW.read_text(encoding="utf-8")
    text = text.replace("{language: yue}", "{kind: complaint}", 1)
    file.write_text(text, encoding="utf-8")
    own = directory([Tenant(id="default", name="12345", flow_file=file)])
    world = await led(Script(digits=["3"], seats=[DialStatus.ANSWER], directory=own))
    assert made(world).facts.kind is Kind.COMPLAINT


@in_virtual_time
async def test_duty_phone_after_hours(tmp_path: Path) -> None:
    """Answered: connected. Not answered: said so, first callback."""
    file = tmp_path / "lines.yaml"
    file.write_text(
        "lines:\n- {id: g, numbers: ['12345'], name: 线, name_en: l, unit: u, mode: merged,"
        " duty_phone: '07715550001'}\n",
        encoding="utf-8",
    )
    own = directory([Tenant(id="default", name="12345", lines_file=file)])
    answered = Script(now=NIGHT, digits=["0"], transfers=[DialStatus.ANSWER], directory=own)
    world = await led(answered)
    assert world.row.outcome is Outcome.TRANSFERRED
    assert world.call.dialled == ["07715550001 +8613800138000 12345"]
    world = await led(Script(now=NIGHT, digits=["0", "1"], takes=[4.0], directory=own))
    assert "duty_failed" in world.call.said
    assert made(world).first_callback
