"""Tails of figures on the disk: SIGKILL loses no line, a full disk harms nothing, and what they say
is added to what is stored once, however often it is tried."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from queue_manager.cells import Dimension
from queue_manager.counts import CallCounts, SeatCounts, quarter_of
from queue_manager.figure_tail import nowhere
from storage.figure_tail import FigureTails, TailFile, read_lines
from storage.figures import SqlFigures
from tests.storage.facts import opened

AT = datetime(2026, 11, 21, 2, 7, tzinfo=UTC)
QUARTER = quarter_of(AT)
WRAPPED = f'w801 1 {QUARTER} wrap_ups=1,wrap_up_ms=700 [["queue", "main"]]'
LATER = WRAPPED.replace("w801 1 ", "w801 900001 ")
MISSED = f's - {QUARTER} missed=1,missed_busy=1 "801"'
KEY = (QUARTER, Dimension.QUEUE, "main")
KILLED = """
import os, signal, sys
from pathlib import Path
from storage.figure_tail import TailFile
tail = TailFile(Path(sys.argv[1]))
for n in range(1000):
    tail.note(f"line {n}")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_every_line(tmp_path: Path) -> None:
    file = tmp_path / "1"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False, timeout=60)
    assert ended.returncode == -9
    assert read_lines(file) == [(n + 1, f"line {n}") for n in range(1000)]


def test_what_is_stored_gives_its_room_back_and_numbers_go_on(tmp_path: Path) -> None:
    tail = TailFile(tmp_path / "1")
    assert [tail.note("a"), tail.note("b")] == [1, 2]
    tail.stored(1)
    assert len(read_lines(tail.path)) == 2, "another one came meanwhile"
    tail.stored(2)
    assert read_lines(tail.path) == []
    assert tail.note("c") == 3
    assert read_lines(tail.path) == [(3, "c")]


def test_a_full_tail_is_told_once_and_keeps_what_it_has(tmp_path: Path) -> None:
    tail = TailFile(tmp_path / "1", room=4096)
    with capture_logs() as logs:
        for _ in range(300):
            tail.note("some twenty bytes ...")
    assert [line["event"] for line in logs] == ["figures_tail_full"]
    assert 100 < len(read_lines(tail.path)) < 200


def test_without_room_there_is_no_tail_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    tails = FigureTails(tmp_path)
    with capture_logs() as logs:
        assert tails.begin("default") is nowhere
    assert [line["event"] for line in logs] == ["figures_tail_missing"]
    assert tails.current("default") is None
    assert not tails.left("default")


def test_a_new_life_finds_what_the_one_before_left(tmp_path: Path) -> None:
    first = FigureTails(tmp_path)
    first.begin("default")("a")
    second = FigureTails(tmp_path)
    note = second.begin("default")
    note("b")
    (left,) = second.left("default")
    assert read_lines(left) == [(1, "a")]
    second.retire("default")
    assert len(second.left("default")) == 2
    note("late")  # by who counts no more: told nobody
    assert second.current("default") is None
    assert second.left("liuzhou") == []


async def test_lines_are_added_once_to_what_is_stored(sql_url: str) -> None:
    """Also when the engine dies between the commit and the removal of the file, and when some
    lines had been stored in the ordinary way before."""
    async with opened(sql_url) as database:
        store = SqlFigures(database, "a")
        lines = [(n, WRAPPED) for n in (1, 2, 3)] + [(4, MISSED)]
        await store.write_calls("default", {KEY: CallCounts(offered=5, wrap_ups=1)}, AT,
                                {(QUARTER, "801"): SeatCounts(missed=2, pauses={"meal": 9})},
                                {"801": 12.5}, ("f1", 1))  # fmt: skip
        for _ in range(2):
            await store.take_in("default", "f1", lines)
        loaded = await store.load("default", began_at=AT, midnight=AT)
        assert loaded.own[KEY] == CallCounts(offered=5, wrap_ups=3, wrap_up_ms=1400)
        assert loaded.seats[QUARTER, "801"] == SeatCounts(
            missed=3, missed_busy=1, pauses={"meal": 9}
        )
        assert loaded.seats_until == {"801": 12.5}
        assert loaded.counted_until == AT, "that is for who was told of everything"
        await store.take_in("default", "f2", [(1, LATER)])
        assert (await store.load("default", began_at=AT, midnight=AT)).own[KEY].wrap_ups == 4


async def test_lines_of_one_node_are_nobody_elses(sql_url: str) -> None:
    async with opened(sql_url) as database:
        await SqlFigures(database, "a").take_in("default", "f", [(1, WRAPPED)])
        await SqlFigures(database, "b").take_in("default", "f", [(1, WRAPPED), (2, LATER)])
        loaded = await SqlFigures(database, "a").load("default", began_at=AT, midnight=AT)
        assert loaded.own[KEY].wrap_ups == 1
        assert loaded.others[KEY].wrap_ups == 2
        assert loaded.counted_until is None
