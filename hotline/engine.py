"""The engine: every room with its real neighbours. The only place where they are all known."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

import structlog
import uvloop

from console.app import build_app, serving
from console.metrics import Metrics
from console.services import Services
from hotline import cluster_wiring, logs, secrets_kept, talks
from hotline.boards import (
    HomeAudio,
    LineBoard,
    QueueBoards,
    StoredTokens,
    tenant_facts,
)
from hotline.callback_wiring import calling_back, start_callbacks
from hotline.callbacks import over_of_item
from hotline.callers import follow_callers, read_callers
from hotline.cluster_wiring import clustered
from hotline.counting import CountedIntake
from hotline.deadlines import Deadlines
from hotline.direct_answers import DirectAnswers
from hotline.disk_watch import watch_disk
from hotline.evidence import HomeEvidence
from hotline.exchange import ExchangeHouse
from hotline.exchange_audio import ExchangeAudio
from hotline.figures import FigureKeeper
from hotline.follow_ups import is_follow_up
from hotline.following_up import FollowingUp
from hotline.given_up import GivenUpWatch
from hotline.groups import GroupBoard
from hotline.handed_on import HandingOn
from hotline.huge_pages import into_huge_pages
from hotline.kpi import KpiNames, StoredKpis, line_names
from hotline.loading import load_settings
from hotline.open311 import PublicDoor
from hotline.overrides import Overrides, SystemClock
from hotline.probes import probes
from hotline.purging import purge_forever
from hotline.reading import Reading, directory_of
from hotline.reconcile import Reconciler
from hotline.reports import StoredReports, waited_for
from hotline.rosters import Rosters
from hotline.settings import Settings
from hotline.spare import take_turn
from hotline.speech import Speech
from hotline.speech_later import later
from hotline.spoken import SpokenIntakes
from hotline.ticket_desk import TicketDesk
from hotline.todays_tickets import TodaysTickets
from hotline.understood import rules_of
from hotline.warm import still_warm, warm_up
from hotline.watchdog import watch_loop
from hotline.who_waits import WhoWaits
from hotline.works import Works
from ivr.conversation import converse, hang_up
from ivr.desk import Desk
from ivr.lines import load_all_lines
from ivr.recovery import facts_from_spool
from ivr.story import Directory
from ivr.tenants import Tenant
from ivr.voice_files import HomeVoiceFiles
from queue_manager.cluster.messages import Message
from queue_manager.cluster.queue import ClusterQueue
from queue_manager.figure_view import figures_view
from queue_manager.figures import Figures
from queue_manager.model import QueueSettings
from queue_manager.ports import LiveState
from queue_manager.service import QueueService
from recordings.verifier import Verifier
from storage.callbacks import SqlCallbacks
from storage.calls import SqlCalls
from storage.database import Database
from storage.drain import Drain
from storage.figure_tail import FigureTails
from storage.figures import SqlFigures
from storage.hours import SqlHours
from storage.journal import Journal
from storage.known_callers import SqlKnownCallers
from storage.live import RedisLiveState
from storage.recordings import SqlRecordings
from storage.seals import Sealer
from storage.seats import SqlSeats
from storage.self_service import SqlOwnTickets
from storage.spoken import SqlSpoken
from storage.spool import SpoolTaker
from storage.spool_item import SpoolItem
from storage.tickets import SqlTickets
from storage.tokens import SqlTokens
from telephony.call import Call, CallInfo
from telephony.counters import REGISTRY as TELEPHONY_COUNTERS
from telephony.door import Telephony
from telephony.errors import CallEnded
from telephony.events import Event
from telephony.talking import TalkingCall
from tickets.model import CallFacts
from tickets.service import Intake

LOOPBACK = "127.0.0.1"
SWITCH_S = 0.0005
"""The SQL writer's thread gives the interpreter back this soon: by itself only after 5 ms, which a
free seat would wait to be rung."""
COME_BACK_S = 4.0
"""How much longer than the dialplan waits we give a caller whose session broke to come back."""

log = structlog.get_logger(__name__)


def main(turn: int | None = None) -> None:
    """Run until SIGTERM or SIGINT; calls live on then, in Asterisk. An engine in a cluster has
    `turn` of `approach`, and whatever can be ready before its turn is."""
    settings = load_settings()
    if turn is not None:
        warm = warm_up(settings)
        settle_memory()
        take_turn(turn)
        settings = load_settings()  # the turn may have come days later
        still_warm(settings, warm)
    logs.configure(settings.log_level)
    sys.setswitchinterval(SWITCH_S)
    uvloop.run(_until_signalled(Engine(settings)))


async def _until_signalled(engine: "Engine") -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await engine.run(stop)


def settle_memory() -> None:
    """Take what lives as long as the process out of the garbage collector's sight.

    A full collection looks at all of it, some 60 ms in which nobody's seat rings.
    """
    gc.collect()
    gc.freeze()


class Engine:
    """All roles of one installation in one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        home = settings.folders
        self._home = home.root
        self._clock = SystemClock()
        self._zones = {t.id: ZoneInfo(t.time_zone) for t in settings.tenants}
        self._speech = Speech(settings)
        self._spoken = SpokenIntakes(settings, self._speech.recogniser, self._zones)
        self._metrics = Metrics()
        self._metrics.registry.register(TELEPHONY_COUNTERS)
        self._works = Works()
        self._spawn = self._works.spawn

        self._database = Database(settings.sql_url)
        self._deadlines = Deadlines(
            settings.tenants, self._database, self._clock, texts=bool(settings.sms_hook_url),
            node=settings.node,
        )  # fmt: skip
        self._exchange = ExchangeHouse(
            settings, self._database, self._deadlines, self._zones, self._clock,
            lambda ticket, was: self._counted.stored(ticket, was),
        )  # fmt: skip
        self._peer_audio = ExchangeAudio(settings, self._database, self._deadlines, self._clock)
        self._public_door = PublicDoor(
            settings, self._database, self._deadlines, self._zones, self._clock,
            lambda ticket, was: self._counted.stored(ticket, was),
        )  # fmt: skip
        self._tickets = SqlTickets(
            self._database, self._zones, lambda ticket, was: self._counted.stored(ticket, was),
            self._deadlines.clockwork,
        )  # fmt: skip
        self._calls = SqlCalls(self._database, lambda *row: self._keeper.told(*row))
        self._seats = SqlSeats(self._database)
        self._known = SqlKnownCallers(self._database)
        self._recordings = SqlRecordings(self._database, settings.node)
        self._journal = Journal(home.journal)
        self._intake = Intake(self._tickets, self._calls, self._journal)
        self._todays = TodaysTickets(self._tickets, self._zones, self._clock)
        self._direct = DirectAnswers(self._database, self._zones, self._clock)
        self._counted = CountedIntake(self._intake, self._metrics, self._todays)
        redis_url = settings.redis_url or f"unix://{home.redis_socket}"
        self._live = RedisLiveState(redis_url)
        self._tails = FigureTails(home.journal / "figures")
        self._figures = {t.id: self._count(t.id) for t in settings.tenants}
        self._queues = {t.id: self._queue(t) for t in settings.tenants}
        self._exchange.watched(GivenUpWatch(self._metrics.registry, self._queues).take)
        self._keeper = FigureKeeper(
            self._figures,
            self._database,
            settings.node,
            self._zones,
            self._clock,
            lambda tenant, line_id, language: waited_for(
                self._desk.directory, tenant, line_id, language
            ),
            self._counts_here,
            lambda: self._cluster is None or self._cluster.awake,
            self._tails,
        )
        self._rosters = Rosters(settings.tenants, self._queues, self._clock)

        lines = load_all_lines(settings.tenants)
        self._overrides = Overrides(SqlHours(self._database), self._clock, lines, self._announce)
        self._line_board = LineBoard(lines)
        self._desk = Desk(
            clock=self._clock,
            directory=directory_of(settings, lines),
            queues=self._queues,
            tickets=self._counted,
            call_log=self._counted,
            voice=HomeVoiceFiles(self._home),
            override=self._overrides.of,
            voice_offer_after_s=settings.voice_offer_after_s,
            announce_every_s=settings.announce_every_s,
            voice_request_max_s=settings.voice_request_max_s,
            hangup_word_s=settings.agi_retry_s + COME_BACK_S,
        )
        self._reconciler = Reconciler(
            self._queues,
            self._counted,
            lambda: self._desk.directory,
            lambda: self._telephony.active_calls(),
            self._clock,
            self._spawn,
        )
        self._who_waits = WhoWaits(
            home.journal / "who_waits", self._desk.waiting, self._clock, self._counted,
            self._counted, self._tickets.of_call,
        )  # fmt: skip
        self._telephony = Telephony(
            host=LOOPBACK,
            agi_port=settings.agi_port,
            ami_port=settings.ami_port,
            ami_secret=secrets_kept.ami_secret(home),
            on_call=self._on_call,
            on_hangup=self._on_hangup,
            on_event=self._on_event,
            on_leg=self._on_leg,
        )
        self._talks, self._legs, self._talk_board = talks.wired(
            self._telephony, self._queues, lambda: self._desk, settings.outbound
        )
        self._callbacks = calling_back(
            settings, self._database, self._journal, self._queues, self._telephony, self._counted,
            self._clock, self._metrics,
            lambda tenant: self._desk.directory.rules[tenant].callback, self._spawn,
        )  # fmt: skip
        self._following_up = FollowingUp(
            settings, self._database, self._deadlines, self._journal, self._telephony, self._clock,
            self._metrics, self._spawn, self._spoken.house,
        )  # fmt: skip
        self._reading = Reading(
            settings=settings,
            database=self._database,
            live=self._live,
            queues=self._queues,
            seats=self._seats,
            known=self._known,
            overrides=self._overrides,
            keeper=self._keeper,
            rosters=self._rosters,
            deadlines=self._deadlines,
            line_board=self._line_board,
            desk=lambda: self._desk,
            use=self._use,
            announce=self._announce,
        )
        self._cluster = clustered(
            settings, self._queues, self._clock, serve=self._serve,
            changed=self._reading.changed_elsewhere,
            figures=lambda tenant: figures_view(self._figures[tenant], self._clock.now()),
        )  # fmt: skip
        self._desk = replace(
            self._desk,
            callbacks=self._callbacks,
            talks=self._talks,
            spoken=self._spoken.house,
            own=SqlOwnTickets(
                self._database, self._deadlines.lives, self._zones, self._clock.now
            ),
            handed_on=HandingOn(
                self._deadlines.lives, self._tickets, self._deadlines.units,
                self._database.wait_healthy, self._spawn,
            ).tell,
        )  # fmt: skip

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, wait for `stop` (or for a task of ours to fail), end everything.

        What is ended last is needed longest: a call that ends while we stop still gets its ticket.
        """
        async with contextlib.AsyncExitStack() as stack:
            await self._database.start()
            stack.push_async_callback(self._database.close)
            stack.push_async_callback(self._intake.close)
            if self._cluster is None:  # else the leader writes it
                self._live.start()
            stack.push_async_callback(self._live.close)
            await self._reading.start()
            for queue in self._queues.values():
                stack.callback(queue.close)
            stack.push_async_callback(self._keeper.close)
            stack.push_async_callback(self._works.end)
            self._start_tasks()
            self._spawn(self._reading.later())
            self._spawn(
                read_callers(
                    self._known,
                    tuple(self._queues),
                    self._desk.callers,
                    self._clock,
                    self._database.wait_healthy,
                )
            )
            await start_callbacks(self._callbacks, self._database, self._journal, self._spawn)
            if self._cluster is not None:
                await self._cluster.start()
                stack.push_async_callback(self._cluster.close)
                stack.push_async_callback(self._keeper.close)  # while they are ours to write
                others = follow_callers(
                    self._known, tuple(self._queues), self._desk.callers, self._clock
                )
                self._spawn(others)
            self._speech.start()
            stack.push_async_callback(self._speech.close)
            stack.push_async_callback(self._peer_audio.close)
            stack.push_async_callback(self._spoken.close)
            await self._telephony.start()
            stack.push_async_callback(self._talks.close)
            stack.push_async_callback(self._telephony.close)
            app = build_app(self._services())
            await stack.enter_async_context(
                serving(app, self._settings.http_bind, self._settings.http_port)
            )
            settle_memory()
            self._spawn(into_huge_pages())
            log.info("engine_started", http_port=self._settings.http_port)
            await self._works.until(stop)
            log.info("engine_stopping", calls=len(self._telephony.active_calls()))

    # --- calls

    async def _on_call(self, call: Call) -> None:
        if call.info.reentry and not self._talks.came_back(call.info.call_id):
            for queue in self._queues.values():
                queue.came_back(call.info.call_id)
        try:
            if not await self._following_up.lead(call):
                await converse(call, self._desk)
        except CallEnded:
            log.info("session_replaced", call_id=call.info.call_id)

    def _on_event(self, event: Event) -> None:
        """Callbacks first: who waits to be called back has his place before a seat is ready."""
        self._talks.take(event)
        self._talk_board.take(event)
        if not self._callbacks.take_event(event):
            self._reconciler.take(event)
        if (lost := self._who_waits.taken(event)) is not None:
            self._spawn(lost)
        if self._cluster is not None:
            cluster_wiring.take_event(self._cluster, self._queues, event)

    async def _on_leg(self, leg: TalkingCall) -> None:
        await self._legs.lead_leg(leg)

    async def _on_hangup(self, info: CallInfo) -> None:
        if not await self._following_up.over(info):
            await hang_up(info, self._desk)

    def _led(self, call_id: str) -> bool:
        return call_id in self._telephony.active_calls() or call_id in self._desk.live

    # --- start and end

    def _count(self, tenant: str) -> Figures:
        def level_s(queue_id: str) -> float:
            return self._desk.directory.rules[tenant].queue(queue_id).service_level_s

        tail = self._tails.begin(tenant)
        return Figures(self._zones[tenant], level_s, self._clock.now(), tail)

    def _counts_here(self, tenant: str) -> bool:
        """Whether the tenant's events are told to this engine: it alone writes its figures."""
        queue = self._queues[tenant]
        return not isinstance(queue, ClusterQueue) or queue.near is not None

    def _queue(self, tenant: Tenant) -> QueueService:
        rules = QueueSettings(
            tenant=tenant.id,
            zone=self._zones[tenant.id],
            wrap_up_s=tenant.wrap_up_s,
            flap_hold_s=tenant.flap_hold_s,
            miss_limit=tenant.miss_limit,
            pause_reasons=tenant.pause_reasons,
            service_level_s=tenant.service_level_s,
            ring_s=tenant.ring_s,
        )
        if self._settings.node:
            return ClusterQueue(
                rules, self._settings.node, self._clock, lambda message: self._tell_leader(message)
            )
        figures = self._figures[tenant.id]
        return QueueService(rules, self._live, self._clock, figures=figures)

    def _serve(self, tenant: str, live: LiveState) -> QueueService:
        """The matching service of a tenant, while this engine leads a cluster. Its figures go on
        from what the leader before has stored."""
        figures = self._figures[tenant] = self._count(tenant)
        settings = self._queues[tenant].settings
        return QueueService(settings, live, self._clock, figures=figures)

    def _tell_leader(self, message: Message) -> None:
        if self._cluster is not None:
            self._cluster.tell(message)

    def _announce(self, tenant: str) -> None:
        """A tenant's seats or hours were changed here: other nodes read them again."""
        if self._cluster is not None:
            self._cluster.announce(tenant)

    def _use(self, directory: Directory) -> None:
        self._desk = replace(self._desk, directory=directory)

    def _start_tasks(self) -> None:
        drain = Drain(
            self._journal, self._tickets, self._calls, SqlCallbacks(self._database),
            self._following_up.store,
        )  # fmt: skip
        verifier = Verifier(
            self._recordings, self._home, self._clock.now, flow_of=self._reconciler.flow_of
        )
        spool = SpoolTaker(self._home, self._tickets, self._calls, self._spooled, self._zones)
        purging = purge_forever(
            self._database, self._recordings, self._home, self._clock,
            next(iter(self._zones.values())), self._settings.kept_days,
        )  # fmt: skip
        works: Mapping[str, Coroutine[Any, Any, None]] = {
            "journal-drain": drain.run(self._database.wait_healthy),
            "recordings-verifier": verifier.run(),
            "recordings-purge": purging,
            "spool-taker": spool.run(),
            "todays-tickets": self._todays.run(),
            "direct-answers": self._direct.run(),
            "figures": self._keeper.run(),
            "roster-watch": self._rosters.watch(),
            "clock-watch": self._deadlines.watch.run(),
            "courier": self._exchange.run(),
            "follow-ups": self._following_up.board.run(self._database.wait_healthy),
            "ticket-seals": Sealer(self._database, self._clock.now).run(),
            "later-recognition": later(
                self._settings,
                self._speech,
                self._database,
                self._counted.create,
                self._clock.now,
                self._deadlines.lives,
            ).run(),
            "talks-left": self._spoken.watch(self._counted, self._led),
            "who-waits": self._who_waits.run(),
            "watchdog": watch_loop(),
            "disk-watch": watch_disk(self._settings.folders, self._journal),
        }
        self._works.start(works)

    # --- what the console is given

    def _services(self) -> Services:
        groups = {
            tenant.id: GroupBoard(
                tenant, lambda: self._desk.directory, self._queues[tenant.id].staffed
            )
            for tenant in self._settings.tenants
        }
        boards = QueueBoards(
            self._queues, self._figures, groups, self._todays, self._direct, self._clock
        )
        tenants = tenant_facts(self._settings.tenants)
        return Services(
            tenants=lambda: tenants,
            tokens=StoredTokens(SqlTokens(self._database)),
            seats=boards,
            waiting=boards,
            figures=boards,
            reports=StoredReports(
                SqlFigures(self._database, self._settings.node),
                lambda: self._desk.directory,
                lambda tenant: self._queues[tenant].seats(),
            ),
            tickets=self._tickets,
            desk=TicketDesk(
                self._database,
                self._deadlines,
                self._tickets,
                self._zones,
                self._clock,
                rules_of(self._settings),
                self._counted.stored,
            ),
            evidence=HomeEvidence(self._settings.folders.evidence),
            hours=self._overrides,
            lines=self._line_board,
            rosters=self._rosters,
            callbacks=self._callbacks,
            audio=HomeAudio(self._home),
            reload=self._reading,
            parts=probes(
                self._telephony,
                self._database,
                self._journal,
                self._live,
                self._cluster,
                self._speech,
                self._settings,
            ),
            metrics=self._metrics,
            now=self._clock.now,
            version=version("hotline12345"),
            talks=self._talk_board,
            spoken=SqlSpoken(self._database, self._clock.now, self._deadlines.lives),
            understanding=rules_of(self._settings),
            follow_ups=self._following_up.board,
            exchange=self._exchange,
            webhooks=self._exchange,
            peer_audio=self._peer_audio,
            open311=self._public_door,
            kpis=StoredKpis(
                self._database,
                KpiNames(
                    self._deadlines.units,
                    lambda tenant: line_names(self._desk.directory.lines, tenant),
                    rules_of(self._settings),
                ),
                self._zones,
            ),
        )

    def _spooled(self, item: SpoolItem) -> CallFacts:
        if is_follow_up(item.variables):
            self._spawn(self._following_up.board.spooled(item))
        elif "CALLBACK" in item.variables:
            self._spawn(self._callbacks.happened(item.call_id, over_of_item(item)))
        return facts_from_spool(item, self._desk.directory)
