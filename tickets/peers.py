"""Peers as data: other houses (公用事业, 分中心, 外地12345) take our tickets or send us theirs.

Each side writes a file of its own. `id` is what they call themselves, `we` what we are called
there: their file has the two the other way round, and both hold the same secret (never here).
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ID = r"^[a-z0-9][a-z0-9_]{0,30}$"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Peer(_Part):
    """A peer. Tickets dispatched to one of `units` cross over to it, of `lines` and `classes` alone
    when they are named. `requester` is what it may know of the citizen."""

    id: str = Field(pattern=ID)
    name: str = Field(min_length=1, max_length=60)
    address: str = Field(
        min_length=1,
        max_length=300,
        description="of its door: https://host/exchange/v1/<its tenant>",
    )
    we: str = Field(pattern=ID)
    units: tuple[str, ...] = Field(default=(), max_length=200)
    lines: tuple[str, ...] = Field(default=(), max_length=200)
    classes: tuple[str, ...] = Field(
        default=(), max_length=200, description="beginnings of class codes"
    )
    requester: Literal["none", "phone", "full"] = "none"
    audio: bool = Field(
        default=False, description="whether it may fetch the recordings of what it handles"
    )
    plain: bool = Field(default=False, description="allow http:// on a line that is private")

    @field_validator("address")
    @classmethod
    def _is_door(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("must be https://host[:port]/exchange/v1/<tenant>")
        if parts.query or parts.fragment or parts.username or not parts.path.strip("/"):
            raise ValueError("has a path, and neither name, query nor fragment")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits_together(self) -> "Peer":
        if self.id == self.we:
            raise ValueError(f"peer {self.id}: id and we must differ, or echoes would be believed")
        parts = urlsplit(self.address)
        if parts.scheme == "http" and not self.plain and parts.hostname not in LOOPBACK:
            raise ValueError(f"peer {self.id}: https:// is needed (or plain: true)")
        return self

    def takes(self, unit: str, line: str, class_code: str) -> bool:
        """Whether a ticket that this unit leads crosses over to it."""
        return (
            unit in self.units
            and (not self.lines or line in self.lines)
            and (not self.classes or class_code.startswith(self.classes))
        )


class PeersFile(_Part):
    """A tenant's peers (YAML)."""

    version: Literal[1] = 1
    peers: tuple[Peer, ...] = Field(default=(), max_length=1000)

    @model_validator(mode="after")
    def _each_once(self) -> "PeersFile":
        for what, names in (
            ("peer", [peer.id for peer in self.peers]),
            ("unit", [unit for peer in self.peers for unit in set(peer.units)]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{what} {name} is written twice")
        return self

    @cached_property
    def by_id(self) -> Mapping[str, Peer]:
        """The peers by id."""
        return {peer.id: peer for peer in self.peers}

    @cached_property
    def by_unit(self) -> Mapping[str, Peer]:
        """The peer that is a unit."""
        return {unit: peer for peer in self.peers for unit in peer.units}


NOBODY = PeersFile()
