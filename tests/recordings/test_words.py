"""Words of spoken requests are purged by their own time, and the log tells it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from recordings.model import RecordingKind
from recordings.retention import expired_words, purge_words
from storage.database import Database
from storage.recordings import SqlRecordings
from storage.spoken import spoken_requests
from storage.tables import tickets
from storage.tickets import SqlTickets
from storage.transcripts import transcripts
from storage.words_purge import SqlSpokenWords
from tests.storage.facts import NOON, SHANGHAI, ZONES, new_ticket, opened
from tests.storage.test_spoken import ANSWERS, told
from tickets.model import Origin

DAYS = {RecordingKind.WORDS: 180}


async def _count(database: Database) -> list[int]:
    counted = [select(func.count()).select_from(t) for t in (spoken_requests, transcripts, tickets)]
    return [await database.read(lambda c, q=one: c.execute(q).scalar_one()) for one in counted]  # type: ignore[misc]


async def test_words_whose_time_is_over_go_and_the_log_tells_it(sql_url: str) -> None:
    """Their tickets stay; a second purge finds nothing."""
    path = "recordings/requests/2026/11/21/plain-1.wav"
    plain = new_ticket("plain", origin=Origin.VOICE_REQUEST, voice_path=path, voice_s=9.0)
    async with opened(sql_url) as database:
        made = SqlTickets(database, ZONES)
        number = (await made.create(told("a-1.1", *ANSWERS))).number
        await made.create(plain)
        words = SqlSpokenWords(database)
        assert await _count(database) == [1, 1, 2]
        on_the_last_day = (NOON + timedelta(days=180)).astimezone(SHANGHAI)
        assert await purge_words(words, on_the_last_day, DAYS) == 0
        after = on_the_last_day + timedelta(days=1)
        due = await expired_words(words, after, DAYS, limit=10)
        assert sorted(one.path for one in due) == [
            f"spoken_requests/default/{number}",
            f"transcripts/default/{path}",
        ]
        assert all(one.kind is RecordingKind.WORDS and one.size_bytes > 1 for one in due)
        assert await purge_words(words, after, DAYS) == 2
        assert await _count(database) == [0, 0, 2]
        logged = await SqlRecordings(database).purge_log()
        assert sorted(logged) == [("default", one.path, after) for one in sorted(due, key=str)]
        assert await purge_words(words, after, DAYS) == 0


async def test_words_without_a_time_are_kept(sqlite_url: str) -> None:
    async with opened(sqlite_url) as database:
        await SqlTickets(database, ZONES).create(told("a-1.1", *ANSWERS))
        assert (
            await purge_words(SqlSpokenWords(database), datetime(2100, 1, 1, tzinfo=UTC), {}) == 0
        )
