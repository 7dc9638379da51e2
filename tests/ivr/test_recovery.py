"""Calls that no conversation finished: out of the spool, and out of a snapshot."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from ivr.recovery import draft_of_talk, facts_from_spool, info_from_variables
from storage.spool_item import SpoolItem
from tests.ivr.script import DIRECTORY, NOON
from tickets.model import Kind, Origin

CALL = "hl-1795233600.9"


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


@pytest.mark.parametrize("nothing", ["", None])
def test_a_call_without_a_beginning_began_when_it_was_taken(nothing: str | None) -> None:
    """As the script writes it, and as it comes out of the store's own check."""
    facts = facts_from_spool(item(started_at=nothing), DIRECTORY)
    assert facts.started_at == NOON + timedelta(minutes=1)


def test_an_unknown_number_in_the_spool_has_facts_too() -> None:
    facts = facts_from_spool(item(called="4711", first_called=""), DIRECTORY)
    assert (facts.tenant, facts.line_id, facts.called_number) == ("default", "unknown", "4711")


@pytest.mark.parametrize(
    "changes",
    [{"call_id": ""}, {"taken_at": "noon"}, {"taken_at": "2026-11-21T12:00:00"}, {"variables": 3}],
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
