"""Nobody is there: requests that are spoken, and the duty telephone."""

from pathlib import Path

import pytest

from ivr.conversation import converse
from ivr.ports import Outcome
from ivr.tenants import Tenant
from queue_manager.opening import HoursMode
from telephony.call import DialStatus
from tests.ivr.script import (
    NIGHT,
    Script,
    World,
    directory,
    in_virtual_time,
    led,
    made,
)
from tickets.model import Origin


@in_virtual_time
async def test_after_hours_request() -> None:
    """Explained, recorded, played back, confirmed, the number spoken twice, digit by digit."""
    world = await led(Script(now=NIGHT, digits=["", "1"], takes=[12.0]))
    said = world.call.said
    number = [f"digits/{d}" for d in "261121000042"]
    recorded = "/hotline/recordings/requests/2026/11/21/hl-1795233600.7-1"
    assert said == [
        *("closed_hours", "closed_help", "closed_self_service"),
        *("request_intro", "request_playback", recorded),
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
async def test_who_could_not_be_written_down_is_called_back_first() -> None:
    """The disk is full: he isn't asked to say it again in vain, he has a ticket and its number."""
    world = World(Script(now=NIGHT, takes=[0.0, 0.0]))
    world.voice.full = True
    await converse(world.call, world.desk)
    assert world.row.outcome is Outcome.VOICE_REQUEST
    assert (made(world).first_callback, made(world).voice_path) == (True, "")
    assert "request_empty" not in world.call.said
    assert "ticket_number" in world.call.said


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
