"""Seat free → next ring, from the telephones' own SIP traces: one yardstick for both sides.

A seat is free the moment it sends BYE (no wrap-up); it rings when the next INVITE for it arrives.
Both are stamped by the seat's telephone (SIPp's -trace_shortmsg), so that nothing of the system
under test has a say. A gap counts only if somebody waited at that moment: more citizens had been
answered and had pressed their key than seats had been rung.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from simulator.errors import StepMissed

INVITE = re.compile(r"INVITE sips?:([^@;> ]+)@")


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a short trace. `sent` by the seat, else received."""

    at: float
    sent: bool
    call_id: str
    first_line: str


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of gaps in milliseconds, over `count` of them."""

    p50: float
    p95: float
    p99: float
    count: int


def parse_trace(lines: Iterable[str]) -> list[Message]:
    """SIPp's short message file: fields parted by tabs."""
    messages = []
    for line in lines:
        fields = line.rstrip("\n").split("\t")
        if len(fields) == 7:
            _, _, stamp, way, call_id, _, first = fields
            messages.append(Message(float(stamp), way == "S", call_id, first))
    return messages


def answered_at(messages: Iterable[Message]) -> list[float]:
    """When each citizen's call was answered (his ACK to the 200), sorted."""
    return sorted(m.at for m in messages if m.sent and m.first_line.startswith("ACK "))


def ring_gaps(
    seats: Sequence[Message], answered: Sequence[float], *, key_after_s: float
) -> list[float]:
    """Milliseconds from each BYE of a seat to its next INVITE, while callers waited.

    `answered` says when each citizen's call was answered, `key_after_s` how long after that he is
    surely in the queue. A seat that isn't rung again counts with the time to the trace's end:
    nothing slow is lost.
    """
    rung = 0
    seat_of: dict[str, str] = {}
    invited: dict[str, list[float]] = {}
    freed: list[tuple[float, str]] = []
    for message in seats:
        match = INVITE.match(message.first_line)
        if match and not message.sent and message.call_id not in seat_of:
            seat_of[message.call_id] = match[1]
            invited.setdefault(match[1], []).append(message.at)
            rung += 1
        elif message.sent and message.first_line.startswith("BYE "):
            waiting = bisect_right(answered, message.at - key_after_s) - rung
            if waiting > 0:
                freed.append((message.at, seat_of[message.call_id]))
    end = seats[-1].at if seats else 0.0
    return [
        1000 * (next((at for at in invited[seat] if at > free_at), end) - free_at)
        for free_at, seat in freed
    ]


def percentiles(gaps_ms: Sequence[float]) -> Percentiles:
    """p50, p95 and p99; raises StepMissed when there are too few to speak of a percentile."""
    if len(gaps_ms) < 20:
        raise StepMissed(f"only {len(gaps_ms)} gaps were measured: too few for percentiles")
    cuts = quantiles(gaps_ms, n=100, method="inclusive")
    return Percentiles(cuts[49], cuts[94], cuts[98], len(gaps_ms))
