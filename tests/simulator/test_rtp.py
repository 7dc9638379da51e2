"""The stream a telephone sends, read back by tshark."""

import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.audio import speech_like
from simulator.rtp import EVENTS, SAMPLES_PER_TICK, Speaker, script, write_pcap

FIELDS = ("frame.time_relative", "rtpevent.event_id", "rtpevent.end_of_event", "rtpevent.duration")
HEADER = struct.Struct("!BBHII")


def test_tshark_reads_the_digits_that_were_pressed(tmp_path: Path) -> None:
    """Each digit is one event (RFC 4733): growing, 120 ms long, its end sent three times."""
    file = tmp_path / "call.pcap"
    voice = speech_like(1.0, "ulaw")
    write_pcap(file, script(Speaker("ulaw", voice=voice), 3.0, [(0.5, "1"), (1.5, "#0")]))
    rows = _tshark(file, "rtpevent")
    ends = [(row[1], row[3]) for row in rows if row[2] == "True" or row[2] == "1"]
    assert ends == [("1", "960")] * 3 + [("11", "960")] * 3 + [("0", "960")] * 3
    assert float(rows[0][0]) == pytest.approx(0.5, abs=0.001)
    growing = [int(row[3]) for row in rows[:6]]
    assert growing == [160, 320, 480, 640, 800, 960]


def test_tshark_finds_no_gap_in_the_stream(tmp_path: Path) -> None:
    """Voice and digits are one RTP stream: no packet is lost in it, none is late."""
    file = tmp_path / "call.pcap"
    write_pcap(file, script(Speaker("alaw", voice=speech_like(1.0, "alaw")), 2.0, [(0.7, "9")]))
    done = subprocess.run(
        ["tshark", "-r", file, "-d", "udp.port==6000,rtp", "-q", "-z", "rtp,streams"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    stream = next(line for line in done.stdout.splitlines() if "g711A" in line)
    assert "0 (0.0%)" in stream


def test_a_key_no_telephone_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no key 'x'"):
        Speaker("ulaw").press("12x")


@given(
    st.lists(st.tuples(st.integers(0, 200), st.text(EVENTS, min_size=1, max_size=4)), max_size=5),
    st.sampled_from(["ulaw", "alaw"]),
    st.binary(max_size=2000),
)
def test_any_stream_counts_without_holes(
    presses: list[tuple[int, str]], codec: str, voice: bytes
) -> None:
    """Sequence numbers follow each other; voice carries 20 ms at the time it is sent."""
    speaker = Speaker("alaw" if codec == "alaw" else "ulaw", voice=voice, sequence=65500)
    packets = script(speaker, 4.0, [(tick * 0.02, keys) for tick, keys in presses])
    heads = [HEADER.unpack_from(packet) for _, packet in packets]
    numbers = [head[2] for head in heads]
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))
    for (at_s, packet), head in zip(packets, heads, strict=True):
        if head[1] & 0x7F != 101:
            assert head[3] == round(at_s / 0.02) * SAMPLES_PER_TICK
            assert len(packet) == HEADER.size + SAMPLES_PER_TICK


def _tshark(file: Path, kind: str) -> list[list[str]]:
    fields = [word for name in FIELDS for word in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-r", file, "-d", "udp.port==6000,rtp", "-Y", kind, "-T", "fields", *fields],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line.split("\t") for line in done.stdout.splitlines()]
