"""Every way a conversation can go, with the caller there to its end."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.conversation import converse
from ivr.flow import DEFAULT_FLOW
from ivr.hours import Override
from ivr.ports import Outcome
from ivr.tenants import Tenant
from telephony.call import DialStatus
from tests.ivr.script import NIGHT, NOON, SEAT, FakeQueue, Script, World, directory, in_virtual_time
from tickets.model import Kind, Origin, Ticket, TicketState

LONG_S = 86_400.0


async def led(script: Script, **override: Override) -> World:
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
    world = await led(Script(digits=["9", "8"], seats=[DialStatus.ANSWER]))
    assert world.call.said == ["recording_notice", "welcome", "wrong_key", "to_person"]
    assert world.row.outcome is Outcome.ANSWERED
    assert made(world).facts.keys == "98"


@in_virtual_time
async def test_a_right_key_after_a_wrong_one_counts() -> None:
    world = await led(Script(digits=["9", "3"], seats=[DialStatus.ANSWER]))
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
async def test_the_waiting_hear_their_position_and_are_offered_the_voice_request() -> None:
    """Nobody is free: position told, the offer refused by silence, made again, then taken."""
    script = Script(digits=["", "", "1", "1"], takes=[7.5])
    world = await led(script)
    position = ["waiting_thanks", "ahead_before", "numbers/3", "ahead_after"]
    waiting = ["voice_offer", *position]
    assert [prompt for _, prompt in world.call.heard_at_s[2:12]] == [
        *position,
        *waiting,
        waiting[0],
    ]
    times = [t for t, prompt in world.call.heard_at_s if prompt in ("ahead_before", "voice_offer")]
    assert times == pytest.approx([30, 60, 90, 120], abs=0.1)
    assert world.place.events == ["left voice_request"]
    ticket = made(world)
    assert (ticket.origin, ticket.state) == (Origin.VOICE_REQUEST, TicketState.PENDING_REVIEW)
    assert (ticket.voice_s, ticket.confirmed) == (7.5, True)
    assert ticket.voice_path == "recordings/requests/2026/11/21/hl-1795233600.7-1.wav"
    assert world.row.outcome is Outcome.VOICE_REQUEST
    assert world.row.queued_at == NOON


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
    world = await led(Script(digits=["", "1"], takes=[0.0, 0.0]))
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
        ({"": Override.OPEN}, True),
        ({"general": Override.OPEN}, True),
        ({"": Override.OPEN, "general": Override.CLOSED}, False),
        ({"": Override.CLOSED, "general": Override.OPEN}, True),
    ],
)
@in_virtual_time
async def test_the_lines_override_wins(override: dict[str, Override], answered: bool) -> None:
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
