"""Fakes of the console's own ports: a small city in memory that tests change at will."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from console.auth import issue
from console.errors import CallbackTalking, Conflict, UnknownCallback, UnknownLine
from console.metrics import Metrics
from console.ports import (
    ALL_TENANTS,
    PARTS,
    CallbackView,
    DayFigures,
    GroupFigures,
    Groups,
    HoursMode,
    HoursView,
    LineView,
    PartHealth,
    Probe,
    Role,
    RosterView,
    TenantFacts,
    TokenRecord,
    WaitingSummary,
)
from console.services import Services
from console.spoken import NoSpoken
from console.talks import NoTalks, Talks
from queue_manager.counts import Figure
from queue_manager.duty import Counts, counted
from queue_manager.errors import (
    NotWrappingUp,
    UnknownAlert,
    UnknownCaller,
    UnknownReason,
    UnknownSeat,
)
from queue_manager.model import Alert, CallerView, Forced, Seat, SeatState, SeatView
from tests.console.fake_desk import FakeDesk
from tickets.errors import EventRefused, StoreAway, UnknownTicket
from tickets.follow_up import FollowUp, FollowUpState
from tickets.model import CallFacts, Kind, Origin, Ticket, TicketState
from tickets.review import SpokenCases

CITY = "default"
OTHER_CITY = "baoji"
REASONS = ("break", "meal", "other")


@dataclass
class City:
    """All ports of the console at once; every field is a test's to change."""

    seats: dict[str, dict[str, SeatView]] = field(default_factory=dict)
    waiting_now: dict[str, WaitingSummary] = field(default_factory=dict)
    figures: dict[str, DayFigures] = field(default_factory=dict)
    queues_now: dict[str, list[GroupFigures]] = field(default_factory=dict)
    skills_now: dict[str, list[GroupFigures]] = field(default_factory=dict)
    in_queue: dict[str, list[CallerView]] = field(default_factory=dict)
    open_alerts: dict[str, list[Alert]] = field(default_factory=dict)
    counted: list[Figure] = field(default_factory=list)
    forced: list[tuple[str, Forced, str, str, str]] = field(default_factory=list)
    asked_reports: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)
    stored: list[Ticket] = field(default_factory=list)
    overrides: dict[tuple[str, str], HoursMode] = field(default_factory=dict)
    line_table: dict[str, list[LineView]] = field(default_factory=dict)
    tokens: dict[str, TokenRecord] = field(default_factory=dict)
    store_away: bool = False
    overridden_by: str = ""
    mistake: str = ""
    to_call_back: dict[str, list[CallbackView]] = field(default_factory=dict)
    duty: dict[str, RosterView] = field(default_factory=dict)
    health: dict[str, PartHealth] = field(default_factory=dict)
    audio: dict[str, Path] = field(default_factory=dict)
    shift: timedelta = timedelta()
    talking: Talks = field(default_factory=NoTalks)
    spoken: SpokenCases = field(default_factory=NoSpoken)
    followed_up: dict[str, list[FollowUp]] = field(default_factory=dict)
    beats: Counter[str] = field(default_factory=Counter)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    async def callbacks(self, tenant: str) -> Sequence[CallbackView]:
        return self.to_call_back.get(tenant, [])

    async def call_off(self, tenant: str, call_id: str, *, by: str) -> None:
        known = {view.call_id: view for view in self.to_call_back.get(tenant, [])}
        if call_id not in known:
            raise UnknownCallback
        if known[call_id].state == "talking":
            raise CallbackTalking
        self.to_call_back[tenant].remove(known[call_id])

    async def find(self, token_id: str) -> TokenRecord | None:
        if self.store_away:
            raise StoreAway
        return self.tokens.get(token_id)

    def token(
        self,
        role: Role,
        tenant: str = CITY,
        seat_id: str = "",
        ends: datetime | None = None,
        *,
        unit: str = "",
        person: str = "",
    ) -> str:
        """A valid token of this role, stored."""
        token, record = issue(
            role, tenant, seat_id=seat_id, expires_at=ends, unit=unit, person=person
        )
        self.tokens[record.token_id] = record
        return token

    def revoke(self, token: str) -> None:
        token_id = token.partition(".")[0]
        self.tokens[token_id] = replace(self.tokens[token_id], revoked_at=self.now())

    def views(self, tenant: str) -> Sequence[SeatView]:
        return list(self.seats.get(tenant, {}).values())

    def view(self, tenant: str, seat_id: str) -> SeatView:
        try:
            return self.seats[tenant][seat_id]
        except KeyError as unknown:
            raise UnknownSeat(seat_id) from unknown

    def ready(self, tenant: str, seat_id: str) -> None:
        self.put(tenant, seat_id, SeatState.READY)

    def end_wrap_up(self, tenant: str, seat_id: str) -> None:
        if self.view(tenant, seat_id).state is SeatState.WRAP_UP:
            self.put(tenant, seat_id, SeatState.PAUSED, "other")

    def extend_wrap_up(self, tenant: str, seat_id: str, extra_s: float) -> datetime:
        if self.view(tenant, seat_id).state is not SeatState.WRAP_UP:
            raise NotWrappingUp(seat_id)
        return self.now() + timedelta(seconds=extra_s)

    def heartbeat(self, tenant: str, seat_id: str) -> None:
        self.view(tenant, seat_id)
        self.beats[seat_id] += 1

    def pause(self, tenant: str, seat_id: str, reason: str) -> None:
        if reason not in REASONS:
            raise UnknownReason(reason)
        self.put(tenant, seat_id, SeatState.PAUSED, reason)

    def force(
        self, tenant: str, seat_id: str, state: Forced, *, by: str, why: str, reason: str = ""
    ) -> None:
        if state is Forced.PAUSED and reason not in REASONS:
            raise UnknownReason(reason)
        self.put(tenant, seat_id, SeatState(state.value), reason)
        self.forced.append((seat_id, state, by, why, reason))

    def put(self, tenant: str, seat_id: str, state: SeatState, reason: str = "") -> None:
        """The seat does this from now on."""
        view = self.view(tenant, seat_id)
        self.seats[tenant][seat_id] = replace(
            view, state=state, pause_reason=reason, since=self.now()
        )

    def seat(
        self, tenant: str, seat_id: str, state: SeatState = SeatState.READY, name: str = ""
    ) -> None:
        """Set up a seat."""
        skills = {"lang:cmn": 5, "svc:general": 3}
        seat = Seat(tenant, seat_id, name or f"座席{seat_id}", f"{tenant}-{seat_id}", skills)
        self.seats.setdefault(tenant, {})[seat_id] = SeatView(seat, state, self.now())

    def waiting(self, tenant: str) -> WaitingSummary:
        return self.waiting_now.get(tenant, WaitingSummary())

    def callers(self, tenant: str) -> Sequence[CallerView]:
        return self.in_queue.get(tenant, [])

    def move_first(self, tenant: str, call_id: str, *, by: str, why: str) -> None:
        callers = self.in_queue.get(tenant, [])
        for place, caller in enumerate(callers):
            if caller.call_id == call_id:
                callers[place] = replace(caller, first=True)
                return
        raise UnknownCaller(call_id)

    def alerts(self, tenant: str) -> Sequence[Alert]:
        return self.open_alerts.get(tenant, [])

    def acknowledge(self, tenant: str, alert_id: int, *, by: str) -> None:
        alerts = self.open_alerts.get(tenant, [])
        for place, known in enumerate(alerts):
            if known.alert_id == alert_id:
                alerts[place] = replace(known, seen_by=by)
                return
        raise UnknownAlert(str(alert_id))

    def groups(self, tenant: str) -> Groups:
        states = Counter(view.state for view in self.views(tenant))
        queues, skills = self.queues_now.get(tenant, []), self.skills_now.get(tenant, [])
        return Groups(states, list(queues), list(skills))

    def names(self, tenant: str, by: str) -> Mapping[str, str]:
        return {"main": "综合受理", "evil": "=1+1", "801": "一号座席"}

    async def pages(
        self, tenant: str, by: str, begin: datetime, end: datetime
    ) -> AsyncIterator[Sequence[Figure]]:
        self.asked_reports.append((tenant, by, begin, end))
        if self.store_away:
            raise StoreAway
        for place in range(0, len(self.counted), 2):
            yield self.counted[place : place + 2]

    def today(self, tenant: str) -> DayFigures:
        return self.figures.get(tenant, DayFigures(date(2026, 11, 21)))

    async def get(self, tenant: str, number: str) -> Ticket:
        if self.store_away:
            raise StoreAway
        for ticket in self.stored:
            if (ticket.tenant, ticket.number) == (tenant, number):
                return ticket
        raise UnknownTicket(number)

    async def list(
        self, tenant: str, *, limit: int = 50, before: str = "", since: datetime | None = None
    ) -> Sequence[Ticket]:
        if self.store_away:
            raise StoreAway
        mine = sorted(
            (t for t in self.stored if t.tenant == tenant), key=lambda t: t.number, reverse=True
        )
        return [t for t in mine if not before or t.number < before][:limit]

    def ticket(self, number: str, tenant: str = CITY, caller: str = "13812345678") -> None:
        """Store a ticket."""
        at = self.now()
        facts = CallFacts(
            tenant, f"hl-{number}", "12345", "市民热线", "12345", "12345", caller, f"+86{caller}",
            False, "cmn", Kind.CONSULTATION, "1", at, "",
        )  # fmt: skip
        self.stored.append(
            Ticket(
                number, tenant, facts.call_id, Origin.TALK, TicketState.DRAFT, at, facts,
                seat_id="801", recording=f"/hotline/recordings/{number}.wav", notes=("秘密",),
            )
        )  # fmt: skip

    def show(self, tenant: str) -> Sequence[HoursView]:
        own = [(line, mode) for (t, line), mode in self.overrides.items() if t == tenant and line]
        whole = self.overrides.get((tenant, ""), HoursMode.AUTO)
        return [
            HoursView(line, mode, mode is not HoursMode.CLOSED, "08:00–18:00")
            for line, mode in [("", whole), *own]
        ]

    async def set(self, tenant: str, line_id: str, mode: HoursMode, *, by: str) -> None:
        if line_id and line_id not in {line.line_id for line in self.lines(tenant)}:
            raise UnknownLine
        self.overrides[tenant, line_id] = mode
        self.overridden_by = by

    def lines(self, tenant: str) -> Sequence[LineView]:
        return self.line_table.get(tenant, [])

    def roster(self, tenant: str, at: datetime | None = None) -> RosterView | None:
        view = self.duty.get(tenant)
        return view if view is None or at is None else replace(view, at=at, found=())

    def counts(self, tenant: str) -> Counts | None:
        view = self.duty.get(tenant)
        return None if view is None else counted(view.found)

    def recording(self, ticket: Ticket) -> Path | None:
        return self.audio.get(f"recording-{ticket.number}")

    def voice(self, ticket: Ticket) -> Path | None:
        return self.audio.get(f"voice-{ticket.number}")

    def part(self, stored: str) -> Path | None:
        return self.audio.get(stored)

    async def reload(self, tenant: str) -> Mapping[str, int]:
        if self.mistake:
            raise Conflict(self.mistake)
        return {"seats": len(self.seats.get(tenant, {})), "lines": len(self.lines(tenant))}

    def probe(self, name: str) -> Probe:
        async def ask() -> PartHealth:
            return self.health.get(name, PartHealth(True))

        return ask

    def services(self) -> Services:
        """Everything wired to this city."""
        tenants = {
            CITY: TenantFacts(CITY, "12345政务服务便民热线", pause_reasons=REASONS),
            OTHER_CITY: TenantFacts(OTHER_CITY, "宝鸡市12345"),
        }
        return Services(
            tenants=lambda: tenants, tokens=self, seats=self, waiting=self, figures=self,
            reports=self, tickets=self, desk=FakeDesk(self), hours=self, lines=self, rosters=self,
            audio=self, reload=self, callbacks=self,
            parts={name: self.probe(name) for name in PARTS}, metrics=Metrics(), now=self.now,
            version="0.1.0", talks=self.talking, spoken=self.spoken,
            follow_ups=CityFollowUps(self.followed_up),
        )  # fmt: skip


def everywhere(city: City, role: Role = Role.ADMIN) -> str:
    """A token good for all tenants."""
    return city.token(role, ALL_TENANTS)


@dataclass
class CityFollowUps:
    """`console.follow_ups.FollowUps` of a list."""

    of: dict[str, list[FollowUp]]

    async def follow_ups(self, tenant: str, number: str = "") -> Sequence[FollowUp]:
        return [one for one in self.of.get(tenant, []) if number in ("", one.number)]

    async def call_off(self, tenant: str, number: str, *, by: str) -> FollowUp:
        one = next((one for one in self.of.get(tenant, []) if one.number == number), None)
        if one is None:
            raise UnknownTicket(number)
        if one.state is FollowUpState.CALLING:
            raise EventRefused("follow-up-under-way", "the citizen is being phoned right now")
        self.of[tenant].remove(one)
        return replace(one, state=FollowUpState.MIXED)
