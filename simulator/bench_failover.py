"""`hotline bench failover`: the engine that leads is killed under load; how long until both nodes'
callers are routed again, is anybody lost, is any seat rung twice?

This module decides what is called, when the leader dies and what is counted. The two nodes are
built by the front door and reach us as a `House`. Everything is read from outside: from the
telephones' own SIP traces, and from the rows the calls leave behind.
"""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from simulator.bench_calls import machine
from simulator.errors import StepMissed
from simulator.load import Burst, Crowd, citizens_of, raw_sockets_allowed, seats_of, write_sound
from simulator.rings import Message, parse_trace

KEY_AT = ((0.8, "1"),)
SETTLED_S = 1.5
"""Seats that rang at the kill have answered by then, however busy the machine."""
DRAIN_S = 30.0
LAST_BYES_S = 3.0
ROWS_S = 60.0
TARGETS: Mapping[str, float] = {"failover_s": 3.0, "failover_lost": 0, "double_offers": 0}
INVITE = re.compile(r"INVITE sips?:([^@;> ]+)@")


@dataclass(frozen=True, slots=True)
class FailoverPlan:
    """`rate` calls a second over both nodes; the leader dies after `before_s` of them. Each node
    has half of the seats; a talk lasts 1 to 2 s."""

    rate: float = 40.0
    before_s: float = 8.0
    after_s: float = 12.0
    seats: int = 120
    hold_s: float = 60.0


QUICK = FailoverPlan(rate=10.0, before_s=4.0, after_s=8.0, seats=30)


@dataclass(frozen=True, slots=True)
class Row:
    """A call as it was written down: of which node, its outcome, when a seat answered (epoch
    seconds; None: none did)."""

    node: str
    outcome: str
    answered_at: float | None


class House(Protocol):
    """Two nodes that are one hotline; everybody's seats are set up, no telephone is registered."""

    def crowds(self) -> Sequence[Crowd]:
        """How each node is called; all seats' telephones are at one address."""
        ...

    async def register(self) -> None:
        """Register the telephones, half at each node, so that they may be rung at once."""
        ...

    async def until_ready(self) -> None:
        """Wait until every seat can be offered callers."""
        ...

    async def kill_leader(self) -> tuple[str, float]:
        """SIGKILL to the engine that leads; its node, and when that was (epoch seconds)."""
        ...

    async def leads(self) -> str:
        """The node that leads; "" when none says so."""
        ...

    async def rows(self) -> Sequence[Row]:
        """Every call that was written down."""
        ...

    async def channels(self) -> int:
        """How many channels both Asterisks have."""
        ...


async def bench_failover(
    house: House, plan: FailoverPlan, folder: Path, say: Callable[[str], None]
) -> dict[str, float]:
    """Run the plan; the figures by name. Raises SimulatorError when it can't be measured."""
    raw_sockets_allowed()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    sound = folder / "sound.pcap"
    await asyncio.to_thread(write_sound, sound, "ulaw", KEY_AT)
    killed_at, dead, seats, calls = await _run(house, plan, sound, folder, say)
    rows = await _rows(house, calls)
    outcomes = Counter(row.outcome for row in rows)
    say(", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    left_over = await _left_over(house)
    figures = measured(rows, seats, calls, killed_at)
    figures["failover_leftover_channels"] = left_over
    say(
        f"routing again after {figures['failover_s']:.2f} s (node {dead} was killed), "
        f"{figures['failover_lost']:g} of {calls} calls lost, "
        f"{figures['double_offers']:g} double offers"
    )
    return figures


def measured(
    rows: Sequence[Row], seats: Sequence[Message], calls: int, killed_at: float
) -> dict[str, float]:
    """The figures of a run. `failover_s` is the slower node's, see `routed_again`. A caller counts
    as lost unless his row tells of an answer; a row too many is a call that was written twice, and
    counts as lost, too."""
    again = {}
    for node in sorted({row.node for row in rows}):
        answers = [row.answered_at for row in rows if row.node == node and row.answered_at]
        again[node] = routed_again(answers, killed_at)
    answered = sum(row.outcome == "answered" for row in rows)
    rung = [m.at for m in seats if not m.sent and INVITE.match(m.first_line)]
    return {
        "failover_s": round(max(again.values()), 3),
        "failover_lost": calls - answered + max(0, len(rows) - calls),
        "double_offers": double_offers(seats),
        "failover_calls": calls,
        "failover_longest_silence_s": round(longest_gap(rung, killed_at), 3),
        **{f"failover_{node}_s": round(after_s, 3) for node, after_s in again.items()},
    }


def routed_again(answers: Sequence[float], killed_at: float) -> float:
    """Seconds from the kill to the end of the silence that it made among a node's answers: the
    longest one that begins within `SETTLED_S` (what rang at the kill is answered after it).

    Raises StepMissed when nobody was answered any more.
    """
    after = [killed_at, *sorted(at for at in answers if at > killed_at)]
    silences = [(b - a, b) for a, b in pairwise(after) if a <= killed_at + SETTLED_S]
    if not silences:
        raise StepMissed("no caller of a node was answered after the kill")
    return max(silences)[1] - killed_at


def double_offers(seats: Iterable[Message]) -> int:
    """How often a seat was rung while it rang or talked already, by its telephone's own trace."""
    held: dict[str, str] = {}
    seat_of: dict[str, str] = {}
    doubles = 0
    for message in seats:
        found = INVITE.match(message.first_line)
        if found and not message.sent and message.call_id not in seat_of:
            seat = seat_of[message.call_id] = found[1]
            doubles += seat in held
            held[seat] = message.call_id
        elif message.first_line.startswith(("BYE ", "CANCEL ")):
            seat = seat_of.get(message.call_id, "")
            if held.get(seat) == message.call_id:
                del held[seat]
    return doubles


def longest_gap(rung: Sequence[float], killed_at: float) -> float:
    """The longest time after the kill in which no seat was rung at all."""
    after = [killed_at, *(at for at in sorted(rung) if at > killed_at)]
    return max((b - a for a, b in pairwise(after)), default=0.0)


def report(figures: Mapping[str, float], commit: str) -> dict[str, object]:
    """The JSON object every bench prints. Targets are upper limits; one not measured isn't met."""
    met = all(name in figures and figures[name] <= limit for name, limit in TARGETS.items())
    return {
        "bench": "failover",
        "commit": commit,
        "machine": machine(),
        "figures": dict(figures),
        "targets": dict(TARGETS),
        "met": met,
    }


async def _run(
    house: House, plan: FailoverPlan, sound: Path, folder: Path, say: Callable[[str], None]
) -> tuple[float, str, Sequence[Message], int]:
    """Load both nodes, kill the leader in the middle; when (epoch seconds), which node it was, the
    telephones' trace, how many calls were made."""
    crowds = house.crowds()
    each = round(plan.rate * (plan.before_s + plan.after_s) / len(crowds))
    burst = Burst(each, plan.rate / len(crowds), trace=True, hold_s=plan.hold_s)
    async with contextlib.AsyncExitStack() as stack:
        (folder / "seats").mkdir()
        await house.register()
        seats = await stack.enter_async_context(seats_of(burst, crowds[0], folder / "seats"))
        await seats.listening(crowds[0].seats)
        await house.until_ready()
        citizens = []
        for index, crowd in enumerate(crowds):
            own = folder / f"citizens-{index}"
            own.mkdir()
            calling = citizens_of(burst, crowd, sound, own)
            citizens.append(await stack.enter_async_context(calling))
        await asyncio.sleep(plan.before_s)
        dead, killed_at = await house.kill_leader()
        say(f"{plan.rate:g} calls/s on two nodes: the engine of node {dead}, which led, is killed")
        longest_s = plan.after_s + plan.hold_s + DRAIN_S
        await asyncio.gather(*(calling.ended(longest_s) for calling in citizens))
        # OPTIONS opened calls in the telephones' SIPp that never end: it is stopped by the block
        await asyncio.sleep(LAST_BYES_S)
    trace = parse_trace((folder / "seats" / "seats.trace").read_text().splitlines())
    return killed_at, dead, trace, each * len(crowds)


async def _rows(house: House, calls: int) -> Sequence[Row]:
    """Every call's row; the last ones take a moment (a dead engine's are written by the next)."""
    deadline = asyncio.get_running_loop().time() + ROWS_S
    while len(rows := await house.rows()) < calls:
        if asyncio.get_running_loop().time() > deadline:
            return rows
        await asyncio.sleep(0.5)
    return rows


async def _left_over(house: House) -> int:
    deadline = asyncio.get_running_loop().time() + ROWS_S
    while left := await house.channels():
        if asyncio.get_running_loop().time() > deadline:
            return left
        await asyncio.sleep(0.5)
    return 0
