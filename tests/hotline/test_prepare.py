"""What is made in the home before the parts start: once, whole, and again when it is lost."""

from pathlib import Path

import pytest

from console.auth import TOKEN
from hotline import secrets_kept
from hotline.errors import BadSettings, HomeUnusable
from hotline.layout import lay_out
from hotline.prepare import digest, prepare
from hotline.settings import Settings
from queue_manager.model import Seat
from storage.database import Database
from storage.seats import SqlSeats
from storage.tokens import SqlTokens, StoredToken


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation whose folders are there, and nothing else."""
    made = Settings(home=tmp_path / "home")
    lay_out(made)
    return made


async def stored_token(settings: Settings, name: str) -> StoredToken | None:
    """What the database knows of a token that is kept in the home."""
    shape = TOKEN.fullmatch(secrets_kept.read(settings.folders, name))
    assert shape is not None
    database = Database(settings.sql_url)
    await database.start()
    try:
        return await SqlTokens(database).find(shape[1])
    finally:
        await database.close()


async def test_secrets_are_made_once_and_closed_to_others(settings: Settings) -> None:
    home = settings.folders
    await prepare(settings)
    made = {file.name: file.read_text() for file in home.secrets.iterdir()}
    assert set(made) == {"ami_secret", "cli_token", "page_token", "sip_realm", "system_name"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in home.secrets.iterdir())
    await prepare(settings)
    assert {file.name: file.read_text() for file in home.secrets.iterdir()} == made


async def test_the_local_tokens_are_good_for_every_tenant(settings: Settings) -> None:
    await prepare(settings)
    for name, role in (("cli_token", "administrator"), ("page_token", "wallboard")):
        token = await stored_token(settings, name)
        assert token is not None
        assert (token.role, token.tenant) == (role, "*")


async def test_tokens_are_made_anew_for_a_new_database(settings: Settings) -> None:
    await prepare(settings)
    before = secrets_kept.read(settings.folders, "cli_token")
    for file in settings.folders.state.glob("hotline.db*"):
        file.unlink()
    await prepare(settings)
    assert secrets_kept.read(settings.folders, "cli_token") != before
    assert await stored_token(settings, "cli_token") is not None


async def test_prompts_stand_where_asterisk_looks(settings: Settings) -> None:
    await prepare(settings)
    prompts = settings.folders.prompts
    assert {"cmn", "en", "moh"} <= {folder.name for folder in prompts.iterdir()}
    spoken = [file.stem for file in (prompts / "cmn").rglob("*.alaw")]
    assert len(spoken) > 20


async def test_seats_of_the_database_are_asterisks_endpoints(settings: Settings) -> None:
    await prepare(settings)
    realm = secrets_kept.sip_realm(settings.folders)
    database = Database(settings.sql_url)
    await database.start()
    seat = Seat("default", "1001", "一号", "1001", {"lang:cmn": 5})
    await SqlSeats(database).add(seat, digest("1001", realm, "secret"))
    await database.close()
    await prepare(settings)
    text = (settings.folders.asterisk_etc / "pjsip_seats.conf").read_text()
    assert digest("1001", realm, "secret") in text
    assert "=secret" not in text


async def test_with_the_database_away_seats_stay_as_they_were(settings: Settings) -> None:
    """Calls are served without SQL; phones must still be let in."""
    await prepare(settings)
    seats = settings.folders.asterisk_etc / "pjsip_seats.conf"
    seats.write_text("; seats as last known\n")
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    said = await prepare(settings.model_copy(update={"database_url": nowhere}))
    assert any("database away" in line for line in said)
    assert seats.read_text() == "; seats as last known\n"


async def test_a_database_of_a_newer_program_is_refused(settings: Settings) -> None:
    await prepare(settings)
    database = Database(settings.sql_url)
    await database.start()
    await database.write(
        lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num='9'")
    )
    await database.close()
    with pytest.raises(HomeUnusable, match="schema 9"):
        await prepare(settings)


async def test_a_mistake_in_a_line_table_stops_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    table = tmp_path / "lines.yaml"
    table.write_text("lines: []\n")
    tenant = settings.tenants[0].model_copy(update={"lines_file": table})
    with pytest.raises(BadSettings, match=f"{table}:1:"):
        await prepare(settings.model_copy(update={"tenants": (tenant,)}))
