"""Calls that no conversation led to their end: out of the spool, and seen talking in a snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ivr.ending import record_of, ticket_of
from ivr.story import Directory, Resume, Story, moment, open_story
from ivr.voice_files import VoiceFile, VoiceFiles
from ivr.voice_request import find_recorded
from telephony.call import CallInfo
from tickets.model import CallFacts, CallRecord, NewTicket

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class SpoolItem(BaseModel):
    """What the stand-alone script wrote (docs/architecture.md, "The spool"), times in ISO 8601.

    `model_validate_json` raises ValueError for what isn't one.
    """

    model_config = ConfigDict(frozen=True)

    version: int = Field(ge=1, le=1)
    call_id: str = Field(min_length=1, max_length=150)
    trunk: str = ""
    called: str = ""
    first_called: str = ""
    caller: str = ""
    asserted: str = ""
    stage: str = ""
    seat: str = ""
    dialstatus: str = ""
    started_at: AwareDatetime | str = ""
    recording: str = ""
    voice: str = ""
    voice_s: float = Field(default=0.0, ge=0)
    reason: str = ""
    taken_at: AwareDatetime
    variables: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What is to be written of a call: its ticket, if one is due, and its row. The ticket's
    number is put into the row once it is known: `replace(record, ticket=number)`."""

    ticket: NewTicket | None
    record: CallRecord


def facts_from_spool(item: SpoolItem, directory: Directory) -> CallFacts:
    """What a spooled call tells of itself."""
    return _story(item, directory).facts


async def recover(
    item: SpoolItem, directory: Directory, voice: VoiceFiles, stored_voice: str
) -> Recovered:
    """Ticket and row of a spooled call. `stored_voice` is where its audio lies now, relative to
    the home ("" when it has none).

    Whoever found no engine and was not served is called back, however short he stayed.
    """
    story = _story(item, directory)
    story.sought = story.line is not None
    if story.point is Resume.VOICE_REQUEST:
        await find_recorded(voice, story)
    if stored_voice and item.voice_s > 0:
        story.voice, story.voice_s = VoiceFile("", stored_voice), item.voice_s
    ticket = ticket_of(story, item.taken_at)
    return Recovered(
        ticket=replace(ticket, spool_id=item.call_id) if ticket else None,
        record=record_of(story, item.taken_at),
    )


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


def _story(item: SpoolItem, directory: Directory) -> Story:
    seen = {**item.variables, "STAGE": item.stage, "SEAT": item.seat}
    info = info_from_variables(item.call_id, "", {**seen, "DIALSTATUS": item.dialstatus})
    started_at = item.started_at if isinstance(item.started_at, datetime) else item.taken_at
    return open_story(
        replace(
            info,
            trunk=item.trunk,
            called_number=item.called,
            caller_number=item.caller,
            first_called=item.first_called,
            asserted_caller=item.asserted,
            answered_at=started_at,
            recording=item.recording,
        ),
        directory,
    )
