"""Random events, by whoever: what must hold of every ticket at every moment."""

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from tests.tickets.lives import DATA, NOON, PARKS, PEOPLE, ROADS, WATER, told
from tickets.consequences import EndChildren, MakeChild, TellMain, TellMerged, TellParent, Then
from tickets.errors import EventRefused
from tickets.life import SYSTEM, Actor, Life, Limits, Role, Told
from tickets.lifecycle import CLOSED, OVERLAYS, TABLE, Event, born, decide, owner, replay
from tickets.model import TicketState as S

ACTORS = (*PEOPLE.values(), Actor("dep-2", Role.DEPARTMENT, ROADS), Actor("dep-1", Role.REVIEWER))
FOLLOWING = {Event.JOINED, Event.LEFT, Event.CHILD_ENDED, Event.MAIN_ARCHIVED}
DIRECT = sorted(set(Event) - {Event.CREATED, Event.PART_MADE, Event.MERGED} - FOLLOWING)
ENDINGS = {Event.WITHDRAWN, Event.VOIDED, Event.REFUSED, Event.TRANSFERRED, Event.ANSWERED}


class Tickets(RuleBasedStateMachine):
    """A handful of tickets, with what follows from events done as the store does it."""

    numbers = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.lives: dict[str, Life] = {}
        self.told: dict[str, list[tuple[Told, S]]] = {}
        self.made = 0

    @initialize(target=numbers, state=st.sampled_from([S.DRAFT, S.PENDING_REVIEW]))
    def first(self, state: S) -> str:
        return self.new(state)

    @rule(target=numbers, state=st.sampled_from([S.DRAFT, S.PENDING_REVIEW]))
    def new(self, state: S) -> str:
        data = {"state": str(state), "facts": {"kind": "help"}}
        return self._born(Told("created", SYSTEM, NOON, data))

    @rule(
        number=numbers,
        other=numbers,
        event=st.sampled_from(DIRECT),
        actor=st.sampled_from(ACTORS),
        unit=st.sampled_from([WATER, ROADS, PARKS]),
    )
    def anything(self, number: str, other: str, event: Event, actor: Actor, unit: str) -> None:
        """Most of it is refused, and then nothing has changed."""
        more = {"main": other} if event is Event.LINKED else {}
        if "lead" in DATA.get(event, {}):
            more["lead"] = unit
        self._tell(number, told(event, actor, **more))

    @rule(number=numbers, pick=st.randoms(use_true_random=False))
    def something_possible(self, number: str, pick: object) -> None:
        """Walks on, so that late states are reached."""
        life = self.lives[number]
        possible = [
            step
            for (state, event), step in TABLE.items()
            if state is life.state and event not in ENDINGS | FOLLOWING
        ]
        step = pick.choice(possible)  # type: ignore[attr-defined]  # hypothesis types it object
        who = PEOPLE[step.who[0]]
        if step.who[0] is Role.DEPARTMENT:
            who = Actor("dep-9", Role.DEPARTMENT, life.lead)
        if step.event is Event.REPLIED:
            self._tell(number, told("contacted", who))
        main = next((n for n in self.lives if n != number), number)
        more = {"main": main} if step.event is Event.LINKED else {}
        self._tell(number, told(step.event, who, **more))

    def _born(self, first: Told) -> str:
        self.made += 1
        number = f"261123{self.made:06}"
        self.lives[number] = born("default", number, first).life
        self.told[number] = [(first, self.lives[number].state)]
        return number

    def _tell(self, number: str, event: Told) -> None:
        """Whole or not at all, with everything that follows."""
        before = dict(self.lives), {n: list(t) for n, t in self.told.items()}, self.made
        try:
            self._happen(number, event)
        except EventRefused:
            self.lives, self.told, self.made = before

    def _happen(self, number: str, event: Told) -> None:
        before = self.lives[number]
        decision = decide(before, event, Limits())
        self.lives[number] = decision.life
        self.told[number].append((event, decision.life.state))
        if before.state is S.ARCHIVED:
            assert decision.life.state in (S.ARCHIVED, S.REOPENED)
        assert decision.life.seq == before.seq + 1
        for effect in decision.effects:
            for follower, follows in list(self._follows(effect, before, event)):
                self._happen(follower, follows)

    def _follows(self, effect: object, life: Life, event: Told) -> list[tuple[str, Told]]:
        def by_system(name: str, **data: str) -> Told:
            return replace(event, event=name, actor=SYSTEM, data=data)

        match effect:
            case Then(name, reason):
                return [(life.number, by_system(name, reason=reason))]
            case TellParent():
                return [(life.parent, by_system("child_ended", number=life.number))]
            case TellMain(main, joined):
                return [(main, by_system("joined" if joined else "left", number=life.number))]
            case TellMerged("archived" | "gone" as what):
                name = "main_archived" if what == "archived" else "unlinked"
                linked = [n for n, one in self.lives.items() if one.main == life.number]
                return [
                    (n, by_system(name, reason="x"))
                    for n in linked
                    if self.lives[n].state is S.MERGED
                ]
            case EndChildren():
                parts = [n for n, one in self.lives.items() if one.parent == life.number]
                return [
                    (n, by_system("withdrawn", code="x"))
                    for n in parts
                    if self.lives[n].state not in CLOSED
                ]
            case MakeChild(unit):
                self._born(Told("part_made", SYSTEM, NOON, {"parent": life.number, "unit": unit}))
        return []

    @invariant()
    def every_open_ticket_has_an_owner_and_a_clock_and_no_closed_one_has(self) -> None:
        for life in self.lives.values():
            is_open = life.state not in CLOSED
            assert is_open == bool(owner(life)) == bool(life.running), life
            assert owner(life) not in ("unit:", "ticket:"), life
            assert life.paused <= life.running

    @invariant()
    def every_history_told_again_makes_the_same_ticket(self) -> None:
        for number, events in self.told.items():
            assert replay("default", number, events) == self.lives[number]

    @invariant()
    def parts_and_linked_tickets_are_counted(self) -> None:
        for number, life in self.lives.items():
            parts = [p for p in self.lives.values() if p.parent == number]
            assert life.open_children == sum(part.state not in CLOSED for part in parts)
            linked = [m for m in self.lives.values() if m.main == number]
            assert life.repeats == len(linked)
            if life.state in CLOSED:
                assert not life.open_children

    @invariant()
    def whoever_handles_a_ticket_has_not_supervised_it(self) -> None:
        for life in self.lives.values():
            assert not set(life.handlers) & set(life.watchers)


TestTickets = Tickets.TestCase
TestTickets.settings = settings(max_examples=40, stateful_step_count=60, deadline=None)


def test_every_overlay_is_an_event_of_its_own() -> None:
    assert not {event for _, event in TABLE} & set(OVERLAYS)
