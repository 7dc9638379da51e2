"""What an event makes of a ticket's clocks: the effects of the lifecycle, carried out. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from tickets import clocks
from tickets.calendar import CalendarEnd
from tickets.clocks import TicketClock
from tickets.effects import (
    LONG_TERM,
    ClockName,
    ExtendClock,
    PauseClock,
    ResumeClock,
    SetStatutory,
    StartClock,
    StopClock,
)
from tickets.policy import Matter
from tickets.timetable import Rules


class ClockBook:
    """A ticket's clocks while events are worked in; `known` are all it ever had.

    `made` and `changed` are what is to be written afterwards.
    """

    def __init__(
        self, tenant: str, number: str, parent: str, known: Sequence[TicketClock], rules: Rules
    ) -> None:
        self._tenant, self._number, self._parent = tenant, number, parent
        self._rules = rules
        self._matter, self._cap = Matter(), 0
        self._before = {(c.name, c.seq): c for c in known}
        self._now = dict(self._before)

    @property
    def clocks(self) -> Sequence[TicketClock]:
        """All of them as they are now."""
        return list(self._now.values())

    @property
    def made(self) -> list[TicketClock]:
        """Clocks that weren't there."""
        return [clock for key, clock in self._now.items() if key not in self._before]

    @property
    def changed(self) -> list[TicketClock]:
        """Clocks that were there and are different now."""
        return [c for key, c in self._now.items() if self._before.get(key, c) != c]

    @property
    def earlier(self) -> TicketClock | None:
        """The finish clock, if it is due earlier than before: its parts must follow."""
        finish = self.running(ClockName.FINISH)
        if finish is None:
            return None
        before = self._before.get((finish.name, finish.seq))
        return finish if before is not None and finish.due < before.due else None

    def running(self, name: ClockName) -> TicketClock | None:
        """The clock of this name that hasn't ended, if any."""
        for clock in self._now.values():
            if clock.name is name and not clock.stopped_at:
                return clock
        return None

    def latest(self, name: ClockName) -> TicketClock | None:
        """The last one of this name, ended or not."""
        found = [clock for clock in self._now.values() if clock.name is name]
        return max(found, key=lambda clock: clock.seq, default=None)

    def obey(self, effects: Iterable[object], at: int, matter: Matter, cap: int = 0) -> None:
        """Carry an event's clock effects out, in order; other effects are other people's.

        `matter` is what limits depend on now, `cap` the parent's due date (0: it has no parent):
        both may be others than when a clock began.
        """
        self._fit(matter, cap)
        for effect in effects:
            match effect:
                case StartClock(clock=name, unit=unit, round=round_, state=state):
                    self._start(name, unit, round_, state, at)
                case StopClock(clock=name):
                    self.stop(name, at)
                case PauseClock(clock=name, reason=reason, until=until):
                    if reason in self._rules.policy.pauses and (found := self.running(name)):
                        self._put(clocks.pause(found, at, self._rules))
                        if until is not None:
                            self._look_again(found.round, until, at)
                case ResumeClock(clock=name):
                    if found := self.running(name):
                        self._put(clocks.resume(found, at, self._rules))
                case ExtendClock(clock=name, days=days):
                    if found := self.running(name):
                        self._put(clocks.extend(found, days, self._rules))
                case SetStatutory(due_on=day):
                    if found := self.running(ClockName.FINISH):
                        self._put(clocks.set_statutory(found, day, self._rules))
                case _:
                    pass
        self._end_look(at)

    def _look_again(self, round_: int, on: date, at: int) -> None:
        """A clock of the desk until this day; set anew, the new day holds."""
        if self.running(ClockName.DESK) is None:
            self._begin(ClockName.DESK, "", round_, LONG_TERM, at)
        if found := self.running(ClockName.DESK):
            self._put(clocks.set_statutory(found, on, self._rules))

    def _end_look(self, at: int) -> None:
        desk = self.running(ClockName.DESK)
        if desk is None or desk.state != LONG_TERM:
            return
        finish = self.running(ClockName.FINISH)
        if finish is None or finish.paused_at is None:
            self.stop(ClockName.DESK, at)

    def stop(self, name: ClockName, at: int) -> None:
        """End the clock of this name, if one runs."""
        if found := self.running(name):
            self._put(clocks.stop(found, at))

    def _fit(self, matter: Matter, cap: int) -> None:
        self._matter, self._cap = matter, cap
        for clock in self.clocks:
            if clock.stopped_at:
                continue
            own = cap if clock.name is ClockName.FINISH else 0
            if (clock.matter, clock.cap) != (matter, own):
                clock = replace(clock, matter=matter, cap=own)
            self._put(clocks.settle(clock, self._rules))

    def _start(self, name: ClockName, unit: str, round_: int, state: str, at: int) -> None:
        found = self.running(name)
        if found and name is not ClockName.SIGN and (found.round, found.state) == (round_, state):
            self._put(clocks.resume(replace(found, unit=unit), at, self._rules))
            if name is ClockName.FINISH and (contact := self.running(ClockName.CONTACT)):
                self._put(replace(contact, unit=unit))
            return
        self.stop(name, at)
        self._begin(name, unit, round_, state, at)
        if name is ClockName.FINISH:
            self.stop(ClockName.CONTACT, at)
            self._begin(ClockName.CONTACT, unit, round_, "", at)

    def _begin(self, name: ClockName, unit: str, round_: int, state: str, at: int) -> None:
        if self._rules.plan(name, self._matter.text, state) is None:
            return
        last = self.latest(name)
        fresh = TicketClock(
            self._tenant, self._number, name, last.seq + 1 if last else 1, self._matter,
            ((at, None),), unit=unit, round=round_, state=state, parent=self._parent,
            cap=self._cap if name is ClockName.FINISH else 0,
        )  # fmt: skip
        try:
            self._put(clocks.settle(fresh, self._rules))
        except CalendarEnd:  # a clock set wrong must not cost a ticket: overdue it is looked at
            self._put(replace(fresh, due=at))

    def _put(self, clock: TicketClock) -> None:
        self._now[(clock.name, clock.seq)] = clock
