"""Skills of seats that the rules have lost."""

from queue_manager.unknown_skills import spelled, unknown_skills
from tests.queue_manager.builders import seat


def test_seats_are_named_by_the_skill_that_nobody_knows() -> None:
    seats = [seat(f"800{n}", cmn=5, xx=2) for n in range(5)] + [seat("9001", cmn=5, yy=1)]
    found = unknown_skills(seats, {"lang:cmn"})
    assert set(found) == {"lang:xx", "lang:yy"}
    assert spelled(found) == ("lang:xx (seats 8000, 8001, 8002 and 2 more); lang:yy (seats 9001)")
    assert unknown_skills(seats, {"lang:cmn", "lang:xx", "lang:yy"}) == {}
