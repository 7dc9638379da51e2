"""Whom a talk is handed to, or who is consulted: a seat, a queue, a line, a number outside."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from asterisk_conf.model import OutboundRule
from ivr.talk_errors import TargetRefused

_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class TargetKind(StrEnum):
    """What a target is."""

    SEAT = "seat"
    QUEUE = "queue"
    LINE = "line"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Target:
    """A typed target; `str()` is its form on the channel (HL_TO), such as `line:12333`."""

    kind: TargetKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Target | None":
        """What `str()` wrote; None when it isn't one."""
        kind, _, name = text.partition(":")
        if kind not in tuple(TargetKind) or not name:
            return None
        return cls(TargetKind(kind), name)


def checked(target: Target) -> Target:
    """The target when its name has the shape of one; raises `TargetRefused`."""
    shape = _NUMBER if target.kind is TargetKind.NUMBER else _NAME
    if not shape.fullmatch(target.name):
        raise TargetRefused(f"{target.name!r} is not a {target.kind}")
    return target


def allowed(number: str, rules: Sequence[OutboundRule]) -> bool:
    """Whether an outbound rule lets seats dial this number; all else would be toll fraud."""
    return any(
        number.startswith(rule.number[:-1]) if rule.number.endswith("*") else number == rule.number
        for rule in rules
        if not rule.callback_only
    )
