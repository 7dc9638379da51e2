"""What a citizen adds to his ticket by voice: kept with it, or, when it can't be, a request of its
own. Nobody's words are lost between the two."""

from ivr.desk import Desk
from ivr.story import Story
from tickets.errors import StoreAway
from tickets.self_service import Addition


async def keep_words(story: Story, desk: Desk) -> bool:
    """Have the ticket he was adding to take what he said; True when it has. Else his voice stays in
    the story: then it is a request of this call, which makes its own ticket."""
    ticket, story.adding = story.adding, None
    if ticket is None or desk.own is None or story.voice is None or story.voice_s <= 0:
        return False
    now = desk.clock.now()
    words = Addition(story.info.call_id, story.voice.stored, story.voice_s, now, story.language)
    try:
        kept = await desk.own.add(ticket, words)
    except StoreAway as why:
        story.log().warning("words_not_added", ticket=ticket.number, reason=str(why))
        return False
    if kept:
        story.voice, story.voice_s, story.served = None, 0.0, True
        story.log().info("words_added", ticket=ticket.number, said_s=round(words.seconds, 1))
    return kept
