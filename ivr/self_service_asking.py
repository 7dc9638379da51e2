"""The questions of self-service: digits that are keyed, or said where speech is on.

What was said counts only when all of it is digits, one by one; else it is asked for by key alone.
"""

from ivr.desk import Desk
from ivr.numbers import DIGITS
from ivr.speech.ports import SpeechAway
from ivr.spoken_ports import SpokenCaller
from ivr.story import Story
from ivr.turn_rules import NUMBER_ANSWER, TurnRules
from ivr.voice_request import place_take
from telephony.call import Call
from telephony.live_audio import AudioAway
from tickets.understanding.numerals import DIGITS as SAID

END_KEY, LANGUAGE_KEY = "#", "*"
KEY_SILENCE_S = 5.0
TYPING = TurnRules(answer_s=4.0)
LANGUAGE = "cmn"
"""What digits are called is known in this language."""
ASIDE = 9
"""The take that holds what was said to these questions: none of a request's."""


async def digits_of(
    call: Call, desk: Desk, story: Story, prompt: str, longest: int, *, by_voice: bool
) -> str:
    """What he keys (`*` and a single 0 as well), or says; "" for silence or what wasn't
    understood. `#` ends it and isn't returned."""
    house = desk.spoken
    if by_voice and house is not None and story.language == LANGUAGE and house.able(LANGUAGE):
        file = place_take(desk.voice, story, ASIDE)
        await desk.voice.prepare(file)
        try:
            async with house.speaking(call, story.language, file.stored) as caller:
                return await _said_or_typed(caller, prompt, longest)
        except (AudioAway, SpeechAway) as why:
            story.log().info("self_service_by_key", why=type(why).__name__)
    return await call.ask(
        (prompt,), language=story.language, max_digits=longest, timeout_s=KEY_SILENCE_S
    )


async def _said_or_typed(caller: SpokenCaller, prompt: str, longest: int) -> str:
    turn = await caller.ask((prompt,), NUMBER_ANSWER, keys=DIGITS + END_KEY + LANGUAGE_KEY)
    if not turn.key:
        return said_digits(turn.text)[:longest]
    typed = turn.key
    while typed[-1] not in (END_KEY, LANGUAGE_KEY) and len(typed) < longest:
        turn = await caller.ask((), TYPING, keys=DIGITS + END_KEY)
        if not turn.key:
            break
        typed += turn.key
    return typed.rstrip(END_KEY)


def said_digits(text: str) -> str:
    """Digits said one by one (二六幺…, 0042); "" when anything else was said."""
    signs = [sign for sign in text if not sign.isspace()]
    return "".join(SAID[sign] for sign in signs) if all(sign in SAID for sign in signs) else ""
