"""Figures over a killed engine, on a real Asterisk: every call counted, and counted once."""

import asyncio
import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.audio import speech_like
from simulator.citizens import Citizen, LiveCall
from simulator.seats import Manners, Seats
from tests.e2e.installation import Installation

VOICE = speech_like(120, "ulaw")


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """An installation whose dialplan waits a minute for its engine."""
    with Installation(agi_tries=60) as installation:
        installation.cli("hours", "set", "open")
        yield installation


async def shows(hotline: Installation, what: str, **wanted: int) -> None:
    """The board shows these numbers."""

    def there() -> bool:
        if not hotline.ready:
            return False
        board = hotline.board()
        board = {**board, **board["seats_by_state"]}
        return all(board[name] == number for name, number in wanted.items())

    await asyncio.to_thread(hotline.wait, there, what, seconds=60)


def exported(hotline: Installation, by: str) -> list[dict[str, str]]:
    """The day's CSV of the command line, as a spreadsheet reads it."""
    day = hotline.board()["day"]
    text = hotline.cli(
        "figures", "export", "--from", day, "--to", day, "--by", by, "--per", "day", "--csv"
    )
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def asks_for_a_person(call: LiveCall) -> None:
    await call.answered()
    await call.hear(0.1)  # a key that comes before the first word is lost
    call.press("0")


def numbers(line: dict[str, Any], *names: str) -> list[float]:
    return [float(line[name]) for name in names]


async def test_a_killed_engine_changes_no_figure(hotline: Installation) -> None:
    """One talks, one is served before, one waits, one has given up; SIGKILL within the seconds in
    which nothing is written. The new engine's board shows all of them at once; in the end the
    exported day has each call once, by queue, line, skill and seat."""
    account = hotline.add_seat("1001")
    manners = Manners(ring_s=0.2, talk_s=None)
    names = [f"1390000001{n}" for n in range(4)]
    async with Seats([account], sip=hotline.sip, usual=manners) as seats:
        await shows(hotline, "the seat ready", ready=1)
        async with Citizen(names[0], hotline.sip).dial("12345", voice=VOICE, loop=True) as served:
            await asks_for_a_person(served)
            await shows(hotline, "the first talk", talking=1)
            served.hang_up()
            await served.ended()
        await shows(hotline, "the seat ready again", ready=1)
        calls = [
            Citizen(name, hotline.sip).dial("12345", voice=VOICE, loop=True) for name in names[1:]
        ]
        async with calls[0] as talks, calls[1] as waits, calls[2] as gives_up:
            await asks_for_a_person(talks)
            await shows(hotline, "the second talk", talking=1)
            for n, call in enumerate((waits, gives_up)):
                await asks_for_a_person(call)
                await shows(hotline, "somebody waiting", waiting=n + 1)
            gives_up.hang_up()
            await gives_up.ended()
            await shows(hotline, "one given up", waiting=1, abandoned=1)

            hotline.kill("engine")
            await shows(
                hotline, "all of it again", waiting=1, talking=1, offered=4, answered=2, abandoned=1
            )
            talks.hang_up()
            await talks.ended()
            await shows(hotline, "the one who waited talking", waiting=0, talking=1, answered=3)
            await waits.hear(1.5)  # the one talk whose seconds no crash can have cost
            waits.hang_up()
            await waits.ended()
        await shows(hotline, "everything over", offered=4, answered=3, abandoned=1, ready=1)
    assert seats.events

    def written() -> bool:
        lines = exported(hotline, "queue")
        return bool(lines) and numbers(lines[0], "answered", "talks", "wrap_ups") == [3, 3, 3]

    await asyncio.to_thread(hotline.wait, written, "the figures in SQL")
    for by in ("queue", "line", "skill"):
        for line in await asyncio.to_thread(exported, hotline, by):
            told = numbers(line, "offered", "answered", "abandoned", "waits", "talks", "wrap_ups")
            assert told == [4, 3, 1, 3, 3, 3], (by, line)
            assert (line["connection_numerator"], line["connection_denominator"]) == ("3", "4")
            assert line["connection"] == "0.75"
            assert float(line["wait_s"]) > 1
            assert float(line["average_wait_with_menu_s"]) >= float(line["average_wait_s"])
    (seat,) = await asyncio.to_thread(exported, hotline, "seat")
    assert (seat["seat"], float(seat["talk_s"]) > 1) == ("1001", True)
    assert seat["answered"] == "3"
    assert 0 < float(seat["occupancy"]) <= 1
    hotline.no_channels_left()
