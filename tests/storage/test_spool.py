"""The spool: each call that no engine led becomes one ticket with its audio, whatever happens."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import storage.spool
from agi_scripts.fallback_intake import REMEMBERED
from agi_scripts.fallback_intake import item as written_item
from storage.calls import SqlCalls
from storage.database import Database
from storage.files import move
from storage.spool import SpoolTaker
from storage.spool_item import SpoolItem, origin_of, parse_item
from storage.tables import calls, spool_taken
from storage.tickets import SqlTickets
from tests.recordings.wavs import put, wav
from tests.storage.facts import ZONES, call_facts, opened
from tickets.errors import StoreAway
from tickets.model import CallFacts, NewTicket, Origin, Ticket, TicketState

CALL = "hotline-1795233600.17"
ITEM: dict[str, Any] = {
    "version": 1, "call_id": CALL, "trunk": "demo", "called": "12345", "first_called": "12333",
    "caller": "13800138000", "asserted": "", "stage": "queued",
    "queued_at": "2026-11-21T04:00:10.5+00:00", "seat": "", "dialstatus": "",
    "started_at": "2026-11-21T04:00:00+00:00", "recording": "/hotline/recordings/2026/11/21/x.wav",
    "voice": "", "voice_s": 0.0, "reason": "orphan", "taken_at": "2026-11-21T04:01:00+00:00",
    "variables": {"TRUNK": "demo"},
}  # fmt: skip


def resolve(item: SpoolItem) -> CallFacts:
    """As the wiring does it: the number first dialled decides the line."""
    if item.called == "999":
        raise LookupError("nobody's number: 999")
    return call_facts(
        item.call_id, line_id=item.first_called, caller_raw=item.caller,
        started_at=item.began_at, recording=item.recording,
    )  # fmt: skip


def lay(home: Path, seconds: float | None = None, **changed: Any) -> Path:
    """Put an item into the spool, its audio first."""
    values = ITEM | changed
    incoming = home / "spool" / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    if seconds is not None:
        put(incoming / f"{values['call_id']}.wav", wav(seconds))
    file = incoming / f"{values['call_id']}.json"
    file.write_text(json.dumps(values))
    return file


@asynccontextmanager
async def taking(url: str, home: Path) -> AsyncIterator[tuple[SpoolTaker, Database]]:
    async with opened(url) as database:
        yield (
            SpoolTaker(home, SqlTickets(database, ZONES), SqlCalls(database), resolve, ZONES),
            database,
        )


async def _tickets(database: Database) -> list[Ticket]:
    return list(await SqlTickets(database, ZONES).list("default", limit=100))


async def test_a_request_becomes_a_ticket_with_its_audio(sql_url: str, tmp_path: Path) -> None:
    voice = f"/hotline/spool/incoming/{CALL}.wav"
    lay(tmp_path, 7.5, reason="request", voice=voice, voice_s=7.5)
    async with taking(sql_url, tmp_path) as (taker, database):
        assert taker.waiting == 1
        assert await taker.take_all() == 1
        [ticket] = await _tickets(database)
        assert (ticket.origin, ticket.state) == (Origin.VOICE_REQUEST, TicketState.PENDING_REVIEW)
        assert ticket.voice_path == f"recordings/requests/2026/11/21/{CALL}-spool.wav"
        assert (ticket.voice_s, ticket.spool_id, ticket.first_callback) == (7.5, CALL, False)
        assert (tmp_path / ticket.voice_path).read_bytes() == wav(7.5)
        assert ticket.facts.line_id == "12333"
        assert ticket.created_at == datetime(2026, 11, 21, 4, 1, tzinfo=UTC)
        [row] = await database.read(lambda c: c.execute(select(calls)).all())
        assert (row.outcome, row.wait_s) == ("voice_request", 49.5)
        [taken] = await database.read(lambda c: c.execute(select(spool_taken)).all())
        assert (taken.spool_id, taken.ticket) == (CALL, ticket.number)
        assert taker.waiting == 0
        assert _names(tmp_path) == [f"done/{CALL}.json"]


def _names(home: Path) -> list[str]:
    spool = home / "spool"
    return sorted(str(file.relative_to(spool)) for file in spool.rglob("*") if file.is_file())


async def test_a_request_without_audio_is_called_back_first(
    sqlite_url: str, tmp_path: Path
) -> None:
    lay(tmp_path, reason="request")
    async with taking(sqlite_url, tmp_path) as (taker, database):
        await taker.take_all()
        [ticket] = await _tickets(database)
        assert (ticket.origin, ticket.voice_path) == (Origin.VOICE_REQUEST, "")
        assert ticket.first_callback
        assert ticket.callback_due


@pytest.mark.parametrize(
    ("stage", "dialstatus", "origin"),
    [
        ("", "", Origin.ABANDONED), ("greeting", "", Origin.ABANDONED),
        ("queued", "", Origin.ABANDONED), ("dialing", "", Origin.ABANDONED),
        ("dialing", "NOANSWER", Origin.ABANDONED), ("dialing", "ANSWER", Origin.TALK),
        ("talked", "", Origin.TALK), ("talked", "ANSWER", Origin.TALK),
        ("consulting", "", Origin.TALK), ("talking", "", Origin.TALK),
        ("voice_request", "", Origin.ABANDONED), ("done", "", None), ("served", "", None),
    ],
)  # fmt: skip
def test_what_an_orphan_is_tells_its_stage(
    stage: str, dialstatus: str, origin: Origin | None
) -> None:
    item = SpoolItem.model_validate_json(
        json.dumps(ITEM | {"stage": stage, "dialstatus": dialstatus, "seat": "801"})
    )
    assert origin_of(item, has_voice=False) is origin
    assert origin_of(item, has_voice=True) is Origin.VOICE_REQUEST


async def test_orphans_become_tickets_by_their_stage(sql_url: str, tmp_path: Path) -> None:
    lay(tmp_path, call_id="n-1.1", stage="queued")
    lay(tmp_path, call_id="n-1.2", stage="dialing", dialstatus="ANSWER", seat="801")
    lay(tmp_path, call_id="n-1.3", stage="done")
    lay(tmp_path, call_id="n-1.4", stage="served")
    async with taking(sql_url, tmp_path) as (taker, database):
        await taker.take_all()
        talk, abandoned = await _tickets(database)
        assert (abandoned.call_id, abandoned.origin, abandoned.callback_due) == (
            "n-1.1", Origin.ABANDONED, True,
        )  # fmt: skip
        assert (talk.call_id, talk.origin, talk.state, talk.seat_id) == (
            "n-1.2", Origin.TALK, TicketState.DRAFT, "801",
        )  # fmt: skip
        assert taker.waiting == 0


async def test_a_take_that_the_dead_engine_recorded_is_not_forgotten(
    sqlite_url: str, tmp_path: Path
) -> None:
    earlier = f"recordings/requests/2026/11/21/{CALL}-2.wav"
    put(tmp_path / earlier, wav(4))
    lay(tmp_path, stage="voice_request")
    async with taking(sqlite_url, tmp_path) as (taker, database):
        await taker.take_all()
        [ticket] = await _tickets(database)
        assert (ticket.origin, ticket.voice_path) == (Origin.VOICE_REQUEST, earlier)


async def test_a_breath_does_not_take_the_place_of_what_was_said_before(
    sqlite_url: str, tmp_path: Path
) -> None:
    """He wanted to say it again and hung up while the engine was away: what he said counts."""
    earlier = f"recordings/requests/2026/11/21/{CALL}-1.wav"
    put(tmp_path / earlier, wav(9))
    put(tmp_path / f"recordings/requests/2026/11/21/{CALL}-2.wav", wav(0.3))
    lay(tmp_path, stage="voice_request")
    async with taking(sqlite_url, tmp_path) as (taker, database):
        await taker.take_all()
        [ticket] = await _tickets(database)
        assert (ticket.voice_path, ticket.voice_s) == (earlier, 9.0)


async def test_an_orphan_that_was_connected_on_is_no_talk_of_a_seat(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A transfer that was answered before the engine died: its row says so, no ticket."""
    lay(tmp_path, stage="dialing", dialstatus="ANSWER", queued_at="")
    async with taking(sqlite_url, tmp_path) as (taker, database):
        await taker.take_all()
        assert await _tickets(database) == []
        [row] = await database.read(lambda c: c.execute(select(calls)).all())
        assert (row.outcome, row.seat_id) == ("transferred", "")


async def test_a_recording_whose_script_was_killed_becomes_a_ticket(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Asterisk died while the caller spoke: audio and who he is are there, the item isn't. As
    long as he may still be speaking it is left alone."""
    begun = lay(tmp_path, 5.0, reason="request")
    begun = begun.rename(begun.with_suffix(".begun"))
    async with taking(sqlite_url, tmp_path) as (taker, database):
        assert await taker.take_all() == 0
        long_ago = begun.stat().st_mtime - storage.spool.BEGUN_LIFE_S - 1
        os.utime(begun, (long_ago, long_ago))
        assert await taker.take_all() == 1
        [ticket] = await _tickets(database)
        assert (ticket.origin, ticket.voice_s) == (Origin.VOICE_REQUEST, 5.0)
        assert _names(tmp_path) == [f"done/{CALL}.json"]


async def test_an_item_that_comes_again_changes_nothing(sqlite_url: str, tmp_path: Path) -> None:
    async with taking(sqlite_url, tmp_path) as (taker, database):
        for _ in range(2):
            lay(tmp_path)
            await taker.take_all()
        [ticket] = await _tickets(database)
        assert ticket.version == 1
        assert _names(tmp_path) == [f"done/{CALL}-2.json", f"done/{CALL}.json"]


async def test_an_orphan_after_a_request_leaves_the_request(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with taking(sqlite_url, tmp_path) as (taker, database):
        lay(tmp_path, 3.0, reason="request")
        await taker.take_all()
        lay(tmp_path, stage="queued", taken_at="2026-11-21T04:02:00+00:00")
        await taker.take_all()
        [ticket] = await _tickets(database)
        assert (ticket.origin, ticket.voice_s) == (Origin.VOICE_REQUEST, 3.0)


BAD: list[tuple[str, dict[str, Any]]] = [
    ("version", {"version": 2}),
    ("stage", {"stage": "asleep"}),
    ("reason", {"reason": "because"}),
    ("taken_at", {"taken_at": "yesterday"}),
    ("taken_at", {"taken_at": "2026-11-21T04:01:00"}),
    ("caller", {"caller": "138\r\nAction: Originate"}),
    ("voice_s", {"voice_s": "7"}),
    ("voice_s", {"voice_s": -1}),
    ("voice", {"voice": "/hotline/spool/incoming/../../secrets/ami.wav"}),
    ("extra", {"surprise": True}),
    ("nobody's number", {"called": "999"}),
    ("file of call", {"call_id": CALL, "_name": "other"}),
]


@pytest.mark.parametrize(("told", "changed"), BAD)
async def test_a_bad_item_is_moved_aside_with_its_reason_and_its_audio(
    sqlite_url: str, tmp_path: Path, told: str, changed: dict[str, Any]
) -> None:
    name = changed.pop("_name", CALL)
    bad = lay(tmp_path, 2.0, **changed)
    for file in (bad, bad.with_suffix(".wav")):
        file.rename(file.with_name(f"{name}{file.suffix}"))
    lay(tmp_path, call_id="n-2.1")
    async with taking(sqlite_url, tmp_path) as (taker, database):
        await taker.take_all()
        assert [ticket.call_id for ticket in await _tickets(database)] == ["n-2.1"]
    rejected = tmp_path / "spool" / "rejected"
    assert told in (rejected / f"{name}.reason.txt").read_text()
    assert (rejected / f"{name}.json").exists()
    assert (rejected / f"{name}.wav").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[]", b"{", b"[" * 60_000, b" " * 70_000, b'{"version": 1}']
)
def test_rubbish_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_item("x", content)


def test_the_scripts_own_items_are_understood() -> None:
    """The format has two ends; this holds them together."""
    variables = dict.fromkeys(REMEMBERED, "") | {
        "CALLER": "13800138000", "CALLER_NAME": "张伟", "QUEUED_AT": "1795233610.5",
        "STAGE": "queued", "ANSWERED_AT": "1795233600.0",
    }  # fmt: skip
    for seconds in (0.0, 7.5):
        content = json.dumps(written_item(CALL, variables, True, seconds)).encode()
        item = parse_item(CALL, content)
        assert (item.call_id, item.caller, item.voice_s) == (CALL, "13800138000", seconds)
        assert item.queued_at == datetime.fromtimestamp(1795233610.5, UTC)


async def test_while_sql_is_away_everything_stays_where_it_is(tmp_path: Path) -> None:
    lay(tmp_path)
    nowhere = f"sqlite:///{tmp_path}/missing/x.db"
    async with taking(nowhere, tmp_path) as (taker, _database):
        with pytest.raises(StoreAway):
            await taker.take_all()
    assert _names(tmp_path) == [f"incoming/{CALL}.json"]


async def test_an_item_that_cannot_be_read_does_not_block_the_others(
    sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "spool" / "incoming" / "a.json").mkdir(parents=True)
    lay(tmp_path)
    async with taking(sqlite_url, tmp_path) as (taker, database):
        assert await taker.take_all() == 2
        assert len(await _tickets(database)) == 1
        assert taker.waiting == 1


class Killed(BaseException):
    """The process ends here."""


class DyingAt:
    """Ends the process just before its n-th step; a step is a move of a file or a commit."""

    def __init__(self, step: int) -> None:
        self.left = step

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def move(self, source: Path, target: Path) -> None:
        self._step()
        move(source, target)
        self._step()

    def around(self, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def written(*arguments: Any) -> Any:
            self._step()
            result = await write(*arguments)
            self._step()
            return result

        return written


@pytest.mark.parametrize("step", range(8))
async def test_killed_before_any_step_there_is_one_ticket_with_its_audio(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    lay(tmp_path, 5.0, reason="request")
    dying = DyingAt(step)
    async with taking(sqlite_url, tmp_path) as (taker, database):
        with monkeypatch.context() as patch:
            patch.setattr(storage.spool, "move", dying.move)
            patch.setattr(taker._tickets, "create", dying.around(taker._tickets.create))
            patch.setattr(taker._calls, "record", dying.around(taker._calls.record))
            with pytest.raises(Killed):
                await taker.take_all()
        assert dying.left == -1
        await taker.take_all()
        [ticket] = await _tickets(database)
        assert (tmp_path / ticket.voice_path).read_bytes() == wav(5.0)
        assert ticket.version == 1
        assert len(await database.read(lambda c: c.execute(select(calls)).all())) == 1
        assert _names(tmp_path) == [f"done/{CALL}.json"]


async def test_all_steps_of_an_item_were_tried(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above knows eight steps: there are no more."""
    lay(tmp_path, 5.0, reason="request")
    dying = DyingAt(100)
    async with taking(sqlite_url, tmp_path) as (taker, _database):
        monkeypatch.setattr(storage.spool, "move", dying.move)
        monkeypatch.setattr(taker._tickets, "create", dying.around(taker._tickets.create))
        monkeypatch.setattr(taker._calls, "record", dying.around(taker._calls.record))
        await taker.take_all()
    assert dying.left == 100 - 8


TAKER = """
import asyncio, sys
from pathlib import Path
from tests.storage.test_spool import taking

async def main(url, home):
    async with taking(url, Path(home)) as (taker, _):
        print("begins", flush=True)
        await taker.take_all()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_again_and_again_each_item_has_one_ticket(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A real SIGKILL, a little later each time, until everything is taken in."""
    ids = [f"n-5.{n}" for n in range(40)]
    for call_id in ids:
        lay(tmp_path, 1.0, call_id=call_id, reason="request")
    for delay_ms in (5, 15, 40, 80):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", TAKER, sqlite_url, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"begins\n"
        await asyncio.sleep(delay_ms / 1000)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.communicate()
    async with taking(sqlite_url, tmp_path) as (taker, database):
        await taker.take_all()
        tickets = await _tickets(database)
        assert sorted(ticket.call_id for ticket in tickets) == sorted(ids)
        assert all((tmp_path / ticket.voice_path).is_file() for ticket in tickets)
        assert all(ticket.version == 1 for ticket in tickets)
    assert len(_names(tmp_path)) == 40


async def test_one_item_that_sql_refuses_does_not_block_the_others(
    sqlite_url: str, tmp_path: Path
) -> None:
    async def refuses(new: NewTicket) -> Ticket:
        raise RuntimeError("a mistake of ours")

    lay(tmp_path, 1.0, call_id="n-6.1")
    async with taking(sqlite_url, tmp_path) as (taker, database):
        taker._tickets.create = refuses  # type: ignore[method-assign]  # the fault under test
        await taker.take_all()
        assert await _tickets(database) == []
    reason = tmp_path / "spool" / "rejected" / "n-6.1.reason.txt"
    assert "a mistake of ours" in reason.read_text()
