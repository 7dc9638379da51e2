"""`python -m tests.soak [--only redis] [--seconds 60]`: outages under calls, and a table.

Each part has an installation of its own (real Asterisk, SIPp, Redis, and PostgreSQL or SQLite) on
free loopback ports with a temporary home. Exit code 1 when anything was lost, doubled or untold.
"""

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simulator.seats import Account, Manners, Seats
from tests.e2e.installation import TENANTS, Installation
from tests.servers import PostgresServer, postgres_running
from tests.soak import books
from tests.soak.crowd import CLOSED, Crowd
from tests.soak.outages import OUTAGES, House, Outage, manager_wire, small_disk

BEFORE_S, AFTER_S = 8.0, 12.0
SETTLE_S = 60.0
HANG_UP_S = 200.0
TALK_S = 3.5
SEATS = ("1001", "1002")
LOAD_EVERY_S = 1.5


@dataclass(slots=True)
class Report:
    """What a part came to: lines of (what, what was seen, whether it is well)."""

    outage: Outage
    lines: list[tuple[str, str, bool]] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether nothing was lost, doubled or untold."""
        return bool(self.lines) and all(well for _, _, well in self.lines)

    def add(self, what: str, wrong: Sequence[str], seen: str) -> None:
        """One question: what is wrong, else what was seen."""
        some = "; ".join(wrong[:6]) + (f" … {len(wrong)} in all" if len(wrong) > 6 else "")
        self.lines.append((what, some or seen, not wrong))


@dataclass(slots=True)
class Watch:
    """What /readyz said, twice a second: (when, the parts that are away)."""

    hotline: Installation
    seen: list[tuple[float, frozenset[str]]] = field(default_factory=list)

    async def look(self) -> None:
        """For ever."""
        while True:
            told = await asyncio.to_thread(self.hotline.readiness)
            parts = told.get("parts", {})
            away = {name for name, part in parts.items() if not part["up"]} or set()
            self.seen.append((time.monotonic(), frozenset(away if parts else {"engine"})))
            await asyncio.sleep(0.5)

    def first(self, part: str, *, away: bool, after: float) -> float | None:
        """Seconds from a moment until the part was told to be away (or back)."""
        for at, parts in self.seen:
            if at >= after and (part in parts) == away:
                return at - after
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts one after the other."""
    names = [outage.name for outage in OUTAGES]
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, help="this part (repeatable)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each is away")
    parser.add_argument("--every", type=float, default=LOAD_EVERY_S, help="seconds between calls")
    asked = parser.parse_args(arguments)
    reports = []
    for outage in OUTAGES:
        if asked.only and outage.name not in asked.only:
            continue
        if not outage.possible:
            print(f"{outage.name}: left out, a small disk is mounted by root only", flush=True)
            continue
        print(f"\n{outage.name}: {outage.says}, {asked.seconds:g} s", flush=True)
        report = asyncio.run(run(outage, asked.seconds, asked.every))
        _print(report)
        reports.append(report)
    print()
    for report in reports:
        print(f"{report.outage.name:8}{'well' if report.well else 'NOT WELL'}")
    return 0 if reports and all(report.well for report in reports) else 1


async def run(outage: Outage, seconds: float, every_s: float) -> Report:
    """One part: calls before, in, and after the outage; then the books."""
    report = Report(outage)
    async with _house(outage) as house:
        hotline = house.hotline
        watch, crowd, stop = Watch(hotline), Crowd(hotline, every_s), asyncio.Event()
        accounts = await asyncio.to_thread(_set_up, hotline)  # a wire passes on meanwhile
        manners = Manners(ring_s=0.3, talk_s=TALK_S)
        async with Seats(accounts, sip=hotline.sip, usual=manners) as seats:
            await asyncio.to_thread(hotline.wait, lambda: _all_ready(hotline), "the seats")
            looking = asyncio.create_task(watch.look())
            calling = asyncio.create_task(crowd.call_on(stop))
            await _progress(crowd, "before", BEFORE_S)
            began = time.monotonic()
            async with outage.breaks(house):
                await _progress(crowd, "away", seconds)
            ended = time.monotonic()
            await _progress(crowd, "back", AFTER_S)
            stop.set()
            await asyncio.wait_for(calling, HANG_UP_S)
            print("  settling", flush=True)
            url = _url(house)
            found = await books.until_settled(url, crowd.made, hotline, SETTLE_S)
            looking.cancel()
            await asyncio.wait({looking})
            talks = sum(event.word == "answered" for event in seats.events)
            _judge(report, crowd, found, talks)
            try:
                await asyncio.to_thread(_leftovers, report, hotline)
            except (AssertionError, OSError) as error:  # no Asterisk, or no engine, to ask
                report.add("what is left", [str(error).splitlines()[0]], "")
        _judge_telling(report, watch, began, ended)
        _judge_log(report, hotline)
        if not report.well:
            kept = Path(tempfile.mkdtemp(prefix=f"hl-soak-{outage.name}-"))
            shutil.copytree(hotline.home / "log", kept, dirs_exist_ok=True)
            print(f"  logs kept in {kept}", flush=True)
    return report


def _set_up(hotline: Installation) -> list[Account]:
    """Seats, a line that is open, and one that is closed."""
    accounts = [hotline.add_seat(number) for number in SEATS]
    hotline.cli("hours", "set", "open")
    hotline.cli("hours", "set", "closed", "--line", CLOSED)
    return accounts


def _judge(report: Report, crowd: Crowd, found: books.Books, talks: int) -> None:
    made = crowd.made
    unserved = [f"{c.caller} ({c.kind}): {c.trouble}" for c in made if c.trouble]
    kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(c.kind for c in made).items())
    report.add("calls that went their way", unserved, f"{len(made)}: {kinds}")
    outcomes = Counter(str(row["outcome"]) for row in found.calls)
    told = ", ".join(f"{n} {outcome}" for outcome, n in sorted(outcomes.items()))
    report.add("one row and outcome each", books.wrong_rows(found, made), told)
    origins = Counter(str(row["origin"]) for row in found.tickets)
    told = ", ".join(f"{n} {origin}" for origin, n in sorted(origins.items()))
    report.add("their one ticket", books.wrong_tickets(found), told)
    twice = [] if talks == outcomes["answered"] else [f"{talks} talks, {outcomes['answered']} rows"]
    report.add("talks at the seats", twice, str(talks))
    told = ", ".join(f"{name} {n}" for name, n in found.figures.items())
    report.add("figures", books.wrong_figures(found), told)
    told = ", ".join(f"{n} {status}" for status, n in sorted(found.recordings.items()))
    report.add(
        "recordings checked", ["some pending"] if "pending" in found.recordings else [], told
    )


def _leftovers(report: Report, hotline: Installation) -> None:
    channels = hotline.asterisk("core show channels")
    left = [] if "0 active channels" in channels else [channels.strip()]
    report.add("channels left", left, "none")
    report.add("facts left in journal and spool", books.waiting_facts(hotline), "none")
    board = hotline.board()
    states = {name: n for name, n in board["seats_by_state"].items() if n}
    stuck = [] if states == {"ready": len(SEATS)} and not board["waiting"] else [str(board)]
    report.add("queue and seats", stuck, "nobody waits, all seats ready")


def _judge_telling(report: Report, watch: Watch, began: float, ended: float) -> None:
    for part in report.outage.down:
        gone = watch.first(part, away=True, after=began)
        back = watch.first(part, away=False, after=ended)
        late = [
            f"{word} told {'never' if after is None else f'after {after:.1f} s'}"
            for word, after in (("away", gone), ("back", back))
            if after is None or after > report.outage.told_within_s
        ]
        told = f"away after {gone or 0:.1f} s, back after {back or 0:.1f} s"
        report.add(f"/readyz: {part}", late, told)


def _judge_log(report: Report, hotline: Installation) -> None:
    lines = books.log_lines(hotline)
    events = Counter(str(line.get("event")) for line in lines)
    for pair in report.outage.told:
        missing = [word for word in pair if not events[word]]
        told = ", ".join(f"{word} ({events[word]})" for word in pair)
        report.add("log", [f"no {word}" for word in missing], told)
    report.add("faults in the log", books.faults(lines), "none")


@contextlib.asynccontextmanager
async def _house(outage: Outage) -> AsyncIterator[House]:
    async with contextlib.AsyncExitStack() as opened:
        postgres: PostgresServer | None = None
        settings: dict[str, object] = {"voice_offer_after_s": 900, "agi_tries": 60}
        if outage.postgres:
            postgres = opened.enter_context(postgres_running())
            settings["database_url"] = postgres.url()
        # a disk of its own can't have links to sounds that lie on another
        hotline = Installation(TENANTS, first=outage.small_disk, **settings)
        if outage.small_disk:
            await opened.enter_async_context(small_disk(hotline.home))
        opened.enter_context(hotline)
        wire = None
        if outage.wire:
            wire = await opened.enter_async_context(manager_wire(hotline))
        yield House(hotline, postgres, wire)


def _url(house: House) -> str:
    if house.postgres is not None:
        return house.postgres.url()
    return f"sqlite:///{house.hotline.home}/state/hotline.db"


def _all_ready(hotline: Installation) -> bool:
    return bool(hotline.board()["seats_by_state"]["ready"] == len(SEATS))


async def _progress(crowd: Crowd, word: str, seconds: float) -> None:
    """A line every ten seconds."""
    left = seconds
    while left > 0:
        step = min(10.0, left)
        await asyncio.sleep(step)
        left -= step
        told = f"{word} {seconds - left:g} of {seconds:g} s"
        print(f"  {told}: {len(crowd.made)} calls, {crowd.going_on} going on", flush=True)


def _print(report: Report) -> None:
    width = max(len(what) for what, _, _ in report.lines)
    for what, seen, well in report.lines:
        print(f"  {'well' if well else 'NOT ':5} {what:{width}}  {seen}")


if __name__ == "__main__":
    sys.exit(main())
