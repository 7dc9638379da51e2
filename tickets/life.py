"""A ticket's life as a value: what its events have made of it so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tickets.consequences import Effect
from tickets.effects import ClockName
from tickets.model import TicketState


class Role(StrEnum):
    """Who may do things to tickets: 座席 审核员 督办员 承办单位 领导 审计员 管理员 市民 系统."""

    SEAT = "seat"
    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    DEPARTMENT = "department"
    LEADER = "leader"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    CITIZEN = "citizen"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `unit` is a department's (the unit's id), `id` names a person, never a phone."""

    id: str
    role: Role
    unit: str = ""


SYSTEM = Actor("system", Role.SYSTEM)


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is told and kept: by whom, when (aware), and its data (JSON values).

    `event` is a value of `tickets.lifecycle.Event`.
    """

    event: str
    actor: Actor
    at: datetime
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Life:
    """What holds of a ticket after `seq` events; `seq` is also its version.

    `running` and `paused` are its clocks. `round` counts dispatches after a citizen wasn't
    content. `main` is the ticket this one was linked to, `parent` the one it is a part of.
    `handlers` and `watchers` are who handled and who supervised it (办督分离): ids of persons, and
    `unit:<id>` for the units they did it for.
    """

    tenant: str
    number: str
    state: TicketState
    seq: int = 1
    kind: str = ""
    urgency: str = ""
    lead: str = ""
    co_units: tuple[str, ...] = ()
    round: int = 1
    returns: int = 0
    returnable: bool = True
    extensions: int = 0
    unreachable: int = 0
    main: str = ""
    main_done: bool = False
    repeats: int = 0
    parent: str = ""
    open_children: int = 0
    statutory: bool = False
    contacted: bool = False
    called_back: bool = False
    supervised: bool = False
    instructed: bool = False
    long_term: bool = False
    confidential: bool = False
    urges: int = 0
    cards: tuple[str, ...] = ()
    running: frozenset[ClockName] = frozenset()
    paused: frozenset[ClockName] = frozenset()
    handlers: tuple[str, ...] = ()
    watchers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What the policy and the calendar say to one ticket right now; the defaults are Guangxi's.

    `finish_due` and `return_until` are moments (None: no limit known). `extensions` may be had,
    each of `extension_days` working days at most, never by `never_extended` kinds. A ticket goes
    to joint review at its `returns`-th return, to a person after `unreachable` vain callbacks,
    and is supervised from round `supervised_from` on.
    """

    finish_due: datetime | None = None
    return_until: datetime | None = None
    extensions: int = 1
    extension_days: int = 5
    never_extended: frozenset[str] = frozenset({"consultation"})
    returns: int = 2
    unreachable: int = 3
    supervised_from: int = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event makes of a ticket, and what it asks of others (in this order)."""

    life: Life
    effects: tuple[Effect, ...]
