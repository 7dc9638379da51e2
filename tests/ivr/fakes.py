"""Fakes of our own ports beside a scripted call: ticket office, queue, callbacks, voice, clock."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import date, datetime

from ivr.ports import CallbackRequest, CallRecord, KeptPlace
from ivr.voice_files import VoiceFile
from queue_manager.callback import CallbackEvent
from queue_manager.estimate import WaitEstimate
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    Requirement,
    Seat,
    Suggestion,
    Verdict,
    WaitingCaller,
)
from tests.ivr.stage import NOON, NUMBER
from tickets.merge import merged
from tickets.model import NewTicket, Ticket


class Office:
    """Tickets and the call log, as durable as a database: they outlive engines. What several
    facts make of one ticket is the tickets' own rule."""

    def __init__(self, *, sql_away: bool = False) -> None:
        self._facts: dict[str, list[NewTicket]] = {}
        self.told: list[NewTicket] = []
        self.creates = 0
        self.rows: list[CallRecord] = []
        self._sql_away = sql_away

    async def create(self, new: NewTicket) -> str:
        await asyncio.sleep(0)
        self.creates += 1
        self._facts.setdefault(new.facts.call_id, []).append(new)
        self.told.append(new)
        return "" if self._sql_away else NUMBER

    @property
    def tickets(self) -> dict[str, Ticket]:
        """The tickets by their call."""
        return {call_id: merged(NUMBER, facts) for call_id, facts in self._facts.items()}

    async def record(self, record: CallRecord) -> None:
        await asyncio.sleep(0)
        if all(r.facts.call_id != record.facts.call_id for r in self.rows):
            self.rows.append(record)


class FakePlace:
    """Checks the port's contract while it plays its part."""

    def __init__(self, offers: deque[Seat], caller: WaitingCaller) -> None:
        self._offers = offers
        self.caller = caller
        self.events: list[str] = []
        self.ends = 0
        self.ahead = 3
        self.wait: WaitEstimate | None = None
        self.suggested: asyncio.Future[Suggestion] = asyncio.get_running_loop().create_future()
        self._pending: Offer | None = None
        self._waiter: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()

    def next_offer(self) -> asyncio.Future[Offer]:
        future: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        if self._pending is None and self._offers:
            self._pending = Offer(len(self.events), self.caller, self._offers.popleft(), NOON)
        if self._pending is not None:
            future.set_result(self._pending)
        self._waiter = future
        return future

    def give(self, seat: Seat) -> None:
        """A seat becomes free while he waits."""
        self._pending = Offer(len(self.events), self.caller, seat, NOON)
        self._waiter.set_result(self._pending)

    def next_suggestion(self) -> asyncio.Future[Suggestion]:
        if self.suggested.done():
            self.suggested = asyncio.get_running_loop().create_future()
        return self.suggested

    def position(self) -> int:
        return self.ahead + 1

    def estimate(self) -> WaitEstimate | None:
        return self.wait

    def taken_back(self, offer: Offer) -> asyncio.Future[None]:
        self.back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        return self.back

    def missed(self, offer: Offer, reason: MissReason) -> None:
        assert offer == self._pending
        self._pending = None
        self.events.append(f"missed {reason}")

    def answered(self, offer: Offer) -> Verdict:
        assert offer == self._pending
        assert self.ends == 0
        self.ends += 1
        self.events.append("answered")
        return Verdict.TALK

    def talk_ended(self, offer: Offer) -> None:
        assert self.events.count("answered") == 1
        assert "talk_ended" not in self.events
        self.events.append("talk_ended")

    def when_moved(self, told: Callable[[int], None]) -> None:
        self.move_up = told

    def leave(self, reason: LeaveReason) -> None:
        self.ends += 1
        self.events.append(f"left {reason}")


class FakeQueue:
    def __init__(self, offers: Sequence[Seat]) -> None:
        self._offers = deque(offers)
        self.places: list[FakePlace] = []
        self.manned = True

    def enter(self, caller: WaitingCaller) -> FakePlace:
        self.places.append(FakePlace(self._offers, caller))
        return self.places[-1]

    def staffed(self, needs: Requirement) -> bool:
        return True

    def at_work(self, needs: Requirement) -> bool:
        return self.manned


class FakeCallbacks:
    """The callbacks' book: durable, it outlives engines. `away`: nothing can be promised now."""

    def __init__(self) -> None:
        self.open = True
        self.away = False
        self.taken: dict[str, CallbackRequest] = {}
        self.kept: KeptPlace | None = None
        self.told: list[str] = []

    async def take(self, request: CallbackRequest) -> bool:
        await asyncio.sleep(0)
        if not self.away:
            self.taken.setdefault(request.call_id, request)
        return not self.away

    async def take_over(self, tenant: str, number_e164: str) -> KeptPlace | None:
        kept, self.kept = self.kept, None
        return kept

    async def happened(self, call_id: str, event: CallbackEvent, *, seat_id: str = "") -> None:
        self.told.append(event)


class FakeVoice:
    """Recorded takes by their path; they outlive engines as files do."""

    def __init__(self) -> None:
        self.files: dict[str, float] = {}
        self.full = False

    def place(self, call_id: str, day: date, take: int) -> VoiceFile:
        path = f"recordings/requests/{day:%Y/%m/%d}/{call_id}-{take}"
        return VoiceFile(f"/hotline/{path}", f"{path}.wav")

    async def prepare(self, file: VoiceFile) -> None:
        await asyncio.sleep(0)

    async def torn(self, stored: str) -> bool:
        await asyncio.sleep(0)
        return self.full

    async def seconds(self, stored: str) -> float:
        await asyncio.sleep(0)
        return self.files.get(stored, 0.0)


class FakeClock:
    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time
