"""What a citizen added by telephone is heard by who deals with his ticket."""

from pathlib import Path

from console.ports import Role
from storage.lives import SqlLives
from storage.self_service import SqlOwnTickets
from tests.console.fakes import CITY
from tests.console.ticket_house import HERE_PATH, ZONE, ticket_house
from tickets.self_service import Addition

STORED = "recordings/requests/2026/11/23/n-9.9-1.wav"


async def test_further_words_are_played_to_who_deals_with_the_ticket(
    sqlite_url: str, tmp_path: Path
) -> None:
    """By the event that names them; nothing else has a sound, and a wall hears nothing."""
    sound = tmp_path / "said.wav"
    sound.write_bytes(b"RIFF" + bytes(60))
    async with ticket_house(sqlite_url) as house:
        house.city.audio = {STORED: sound}
        number = (await house.seat.take())["ticket"]["number"]
        lives = SqlLives(house.database)
        own = SqlOwnTickets(house.database, lives, {CITY: ZONE}, house.clock.now)
        ticket = await own.with_number(CITY, number)
        assert ticket is not None
        assert await own.add(ticket, Addition("n-9.9", STORED, 6.0, house.clock.now()))
        last = (await lives.history(CITY, number))[-1]
        path = f"{HERE_PATH}/tickets/{number}/events/{last.seq}/audio"
        status, told, headers = await house.reviewer.caller.ask(path)
        assert (status, headers["Content-Type"]) == (200, "audio/wav")
        assert told == sound.read_bytes()
        first = f"{HERE_PATH}/tickets/{number}/events/1/audio"
        assert await house.reviewer.caller.refused(first) == (404, "no-audio")
        wall = house.person(Role.WALLBOARD)
        assert (await wall.caller.refused(path))[0] == 403
