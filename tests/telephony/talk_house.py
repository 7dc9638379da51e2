"""A house with everything a talk needs: real Asterisk, real telephones, conversations and queue.

Only tickets and the call log are our own fakes. An engine can be killed: its sockets close, and a
new one takes its place with nothing but what Asterisk knows.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from asterisk_conf.model import OutboundRule, SeatEndpoint
from hotline.reconcile import Reconciler
from hotline.talks import TalkBoard, wired
from ivr.conversation import converse, hang_up
from ivr.desk import Desk
from ivr.ports import CallRecord
from ivr.story import Directory
from ivr.talk_legs import TalkLegs
from ivr.talks import Talks
from ivr.tenants import Tenant
from queue_manager.model import QueueSettings, Seat, SeatState
from queue_manager.opening import HoursMode
from queue_manager.service import QueueService
from simulator.sipp import Address
from telephony.call import CallInfo
from telephony.door import Telephony
from telephony.errors import CallEnded
from telephony.events import Event, SnapshotTaken
from telephony.talking import TalkingCall
from tests.ivr.script import Office, directory
from tests.queue_manager.builders import Memory
from tests.stack import AsteriskStack, asterisk_stack, free_sip_port, tone, trunk
from tests.telephony.peers import WAIT_S, eventually
from tests.tones import Phone, citizen_scenario, hearing, phone, seat_scenario

SEATS_IP = "127.0.0.3"
TRUNK_IP = "127.0.0.2"
FAR_IP = "127.0.0.4"
TONES = {"citizen": 400, "8001": 700, "8002": 1100, "8003": 1700, "8009": 2300, "far": 2900}
SKILLS = {"lang:cmn": 5, "svc:general": 3}
FLOW = """
version: 1
languages: [cmn]
start: person
person: person
closed: request
steps:
  person: {do: person, offer: request, next: hang_up}
  request: {do: voice_request, closed: [closed_hours], prompts: [request_intro], next: hang_up,
    spoken: {languages: [cmn], questions: [{ask: matter, prompts: [intake/matter]}]}}
  hang_up: {do: close}
"""


class Now:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Voices:
    """Nobody leaves a message here."""


@dataclass
class Engine:
    """One life of the engine."""

    queue: QueueService
    desk: Desk
    telephony: Telephony
    talks: Talks
    legs: TalkLegs
    board: TalkBoard
    events: list[Event] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


@dataclass
class House:
    """See the module. `ami_port`: where its engines find the manager, 0: where it is."""

    stack: AsteriskStack
    directory: Directory
    seats: tuple[Seat, ...]
    rules: tuple[OutboundRule, ...]
    office: Office = field(default_factory=Office)
    phones: dict[str, Phone] = field(default_factory=dict)
    ami_port: int = 0
    _engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        assert self._engine is not None, "no engine runs"
        return self._engine

    @property
    def board(self) -> TalkBoard:
        return self.engine.board

    def state(self, seat_id: str) -> SeatState:
        return self.engine.queue.seat(seat_id).state

    async def is_(self, seat_id: str, state: SeatState) -> None:
        """Wait until a seat is in this state."""
        await eventually(
            lambda: self.state(seat_id) is state,
            f"seat {seat_id} is {self.state(seat_id)}, never {state}",
            within_s=60,
        )

    async def row(self) -> CallRecord:
        """The one call's row, once it is written."""
        await eventually(lambda: bool(self.office.rows), "no row was written", within_s=60)
        assert len(self.office.rows) == 1
        return self.office.rows[0]

    def talk_state(self, call_id: str) -> str:
        return next((t.state for t in self.board.talks("default") if t.call_id == call_id), "")

    async def talk_is(self, call_id: str, state: str) -> None:
        """Wait until a talk stands so."""
        await eventually(
            lambda: self.talk_state(call_id) == state,
            f"the talk is {self.talk_state(call_id)!r}, never {state!r}",
            within_s=60,
        )

    async def hears(self, **expected: set[str]) -> None:
        """Measure until everybody named hears exactly these (sessions take a moment)."""
        heard: dict[str, set[str]] = {}
        for _ in range(40):
            heard = await hearing(self.phones)
            if all(heard[_named(name)] == who for name, who in expected.items()):
                return
        raise AssertionError(f"heard: {heard}, expected: {expected}")

    async def channels_of(self, name: str) -> list[str]:
        """The channels of a telephone."""
        return [c for c in await self.stack.channels() if c.startswith(f"PJSIP/{name}-")]

    async def written(self, variable: str) -> None:
        """Wait until the citizen's channel has this variable (`NAME=value`): what the next engine
        will know of him."""
        [channel] = await self.channels_of("trunk-city")
        async with asyncio.timeout(WAIT_S):
            while variable not in await self.stack.cli(f"core show channel {channel}"):
                await asyncio.sleep(0.05)

    # --- engines

    async def start_engine(self) -> None:
        queue = QueueService(
            QueueSettings(tenant="default", wrap_up_s=30, cool_down_s=1), Memory(), Now()
        )
        queue.set_rules(self.directory.rules)
        await queue.start(self.seats, ())
        desk = Desk(
            clock=Now(),
            directory=self.directory,
            queues={"default": queue},
            tickets=self.office,
            call_log=self.office,
            voice=Voices(),  # type: ignore[arg-type]  # nobody leaves a message here
            override=lambda tenant, line: HoursMode.OPEN,
            hangup_word_s=5.0,
        )
        telephony = Telephony(
            host="127.0.0.1",
            agi_port=self.stack.agi_port,
            ami_port=self.ami_port or self.stack.ami_port,
            ami_secret=self.stack.ami_secret,
            on_call=self._on_call,
            on_hangup=self._on_hangup,
            on_event=self._on_event,
            on_leg=self._on_leg,
        )
        talks, legs, board = wired(
            telephony, {"default": queue}, lambda: self.engine.desk, self.rules
        )
        self._engine = Engine(queue, desk, telephony, talks, legs, board)
        self.engine.desk = replace(desk, talks=talks)
        self._reconciler = Reconciler(
            {"default": queue},
            self.office,
            lambda: self.directory,
            telephony.active_calls,
            Now(),
            self._spawn,
        )
        await telephony.start()
        await eventually(lambda: telephony.ready, "never ready")
        await eventually(
            lambda: any(isinstance(e, SnapshotTaken) for e in self.engine.events), "no snapshot"
        )
        for seat in self.seats:
            queue.endpoint_reachable(seat.endpoint, True)

    async def kill_engine(self) -> None:
        """As SIGKILL: every socket closes, nothing is said."""
        engine = self.engine
        await engine.telephony.close()
        await engine.talks.close()
        engine.queue.close()
        for task in engine.tasks:
            task.cancel()
        await asyncio.gather(*engine.tasks, return_exceptions=True)
        self._engine = None

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]  # a coroutine
        self.engine.tasks.add(task)

    async def _on_call(self, call: TalkingCall) -> None:
        engine = self.engine
        if call.info.reentry and not engine.talks.came_back(call.info.call_id):
            engine.queue.came_back(call.info.call_id)
        with contextlib.suppress(CallEnded):
            await converse(call, engine.desk)

    async def _on_hangup(self, info: CallInfo) -> None:
        await hang_up(info, self.engine.desk)

    def _on_event(self, event: Event) -> None:
        if self._engine is not None:
            self._engine.events.append(event)
            self._engine.talks.take(event)
            self._reconciler.take(event)
            self._engine.board.take(event)

    async def _on_leg(self, leg: TalkingCall) -> None:
        await self.engine.legs.lead_leg(leg)

    # --- calls

    @contextlib.asynccontextmanager
    async def calling(self, called: str = "12345") -> AsyncIterator[Phone]:
        """A citizen's telephone that calls at once."""
        keys = {
            "called": called,
            "from": f"<sip:13800138000@{TRUNK_IP}>",
            "headers": "User-Agent: citizen",
        }
        async with phone(
            "citizen",
            TONES["citizen"],
            ip=TRUNK_IP,
            scenario=citizen_scenario(),
            to=Address("127.0.0.1", self.stack.sip_port),
            keys=keys,
            options=("-m", "1"),
        ) as made:
            self.phones["citizen"] = made
            yield made

    @contextlib.asynccontextmanager
    async def citizen(self, called: str = "12345", seat: str = "8001") -> AsyncIterator[str]:
        """A citizen who calls and talks with `seat`; his call_id. He hangs up at the end."""
        known = {view.call_id for view in self.board.talks("default")}
        async with self.calling(called) as made:
            await self.phones[seat].happens("answered")
            await eventually(
                lambda: {v.call_id for v in self.board.talks("default")} != known, "no talk"
            )
            new = next(v for v in self.board.talks("default") if v.call_id not in known)
            yield new.call_id
            await made.leave()


def _named(name: str) -> str:
    return name.removeprefix("s")


@contextlib.asynccontextmanager
async def house(
    root: Path,
    *seat_ids: str,
    skills: dict[str, dict[str, int]] | None = None,
    language: str = "cmn",
    rules_file: Path | None = None,
) -> AsyncIterator[House]:
    """A house with these seats, all ready, and a far end that the numbers 110 and 120 (which
    is not waited for long) lead to."""
    flow = root / "flow.yaml"
    flow.write_text(FLOW.replace("[cmn]", f"[{language}]"))
    tenant = Tenant(
        id="default",
        name="12345",
        flow_file=flow,
        queues_file=rules_file,
        ring_s=5,
        languages=("cmn",),
    )
    far_port = free_sip_port(FAR_IP)
    trunks = (
        trunk("city", trusted=True),
        trunk("out", FAR_IP, dial=f"{FAR_IP}:{far_port}", trusted=True),
    )
    ports = {seat_id: free_sip_port(SEATS_IP) for seat_id in seat_ids}
    seats = tuple(Seat("default", s, s, f"s{s}", (skills or {}).get(s, SKILLS)) for s in seat_ids)
    rules = (
        OutboundRule(number="110", trunk="out"),
        OutboundRule(number="120", trunk="out", ring_s=4),
    )
    async with contextlib.AsyncExitStack() as opened:
        stack = await opened.enter_async_context(
            asterisk_stack(
                root,
                trunks=trunks,
                outbound=rules,
                seats=[
                    SeatEndpoint(f"s{s}", "0" * 32, static_contact=f"sip:s{s}@{SEATS_IP}:{p}")
                    for s, p in ports.items()
                ],
                agi_tries=20,
            )
        )
        for prompt in (
            "transfer_seat",
            "transfer_failed",
            "interpreter_sought",
            "transfer_emergency",
        ):
            tone(stack.home.prompts / "cmn" / f"{prompt}.wav", seconds=0.3, hertz=620)
        made = House(stack, directory((tenant,), trunks), seats, rules)
        for seat_id, port in ports.items():
            made.phones[seat_id] = await opened.enter_async_context(
                phone(seat_id, TONES[seat_id], ip=SEATS_IP, scenario=seat_scenario(), port=port)
            )
        made.phones["far"] = await opened.enter_async_context(
            phone("far", TONES["far"], ip=FAR_IP, scenario=seat_scenario(), port=far_port)
        )
        await made.start_engine()
        for seat_id in seat_ids:
            made.engine.queue.ready(seat_id)
        yield made
        if made._engine is not None:
            await made.kill_engine()
