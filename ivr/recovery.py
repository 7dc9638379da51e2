"""Calls that no conversation leads: out of the spool, and seen talking in a snapshot. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from ivr.ending import ticket_of
from ivr.story import Directory, moment, open_story
from telephony.call import CallInfo
from tickets.model import CallFacts, NewTicket

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def _no_time(value: Any) -> Any:
    return None if value == "" else value


class SpoolItem(BaseModel):
    """What the facts of a call are drawn from in an item of the spool (docs/architecture.md, "The
    spool", has all of it; `storage.spool_item` checks it). Raises ValueError for what isn't one."""

    model_config = ConfigDict(frozen=True)

    call_id: str = Field(min_length=1, max_length=150)
    trunk: str
    called: str
    first_called: str
    caller: str
    asserted: str
    stage: str
    seat: str
    dialstatus: str
    started_at: Annotated[AwareDatetime | None, BeforeValidator(_no_time)]
    recording: str
    taken_at: AwareDatetime
    variables: dict[str, str]


def facts_from_spool(item: SpoolItem, directory: Directory) -> CallFacts:
    """What a spooled call tells of itself; one without a beginning began when it was taken."""
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
            answered_at=item.started_at or item.taken_at,
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


def draft_of_talk(info: CallInfo, directory: Directory, now: datetime) -> NewTicket:
    """The ticket of a talk that a snapshot shows going on (stage `dialing`, bridged)."""
    answered = {**info.variables, "STAGE": "dialing", "DIALSTATUS": "ANSWER"}
    ticket = ticket_of(open_story(replace(info, variables=answered), directory), now)
    assert ticket is not None
    return ticket
