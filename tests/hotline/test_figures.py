"""Figures between memory and SQL: a crash, an outage, an engine that doesn't lead."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hotline import figures as keeping
from hotline.figures import FigureKeeper
from queue_manager.cells import WHOLE, Dimension
from queue_manager.counts import CallCounts, Figure, SeatCounts
from queue_manager.figure_tail import nowhere
from queue_manager.figures import Figures
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Need,
    Offer,
    Requirement,
    Seat,
    SeatState,
    SeatView,
    WaitingCaller,
)
from storage.calls import SqlCalls
from storage.database import Database
from storage.figure_tail import FigureTails, read_lines
from storage.figures import SqlFigures
from storage.tickets import SqlTickets
from tests.servers import PostgresServer
from tests.storage.facts import SHANGHAI, call_record, new_ticket, opened, until
from tickets.model import CallRecord, Outcome

START = datetime(2026, 11, 21, 2, 7, tzinfo=UTC)
NEEDS = Requirement.of(Need("lang:cmn"), Need("svc:12333"))
SEAT = Seat("default", "801", "一号座席", "sip-801", {"lang:cmn": 5})


def seat_of(caller: WaitingCaller) -> Seat:
    """Everybody talks with a seat of his own."""
    return Seat("default", f"seat-{caller.call_id}", "", caller.call_id, {})


class Hand:
    """A clock set by hand."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


class Life:
    """One engine's figures from its start to its death."""

    def __init__(
        self,
        database: Database,
        clock: Hand,
        *,
        leads: bool = True,
        node: str = "a",
        tails: FigureTails | None = None,
    ) -> None:
        self.clock = clock
        self.awake = True
        tail = nowhere if tails is None else tails.begin("default")
        self.figures = Figures(SHANGHAI, lambda queue_id: 15.0, clock.now(), tail)
        self.keeper = FigureKeeper(
            {"default": self.figures}, database, node, {"default": SHANGHAI}, clock,
            lambda tenant, line_id, language: ("main", NEEDS), lambda tenant: leads,
            lambda: self.awake, tails,
        )  # fmt: skip
        self.calls = SqlCalls(database, self.keeper.told)

    def enters(self, call_id: str, queued_at: datetime | None = None) -> WaitingCaller:
        caller = WaitingCaller(
            "default", call_id, "12333", NEEDS, queued_at or self.clock.pass_s(1)
        )
        self.figures.entered(caller, self.clock.now())
        return caller

    def answers(self, caller: WaitingCaller, at: datetime | None = None) -> None:
        when = at or self.clock.pass_s(1)
        wait_s = (when - caller.queued_at).total_seconds()
        self.figures.answered(caller, seat_of(caller), wait_s, when)

    def talk_ends(self, caller: WaitingCaller, talk_s: float = 60.0) -> None:
        self.figures.talk_ended(caller, seat_of(caller), talk_s, self.clock.pass_s(1))
        self.figures.wrapped_up(seat_of(caller), 10.0, self.clock.pass_s(1))

    def leaves(self, caller: WaitingCaller) -> None:
        at = self.clock.pass_s(1)
        wait_s = (at - caller.queued_at).total_seconds()
        self.figures.left(caller, LeaveReason.ABANDONED, wait_s, at)


def row_of(caller: WaitingCaller, clock: Hand, answered_at: datetime | None) -> CallRecord:
    """The call's row at its end."""
    record = call_record(
        caller.call_id, line_id="12333", queued_at=caller.queued_at,
        outcome=Outcome.ANSWERED if answered_at else Outcome.ABANDONED,
        started_at=caller.queued_at - timedelta(seconds=5),
    )  # fmt: skip
    seat_id = seat_of(caller).seat_id if answered_at else ""
    return CallRecord(
        record.facts, record.outcome, seat_id, caller.queued_at, answered_at, clock.now(), ""
    )


async def stored(database: Database, by: Dimension | None) -> Mapping[str, Figure]:
    """What is in SQL of one day, a quarter of an hour being enough."""
    store = SqlFigures(database, "reader")
    begin, end = START - timedelta(hours=3), START + timedelta(hours=3)
    lines = [line async for page in store.pages("default", by, begin, end) for line in page]
    assert len({line.begins for line in lines}) <= 1
    return {line.key: line for line in lines}


async def test_a_killed_engine_leaves_no_call_uncounted_and_none_counted_twice(
    sql_url: str,
) -> None:
    clock = Hand()
    async with opened(sql_url) as database:
        first = Life(database, clock)
        await first.keeper.restore("default")
        served, waits, talks = (first.enters(f"n-1.{n}") for n in range(3))
        first.answers(served)
        first.talk_ends(served)
        await first.calls.record(row_of(served, clock, START + timedelta(seconds=4)))
        await first.keeper.write()
        # from here on nothing is written any more
        first.answers(talks)
        talked_from = clock.now()
        gave_up = first.enters("n-1.3")
        first.leaves(gave_up)
        await first.calls.record(row_of(gave_up, clock, None))
        late = first.enters("n-1.4")
        first.leaves(late)  # its row comes out of the journal, later
        late_row = row_of(late, clock, None)

        clock.pass_s(3)
        second = Life(database, clock)
        await second.keeper.restore("default")
        second.enters(waits.call_id, waits.queued_at)
        second.enters(talks.call_id, talks.queued_at)
        second.answers(talks, at=talked_from)
        second.answers(waits)
        second.talk_ends(waits)
        second.talk_ends(talks)
        await second.calls.record(late_row)
        await second.calls.record(late_row)
        for caller, answered in ((waits, clock.now()), (talks, talked_from)):
            await second.calls.record(row_of(caller, clock, answered))
        await second.keeper.write()

        whole = second.figures.today(clock.now())[WHOLE]
        assert (whole.offered, whole.answered, whole.abandoned, whole.talks) == (5, 3, 2, 3)
        for by, key in (
            (Dimension.LINE, "12333"), (Dimension.QUEUE, "main"), (Dimension.SKILL, "svc:12333"),
        ):  # fmt: skip
            counts = (await stored(database, by))[key].counts
            assert isinstance(counts, CallCounts)
            assert counts == whole, by
        seats = await stored(database, None)
        assert {key: line.counts.answered for key, line in seats.items()} == {
            f"seat-n-1.{n}": 1 for n in range(3)
        }


async def test_an_outage_is_outlived_in_memory(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    clock = Hand()
    async with opened(postgres_url, deadline_s=1.0) as database:
        life = Life(database, clock)
        await life.keeper.restore("default")
        await life.keeper.write()
        postgres_server.kill()
        caller = life.enters("n-1.1")
        await life.keeper.write()
        await until(lambda: not database.healthy)
        life.leaves(caller)
        await life.keeper.write()
        assert life.figures.book.changed
        postgres_server.start()
        await asyncio.wait_for(database.wait_healthy(), 20)
        await life.keeper.write()
        counts = (await stored(database, Dimension.QUEUE))["main"].counts
        assert counts == CallCounts(offered=1, abandoned=1, abandoned_short=1, longest_ms=1_000)


async def test_who_does_not_lead_writes_nothing_and_counts_no_rows(sql_url: str) -> None:
    """Else what the leader has not written when it dies would be taken for written."""
    clock = Hand()
    async with opened(sql_url) as database:
        life = Life(database, clock, leads=False)
        await life.keeper.restore("default")
        before = call_record("n-0.1", queued_at=START - timedelta(seconds=9))
        await life.calls.record(before)
        await life.keeper.write()
        await life.keeper.close()
        assert await stored(database, Dimension.LINE) == {}
        store = SqlFigures(database, "a")
        loaded = await store.load("default", began_at=START, midnight=START)
        assert loaded.counted_until is None


async def test_who_may_have_been_replaced_unaware_writes_nothing(
    sql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would write, whoever leads by now counts: until it is sure again it waits."""
    monkeypatch.setattr(keeping, "WRITE_EVERY_S", 0.01)
    async with opened(sql_url) as database:
        life = Life(database, Hand())
        await life.keeper.restore("default")
        life.enters("n-1.1")
        life.awake = False
        running = asyncio.create_task(life.keeper.run())
        try:
            await asyncio.sleep(0.1)
            assert await stored(database, Dimension.LINE) == {}
            life.awake = True
            async with asyncio.timeout(20):
                while not await stored(database, Dimension.LINE):
                    await asyncio.sleep(0.01)
        finally:
            running.cancel()
            await asyncio.wait({running})


async def test_seats_time_is_at_most_a_minute_behind_in_sql(sql_url: str) -> None:
    clock = Hand()
    async with opened(sql_url) as database:
        life = Life(database, clock)
        seats = [Seat("default", str(n), "", f"sip-{n}", {}) for n in range(30)]
        for seat in seats:
            life.figures.seat_state_changed(
                seat, SeatState.OFFLINE, SeatState.READY, "", clock.now()
            )
        rounds = round(60 / keeping.WRITE_EVERY_S)
        for _ in range(rounds + 1):
            clock.pass_s(keeping.WRITE_EVERY_S)
            await life.keeper.write()
        lines = await stored(database, None)
        assert len(lines) == 30
        for line in lines.values():
            assert isinstance(line.counts, SeatCounts)
            assert line.counts.idle_ms >= keeping.WRITE_EVERY_S * 1000
        behind = [rounds * keeping.WRITE_EVERY_S + 5 - c.counts.idle_ms / 1000  # type: ignore[union-attr]
                  for c in lines.values()]  # fmt: skip
        assert max(behind) <= 60


async def test_the_last_writing_has_every_seats_time_and_misses(sql_url: str) -> None:
    clock = Hand()
    async with opened(sql_url) as database:
        life = Life(database, clock)
        life.figures.seat_state_changed(SEAT, SeatState.OFFLINE, SeatState.READY, "", START)
        clock.pass_s(7)
        caller = life.enters("n-1.1")
        offer = Offer(1, caller, SEAT, clock.now())
        life.figures.seat_state_changed(SEAT, SeatState.READY, SeatState.RESERVED, "", clock.now())
        life.figures.missed(offer, MissReason.BUSY, clock.pass_s(2))
        life.figures.missed(offer, MissReason.RESCINDED, clock.now())
        life.figures.seat_state_changed(
            SEAT, SeatState.RESERVED, SeatState.PAUSED, "meal", clock.now()
        )
        clock.pass_s(30)
        await life.keeper.close()
        assert (await stored(database, None))["801"].counts == SeatCounts(
            missed=1, missed_busy=1, idle_ms=8_000, ring_ms=2_000, pauses={"meal": 30_000}
        )


async def test_what_no_row_tells_outlives_a_killed_engine(sql_url: str, tmp_path: Path) -> None:
    """Wrap-ups, misses, who left for something else, callbacks given up: within the seconds in
    which nothing is written, with a writing before and none after; twice in a row."""
    clock = Hand()
    async with opened(sql_url) as database:
        for life in (1, 2, 3):
            one = Life(database, clock, tails=FigureTails(tmp_path))
            await one.keeper.restore("default")
            if life == 3:
                break
            for written in (True, False):
                served, asks, back = (one.enters(f"n-{life}.{n}{written}") for n in range(3))
                one.answers(served)
                one.talk_ends(served)
                clock.pass_s(1)
                one.figures.left(asks, LeaveReason.VOICE_REQUEST, 9.0, clock.now())
                one.figures.left(back, LeaveReason.CALLBACK, 9.0, clock.now())
                offer = Offer(1, back, SEAT, clock.now())
                one.figures.missed(offer, MissReason.NO_ANSWER, clock.now())
                called = replace(back, call_id=f"{back.call_id}.cb1", callback=True)
                one.figures.entered(called, clock.now())
                one.figures.left(called, LeaveReason.ABANDONED, 9.0, clock.now())
                await one.calls.record(row_of(served, clock, clock.now()))
                for left, outcome in ((asks, Outcome.VOICE_REQUEST), (back, Outcome.CALLBACK)):
                    row = row_of(left, clock, None)
                    await one.calls.record(replace(row, outcome=outcome))
                if written:
                    await one.keeper.write()
        await one.keeper.write()
        counts = (await stored(database, Dimension.QUEUE))["main"].counts
        assert isinstance(counts, CallCounts)
        assert (counts.offered, counts.answered, counts.talks) == (12, 4, 4)
        assert (counts.wrap_ups, counts.wrap_up_ms) == (4, 40_000)
        assert (counts.voice_requests, counts.callbacks, counts.callbacks_failed) == (4, 4, 4)
        assert counts == one.figures.today(clock.now())[WHOLE]
        missed = (await stored(database, None))["801"].counts
        assert isinstance(missed, SeatCounts)
        assert missed.missed == 4
        assert not any(file.stat().st_size and read_lines(file) for file in _tails(tmp_path))


async def test_who_leads_no_more_adds_what_it_noted(sql_url: str, tmp_path: Path) -> None:
    """The leader was killed, another engine leads by the time this one is back: it counts by the
    rows, this one adds the wrap-up that no row tells of."""
    clock = Hand()
    async with opened(sql_url) as database:
        first = Life(database, clock, tails=FigureTails(tmp_path))
        await first.keeper.restore("default")
        await first.keeper.write()
        served = first.enters("n-1.1")
        first.answers(served)
        answered_at = clock.now()
        first.talk_ends(served)
        await first.calls.record(row_of(served, clock, answered_at))
        clock.pass_s(2)
        leads = Life(database, clock, node="b")
        await leads.keeper.restore("default")
        await leads.keeper.write()
        again = Life(database, clock, leads=False, tails=FigureTails(tmp_path))
        for _ in range(2):
            await again.keeper.write()
        counts = (await stored(database, Dimension.QUEUE))["main"].counts
        assert isinstance(counts, CallCounts)
        assert (counts.offered, counts.answered, counts.talks, counts.wrap_ups) == (1, 1, 1, 1)


async def test_an_engine_of_a_cluster_begins_without_figures(
    sql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its callers wait for its start, and who leads has figures of his own; what the engine
    before it noted is added at once all the same."""
    monkeypatch.setattr(keeping, "WRITE_EVERY_S", 3600.0)
    clock = Hand()
    async with opened(sql_url) as database:
        first = Life(database, clock, tails=FigureTails(tmp_path))
        await first.keeper.begin("default")
        assert first.figures.restored, "it counts here"
        served = first.enters("n-1.1")
        first.answers(served)
        first.talk_ends(served)
        tails = FigureTails(tmp_path)
        again = Life(database, clock, leads=False, tails=tails)
        await again.keeper.begin("default")
        assert not again.figures.restored
        assert len(tails.left("default")) == 1
        running = asyncio.create_task(again.keeper.run())
        await until(lambda: not tails.left("default"))
        running.cancel()
        await asyncio.wait({running})
        counts = (await stored(database, Dimension.QUEUE))["main"].counts
        assert isinstance(counts, CallCounts)
        assert counts.wrap_ups == 1


def _tails(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


@pytest.mark.parametrize("drafted", ["before the last writing", "after it", "by the next engine"])
async def test_an_answer_that_no_row_times_is_counted_by_its_ticket(
    sql_url: str, drafted: str
) -> None:
    """He was stored as offered, a seat answered around the last writing before the kill, and the
    talk was over before the next engine came: its row tells no time, its ticket does."""
    clock = Hand()
    zones = {"default": SHANGHAI}
    async with opened(sql_url) as database:
        first = Life(database, clock)
        await first.keeper.restore("default")
        talks = first.enters("n-1.1")
        clock.pass_s(4)
        ticket = new_ticket("n-1.1", at=clock.now(), seat_id="8001")
        if drafted == "before the last writing":
            first.answers(talks, at=clock.now())
        await first.keeper.write()
        clock.pass_s(1)
        if drafted == "after it":
            ticket = replace(ticket, at=clock.now())
            first.answers(talks, at=clock.now())
        clock.pass_s(3)
        for known_by in ("told", "read"):
            second = Life(database, clock)
            if known_by == "told":
                await second.keeper.restore("default")
                clock.pass_s(1)
                if drafted == "by the next engine":
                    ticket = replace(ticket, at=clock.now())
                await SqlTickets(database, zones).create(ticket)
                row = row_of(talks, clock, clock.now())
                await second.calls.record(replace(row, answered_at=None))
            else:  # the engine that was told died before it wrote that down
                await second.keeper.restore("default")
            whole = second.figures.today(clock.now())[WHOLE]
            assert (whole.offered, whole.answered) == (1, 1), known_by
            assert (whole.talks, whole.wrap_ups) == (0, 0)
            timed = drafted != "by the next engine"
            assert (whole.waits, whole.wait_ms) == (int(timed), whole.longest_ms)


@pytest.mark.parametrize("back_first", [True, False])
async def test_a_wrap_up_that_two_engines_saw_end_is_counted_once(
    sql_url: str, tmp_path: Path, back_first: bool
) -> None:
    """It ended a moment before its leader was killed: in its tail it has ended, in the live state,
    from which another engine goes on, it hasn't; whichever of the two is the first to tell it."""
    clock = Hand()
    async with opened(sql_url) as database:
        first = Life(database, clock, tails=FigureTails(tmp_path))
        await first.keeper.restore("default")
        await first.keeper.write()
        served = first.enters("n-1.1")
        first.answers(served)
        answered_at, seat = clock.now(), seat_of(served)
        first.figures.talk_ended(served, seat, 60.0, ended := clock.pass_s(60))
        row = row_of(served, clock, answered_at)
        first.figures.wrapped_up(seat, 9.5, clock.pass_s(9.5))
        await first.calls.record(row)
        clock.pass_s(0.5)
        leads = Life(database, clock, node="b", tails=FigureTails(tmp_path / "b"))
        leads.figures.knew(SeatView(seat, SeatState.WRAP_UP, ended))
        await leads.keeper.restore("default")
        leads.figures.wrapped_up(seat, 11.0, clock.pass_s(1))
        back = Life(database, clock, leads=False, tails=FigureTails(tmp_path))
        tellers = (back, leads) if back_first else (leads, back)
        for one in (*tellers, *tellers):
            await one.keeper.write()
        counts = (await stored(database, Dimension.QUEUE))["main"].counts
        assert isinstance(counts, CallCounts)
        assert (counts.answered, counts.talks, counts.wrap_ups) == (1, 1, 1)
        assert counts.wrap_up_ms == (9_500 if back_first else 11_000)
