"""Recordings taken without recognition are recognised later, with the real model and store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from ivr.speech.later import MOST_TRIES, LaterParts, LaterRecognition
from ivr.speech.ports import Final, Hearing, Recogniser, SpeechLost, Told, Word
from recordings.live import header
from storage.database import Database
from storage.spoken import SqlSpoken
from storage.tickets import SqlTickets
from storage.transcripts import SqlTranscripts
from tests.ivr.speech import DANGER, SENTENCE, pool, speech
from tests.storage.facts import NOON, ZONES, call_facts, new_ticket, opened
from tickets.model import NewTicket, Origin
from tickets.spoken import Question, SpokenAnswer, request_of
from tickets.transcripts import PendingTranscript, TranscriptStatus


def recorded(home: Path, name: str, pcm: bytes) -> str:
    """A spoken request that lies in a home; its path."""
    path = f"recordings/requests/2026/11/21/{name}.wav"
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(header(len(pcm)) + pcm)
    return path


def request(call_id: str, path: str, minutes: int = 0, **facts: Any) -> NewTicket:
    """What tells of it."""
    new = new_ticket(call_id, origin=Origin.VOICE_REQUEST, at=NOON + timedelta(minutes=minutes))
    return replace(new, facts=call_facts(call_id, **facts), voice_path=path, voice_s=5.0)


class House:
    """A store, a home, and the background worker with a given recogniser."""

    def __init__(self, database: Database, home: Path, recogniser: Recogniser) -> None:
        self.home = home
        self.tickets = SqlTickets(database, ZONES)
        self.transcripts = SqlTranscripts(database)
        self.spoken = SqlSpoken(database, lambda: NOON)
        self.busy = False
        self.told: list[NewTicket] = []
        self.added: list[tuple[str, str]] = []
        self._recogniser = recogniser
        self.begun = 0
        self.worker = LaterRecognition(
            LaterParts(
                transcripts=self.transcripts,
                recognising=self._recognising,
                models={"cmn": "tiny"},
                busy=lambda: self.busy,
                tell=self._tell,
                tell_added=self._tell_added,
                home=home,
                now=lambda: NOON,
            )
        )

    async def _tell(self, new: NewTicket) -> None:
        self.told.append(new)
        await self.tickets.create(new)

    async def _tell_added(self, pending: PendingTranscript, text: str) -> None:
        self.added.append((pending.number, text))

    @asynccontextmanager
    async def _recognising(self) -> AsyncIterator[Recogniser]:
        self.begun += 1
        yield self._recogniser


async def test_what_was_recorded_stands_in_the_ticket_the_oldest_first(
    sql_url: str, tmp_path: Path
) -> None:
    async with opened(sql_url) as database, pool() as real:
        house = House(database, tmp_path, real)
        for minutes, name, text in ((5, "n-2.2", DANGER), (0, "n-1.1", SENTENCE)):
            path = recorded(tmp_path, name, speech(text))
            await house.tickets.create(request(name, path, minutes))
        assert await house.worker.work_once() == 2
        assert [new.facts.call_id for new in house.told] == ["n-1.1", "n-2.2"]
        (made,) = await house.transcripts.of_call("default", "n-1.1")
        assert made.status is TranscriptStatus.DONE
        assert "".join(word.text for word in made.words) == SENTENCE
        assert made.confidence > 0.8
        assert made.model == "tiny"
        cases = await house.spoken.waiting("default")
        assert {case.text for case in cases} == {SENTENCE, DANGER}
        answer = cases[0].answers[0]
        assert answer.question is Question.MATTER
        assert answer.recording.endswith(".wav")


async def test_words_lost_with_the_recogniser_are_recognised_beside_the_last_recording(
    sql_url: str, tmp_path: Path
) -> None:
    """It was lost while he said what kind; then he was recorded plainly: both are on his ticket."""
    async with opened(sql_url) as database, pool() as real:
        house = House(database, tmp_path, real)
        first = recorded(tmp_path, "n-3.3-1", speech(SENTENCE))
        last = recorded(tmp_path, "n-3.3-2", speech(DANGER))
        lost = SpokenAnswer(Question.KIND, recording=first, begin_s=0.1, end_s=9.0)
        spoken = request_of("cmn", (lost,), recognised=False)
        await house.tickets.create(replace(request("n-3.3", last), spoken=spoken))
        assert await house.worker.work_once() == 2
        (case,) = await house.spoken.waiting("default")
        assert [answer.text for answer in case.answers] == [SENTENCE, DANGER]
        assert await house.worker.work_once() == 0


async def test_each_recording_is_recognised_once_also_over_restarts(
    sql_url: str, tmp_path: Path
) -> None:
    async with opened(sql_url) as database, pool() as real:
        house = House(database, tmp_path, real)
        path = recorded(tmp_path, "n-1.1", speech(DANGER))
        await house.tickets.create(request("n-1.1", path))
        await house.tickets.create(request("n-1.1", path))
        assert await house.worker.work_once() == 1
        again = House(database, tmp_path, real)
        assert await again.worker.work_once() == 0
        assert again.begun == 0  # no recogniser is started for nothing
        ticket = await house.tickets.of_call("default", "n-1.1")
        told = await again.tickets.create(house.told[0])  # killed between the fact and the row
        assert told == ticket
        assert await house.tickets.of_call("default", "n-1.1") == ticket


async def test_bad_audio_is_marked_and_not_tried_for_ever(sql_url: str, tmp_path: Path) -> None:
    async with opened(sql_url) as database, pool() as real:
        house = House(database, tmp_path, real)
        broken = recorded(tmp_path, "n-2.2", b"")
        (tmp_path / broken).write_bytes(b"no audio")
        strange = "../outside.wav"
        empty = recorded(tmp_path, "n-4.4", b"")
        gone = "recordings/requests/2026/11/21/gone.wav"
        for number, path in enumerate((gone, broken, strange, empty)):
            await house.tickets.create(request(f"n-{number + 1}.{number + 1}", path, number))
        assert await house.worker.work_once() == 4
        assert await house.worker.work_once() == 0
        found = [(await house.transcripts.of_call("default", f"n-{n}.{n}"))[0] for n in range(1, 5)]
        bad, done = TranscriptStatus.BAD, TranscriptStatus.DONE
        assert [made.status for made in found] == [bad, bad, bad, done]
        assert all(made.reason for made in found[:3])
        assert found[3].words == ()
        assert house.told == []


async def test_a_language_without_a_model_waits_for_one(sql_url: str, tmp_path: Path) -> None:
    async with opened(sql_url) as database, pool() as real:
        house = House(database, tmp_path, real)
        path = recorded(tmp_path, "n-1.1", speech(DANGER))
        await house.tickets.create(request("n-1.1", path, language="yue"))
        assert await house.worker.work_once() == 0
        (waits,) = await house.transcripts.of_call("default", "n-1.1")
        assert waits.status is TranscriptStatus.PENDING


async def test_it_pauses_while_live_calls_need_the_machine(sqlite_url: str, tmp_path: Path) -> None:
    async with opened(sqlite_url) as database, pool() as real:
        house = House(database, tmp_path, real)
        path = recorded(tmp_path, "n-1.1", speech(DANGER))
        await house.tickets.create(request("n-1.1", path))
        house.busy = True
        working = asyncio.ensure_future(house.worker.work_once())
        while not house.begun:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert house.told == []
        house.busy = False
        assert await working == 1


async def test_whatever_goes_wrong_the_engine_goes_on(sqlite_url: str, tmp_path: Path) -> None:
    async with opened(sqlite_url) as database, pool() as real:
        house = House(database, tmp_path, real)
        path = recorded(tmp_path, "n-1.1", speech(DANGER))
        await house.tickets.create(request("n-1.1", path))
        tell, called = house.told, asyncio.Event()

        class Refusing(list[NewTicket]):
            def append(self, new: NewTicket) -> None:
                called.set()
                raise RuntimeError("a mistake of ours")

        house.told = Refusing()
        running = asyncio.ensure_future(house.worker.run())
        async with asyncio.timeout(60):
            await called.wait()
        await asyncio.sleep(0)
        assert not running.done()
        running.cancel()
        await asyncio.wait({running})
        house.told = tell
        assert await house.worker.work_once() == 1


class _Deaf:
    """A recogniser that loses every call."""

    detail = "deaf"

    def able(self, language: str) -> bool:
        return True

    def open(self, call_id: str, language: str, told: Told) -> Hearing:
        return _DeafHearing(told)


class _DeafHearing:
    def __init__(self, told: Told) -> None:
        self._told = told

    def listen_for(self, words: object = ()) -> None: ...

    def feed(self, pcm: bytes, *, within_s: float = 0.0) -> None:
        self._told(SpeechLost("workers died over it"))

    async def flush(self, *, silent: bool = False) -> Final:
        return Final()

    async def caught_up(self) -> None: ...

    def close(self) -> None: ...


async def test_what_breaks_recognition_again_and_again_is_given_up(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with opened(sqlite_url) as database:
        house = House(database, tmp_path, _Deaf())
        path = recorded(tmp_path, "n-1.1", speech(DANGER))
        await house.tickets.create(request("n-1.1", path))
        for _ in range(MOST_TRIES):
            assert await house.worker.work_once() == 1
        assert await house.worker.work_once() == 0
        (made,) = await house.transcripts.of_call("default", "n-1.1")
        assert made.status is TranscriptStatus.FAILED
        assert "died" in made.reason


class _Hums(_Deaf):
    """A recogniser that takes hum for a word, as it does."""

    def open(self, call_id: str, language: str, told: Told) -> Hearing:
        return _HumHearing(told)


class _HumHearing(_DeafHearing):
    def feed(self, pcm: bytes, *, within_s: float = 0.0) -> None: ...

    async def flush(self, *, silent: bool = False) -> Final:
        return Final((Word("着火", 0.2, 4.1, 0.99), Word("[unk]", 4.2, 4.5, 0.8)), 5.0)


async def test_noise_taken_for_words_is_no_fact(sqlite_url: str, tmp_path: Path) -> None:
    """A word of four seconds is hum, as in a conversation: nobody is told of a fire."""
    async with opened(sqlite_url) as database:
        house = House(database, tmp_path, _Hums())
        path = recorded(tmp_path, "n-1.1", speech(DANGER))
        await house.tickets.create(request("n-1.1", path))
        assert await house.worker.work_once() == 1
        assert house.told == []
        (made,) = await house.transcripts.of_call("default", "n-1.1")
        assert made.status is TranscriptStatus.DONE
        assert [word.text for word in made.words] == ["…", "…"]
