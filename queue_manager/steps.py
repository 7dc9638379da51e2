"""What the rules have made of a caller who has waited so and so long. Pure: no clock, no caller.

`queue_manager.rules.path` tells the whole way that lies before a caller of one queue, over all
overflows; a `Way` answers how much of it lies behind one who has waited, and what he needs then.
That follows from the needs he came with and the number of steps alone: an engine started anew, or
one that got new rules, reckons it again and comes to the same.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from queue_manager.model import Requirement, Suggestion
from queue_manager.rules import Due, Rules, languages, overflowed, path, stepped

_MOST_KEPT = 20_000
_NOTHING = Requirement()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: his needs by now, and by whose rules he goes on. `interpreter` is the
    language (skill) that was given up, and `spoken` the needs that would have spoken it."""

    needs: Requirement
    tenant: str
    queue_id: str
    interpreter: str = ""
    spoken: Requirement = _NOTHING


class Way:
    """The steps before the callers of one queue. Equal needs are reckoned once."""

    __slots__ = ("_due", "_known", "_rules", "_times", "queue_id", "tenant")

    def __init__(self, rules: Mapping[str, Rules], tenant: str, queue_id: str) -> None:
        self.tenant = tenant
        self.queue_id = queue_id
        self._rules = rules
        self._due: Sequence[Due] = path(rules, tenant, queue_id)
        self._times = [due.at_s for due in self._due]
        self._known: dict[tuple[Requirement, int], Standing] = {}

    def __len__(self) -> int:
        return len(self._due)

    def at_s(self, step: int) -> float:
        """When a step (from 0) is due, in seconds of waiting."""
        return self._times[step]

    def taken_after(self, waited_s: float) -> int:
        """How many steps lie behind one who has waited that long."""
        return bisect_right(self._times, waited_s)

    def suggestions(self, first: int, end: int) -> Sequence[Suggestion]:
        """What the steps from `first` to before `end` want to be offered, in their order."""
        steps = (due.step for due in self._due[first:end])
        return [step.suggest for step in steps if step.suggest is not None]

    def overflowed_s(self, taken: int) -> float:
        """When the last overflow among so many steps was due; 0.0 when there was none."""
        overflows = [due.at_s for due in self._due[:taken] if due.step.overflow is not None]
        return overflows[-1] if overflows else 0.0

    def standing(self, needs: Requirement, taken: int) -> Standing:
        """Where one who came with these needs stands after so many steps."""
        known = self._known.get((needs, taken))
        if known is None:
            known = self._reckon(needs, taken)
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[needs, taken] = known
        return known

    def _reckon(self, needs: Requirement, taken: int) -> Standing:
        if not taken:
            return Standing(needs, self.tenant, self.queue_id)
        before = self.standing(needs, taken - 1)
        due = self._due[taken - 1]
        step, rules = due.step, self._rules[due.tenant]
        after = replace(before, needs=stepped(before.needs, step, rules))
        if step.interpreter and (given_up := languages(before.needs)):
            spoken = (g for g in before.needs.all_of if any(n.skill in given_up for n in g))
            after = replace(after, interpreter=given_up[0], spoken=Requirement(frozenset(spoken)))
        if (there := step.overflow) is not None:
            tenant = there.tenant or due.tenant
            if tenant in self._rules:
                into = self._rules[tenant].queue(there.queue)
                onward = overflowed(after.needs, rules, into)
                after = replace(after, needs=onward, tenant=tenant, queue_id=into.id)
        return after
