"""The line table: which former number means which unit, mode, skills and hours (rows A1–A5).

A table is data (`ivr/data/lines.yaml` or a tenant's own file). Looking a number up is a look-up
in a dict however many lines there are. The number *first dialled* decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from ivr.documents import Document, parse, read_document
from ivr.hours import DEFAULT_HOURS, Schedule, parse_hours
from ivr.tenants import Tenant
from queue_manager.model import Need, Requirement
from queue_manager.rules import LANGUAGE, MAIN_QUEUE, RequirementText

DEFAULT_TABLE = Path(__file__).parent / "data" / "lines.yaml"
Digits = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{2,20}$")]
Skill = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,10}:[a-z0-9_]{1,30}$")]
Level = Annotated[int, Field(ge=1, le=5)]
HoursText = str | dict[str, str]
SIGNED = "sign:"


def _spelling(value: Any) -> str:
    return "levels" if isinstance(value, dict) else "text"


Needs = Annotated[
    Annotated[dict[Skill, Level], Tag("levels")] | Annotated[RequirementText, Tag("text")],
    Discriminator(_spelling),
]
"""All of these skills (`{"svc:12333": 2}`), or a text with alternatives
(`svc:12333>=2 | svc:general>=4`)."""


class Mode(StrEnum):
    """How a former number meets 12345: the five modes of integration, and emergencies."""

    MERGED = "merged"
    DUAL_TRACK = "dual_track"
    BRANCH_CENTRE = "branch_centre"
    UTILITY = "utility"
    NOT_MERGED = "not_merged"
    EMERGENCY = "emergency"


TRANSFERRING = frozenset({Mode.UTILITY, Mode.NOT_MERGED, Mode.EMERGENCY})


class Line(BaseModel):
    """One line. Modes that transfer (utility, not_merged, emergency) name a `target`;

    `needs` are the skills a seat must have for its callers (for a transferring line: when the
    transfer fails). `flow` names another flow than the tenant's, `queue` other rules of waiting
    than `main`; `hours` other hours than the table's. `duty_phone` is who answers key 0 outside
    the hours. A branch centre (分中心) has its own seats: a skill `branch:…`; its `target` is the
    way back to the centre's own desk. `handed_over` are numbers of other hotlines (110) that hand
    calls over: who dialled one of them first and reached us at another number is this line's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")
    numbers: tuple[Digits, ...] = Field(min_length=1)
    name: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=100)
    unit: str = Field(min_length=1, max_length=60)
    mode: Annotated[Mode, Field(strict=False)]
    needs: Needs = Field(default_factory=lambda: {"svc:general": 1})
    hours: HoursText | None = None
    duty_phone: Digits | None = None
    target: Digits | None = None
    handed_over: tuple[Digits, ...] = ()
    flow: str = Field(default="", pattern=r"^[a-z0-9_]{0,40}$")
    queue: str = Field(default=MAIN_QUEUE, pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if self.mode in TRANSFERRING and self.target is None:
            raise ValueError(f"line {self.id}: mode {self.mode} transfers and needs a target")
        if self.mode in (Mode.MERGED, Mode.DUAL_TRACK) and self.target is not None:
            raise ValueError(f"line {self.id}: mode {self.mode} is answered here: no target")
        if self.handed_over and self.transfers:
            raise ValueError(f"line {self.id}: calls handed over to us are answered here")
        needs = tuple(self.requirement.needs())
        if not needs:
            raise ValueError(f"line {self.id}: at least one skill is needed")
        if self.mode is Mode.BRANCH_CENTRE and not any(
            need.skill.startswith("branch:") for need in needs
        ):
            raise ValueError(f"line {self.id}: a branch centre needs its own skill, branch:…")
        if self.hours is not None:
            parse_hours(self.hours, ZoneInfo("UTC"))
        return self

    @property
    def transfers(self) -> bool:
        """True when its callers are connected on instead of being answered here."""
        return self.mode in TRANSFERRING

    @property
    def requirement(self) -> Requirement:
        """`needs`, however they are written."""
        if isinstance(self.needs, Requirement):
            return self.needs
        return Requirement.of(*(Need(skill, level) for skill, level in self.needs.items()))

    def needed(self, language: str) -> Requirement:
        """What a seat must know to serve a caller of this line in this language; who signs
        speaks none."""
        own = self.requirement
        if any(need.skill.startswith(SIGNED) for need in own.needs()):
            return own
        return own.joined(Requirement.of(Need(f"{LANGUAGE}{language}")))


class LineTable(BaseModel):
    """A tenant's lines with the hours of those that name none."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hours: HoursText = DEFAULT_HOURS
    lines: tuple[Line, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _hours_are_hours(self) -> Self:
        parse_hours(self.hours, ZoneInfo("UTC"))
        return self


@dataclass(frozen=True, slots=True)
class Found:
    """A line and the number, in the table's spelling, by which it was found."""

    line: Line
    number: str


def load_lines(path: Path) -> LineTable:
    """Read a line table; raises `DocumentError` with file, line, column and reason of each
    mistake: wrong fields, a missing target, an id or a number that is there twice."""
    document = read_document(path)
    table = parse(document, LineTable)
    _refuse_duplicates(document, "id", ((line.id,) for line in table.lines))
    _refuse_duplicates(document, "numbers", (line.numbers for line in table.lines))
    _refuse_duplicates(document, "handed_over", (line.handed_over for line in table.lines))
    document.raise_mistakes()
    return table


def _refuse_duplicates(document: Document, field: str, values: Iterable[tuple[str, ...]]) -> None:
    first: dict[str, int] = {}
    for index, names in enumerate(values):
        for position, name in enumerate(names):
            at = ("lines", index, field) + (() if field == "id" else (position,))
            if name in first:
                line = document.mistake(("lines", first[name]), "").line
                document.complain(at, f"{field} {name!r} is taken by the line in line {line}")
            else:
                first[name] = index


class Lines:
    """All tenants' lines, looked up by tenant and number."""

    def __init__(self, tables: Mapping[str, LineTable], tenants: Sequence[Tenant]) -> None:
        self._tables = dict(tables)
        self._by_number = {
            (tenant, number): line
            for tenant, table in tables.items()
            for line in table.lines
            for number in line.numbers
        }
        self._handed_over = {
            (tenant, number): line
            for tenant, table in tables.items()
            for line in table.lines
            for number in line.handed_over
        }
        self._by_id = {
            (tenant, line.id): line for tenant, table in tables.items() for line in table.lines
        }
        self._schedules = {
            (tenant.id, line_id): parse_hours(
                self.hours(tenant.id, line_id), ZoneInfo(tenant.time_zone)
            )
            for tenant in tenants
            for line_id in ("", *(line.id for line in tables[tenant.id].lines))
        }

    def find(
        self, tenant: Tenant, first_called: str, dialled: str, spellings: Mapping[str, str]
    ) -> Found | None:
        """The line a caller wanted: by the number first dialled, else by the number that reached
        us (a forwarding mobile is nobody's line); None when neither is known. Who dialled 110 first
        and was handed over to another number of ours is the line's that takes such calls."""
        if first_called:
            handed = _spelled(self._handed_over, tenant, first_called, spellings)
            if handed and handed != _spelled(self._handed_over, tenant, dialled, spellings):
                return handed
            found = _spelled(self._by_number, tenant, first_called, spellings)
            if found is not None:
                return found
        return _spelled(self._by_number, tenant, dialled, spellings)

    def get(self, tenant: str, line_id: str) -> Line | None:
        """A line by its id."""
        return self._by_id.get((tenant, line_id))

    def of(self, tenant: str) -> tuple[Line, ...]:
        """A tenant's lines in the table's order."""
        return self._tables[tenant].lines

    def hours(self, tenant: str, line_id: str = "") -> HoursText:
        """The hours as the table has them: a line's own, else (and for "") the tenant's."""
        line = self._by_id.get((tenant, line_id))
        if line is None or line.hours is None:
            return self._tables[tenant].hours
        return line.hours

    def schedule(self, tenant: str, line_id: str) -> Schedule:
        """The weekly hours of a line, or with line_id "" the tenant's own."""
        return self._schedules[tenant, line_id]


def load_all_lines(tenants: Sequence[Tenant]) -> Lines:
    """Every tenant's table: its own file, or the one that is shipped."""
    return Lines({t.id: load_lines(t.lines_file or DEFAULT_TABLE) for t in tenants}, tenants)


def respell(number: str, spellings: Mapping[str, str]) -> str:
    """A number as the trunk's spellings rewrite it: the first prefix that matches is replaced."""
    for old, new in spellings.items():
        if number.startswith(old):
            return new + number.removeprefix(old)
    return number


def resolve_tenant(tenants: Sequence[Tenant], trunk_tenant: str, called: str) -> Tenant | None:
    """The city or province a call belongs to: the trunk's, else by the longest prefix of the
    called number (respelled), else the only one there is; None when nobody claims it."""
    if trunk_tenant:
        return next((t for t in tenants if t.id == trunk_tenant), None)
    claims = [(len(p), t) for t in tenants for p in t.prefixes if called.startswith(p)]
    if claims:
        return max(claims, key=lambda claim: claim[0])[1]
    return tenants[0] if len(tenants) == 1 else None


def _spelled(
    table: Mapping[tuple[str, str], Line],
    tenant: Tenant,
    number: str,
    spellings: Mapping[str, str],
) -> Found | None:
    """The line that a table has for a number, with the tenant's prefix or without."""
    respelled = respell(number, spellings)
    for spelling in (respelled, _without_prefix(respelled, tenant.prefixes)):
        line = table.get((tenant.id, spelling))
        if line is not None:
            return Found(line, spelling)
    return None


def _without_prefix(number: str, prefixes: Sequence[str]) -> str:
    """The number without its tenant's longest matching prefix, never the empty rest."""
    for prefix in sorted(prefixes, key=len, reverse=True):
        if prefix and number.startswith(prefix) and len(number) > len(prefix):
            return number.removeprefix(prefix)
    return number
