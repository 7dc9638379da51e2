"""A power cut takes Asterisk and engine together: who only waited is called back."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hotline.who_waits import WhoWaits
from ivr.conversation import converse
from telephony.call import DialStatus
from telephony.events import ChannelSeen, SnapshotTaken
from tests.ivr.script import Office, Script, World
from tests.queue_manager.builders import START
from tickets.errors import UnknownTicket
from tickets.model import Origin, Outcome, Ticket


def keeping(file: Path, world: World, office: Office | None = None) -> WhoWaits:
    """The file of an engine; `office` is what the next one's tickets go to."""
    books = office or world.office

    async def of_call(tenant: str, call_id: str) -> Ticket:
        if call_id not in books.tickets:
            raise UnknownTicket(call_id)
        return books.tickets[call_id]

    return WhoWaits(file, world.desk.waiting, world.desk.clock, books, books, of_call)


def snapshot(*alive: str) -> SnapshotTaken:
    seen = tuple(ChannelSeen(one, one, f"PJSIP/trunk-x-{one}", False, 0.0, {}) for one in alive)
    return SnapshotTaken(seen, frozenset(), START)


async def cut(file: Path, world: World) -> str:
    """He waits, is written down, and everything is gone; his call."""
    talk = asyncio.create_task(converse(world.call, world.desk))
    async with asyncio.timeout(10):
        while not world.desk.waiting:
            await asyncio.sleep(0.01)
    await keeping(file, world).write()
    assert not world.office.tickets
    talk.cancel()
    await asyncio.gather(talk, return_exceptions=True)
    assert world.desk.waiting == {}
    return world.call.info.call_id


async def test_who_waited_when_all_went_dark_has_a_ticket_to_be_called_back(
    tmp_path: Path,
) -> None:
    """Once, with a row that says when he was seen last; the file forgets him then."""
    file, world = tmp_path / "waiting.jsonl", World(Script())
    call_id = await cut(file, world)
    office = Office()
    after = keeping(file, world, office)
    await after.write()
    work = after.taken(snapshot("other-1"))
    assert work is not None
    await work
    assert after.taken(snapshot()) is None
    ticket = office.tickets[call_id]
    assert (ticket.origin, ticket.callback_due) == (Origin.ABANDONED, True)
    assert ticket.facts.caller_raw == world.call.info.caller_number
    [row] = office.rows
    assert (row.outcome, row.ticket != "", row.queued_at is not None) == (
        Outcome.ABANDONED, True, True,
    )  # fmt: skip
    await after.write()
    assert file.read_text() == ""


async def test_who_is_there_or_has_a_ticket_is_left_alone(tmp_path: Path) -> None:
    """The engine alone had died; or he was answered in the seconds before the end."""
    file, world = tmp_path / "waiting.jsonl", World(Script())
    call_id = await cut(file, world)
    alive = Office()
    await keeping(file, world, alive).restore({call_id})
    assert (alive.tickets, alive.rows) == ({}, [])
    served = Office()
    await keeping(file, world, served).restore(())
    await keeping(file, world, served).restore(())
    assert (served.creates, len(served.rows)) == (1, 1)


async def test_who_is_served_at_once_is_never_written(tmp_path: Path) -> None:
    file = tmp_path / "waiting.jsonl"
    world = World(Script(seats=[DialStatus.ANSWER]))
    await converse(world.call, world.desk)
    assert world.desk.waiting == {}
    await keeping(file, world).write()
    assert not file.exists()


async def test_a_torn_file_and_a_full_disk_stop_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be read is used; what can't be written is told and tried again."""
    file, world = tmp_path / "waiting.jsonl", World(Script())
    call_id = await cut(file, world)
    file.write_text(file.read_text() + '\n{"ticket": {"facts"\n[1]\n')
    office = Office()
    with capture_logs() as logs:
        after = keeping(file, world, office)
        await after.restore(())
        assert set(office.tickets) == {call_id}
        monkeypatch.setattr("hotline.who_waits.write_whole", _full)
        await after.write()
        await after.write()
    assert [line["event"] for line in logs].count("waiting_line_unreadable") == 2
    assert [line["event"] for line in logs].count("waiting_not_written") == 2


def _full(file: Path, content: bytes) -> None:
    raise OSError(28, "No space left on device")
