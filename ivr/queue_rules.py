"""The tenants' rules files: read, checked, and held against lines and flows.

What is wrong is told with file, line, column and reason; nothing is used of a file with a mistake.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ivr.documents import DocumentError, Mistake, Place, parse, read_document
from ivr.flow import Ask, Flow, Flows, VoiceRequest, flow_file
from ivr.lines import DEFAULT_TABLE, Lines
from ivr.tenants import Tenant
from queue_manager import rules as rules_module
from queue_manager.rule_faults import faults, overflow_faults, unknown_skill
from queue_manager.rules import LANGUAGE, Rules

DEFAULT_RULES = Path(rules_module.__file__).parent / "data" / "queues.yaml"


class RulesError(DocumentError):
    """Rules that must not be used; the message names file, line, column of every mistake."""

    id = "rules"


def read_rules(path: Path) -> Rules:
    """One rules file; raises `RulesError` listing every mistake within it. Overflow into other
    tenants can only be checked together (`load_all_rules`)."""
    document = read_document(path, RulesError)
    rules = parse(document, Rules, RulesError)
    for fault in faults(rules):
        document.complain(fault.place, fault.reason)
    document.raise_mistakes(RulesError)
    for _, fault in overflow_faults({"": rules}):
        if fault.place[-1] != "tenant":
            document.complain(fault.place, fault.reason)
    document.raise_mistakes(RulesError)
    return rules


def load_all_rules(tenants: Sequence[Tenant], lines: Lines, flows: Flows) -> Mapping[str, Rules]:
    """Every tenant's rules: its own file (`queues_file`), or the one that is shipped.

    Raises `RulesError` also for an overflow between tenants that leads nowhere or in a circle, for
    a line that names a queue or skill which its tenant's rules lack, and for a flow that lets
    callers choose a language, or asks for a skill, that no seat could have.
    """
    read: dict[Path, Rules] = {}
    for tenant in tenants:
        path = rules_file(tenant)
        if path not in read:
            read[path] = read_rules(path)
    found = {tenant.id: read[rules_file(tenant)] for tenant in tenants}
    files = {tenant.id: rules_file(tenant) for tenant in tenants}
    _raise((files[tenant], fault.place, fault.reason) for tenant, fault in overflow_faults(found))
    _raise(
        mistake
        for tenant in tenants
        for mistake in (
            *_line_faults(tenant, found[tenant.id], lines),
            *_flow_faults(tenant, found[tenant.id], lines, flows),
        )
    )
    return found


def rules_file(tenant: Tenant) -> Path:
    """Where a tenant's rules stand."""
    return tenant.queues_file or DEFAULT_RULES


_Found = tuple[Path, Place, str]


def _line_faults(tenant: Tenant, rules: Rules, lines: Lines) -> Iterator[_Found]:
    table = tenant.lines_file or DEFAULT_TABLE
    queues = {queue.id for queue in rules.queues}
    for index, line in enumerate(lines.of(tenant.id)):
        if line.queue not in queues:
            reason = f"{rules_file(tenant)} has no queue {line.queue!r}"
            yield table, ("lines", index, "queue"), reason
        for need in line.requirement.needs():
            if need.skill not in rules.skills:
                reason = f"{rules_file(tenant)}: {unknown_skill(need.skill, rules.skills)}"
                yield table, ("lines", index, "needs", need.skill), reason


def _flow_faults(tenant: Tenant, rules: Rules, lines: Lines, flows: Flows) -> Iterator[_Found]:
    names = {"": "", **{line.flow: line.id for line in lines.of(tenant.id) if line.flow}}
    for name, line_id in names.items():
        for place, skill in _chosen(flows.of(tenant.id, line_id)):
            if skill not in rules.skills:
                reason = f"{rules_file(tenant)}: {unknown_skill(skill, rules.skills)}"
                yield flow_file(tenant, name), place, reason


def _chosen(flow: Flow) -> Iterator[tuple[Place, str]]:
    """The skills that a flow's callers may come to the queue with: languages, and what their keys
    ask for."""
    yield ("languages", 0), f"{LANGUAGE}{flow.languages[0]}"
    for name, step in flow.steps.items():
        for digit, key in (step.keys if isinstance(step, Ask | VoiceRequest) else {}).items():
            place = ("steps", name, "keys", digit)
            if key.language is not None:
                yield (*place, "language"), f"{LANGUAGE}{key.language}"
            for need in key.needs.needs():
                yield (*place, "needs"), need.skill


def _raise(found: Iterator[_Found]) -> None:
    mistakes: list[Mistake] = [
        read_document(path).mistake(place, f"{_spelled(place)}: {reason}")
        for path, place, reason in found
    ]
    if mistakes:
        raise RulesError(mistakes)


def _spelled(place: Place) -> str:
    return ".".join(str(part) for part in place)
