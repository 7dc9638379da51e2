"""Recognition in worker processes: what is said comes out, whatever happens to a worker."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import psutil
import pytest

from ivr.speech.kept import SLICE
from ivr.speech.pool import VoskPool
from ivr.speech.ports import UNKNOWN, Final, Partial, SpeechAway
from ivr.speech.process import WorkerProcess
from tests.ivr.speech import DANGER, FRAME, SENTENCE, WAIT_S, Ear, frames, hear, model, pool, speech

SEEN = ("", "m1", "m3", "m7", "f4")


@pytest.mark.parametrize("variant", SEEN)
async def test_what_seen_voices_say_comes_out_word_for_word(variant: str) -> None:
    async with pool() as house:
        for text in (SENTENCE, DANGER, "青秀区", "投诉", "是的", "电话一三八零零一三八零零零"):
            ear = Ear()
            hearing = house.open("c", "cmn", ear)
            await hear(hearing, speech(text, variant))
            rest = await hearing.flush()
            assert ear.text + rest.text.replace(" ", "") == text
            hearing.close()


async def test_silence_after_a_sentence_is_no_word() -> None:
    """A model that takes four seconds of it for 晕倒 would ring for help after every call."""
    async with pool() as house:
        for text in (SENTENCE, "路灯坏了晚上不亮"):
            ear = Ear()
            hearing = house.open("c", "cmn", ear)
            await hear(hearing, speech(text, after_s=6.0))
            assert ear.text + (await hearing.flush()).text == text
            hearing.close()


async def test_words_have_times_within_the_audio_and_confidences() -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        pcm = speech(SENTENCE)
        await hear(hearing, pcm)
        await hear(hearing, pcm)
        first, second = ear.finals
        assert [w.text for w in first.words] == [w.text for w in second.words]
        assert 0.3 < first.words[0].start_s < 0.6  # the silence before it is 0.4 s
        for final in (first, second):
            for word, following in zip(final.words, final.words[1:], strict=False):
                assert word.start_s < word.end_s <= following.start_s + 0.001
            assert all(0.5 < word.confidence <= 1.0 for word in final.words)
        later_s = len(pcm) / 16000
        for a, b in zip(first.words, second.words, strict=True):
            assert b.start_s - a.start_s == pytest.approx(later_s, abs=0.1)


async def test_the_text_is_the_same_for_any_size_of_pieces() -> None:
    async with pool() as house:
        told = []
        for size in (2, 320, 998, 16000, 1_000_000):
            ear = Ear()
            hearing = house.open("c", "cmn", ear)
            await hear(hearing, speech(SENTENCE), size)
            told.append(ear.finals)
            hearing.close()
        assert len(told[0]) == 1
        assert all(one == told[0] for one in told)


async def test_partial_texts_grow_while_somebody_speaks() -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        for frame in frames(speech(SENTENCE)):
            hearing.feed(frame)
            await asyncio.sleep(0)
            if len(ear.events) < 3:
                await hearing.caught_up()
        await hearing.caught_up()
        assert isinstance(ear.events[0], Partial)
        assert isinstance(ear.events[-1], Final)
        texts = [e.text for e in ear.events if isinstance(e, Partial)]
        assert len(texts) == len(set(texts))


async def test_flush_ends_an_utterance_at_once_and_listening_goes_on() -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        await hear(hearing, speech(DANGER, after_s=0.1))
        assert ear.finals == []
        assert (await hearing.flush()).text.replace(" ", "") == DANGER
        assert (await hearing.flush()).words == ()
        await hear(hearing, speech(SENTENCE))
        assert ear.text == SENTENCE


async def test_who_is_silent_is_told_of_and_heard_on_as_if_nobody_had_asked() -> None:
    """The recogniser isn't begun anew: the same words at the same places as if left alone."""
    async with pool() as house:
        pcm = speech(SENTENCE, after_s=0.7)
        asked, left_alone = [], Ear()
        hearing = house.open("c", "cmn", Ear())
        other = house.open("d", "cmn", left_alone)
        for _ in range(3):
            hearing.feed(pcm)
            asked.append(await hearing.flush(silent=True))
            other.feed(pcm)
        await hear(other, bytes(16000))
        assert [final.text.replace(" ", "") for final in asked] == [SENTENCE] * 3
        words = [word for final in left_alone.finals for word in final.words]
        assert [word.text for final in asked for word in final.words] == [w.text for w in words]
        for word, same in zip((w for final in asked for w in final.words), words, strict=True):
            assert word.start_s == pytest.approx(same.start_s, abs=0.1)
        assert (await hearing.flush(silent=True)).words == ()


async def test_a_worker_killed_after_that_question_tells_nothing_twice() -> None:
    async with pool(workers=2) as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        hearing.feed(speech(DANGER, after_s=0.7))
        said = (await hearing.flush(silent=True)).text.replace(" ", "")
        for pid in house.pids:
            os.kill(pid, signal.SIGKILL)
        hearing.feed(speech(SENTENCE, before_s=0.1, after_s=0.7))
        said += (await hearing.flush(silent=True)).text.replace(" ", "")
        assert said + ear.text == DANGER + SENTENCE


async def test_a_step_hears_only_its_grammar_and_the_next_one_everything() -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        hearing.listen_for(("投诉", "咨询", "火星文"))
        await hear(hearing, speech("投诉"))
        assert ear.text == "投诉"
        await hear(hearing, speech(SENTENCE))
        words = {word.text for final in ear.finals for word in final.words}
        assert words <= {"投诉", "咨询", UNKNOWN}
        ear.events.clear()
        hearing.listen_for()
        await hear(hearing, speech(SENTENCE))
        assert ear.text == SENTENCE


@pytest.mark.parametrize("grammar", [(), ("",), ("火星文",), (" ", "魑魅魍魉")])
async def test_a_grammar_of_nothing_known_hears_everything(grammar: tuple[str, ...]) -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        hearing.listen_for(grammar)
        await hear(hearing, speech(SENTENCE))
        assert ear.text == SENTENCE


async def test_a_phrase_written_in_one_is_cut_into_known_words() -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        hearing.listen_for((DANGER, "路灯坏了"))
        await hear(hearing, speech(DANGER))
        assert ear.text == DANGER


async def test_words_before_a_new_step_are_dropped() -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        await hear(hearing, speech(SENTENCE, after_s=0.0))
        hearing.listen_for()
        await hear(hearing, speech(DANGER))
        assert ear.text == DANGER


async def test_a_worker_killed_in_the_middle_loses_no_word() -> None:
    async with pool(workers=2) as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        await hear(hearing, speech(DANGER))
        pieces = frames(speech(SENTENCE))
        for frame in pieces[: len(pieces) // 2]:
            hearing.feed(frame)
        await hearing.caught_up()
        killed = list(house.pids)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        for frame in pieces[len(pieces) // 2 :]:
            hearing.feed(frame)
        async with asyncio.timeout(WAIT_S):
            await hearing.caught_up()
        assert ear.text == DANGER + SENTENCE
        assert not set(killed) & set(house.pids)
        begin_s = len(speech(DANGER)) / 16000
        assert ear.finals[1].words[0].start_s == pytest.approx(begin_s + 0.4, abs=0.15)


@pytest.mark.parametrize("pause", ["shorter", "as long"])
async def test_who_goes_on_at_an_end_point_at_which_workers_are_killed_loses_no_word(
    pause: str,
) -> None:
    """Vosk is up to a third of a second behind when it ends an utterance: that belongs to the next
    one, also for a fresh recogniser."""
    first, second = speech("路灯坏了", after_s=0.0), speech("晚上不亮", before_s=0.0)
    async with pool(workers=2) as house:
        until = await _end_point(house, first + bytes(16000))
        quiet = until - len(first) - (0 if pause == "as long" else 3 * SLICE)
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        for slice_ in frames(first + bytes(quiet) + second, SLICE):
            hearing.feed(slice_)
            await hearing.caught_up()
            if ear.finals:
                for pid in house.pids:
                    os.kill(pid, signal.SIGKILL)
                break
        hearing.feed((first + bytes(quiet) + second)[until:])
        rest = await hearing.flush()
        assert ear.text + rest.text.replace(" ", "") == "路灯坏了晚上不亮"


async def _end_point(house: VoskPool, pcm: bytes) -> int:
    """The bytes after which an utterance was ended."""
    ear = Ear()
    hearing = house.open("before", "cmn", ear)
    for number, slice_ in enumerate(frames(pcm, SLICE), 1):
        hearing.feed(slice_)
        await hearing.caught_up()
        if ear.finals:
            hearing.close()
            return number * SLICE
    raise AssertionError("no end point")


async def test_what_waits_for_an_answer_when_a_worker_is_killed_is_answered() -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        await hear(hearing, speech(SENTENCE, after_s=0.0))
        (pid,) = house.pids
        os.kill(pid, signal.SIGSTOP)
        flushing = asyncio.ensure_future(hearing.flush())
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(WAIT_S):
            assert (await flushing).text.replace(" ", "") == SENTENCE


async def test_a_worker_that_hangs_is_replaced_and_no_word_is_lost() -> None:
    async with pool(hang_s=1.0) as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        pieces = frames(speech(SENTENCE))
        for frame in pieces[:60]:
            hearing.feed(frame)
        await hearing.caught_up()
        (hung,) = house.pids
        os.kill(hung, signal.SIGSTOP)
        for frame in pieces[60:]:
            hearing.feed(frame)
        await ear.until(lambda: bool(ear.finals))
        assert ear.text == SENTENCE
        assert house.pids != [hung]
        assert not psutil.pid_exists(hung)


async def test_audio_that_kills_every_worker_is_given_up_and_others_go_on() -> None:
    async with pool() as house:
        good, bad = Ear(), Ear()
        other = house.open("good", "cmn", good)
        hearing = house.open("bad", "cmn", bad)
        for _ in range(3):
            await house.ready(WAIT_S)
            (pid,) = house.pids
            os.kill(pid, signal.SIGSTOP)
            hearing.feed(speech(SENTENCE))
            while _busy_with(house) != hearing.ear:  # type: ignore[attr-defined]
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(0.001)
                os.kill(pid, signal.SIGSTOP)
            os.kill(pid, signal.SIGKILL)
            gone = asyncio.get_running_loop().time() + WAIT_S
            while pid in house.pids:
                assert asyncio.get_running_loop().time() < gone
                await asyncio.sleep(0.01)
        await bad.until(lambda: bool(bad.lost))
        assert "workers died" in bad.lost[0].reason
        assert (await hearing.flush()) == Final()
        await hear(other, speech(SENTENCE))
        assert good.text == SENTENCE
        assert good.lost == []


def _busy_with(house: VoskPool) -> int:
    return house.busy_with[0] if house.busy_with else 0


async def test_ten_of_a_hundred_packets_lost_change_no_word() -> None:
    async with pool() as house:
        chance = random.Random(5)
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        for frame in frames(speech(SENTENCE)):
            hearing.feed(b"\0" * len(frame) if chance.random() < 0.1 else frame)
        await hearing.caught_up()
        assert ear.text == SENTENCE


async def test_half_an_hour_of_talk_is_heard_whole_and_little_memory_is_kept() -> None:
    async with pool() as house:
        pcm = speech(SENTENCE)
        times = round(1800 / (len(pcm) / 16000))
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        await hear(hearing, pcm)
        before = psutil.Process(house.pids[0]).memory_info().rss
        for _ in range(times - 1):
            hearing.feed(pcm)
            await hearing.caught_up()
        assert ear.text == SENTENCE * times
        grown = psutil.Process(house.pids[0]).memory_info().rss - before
        assert grown < 5_000_000, f"{grown} bytes more"


async def test_many_callers_are_heard_at_once_and_nobody_waits_for_another() -> None:
    async with pool(workers=2) as house:
        pcm = speech(SENTENCE)
        long_one = house.open("long", "cmn", Ear())
        long_one.feed(pcm * 30)  # minutes of audio at once
        ears = [Ear() for _ in range(40)]
        hearings = [house.open(f"c{n}", "cmn", ear) for n, ear in enumerate(ears)]
        for frame in frames(pcm):
            for hearing in hearings:
                hearing.feed(frame)
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(*(hearing.caught_up() for hearing in hearings))
        assert [ear.text for ear in ears] == [SENTENCE] * 40
        left = asyncio.ensure_future(long_one.caught_up())
        await asyncio.sleep(0)
        assert not left.done()  # who fed most comes last
        await left


async def test_closing_tells_nothing_more_and_frees_its_ear() -> None:
    async with pool() as house:
        ear = Ear()
        hearing = house.open("c", "cmn", ear)
        hearing.feed(speech(SENTENCE))
        hearing.close()
        hearing.close()
        hearing.feed(speech(SENTENCE))
        assert house.calls == 0
        other = house.open("d", "cmn", Ear())
        await hear(other, speech(DANGER))
        assert ear.events == []


async def test_workers_end_with_the_pool_and_calls_are_told() -> None:
    async with pool(workers=2) as house:
        pids = house.pids
        ear = Ear()
        house.open("c", "cmn", ear)
    assert [lost.reason for lost in ear.lost] == ["the engine stops"]
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_another_language_than_the_models_is_refused() -> None:
    async with pool() as house:
        assert not house.able("en")
        with pytest.raises(SpeechAway):
            house.open("c", "en", Ear())


async def test_a_missing_model_is_told_and_tried_again_when_it_comes(tmp_path: Path) -> None:
    late = tmp_path / "model"
    house = VoskPool(late, language="cmn", workers=1)
    house.start()
    try:
        with pytest.raises(SpeechAway):
            house.open("c", "cmn", Ear())
        while str(late) not in house.detail or "does not contain model files" not in house.detail:
            await asyncio.sleep(0.05)
        late.symlink_to(model())
        await house.ready(WAIT_S)
        ear = Ear()
        await hear(house.open("c", "cmn", ear), speech(DANGER))
        assert ear.text == DANGER
    finally:
        await house.close()


async def test_who_closes_while_a_worker_is_being_ended_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its process is nobody's when the loop closes."""
    ending, go_on, ended = asyncio.Event(), asyncio.Event(), list[int]()
    really = WorkerProcess.end

    async def held(worker: WorkerProcess) -> None:
        ending.set()
        await go_on.wait()
        await really(worker)
        ended.append(worker.pid)

    monkeypatch.setattr(WorkerProcess, "end", held)
    house = VoskPool(tmp_path / "no-model", language="cmn", workers=1)
    house.start()
    await asyncio.wait_for(ending.wait(), WAIT_S)
    closing = asyncio.create_task(house.close())
    done, _ = await asyncio.wait({closing}, timeout=0.2)
    go_on.set()
    await closing
    assert not done
    assert ended
    assert not psutil.pid_exists(ended[0])


async def test_a_broken_model_is_told_and_nobody_is_harmed(tmp_path: Path) -> None:
    broken = tmp_path / "model"
    for file in model().rglob("*"):
        if file.is_file():
            copy = broken / file.relative_to(model())
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes()[: 100 if file.name == "final.mdl" else None])
    house = VoskPool(broken, language="cmn", workers=1)
    house.start()
    try:
        while "its workers are being started" in house.detail:
            await asyncio.sleep(0.05)
        assert "its worker ended" in house.detail
        assert not house.able("cmn")
    finally:
        await house.close()


def test_frames_of_a_telephone_are_a_third_of_a_slice() -> None:
    assert SLICE == 3 * FRAME


_ENGINE = """
import asyncio, sys
from pathlib import Path
from ivr.speech.pool import VoskPool

async def main():
    pool = VoskPool(Path(sys.argv[1]), language="cmn", workers=2)
    pool.start()
    while len(pool.pids) < 2:
        await asyncio.sleep(0.02)
    print(*pool.pids, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_workers_die_with_a_killed_engine_even_when_they_hang() -> None:
    engine = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _ENGINE, str(model()), stdout=PIPE
    )
    try:
        assert engine.stdout is not None
        async with asyncio.timeout(WAIT_S):
            while not (line := await engine.stdout.readline()).replace(b" ", b"").strip().isdigit():
                assert line, "the engine ended"
        workers = [psutil.Process(int(pid)) for pid in line.split()]
        workers[0].suspend()
    finally:
        engine.kill()
        await engine.wait()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, workers, 20)
    assert (len(gone), alive) == (2, [])
