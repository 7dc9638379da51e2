"""Calls that no conversation finished: out of the spool, and out of a snapshot."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from ivr.ports import Outcome
from ivr.recovery import SpoolItem, draft_of_talk, facts_from_spool, info_from_variables, recover
from tests.ivr.script import DIRECTORY, NOON, FakeVoice
from tickets.model import Kind, Origin

CALL = "hl-1795233600.9"
TAKE = f"recordings/requests/2026/11/21/{CALL}-2.wav"


def item(**changes: Any) -> SpoolItem:
    written = {
        "version": 1,
        "call_id": CALL,
        "trunk": "demo",
        "called": "12345",
        "first_called": "12333",
        "caller": "13800138000",
        "asserted": "",
        "stage": "",
        "queued_at": "",
        "seat": "",
        "dialstatus": "",
        "started_at": NOON.isoformat(),
        "recording": f"/hotline/recordings/2026/11/21/{CALL}.wav",
        "voice": "",
        "voice_s": 0.0,
        "reason": "orphan",
        "taken_at": (NOON + timedelta(minutes=1)).isoformat(),
        "variables": {},
    }
    return SpoolItem.model_validate_json(json.dumps(written | changes))


def test_facts_of_a_spooled_call() -> None:
    facts = facts_from_spool(
        item(variables={"LANG": "en", "KIND": "complaint", "KEYS": "4", "QUEUED_AT": "rubbish"}),
        DIRECTORY,
    )
    assert (facts.line_id, facts.unit, facts.called_number) == ("l12333", "人社", "12333")
    assert (facts.language, facts.kind, facts.keys) == ("en", Kind.COMPLAINT, "4")
    assert (facts.started_at, facts.caller_e164) == (NOON, "+8613800138000")


async def test_a_spoken_request_becomes_a_ticket() -> None:
    stored = f"recordings/requests/2026/11/21/{CALL}-spool.wav"
    spooled = item(reason="request", voice="/hotline/spool/incoming/x.wav", voice_s=8.5)
    found = await recover(spooled, DIRECTORY, FakeVoice(), stored)
    assert found.ticket is not None
    assert (found.ticket.origin, found.ticket.voice_path, found.ticket.voice_s) == (
        *(Origin.VOICE_REQUEST, stored, 8.5),
    )
    assert found.ticket.spool_id == CALL
    assert found.record.outcome is Outcome.VOICE_REQUEST


@pytest.mark.parametrize("reason", ["request", "orphan"])
async def test_who_found_no_engine_is_called_back(reason: str) -> None:
    found = await recover(item(reason=reason), DIRECTORY, FakeVoice(), "")
    assert found.ticket is not None
    assert found.ticket.origin is Origin.ABANDONED
    assert found.record.outcome is Outcome.ABANDONED


async def test_a_talk_that_ended_without_an_engine() -> None:
    spooled = item(stage="dialing", seat="8001", dialstatus="ANSWER")
    found = await recover(spooled, DIRECTORY, FakeVoice(), "")
    assert found.ticket is not None
    assert (found.ticket.origin, found.ticket.seat_id) == (Origin.TALK, "8001")
    assert found.record.outcome is Outcome.ANSWERED


async def test_a_waiting_caller_keeps_his_time() -> None:
    spooled = item(stage="queued", variables={"QUEUED_AT": f"{NOON.timestamp():.3f}"})
    found = await recover(spooled, DIRECTORY, FakeVoice(), "")
    assert found.record.queued_at == NOON
    assert found.record.outcome is Outcome.ABANDONED


async def test_a_request_recorded_before_the_engine_died_is_found() -> None:
    voice = FakeVoice()
    voice.files[TAKE] = 5.0
    found = await recover(item(stage="voice_request"), DIRECTORY, voice, "")
    assert found.ticket is not None
    assert (found.ticket.voice_path, found.ticket.voice_s) == (TAKE, 5.0)


async def test_an_unknown_number_in_the_spool_leaves_a_row_only() -> None:
    found = await recover(item(called="4711", first_called=""), DIRECTORY, FakeVoice(), "")
    assert found.ticket is None
    assert found.record.outcome is Outcome.UNKNOWN_NUMBER


async def test_a_call_without_a_beginning_began_when_it_was_taken() -> None:
    found = await recover(item(started_at=""), DIRECTORY, FakeVoice(), "")
    assert found.record.facts.started_at == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    "changes",
    [{"version": 2}, {"call_id": ""}, {"taken_at": "noon"}, {"voice_s": -1}, {"variables": 3}],
)
def test_what_is_no_spool_item_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        item(**changes)


def test_a_talk_seen_in_a_snapshot_has_its_ticket() -> None:
    variables = {
        "TRUNK": "demo",
        "CALLED": "12345",
        "CALLER": "13800138000",
        "ANSWERED_AT": f"{NOON.timestamp():.3f}",
        "STAGE": "dialing",
        "SEAT": "8002",
    }
    info = info_from_variables(CALL, "PJSIP/x", variables)
    ticket = draft_of_talk(info, DIRECTORY, NOON)
    assert (ticket.origin, ticket.seat_id) == (Origin.TALK, "8002")
    assert ticket.facts.started_at == NOON
    assert info.node == "hl"
