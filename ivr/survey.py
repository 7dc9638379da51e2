"""Right after a talk: was he satisfied with it? Only where the tenant wants it (`survey`).

Asked when the seat has hung up first and the citizen is still there; the seat is free by then.
"""

from dataclasses import replace

from ivr.desk import Desk
from ivr.ending import ticket_of
from ivr.story import Story
from telephony.call import Call
from tickets.model import Rating

KEY_S = 5.0
KEYS = {"1": Rating.SATISFIED, "2": Rating.UNSATISFIED}


async def ask_about_talk(call: Call, desk: Desk, story: Story) -> None:
    """Ask once; his answer is a fact of the call's ticket. Without a key it is told apart from what
    was said; a hang-up before the end of the question leaves nothing.

    An engine that dies meanwhile leaves the stage of a talk that was had: he is let go then.
    """
    await call.remember(STAGE="talked", TICKET=story.ticket)
    key = await call.ask(
        ("survey/satisfied",), language=story.language, max_digits=1, timeout_s=KEY_S
    )
    rating = KEYS.get(key, Rating.DEFAULT)
    new = ticket_of(story, desk.clock.now())
    if new is not None:
        await desk.tickets.create(replace(new, rating=rating))
        story.log().info("talk_rated", seat=story.seat_id, ticket=story.ticket, rating=rating)
    if key:
        await call.play(("survey/thanks",), language=story.language)
