"""A scripted caller, queue, ticket office and call log: fakes of our own ports, nothing else.

A script says what the caller presses, what the seats do, how long he speaks. Every word of the
conversation is a step; the caller may hang up at any of them, the engine may be stopped at any.
"""

import asyncio
import functools
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from asterisk_conf.model import Trunk
from ivr.conversation import hang_up
from ivr.desk import Desk
from ivr.flow import load_flows
from ivr.known_callers import KnownCallers
from ivr.lines import Lines, load_all_lines
from ivr.ports import CallbackRequest, CallRecord, KeptPlace
from ivr.prompt_texts import load_catalogue
from ivr.queue_rules import load_all_rules
from ivr.story import Directory
from ivr.tenants import Tenant
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
from queue_manager.opening import HoursMode
from telephony.call import CallInfo, DialResult, DialStatus, RecordResult
from telephony.errors import CallEnded
from tests.queue_manager.virtual_time import run
from tickets.merge import merged
from tickets.model import NewTicket, Ticket

T = TypeVar("T")
NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # 12:00 in China
NIGHT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)  # 22:00 in China
NUMBER = "261121000042"
TENANT = Tenant(id="default", name="12345")
TRUNK = Trunk.model_validate({"id": "demo", "trusted": True})
CATALOGUE = load_catalogue()
SEAT = Seat("default", "8001", "座席", "default-8001", {"lang:cmn": 3})


def directory(
    tenants: Sequence[Tenant] = (TENANT,), trunks: Sequence[Trunk] = (TRUNK,)
) -> Directory:
    lines: Lines = load_all_lines(tenants)
    flows = load_flows(tenants, lines, CATALOGUE)
    rules = load_all_rules(tenants, lines, flows)
    return Directory(tenants, {t.id: t for t in trunks}, lines, flows, rules)


DIRECTORY = directory()


@dataclass
class Script:
    """What happens in a call: answers come in order, then nothing more is pressed or offered.

    `seats` are the outcomes of ringing, `hears_ami` is whether we are told of an answer at once.
    """

    called: str = "12345"
    first_called: str = ""
    caller: str = "13800138000"
    asserted: str = ""
    now: datetime = NOON
    digits: Sequence[str] = ()
    seats: Sequence[DialStatus] = ()
    transfers: Sequence[DialStatus] = ()
    takes: Sequence[float] = ()
    sql_away: bool = False
    callbacks_away: bool = False
    hears_ami: bool = True
    directory: Directory = field(default_factory=lambda: DIRECTORY)


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Minutes of waiting pass in no time."""

    @functools.wraps(test)
    def played(*args: Any, **fixtures: Any) -> None:
        run(test(*args, **fixtures))

    return played


class Office:
    """Tickets and the call log, as durable as a database: they outlive engines. What several
    facts make of one ticket is the tickets' own rule."""

    def __init__(self, *, sql_away: bool = False) -> None:
        self._facts: dict[str, list[NewTicket]] = {}
        self.creates = 0
        self.rows: list[CallRecord] = []
        self._sql_away = sql_away

    async def create(self, new: NewTicket) -> str:
        await asyncio.sleep(0)
        self.creates += 1
        self._facts.setdefault(new.facts.call_id, []).append(new)
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

    def leave(self, reason: LeaveReason) -> None:
        self.ends += 1
        self.events.append(f"left {reason}")


class FakeQueue:
    def __init__(self, offers: Sequence[Seat]) -> None:
        self._offers = deque(offers)
        self.places: list[FakePlace] = []

    def enter(self, caller: WaitingCaller) -> FakePlace:
        self.places.append(FakePlace(self._offers, caller))
        return self.places[-1]

    def staffed(self, needs: Requirement) -> bool:
        return True


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

    def place(self, call_id: str, day: date, take: int) -> VoiceFile:
        path = f"recordings/requests/{day:%Y/%m/%d}/{call_id}-{take}"
        return VoiceFile(f"/hotline/{path}", f"{path}.wav")

    async def prepare(self, file: VoiceFile) -> None:
        await asyncio.sleep(0)

    async def seconds(self, stored: str) -> float:
        await asyncio.sleep(0)
        return self.files.get(stored, 0.0)


class FakeClock:
    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time


class World:
    """One call and all around it. `engine()` starts a new engine: only the call itself (with its
    channel variables), the office and the recorded files outlive the one before."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.office = Office(sql_away=script.sql_away)
        self.voice = FakeVoice()
        self.callbacks = FakeCallbacks()
        self.callbacks.away = script.callbacks_away
        self.callers = KnownCallers()
        self.override: dict[tuple[str, str], HoursMode] = {}
        self.queue = FakeQueue([SEAT for _ in script.seats])
        self.desk = self._desk()
        self.call = ScriptedCall(self)

    def engine(self) -> None:
        """The engine is gone, a new one is there; the queue starts from nothing."""
        left = max(0, len(self.script.seats) - self.call.rung)
        self.queue = FakeQueue([SEAT] * left)
        self.desk = self._desk()

    def _desk(self) -> Desk:
        return Desk(
            clock=FakeClock(self.script.now),
            directory=self.script.directory,
            queues={t.id: self.queue for t in self.script.directory.tenants},
            tickets=self.office,
            call_log=self.office,
            voice=self.voice,
            override=lambda tenant, line: self.override.get((tenant, line), HoursMode.AUTO),
            callbacks=self.callbacks,
            callers=self.callers,
        )

    @property
    def ticket(self) -> Ticket | None:
        return next(iter(self.office.tickets.values()), None)

    @property
    def row(self) -> CallRecord:
        assert len(self.office.rows) == 1
        return self.office.rows[0]

    @property
    def place(self) -> FakePlace:
        return self.queue.places[-1]


class ScriptedCall:
    """The caller. `hang_up_at` and `stop_at` are numbers of steps, counted from 1."""

    def __init__(self, world: World) -> None:
        script = world.script
        self._world = world
        self._digits = deque(script.digits)
        self._seats = deque(script.seats)
        self._transfers = deque(script.transfers)
        self._takes = deque(script.takes)
        self.variables: dict[str, str] = {}
        self.dialstatus = ""
        self.said: list[str] = []
        self.heard_at_s: list[tuple[float, str]] = []
        self.languages: list[str] = []
        self.dialled: list[str] = []
        self.steps = 0
        self.rung = 0
        self.holds = 0
        self.let_go = 0
        self.hang_up_at = 0
        self.stop_at = 0
        self.stopped = asyncio.Event()
        self.finishing = False
        self.gone = False
        self.done = False
        self.dialplan: asyncio.Task[object] | None = None
        self.key: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.info = CallInfo(
            call_id="hl-1795233600.7",
            channel="PJSIP/trunk-demo-00000007",
            node="hl",
            trunk="demo",
            called_number=script.called,
            caller_number=script.caller,
            caller_name="",
            first_called=script.first_called,
            asserted_caller=script.asserted,
            answered_at=script.now,
            recording="/hotline/recordings/2026/11/21/hl-1795233600.7.wav",
        )

    def seen(self) -> CallInfo:
        """The call as a new AGI session finds it."""
        known = {k: v for k, v in self.variables.items() if v}
        if known:
            known["DIALSTATUS"] = self.dialstatus
        return replace(self.info, variables=known)

    def come_back(self) -> None:
        """The dialplan brings the caller to an engine again."""
        self.info = self.seen()
        self.stop_at = 0

    def leave(self) -> None:
        """The caller hangs up: the dialplan's `h` tells the engine, unless all was done."""
        self.gone = True
        if not self.done:
            self.dialplan = asyncio.ensure_future(hang_up(self.seen(), self._world.desk))

    async def _step(self) -> None:
        self.steps += 1
        await asyncio.sleep(0)
        if self.steps == self.stop_at:
            self.stopped.set()
            await asyncio.Event().wait()
        if self.steps == self.hang_up_at:
            self.leave()
        if self.gone:
            raise CallEnded("hangup")

    async def play(self, prompts: Sequence[str], *, language: str, interrupt: str = "") -> str:
        await self._step()
        assert prompts
        assert all(CATALOGUE.has(language, prompt) for prompt in prompts)
        now_s = asyncio.get_running_loop().time()
        self.said.extend(prompts)
        self.heard_at_s.extend((now_s, prompt) for prompt in prompts)
        self.languages.append(language)
        return ""

    async def ask(
        self,
        prompts: Sequence[str],
        *,
        language: str,
        max_digits: int = 1,
        timeout_s: float = 5.0,
    ) -> str:
        await self.play(prompts, language=language)
        return self._digits.popleft() if self._digits else ""

    async def record(
        self, path: str, *, max_s: float, silence_s: float, beep: bool = True
    ) -> RecordResult:
        length = self._takes.popleft() if self._takes else 0.0
        stored = f"{path.removeprefix('/hotline/')}.wav"
        try:
            await self._step()
        except CallEnded:
            self._world.voice.files[stored] = length / 2
            raise
        self._world.voice.files[stored] = length
        return RecordResult(path, length, "#")

    async def play_file(self, path: str, *, interrupt: str = "") -> str:
        await self._step()
        self.said.append(path)
        return ""

    async def music(self, on: bool) -> None:
        await self._step()

    async def hold(self, wake: Awaitable[T]) -> T:
        """A caller with nothing more to do leaves in the end."""
        self.holds += 1
        waiting = asyncio.ensure_future(wake)
        try:
            await self._step()
            if self.holds > 12:
                self.leave()
                raise CallEnded("hangup")
            return await waiting
        finally:
            waiting.cancel()

    async def announce(
        self,
        prompts: Sequence[str],
        *,
        language: str,
        until: "asyncio.Future[Any]",
        keys: str = "",
        timeout_s: float = 0.0,
    ) -> str:
        """A word takes a tenth of a second; the caller answers questions only."""
        for prompt in prompts:
            if until.done():
                return ""
            await self.play((prompt,), language=language)
        if timeout_s == 0.0 or until.done():
            return ""
        await self._step()
        digit = self._digits.popleft() if self._digits else ""
        if not digit:
            await asyncio.wait({until}, timeout=timeout_s)
        return digit if digit in keys else ""

    def end_ring(self) -> None:
        self.let_go += 1

    def next_key(self) -> "asyncio.Future[str]":
        self.key = asyncio.get_running_loop().create_future()
        return self.key

    async def dial(
        self,
        endpoint: str,
        *,
        ring_s: float,
        on_answer: Callable[[datetime], Awaitable[None]],
        variables: Mapping[str, str] | None = None,
    ) -> DialResult:
        self.variables.update(variables or {})
        self.dialstatus = ""
        await self._step()
        self.rung += 1
        status = self._seats.popleft()
        self.dialled.append(endpoint)
        self.dialstatus = status
        if status is not DialStatus.ANSWER:
            return DialResult(status)
        told = asyncio.ensure_future(self._tell(on_answer))
        try:
            if self._world.script.hears_ami:
                await asyncio.sleep(0)
            else:
                told.cancel()
            await self._step()  # the talk
        except CallEnded:
            await asyncio.wait({told})
            raise
        if told.cancelled():
            await on_answer(self._world.script.now)
        else:
            await told
        return DialResult(DialStatus.ANSWER, 12.0)

    async def _tell(self, on_answer: Callable[[datetime], Awaitable[None]]) -> None:
        await on_answer(self._world.script.now)

    async def transfer(
        self,
        target: str,
        *,
        caller: str,
        first_called: str,
        on_answer: Callable[[datetime], Awaitable[None]] | None = None,
    ) -> DialResult:
        self.dialstatus = ""
        await self._step()
        self.dialled.append(f"{target} {caller} {first_called}")
        self.dialstatus = self._transfers.popleft() if self._transfers else DialStatus.CONGESTION
        if self.dialstatus == DialStatus.ANSWER:
            if on_answer is not None:
                await on_answer(self._world.script.now)
            await self._step()  # the talk
        return DialResult(DialStatus(self.dialstatus))

    async def join(self, leg: str, *, beside: bool = False) -> bool:
        await self._step()
        self.dialled.append(f"{'beside' if beside else 'with'} {leg}")
        return True

    async def remember(self, **variables: str) -> None:
        await self._step()
        self.variables.update(variables)

    async def finish(self) -> None:
        self.finishing = True
        await self._step()
        self.done = True
