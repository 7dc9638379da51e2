"""One item of the spool: what the stand-alone script wrote of a call no engine led.

docs/architecture.md, "The spool", has the format. Everything here is checked strictly: the
script runs beside callers we know nothing of.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tickets.model import Origin

MOST_BYTES = 64 * 1024

Plain = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")]


def _no_time(value: Any) -> Any:
    return None if value == "" else value


# Behind a validator of ours pydantic no longer knows that the text came from JSON.
When = Annotated[AwareDatetime | None, Field(strict=False), BeforeValidator(_no_time)]


class SpoolItem(BaseModel):
    """The item's fields; see the format's description."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1]
    call_id: Annotated[str, Field(min_length=1, max_length=150, pattern=r"^[\x21-\x7e]+$")]
    trunk: Plain
    called: Plain
    first_called: Plain
    caller: Plain
    asserted: Plain
    stage: Literal[
        "",
        "greeting",
        "queued",
        "dialing",
        "talked",
        "voice_request",
        "callback",
        "called_back",
        "consulting",
        "talking",
        "served",
        "done",
    ]
    queued_at: When
    seat: Plain
    dialstatus: Plain
    started_at: When
    recording: Plain
    voice: Plain
    voice_s: Annotated[float, Field(ge=0, le=86400)]
    reason: Literal["request", "orphan"]
    taken_at: AwareDatetime
    variables: Annotated[dict[Plain, Plain], Field(max_length=100)]

    @model_validator(mode="after")
    def _own_audio_only(self) -> "SpoolItem":
        if self.voice and self.voice.rsplit("/", 1)[-1] != f"{file_name(self.call_id)}.wav":
            raise ValueError(f"voice {self.voice!r} isn't the call's own file")
        return self

    @property
    def began_at(self) -> datetime:
        """When the call was answered, as far as it is known."""
        return self.started_at or self.taken_at

    @property
    def transferred(self) -> bool:
        """Whether it was no seat that answered, but whom the caller was connected on to."""
        return self.stage == "dialing" and self.dialstatus == "ANSWER" and not self.seat


def file_name(call_id: str) -> str:
    """A call's file name in the spool, as the script makes it."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", call_id).lstrip(".")[:100] or "unknown"


def parse_item(name: str, content: bytes) -> SpoolItem:
    """The item in a file `<name>.json`; ValueError says what is wrong with it."""
    if len(content) > MOST_BYTES:
        raise ValueError(f"{len(content)} bytes are too much for an item")
    item = SpoolItem.model_validate_json(content)
    if file_name(item.call_id) != name:
        raise ValueError(f"the file of call {item.call_id!r} can't be called {name!r}")
    return item


HAD = ("talked", "consulting", "talking")
"""Stages of a caller whom a seat has had."""


def origin_of(item: SpoolItem, *, has_voice: bool) -> Origin | None:
    """What ticket an item makes; None when the engine had finished with the call, or it was
    connected on.

    A voice makes a request of any item: somebody spoke, somebody must listen.
    """
    if item.reason == "request" or has_voice:
        return Origin.VOICE_REQUEST
    if item.stage in ("called_back", "done", "served") or item.transferred:
        return None
    if item.stage in HAD or (item.stage == "dialing" and item.dialstatus == "ANSWER"):
        return Origin.TALK
    return Origin.CALLBACK if item.stage == "callback" else Origin.ABANDONED
