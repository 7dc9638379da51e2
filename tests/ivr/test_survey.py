"""Right after a talk the citizen may be asked whether he was satisfied with it."""

import pytest

from ivr.conversation import converse
from telephony.call import DialStatus
from tests.ivr.script import TENANT, Script, World, directory, in_virtual_time, led, made
from tickets.model import Rating

ASKING = directory((TENANT.model_copy(update={"survey": True}),))
TALK = (DialStatus.ANSWER,)
GREETED = ("0",)


def ratings(world: World) -> list[str]:
    """What the office was told of the talk."""
    return [new.rating for new in world.office.told if new.rating]


@pytest.mark.parametrize(
    ("key", "rating"),
    [
        ("1", Rating.SATISFIED),
        ("2", Rating.UNSATISFIED),
        ("7", Rating.DEFAULT),
        ("", Rating.DEFAULT),
    ],
)
@in_virtual_time
async def test_his_key_is_a_fact_of_the_ticket_and_silence_is_told_apart(
    key: str, rating: Rating
) -> None:
    world = await led(Script(digits=(*GREETED, key), seats=TALK, directory=ASKING))
    assert ratings(world) == [rating]
    assert world.call.said.count("survey/satisfied") == 1
    ticket = made(world)
    assert rating in " ".join(ticket.notes)
    assert ticket.seat_id == "8001"
    assert world.call.done


@in_virtual_time
async def test_as_shipped_nobody_is_asked() -> None:
    world = await led(Script(digits=(*GREETED, "1"), seats=TALK))
    assert ratings(world) == []
    assert "survey/satisfied" not in world.call.said


@in_virtual_time
async def test_without_a_talk_nobody_is_asked() -> None:
    world = await led(Script(digits=GREETED, directory=ASKING))
    assert ratings(world) == []
    assert "survey/satisfied" not in world.call.said


@in_virtual_time
async def test_who_hangs_up_before_the_question_is_over_has_said_nothing() -> None:
    """Wherever he leaves: one ticket of the talk, and no rating but one he gave."""
    whole = await led(Script(digits=(*GREETED, "2"), seats=TALK, directory=ASKING))
    for step in range(1, whole.call.steps + 1):
        world = World(Script(digits=(*GREETED, "2"), seats=TALK, directory=ASKING))
        world.call.hang_up_at = step
        await converse(world.call, world.desk)
        if world.call.dialplan is not None:
            await world.call.dialplan
        assert ratings(world) in ([], [Rating.UNSATISFIED])
