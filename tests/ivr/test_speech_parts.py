"""The small parts of recognition: messages, kept audio, results, several languages."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech.frames import BrokenStream, Kind, Unpacker, pack
from ivr.speech.kept import KeptAudio
from ivr.speech.languages import Languages
from ivr.speech.ports import NoRecogniser, SpeechAway, Word
from ivr.speech.results import final
from tests.ivr.speech import Ear

messages = st.tuples(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=40))


@given(st.lists(messages, max_size=8), st.lists(st.integers(1, 30), min_size=1))
def test_messages_come_out_as_they_went_in_however_the_stream_is_cut(
    sent: list[tuple[Kind, int, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(pack(*message) for message in sent)
    unpacker, got, at, turn = Unpacker(), [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        got += list(unpacker.take(stream[at : at + size]))
        at, turn = at + size, turn + 1
    assert got == sent


@pytest.mark.parametrize("header", [(0, 99, 1), (2**31, Kind.AUDIO, 1)])
def test_what_is_no_message_is_refused(header: tuple[int, int, int]) -> None:
    with pytest.raises(BrokenStream):
        list(Unpacker().take(struct.pack("<IBI", *header)))


@given(st.lists(st.integers(1, 50), max_size=20), st.lists(st.integers(0, 1200), max_size=10))
def test_kept_audio_is_what_was_not_settled(pieces: list[int], settled: list[int]) -> None:
    whole = b"".join(struct.pack("<h", n % 30000) for n in range(sum(pieces)))
    kept, at = KeptAudio(), 0
    for length in pieces:
        kept.add(whole[2 * at : 2 * (at + length)])
        at += length
    furthest = 0
    for sample in settled:
        kept.settle(sample)
        furthest = max(furthest, min(sample, at))
        assert kept.begin == furthest
        assert b"".join(kept) == whole[2 * furthest :]
    assert kept.end == at
    assert kept.seconds == pytest.approx((at - furthest) / 8000)


def test_a_result_has_its_words_at_their_place_in_the_call() -> None:
    told = {
        "result": [{"word": "投诉", "start": 0.3, "end": 0.81, "conf": 1.00001}],
        "text": "投诉",
    }
    found = final(json.dumps(told), 16000, 32000)
    assert found.words == (Word("投诉", 2.3, 2.81, 1.0),)
    assert (found.text, found.until_s) == ("投诉", 4.0)
    assert final('{"text": ""}', 0, 8).words == ()


@pytest.mark.parametrize("told", ["", "x", "[]", "1", '{"result": [1]}', '{"result": [{}]}'])
def test_what_is_no_result_is_refused(told: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own is one, too
        final(told, 0, 0)


def test_a_language_without_a_recogniser_is_refused() -> None:
    houses = Languages({"cmn": NoRecogniser()})
    assert not houses.able("cmn")
    assert not houses.able("yue")
    with pytest.raises(SpeechAway, match="yue"):
        houses.open("c", "yue", Ear())
    with pytest.raises(SpeechAway, match="off"):
        houses.open("c", "cmn", Ear())
    assert "off" in houses.detail
