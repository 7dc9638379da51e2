"""The matcher's rules told by scanning everybody: slow, short, and with nothing clever in it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from queue_manager.model import Requirement, WaitingCaller

WEIGHT_S, BOUND_S, SAME_SEAT_S = 2.0, 3.0, 1.0


def surplus(needs: Requirement, skills: dict[str, int]) -> int:
    """The level by which a seat exceeds what is asked, where it exceeds it most."""
    over = [
        min(skills[n.skill] - n.level for n in group if skills.get(n.skill, 0) >= n.level)
        for group in needs.all_of
    ]
    return max(over, default=0)


@dataclass
class Model:
    """`order` is the order of idleness of all seats, `entered` counts callers' entries."""

    skills: dict[str, dict[str, int]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    since_s: dict[str, float] = field(default_factory=dict)
    latest_s: float = 0.0
    off_duty: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    callers: dict[str, WaitingCaller] = field(default_factory=dict)
    entered: dict[str, int] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)

    # --- callers in order

    def effective(self, call_id: str) -> float:
        """When he would have to have come, without priority, to be where he is."""
        known = self.callers[call_id]
        return (known.queued_at - timedelta(seconds=known.priority * WEIGHT_S)).timestamp()

    def rank(self, call_id: str) -> tuple[float, int]:
        return (self.effective(call_id), self.entered[call_id])

    def able(self, call_id: str, seat_id: str) -> bool:
        return self.callers[call_id].needs.met_by(self.skills[seat_id])

    def servers(self, call_id: str) -> set[str]:
        return {seat_id for seat_id in self.skills if self.able(call_id, seat_id)}

    def best_caller(self, seat_id: str) -> str | None:
        fit = [c for c in self.waiting if self.able(c, seat_id)]
        if not fit:
            return None
        earliest = min(map(self.effective, fit))
        wants = [c for c in fit if self.callers[c].preferred_seat == seat_id]
        near = [c for c in wants if self.effective(c) <= earliest + SAME_SEAT_S]
        if near:
            return min(near, key=self.rank)
        equals = [c for c in fit if self.effective(c) == earliest]
        return min(
            equals,
            key=lambda c: (surplus(self.callers[c].needs, self.skills[seat_id]), self.rank(c)),
        )

    def position(self, call_id: str) -> int:
        mine = self.servers(call_id)
        return 1 + sum(
            self.rank(other) < self.rank(call_id)
            and (
                self.callers[other].needs == self.callers[call_id].needs
                or bool(mine and mine <= self.servers(other))
            )
            for other in self.waiting
        )

    def move_first(self, call_id: str) -> int:
        """The smallest priority that puts him a same-seat bound before all others."""
        others = [self.effective(c) for c in self.waiting if c != call_id]
        known = self.callers[call_id]
        if others and self.effective(call_id) >= min(others) - SAME_SEAT_S:
            while self.effective(call_id) >= min(others) - SAME_SEAT_S:
                self.callers[call_id] = known = replace(known, priority=known.priority + 1)
        return known.priority

    # --- seats

    def idle_since(self, seat_id: str, since_s: float | None) -> None:
        self.since_s[seat_id] = self.latest_s if since_s is None else since_s
        self.latest_s = max(self.latest_s, self.since_s[seat_id])

    def best_seat(self, call_id: str) -> str | None:
        known = self.callers[call_id]
        able = [s for s in self.order if s in self.ready and known.needs.met_by(self.skills[s])]
        if not able:
            return None
        if known.preferred_seat in able:
            return known.preferred_seat
        spared = self.spare(able)
        closest = min(surplus(known.needs, self.skills[s]) for s in spared)
        best = next(s for s in spared if surplus(known.needs, self.skills[s]) == closest)
        longest = able[0]
        return longest if self.since_s[longest] + BOUND_S < self.since_s[best] else best

    def spare(self, able: list[str]) -> list[str]:
        """Without those who have the scarcest skill, unless all have it; then the next one …"""
        held: dict[str, int] = {}
        for seat_id, skills in self.skills.items():
            for skill in skills:
                held[skill] = held.get(skill, 0) + (seat_id not in self.off_duty)
        for skill in sorted(held, key=lambda skill: (held[skill], skill)):
            able = [s for s in able if skill not in self.skills[s]] or able
        return able

    def on_duty(self, needs: Requirement) -> int:
        return sum(
            seat_id not in self.off_duty and needs.met_by(skills)
            for seat_id, skills in self.skills.items()
        )
