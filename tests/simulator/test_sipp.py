"""Running SIPp: its counts, its complaints, its end."""

import os
import signal
import socket
from collections import deque
from pathlib import Path

import psutil
import pytest

from simulator import sipp
from simulator.errors import ProgramFailed, StepMissed
from simulator.load import (
    Burst,
    Crowd,
    NoRawSockets,
    raw_sockets_allowed,
    seats_of,
    write_quiet_sound,
    write_sound,
)
from simulator.sipp import (
    Address,
    Sipp,
    command,
    free_media_port,
    free_port,
    parse_statistics,
)

HEAD = "StartTime;TotalCallCreated;SuccessfulCall(P);SuccessfulCall(C);FailedCall(C);"


def _seats(folder: Path, own: Address) -> Sipp:
    crowd = Crowd("127.0.0.2", "12345", Address("127.0.0.1", 5060), own)
    return seats_of(Burst(1, 1), crowd, folder)


def test_the_last_row_of_the_statistics_counts() -> None:
    told = parse_statistics(f"{HEAD}\nnow;1;1;1;0;\nnow;12;3;10;2;\n")
    assert (told.created, told.successful, told.failed) == (12, 10, 2)


def test_no_statistics_are_an_error() -> None:
    with pytest.raises(ProgramFailed, match="no statistics"):
        parse_statistics(HEAD)


async def test_it_comes_up_and_finishes_when_told(tmp_path: Path) -> None:
    """No call was there: it ends at once, of its own will, and has written its counts."""
    own = Address("127.0.0.3", free_port("127.0.0.3"))
    async with _seats(tmp_path, own) as sipp:
        await sipp.listening(own)
        assert await sipp.finish(20) in (0, 99)
    assert sipp.statistics().created == 0


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    """The second SIPp can't have the first one's port, and that is what we hear."""
    own = Address("127.0.0.3", free_port("127.0.0.3"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with _seats(tmp_path / "a", own) as first:
        await first.listening(own)
        async with _seats(tmp_path / "b", own) as second:
            with pytest.raises(StepMissed, match="didn't come up"):
                await second.listening(own)


async def test_one_that_is_still_there_is_ended(tmp_path: Path) -> None:
    """Leaving the block ends the process, whatever it was doing."""
    own = Address("127.0.0.3", free_port("127.0.0.3"))
    async with _seats(tmp_path, own) as sipp:
        await sipp.listening(own)
        with pytest.raises(StepMissed, match="didn't end"):
            await sipp.ended(0.2)
    assert not psutil.pid_exists(sipp.pid)


async def test_one_that_breaks_off_is_told(tmp_path: Path) -> None:
    """Its calls weren't hung up: whoever counts on them must know."""
    own = Address("127.0.0.3", free_port("127.0.0.3"))
    async with _seats(tmp_path, own) as sipp:
        await sipp.listening(own)
        os.kill(sipp.pid, signal.SIGKILL)
        with pytest.raises(StepMissed, match="broke off"):
            await sipp.done(20)


async def test_one_that_had_to_wait_for_a_cpu_goes_on(tmp_path: Path) -> None:
    """SIPp's own watchdog would end it, and drop all its calls, after a few such waits."""
    own = Address("127.0.0.3", free_port("127.0.0.3"))
    _seats(tmp_path, own)  # writes the scenario
    impatient = ["-watchdog_major_threshold", "1", "-watchdog_major_maxtriggers", "0"]
    keys = {"codec": "0", "codec_name": "PCMU"}
    words = command(tmp_path / "load_seat.xml", own, keys=keys, options=impatient)
    async with Sipp(words, tmp_path, "seats") as sipp:
        await sipp.listening(own)
        with pytest.raises(StepMissed, match="didn't end"):
            await sipp.ended(2.0)  # it looks every 0.4 s


def test_load_without_raw_sockets_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(NoRawSockets, match="as root"):
        raw_sockets_allowed()


def test_the_quiet_sound_is_far_smaller(tmp_path: Path) -> None:
    """Five hundred waiting citizens send a packet a second each, and still press their key."""
    write_sound(tmp_path / "loud", "ulaw", [(0.8, "1")])
    write_quiet_sound(tmp_path / "quiet", "ulaw", [(0.8, "1")])
    loud, quiet = (tmp_path / "loud").stat().st_size, (tmp_path / "quiet").stat().st_size
    assert quiet < loud / 15


def test_a_media_port_has_room_for_video_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIPp breaks off when the second port after it is somebody's."""
    ip = "127.0.0.3"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((ip, 0))
        good = free_media_port(ip)
        offered = iter((taken.getsockname()[1] - 2, good + 100, good))
        monkeypatch.setattr(sipp, "free_port", lambda ip: next(offered))
        monkeypatch.setattr(sipp, "_given", deque([good + 101]))
        assert free_media_port(ip) == good
        assert good + 2 in sipp._given
