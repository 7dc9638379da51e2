"""Every tenant's policy and calendar, read from its files or the shipped ones and checked.

Mistakes are told with file, line, column and reason; nothing is used of a file with a mistake.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.documents import Document, DocumentError, parse, read_document
from ivr.tenants import Tenant
from tickets import policy as policy_module
from tickets.calendar import WorkCalendar
from tickets.model import TicketState
from tickets.policy import Policy
from tickets.timetable import Rules, rules_of
from tickets.workdays import CalendarFile

DATA = Path(policy_module.__file__).parent / "data"
PRESETS = DATA / "policies"
CALENDAR = DATA / "calendar.yaml"
STATES = frozenset(state.value for state in TicketState)


class PolicyError(DocumentError):
    """A policy or calendar that can't be used; the message names every mistake by its line."""

    id = "policy"


def presets() -> Sequence[str]:
    """The ids of the shipped policies."""
    return sorted(file.stem for file in PRESETS.glob("*.yaml"))


def policy_path(tenant: Tenant) -> Path:
    """The file of a tenant's policy: its own, or the preset it names. Raises `PolicyError`."""
    if tenant.policy_file is not None:
        return tenant.policy_file
    return preset_path(tenant.policy)


def preset_path(name: str) -> Path:
    """The file of a shipped policy; raises `PolicyError` naming those there are."""
    if name not in presets():
        document = Document(f"policy {name!r}")
        known = ", ".join(presets())
        document.complain((), f"is not shipped; there are {known}, or name a policy_file")
        document.raise_mistakes(PolicyError)
    return PRESETS / f"{name}.yaml"


def read_policy(path: Path) -> Policy:
    """A policy file; raises `PolicyError`."""
    document = read_document(path, PolicyError)
    policy = parse(document, Policy, PolicyError)
    for state in policy.desk:
        if state != "other" and state not in STATES:
            document.complain(("desk", state), f"desk: there is no state {state!r}")
    document.raise_mistakes(PolicyError)
    return policy


def read_calendar(path: Path) -> CalendarFile:
    """A calendar file; raises `PolicyError`."""
    return parse(read_document(path, PolicyError), CalendarFile, PolicyError)


def rules_for(tenant: Tenant) -> Rules:
    """A tenant's policy and calendar; raises `PolicyError`. Takes a tenth of a second."""
    policy = read_policy(policy_path(tenant))
    calendar = read_calendar(tenant.calendar_file or CALENDAR)
    return rules_of(policy, _calendar(tenant.time_zone, calendar))


@lru_cache(maxsize=32)
def _calendar(zone: str, file: CalendarFile) -> WorkCalendar:
    """Most tenants share one."""
    return WorkCalendar(ZoneInfo(zone), file)


class RuleBook:
    """The rules in use, by tenant; exchanged as a whole when they are read again."""

    def __init__(self, rules: Mapping[str, Rules]) -> None:
        self._rules = rules

    @classmethod
    def read(cls, tenants: Sequence[Tenant]) -> "RuleBook":
        """Those of all tenants; raises `PolicyError`."""
        alike: dict[tuple[Path, Path | None, str], Rules] = {}
        found: dict[str, Rules] = {}
        for tenant in tenants:
            key = (policy_path(tenant), tenant.calendar_file, tenant.time_zone)
            found[tenant.id] = alike[key] = alike.get(key) or rules_for(tenant)
        return cls(found)

    def of(self, tenant: str) -> Rules:
        """A tenant's rules; KeyError for an unknown one."""
        return self._rules[tenant]

    def use(self, other: "RuleBook") -> None:
        """From now on the rules of `other`."""
        self._rules = other._rules
