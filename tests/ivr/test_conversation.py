"""How a conversation goes by day: keys, seats, lines that lead elsewhere, who is calling."""

from pathlib import Path

import pytest

from ivr.flow import DEFAULT_FLOW
from ivr.ports import Outcome
from ivr.tenants import Tenant
from telephony.call import DialStatus
from tests.ivr.script import (
    NIGHT,
    NOON,
    Script,
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
