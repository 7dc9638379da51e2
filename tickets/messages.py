"""What comes from a peer, checked before anything looks at it: shape, lengths, characters."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from tickets.crossing import Word
from tickets.peers import ID
from tickets.script import scriptless

Scriptless = AfterValidator(scriptless)
Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"), Scriptless]
Words = Annotated[str, StringConstraints(max_length=8_000, pattern=r"^[^\x00]*$"), Scriptless]
Number = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,64}$")]


class _Part(BaseModel):
    """Unknown fields are passed over: a newer house may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Requester(_Part):
    """Who asks, as far as the sender tells."""

    phone: Annotated[str, StringConstraints(pattern=r"^(\+?[0-9]{3,20})?$")] = ""
    name: Line = ""


class Attachment(_Part):
    """What can be asked for: its kind and the sender's reference."""

    kind: Line
    reference: Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00-\x1f]*$")]


class MessageData(_Part):
    """What goes with a word: of a ticket its facts, else what its word needs."""

    title: Line = ""
    text: Words = ""
    kind: Literal[
        "", "consultation", "complaint", "help", "suggestion", "report", "praise"
    ] = ""  # fmt: skip
    class_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,12}$")] = ""
    place: Line = ""
    place_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,12}$")] = ""
    urgency: Line = ""
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z-]{0,20}$")] = ""
    due: AwareDatetime | None = None
    created_at: AwareDatetime | None = None
    supervised: bool = False
    confidential: bool = False
    requester: Requester = Requester()
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=5)
    reason: Words = ""
    reply: Words = ""


class Message(_Part):
    """One message. `number` is its sender's ticket, sent for the `n`-th time; `yours` the
    receiver's number, when the sender knows it; `state` how it stands there."""

    version: Literal[1]
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,80}$")]
    sender: Annotated[str, StringConstraints(pattern=ID)] = Field(alias="from")
    to: Annotated[str, StringConstraints(pattern=ID)]
    at: AwareDatetime
    word: Word
    number: Number
    n: int = Field(ge=1, le=1_000)
    yours: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9._/-]{1,64})?$")] = ""
    state: Annotated[str, StringConstraints(pattern=r"^[A-Z_]{0,40}$")] = ""
    data: MessageData

    @property
    def made_at(self) -> datetime:
        """When the matter was first told, as far as the sender says."""
        return self.data.created_at or self.at
