"""`hotline tickets`: histories and their verification, in a home without an engine."""

import asyncio
import sqlite3
from pathlib import Path

from storage.seals import Sealer
from tests.hotline.prepared import Home
from tests.storage.facts import NOON, opened
from tests.storage.test_lives import Desk


def _told(home: Home) -> str:
    async def tell() -> str:
        async with opened(f"sqlite:///{home.folder}/state/hotline.db") as database:
            desk = Desk(database)
            number = await desk.made()
            await desk.through(number, "submitted", "dispatched", "signed")
            await Sealer(database, lambda: NOON).seal()
            return number

    return asyncio.run(tell())


def test_a_history_is_shown_and_any_moment_of_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    number = _told(home)
    shown = home.json("tickets", "history", number)
    assert [event["event"] for event in shown["events"]] == [
        "created", "submitted", "dispatched", "signed",
    ]  # fmt: skip
    assert shown["life"]["state"] == "IN_PROGRESS"
    then = home.json("tickets", "history", number, "--as-of", "2")
    assert then["life"]["state"] == "PENDING_REVIEW"
    told = home.does("tickets", "history", number)
    assert (told.code, "running = finish " in told.out) == (0, True)
    unknown = home.does("tickets", "history", "261121009999")
    assert (unknown.code, "261121009999" in unknown.sentence) == (2, True)


def test_what_was_tampered_with_is_found_and_where(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    number = _told(home)
    whole = home.json("tickets", "verify")
    assert (whole["tickets"], whole["events"], whole["findings"]) == (1, 4, [])
    assert home.json("tickets", "verify", "--noted", whole["last_seal"])["seals"] == 1
    assert home.does("tickets", "verify", "--noted", "rubbish").code == 2
    with sqlite3.connect(home.folder / "state/hotline.db") as database:
        database.execute("UPDATE ticket_events SET actor = 'x' WHERE seq = 3")
    said = home.does("tickets", "verify")
    assert (said.code, number in said.out) == (1, True)
