"""What boards show of queues and skills: their callers' figures and the seats that can serve them.

Seats with equal skills are counted together, and only those that moved since the last look; what a
queue's callers need is kept until lines or rules change.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from console.ports import GroupFigures, Groups
from ivr.story import Directory
from ivr.taking_place import served_needs
from ivr.tenants import Tenant
from queue_manager.model import Requirement, Seat, SeatState, SeatView
from queue_manager.rules import QueueRules, Rules
from queue_manager.staffing import Profile, profile_of

Census = Mapping[Profile, Counter[SeatState]]


class SeatCensus:
    """How many seats with which skills do what. An unchanged seat's view is the same object as
    before, so only those that moved are counted again."""

    def __init__(self) -> None:
        self._counts: dict[Profile, Counter[SeatState]] = {}
        self._views: Sequence[SeatView] = ()
        self._profiles: dict[int, tuple[Seat, Profile]] = {}

    def take(self, views: Sequence[SeatView]) -> Census:
        """Count these seats."""
        before, self._views = self._views, views
        moved: list[tuple[SeatView | None, SeatView]]
        if len(before) == len(views):
            moved = [(old, new) for old, new in zip(before, views, strict=True) if old is not new]
        else:
            moved = [(None, new) for new in views]
            self._counts.clear()
            self._profiles.clear()
        for old, new in moved:
            if old is not None:
                self._of(old.seat)[old.state] -= 1
            self._of(new.seat)[new.state] += 1
        return self._counts

    def _of(self, seat: Seat) -> Counter[SeatState]:
        known = self._profiles.get(id(seat))
        if known is None:
            if len(self._profiles) > 2 * len(self._views) + 1000:
                self._profiles.clear()  # most are of seats as they were before
            known = self._profiles[id(seat)] = (seat, profile_of(seat.skills))
        counts = self._counts.get(known[1])
        if counts is None:
            counts = self._counts[known[1]] = Counter()
        return counts


class GroupBoard:
    """Queues and skills of one tenant."""

    def __init__(
        self,
        tenant: Tenant,
        directory: Callable[[], Directory],
        staffed: Callable[[Requirement], bool],
    ) -> None:
        self._tenant = tenant
        self._directory = directory
        self._staffed = staffed
        self._census = SeatCensus()
        self._known: Directory | None = None
        self._needs: dict[str, frozenset[Requirement]] = {}

    def groups(self, views: Sequence[SeatView], figures: Mapping[str, Any]) -> Groups:
        """`figures` as `queue_manager.figure_view` tells them."""
        directory = self._directory()
        rules = directory.rules[self._tenant.id]
        if self._known is not directory:
            self._known, self._needs = directory, self._needs_by_queue(directory)
        census = self._census.take(views)
        states = _sum(census.values())
        return Groups(
            states,
            [self._queue(queue, census, figures["queues"]) for queue in rules.queues],
            self._skills(rules, census, figures["skills"]),
        )

    def _queue(self, queue: QueueRules, census: Census, figures: Mapping[str, Any]) -> GroupFigures:
        needs = self._needs.get(queue.id) or frozenset({queue.needs})
        able = _sum(
            counts
            for profile, counts in census.items()
            if any(need.met_by(dict(profile)) for need in needs)
        )
        told = figures.get(queue.id, {})
        return _group(queue.id, queue.name, "", queue.service_level_s, told, able)

    def _skills(
        self, rules: Rules, census: Census, figures: Mapping[str, Any]
    ) -> list[GroupFigures]:
        by_skill: dict[str, Counter[SeatState]] = {}
        for profile, counts in census.items():
            for skill, _ in profile:
                by_skill.setdefault(skill, Counter()).update(counts)
        names = [*rules.skills, *sorted((by_skill.keys() | figures.keys()) - rules.skills.keys())]
        shown = []
        for name in names:
            if name in by_skill or name in figures:
                known = rules.skills.get(name)
                words = (known.name, known.name_en) if known else (name, "")
                level_s = float(self._tenant.service_level_s)
                able = by_skill.get(name, Counter())
                shown.append(_group(name, *words, level_s, figures.get(name, {}), able))
        return shown

    def _needs_by_queue(self, directory: Directory) -> dict[str, frozenset[Requirement]]:
        """What those who come in by each queue need, in the tenant's first language, as the
        conversations have it."""
        found: dict[str, set[Requirement]] = {}
        for line in directory.lines.of(self._tenant.id):
            rules = directory.rules[self._tenant.id]
            asked = line.needed(self._tenant.languages[0])
            needs = served_needs(asked, self._staffed, rules)
            found.setdefault(line.queue, set()).add(needs)
        return {queue_id: frozenset(needs) for queue_id, needs in found.items()}


def _sum(several: Any) -> Counter[SeatState]:
    total: Counter[SeatState] = Counter()
    for counts in several:
        total.update(counts)
    return total


def _group(
    key: str, name: str, name_en: str, within_s: float, told: Mapping[str, Any],
    able: Mapping[SeatState, int],
) -> GroupFigures:  # fmt: skip
    oldest_s = told.get("oldest_s")
    return GroupFigures(
        key,
        name,
        name_en,
        within_s,
        waiting=told.get("waiting", 0),
        callbacks=told.get("callbacks_waiting", 0),
        oldest=datetime.fromtimestamp(oldest_s, UTC) if oldest_s else None,
        offered=told.get("offered", 0),
        answered=told.get("answered", 0),
        answered_in_time=told.get("answered_in_time", 0),
        abandoned=told.get("abandoned", 0),
        recent_answered=told.get("recent_answered", 0),
        recent_in_time=told.get("recent_in_time", 0),
        seats=able,
    )
