"""Calls that no conversation leads: out of the spool, and seen talking in a snapshot. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from ivr.ending import ticket_of
from ivr.story import Directory, moment, open_story
from queue_manager.model import WaitingCaller
from telephony.call import CallInfo
from tickets.model import CallFacts, NewTicket

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class SpooledCall(Protocol):
    """An item of the spool (docs/architecture.md, "The spool"), as far as facts are drawn from
    it. Whoever keeps the spool checks it first."""

    @property
    def call_id(self) -> str: ...
    @property
    def trunk(self) -> str: ...
    @property
    def called(self) -> str: ...
    @property
    def first_called(self) -> str: ...
    @property
    def caller(self) -> str: ...
    @property
    def asserted(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def seat(self) -> str: ...
    @property
    def dialstatus(self) -> str: ...
    @property
    def began_at(self) -> datetime: ...
    @property
    def recording(self) -> str: ...
    @property
    def variables(self) -> Mapping[str, str]: ...


def facts_from_spool(item: SpooledCall, directory: Directory) -> CallFacts:
    """What a spooled call tells of itself."""
    seen = {**item.variables, "STAGE": item.stage, "SEAT": item.seat}
    info = info_from_variables(item.call_id, "", {**seen, "DIALSTATUS": item.dialstatus})
    return open_story(
        replace(
            info,
            trunk=item.trunk,
            called_number=item.called,
            caller_number=item.caller,
            first_called=item.first_called,
            asserted_caller=item.asserted,
            answered_at=item.began_at,
            recording=item.recording,
        ),
        directory,
    ).facts


def info_from_variables(call_id: str, channel: str, variables: Mapping[str, str]) -> CallInfo:
    """A call as its channel's HL_ variables (without the prefix) tell it."""
    return CallInfo(
        call_id=call_id,
        channel=channel,
        node=call_id.rpartition("-")[0],
        trunk=variables.get("TRUNK", ""),
        called_number=variables.get("CALLED", ""),
        caller_number=variables.get("CALLER", ""),
        caller_name=variables.get("CALLER_NAME", ""),
        first_called=variables.get("FIRST_CALLED", ""),
        asserted_caller=variables.get("ASSERTED", ""),
        answered_at=moment(variables.get("ANSWERED_AT")) or BEGINNING,
        recording=variables.get("RECORDING", ""),
        variables=variables,
    )


def caller_of_talk(info: CallInfo, directory: Directory) -> WaitingCaller | None:
    """Who he was in the queue whom a snapshot shows talking; None when he hadn't queued."""
    story = open_story(info, directory)
    if story.queued_at is None or story.line is None:
        return None
    return WaitingCaller(
        tenant=story.tenant.id,
        call_id=info.call_id,
        line_id=story.line.id,
        needs=story.needs,
        queued_at=story.queued_at,
        priority=story.priority,
        queue_id=story.queue_id or story.line.queue,
        language=story.language,
        began_at=info.answered_at,
    )


def draft_of_talk(info: CallInfo, directory: Directory, now: datetime) -> NewTicket:
    """The ticket of a talk that a snapshot shows going on (stage `dialing`, bridged)."""
    answered = {**info.variables, "STAGE": "dialing", "DIALSTATUS": "ANSWER"}
    ticket = ticket_of(open_story(replace(info, variables=answered), directory), now)
    assert ticket is not None
    return ticket
