"""How a conversation goes by day: keys, seats, lines that lead elsewhere, who is calling."""

from dataclasses import replace
from pathlib import Path

import pytest

from ivr.conversation import converse
from ivr.flow import DEFAULT_FLOW
from ivr.handed_on import HandedOn
from ivr.ports import Outcome
from ivr.tenants import Tenant
from telephony.call import DialStatus
from tests.ivr.script import (
    NIGHT,
    NOON,
    NUMBER,
    SEAT,
    Script,
    World,
    directory,
    in_virtual_time,
    led,
    made,
)
from tickets.model import Kind, Origin, TicketState


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
    assert (world.ticket is not None) == (number == "95598")


@in_virtual_time
async def test_a_utility_shares_the_ticket_of_who_is_connected_to_it() -> None:
    """Its number goes with the call; the ticket says who has him, and which unit that is."""
    world = World(Script(called="95598", transfers=[DialStatus.ANSWER]))
    told: list[HandedOn] = []

    async def note(handed: HandedOn) -> None:
        told.append(handed)

    world.desk = replace(world.desk, handed_on=note)
    await converse(world.call, world.desk)
    assert world.call.told_tickets == [NUMBER]
    assert made(world).origin is Origin.CONNECTED
    assert any(note.endswith("→ 95598") for note in made(world).notes)
    (handed,) = told
    assert (handed.ticket, handed.to, handed.unit) == (NUMBER, "95598", "供电企业")
    assert world.row.ticket == NUMBER


@in_virtual_time
async def test_a_utility_that_does_not_answer_leaves_him_to_a_person() -> None:
    """The ticket is that of the talk, or of a caller to be called back."""
    world = await led(Script(called="95598", seats=[DialStatus.ANSWER]))
    assert made(world).origin is Origin.TALK
    world = await led(Script(called="95598"))
    assert (made(world).origin, made(world).callback_due) == (Origin.ABANDONED, True)


@in_virtual_time
async def test_a_call_handed_over_by_110_is_answered_and_has_a_ticket_of_its_own_kind() -> None:
    """Who calls and that he dialled 110 is kept; he isn't sent back there."""
    script = Script(
        first_called="110", caller="110", asserted="13900001234", seats=[DialStatus.ANSWER]
    )
    world = await led(script)
    ticket = made(world)
    facts = ticket.facts
    assert ticket.origin is Origin.HANDED_OVER
    assert (facts.line_id, facts.called_number, facts.dialled) == ("handed_over", "110", "12345")
    assert facts.caller_e164 == "+8613900001234"
    assert world.call.dialled == [SEAT.endpoint]


@in_virtual_time
async def test_who_dials_110_here_himself_is_connected_there() -> None:
    world = await led(Script(called="110", first_called="110", transfers=[DialStatus.ANSWER]))
    assert world.call.said == ["transfer_emergency"]


@in_virtual_time
async def test_who_was_handed_over_and_leaves_in_the_greeting_is_called_back() -> None:
    """110 has let go of him: he is ours."""
    world = World(Script(first_called="110"))
    world.call.hang_up_at = 1
    await converse(world.call, world.desk)
    assert world.call.dialplan is not None
    await world.call.dialplan
    assert (made(world).origin, made(world).callback_due) == (Origin.HANDED_OVER, True)


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
