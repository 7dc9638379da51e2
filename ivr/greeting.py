"""The first words: notice, one sentence, optional keys. Silence leads straight on."""

from ivr.flow import PERSON_KEY, Ask, Key, Say
from ivr.known_callers import KnownCallers
from ivr.story import Resume, Story
from telephony.call import Call

WRONG_LIMIT = 2


async def greet(call: Call, story: Story, start: str) -> str:
    """Walk the flow's `say` and `ask` steps; the name of the first step of another kind."""
    name = start
    while True:
        step = story.flow.steps[name]
        if isinstance(step, Say):
            await call.play(step.prompts, language=story.language)
            name = step.next
        elif isinstance(step, Ask):
            name = await _ask(call, story, step)
        else:
            return name


async def _ask(call: Call, story: Story, step: Ask) -> str:
    """One question; wrong keys twice lead to a person, who can't be mistyped."""
    prompts = step.prompts
    for _ in range(WRONG_LIMIT):
        digit = await call.ask(
            prompts, language=story.language, max_digits=1, timeout_s=step.timeout_s
        )
        if not digit:
            story.elder = story.elder or step.silent_elder
            return step.silence
        story.keys += digit
        if digit == PERSON_KEY:
            return story.flow.person
        key = step.keys.get(digit)
        if key is not None:
            choose(story, key)
            return key.go or step.silence
        prompts = ("wrong_key",)
    await call.play(("to_person",), language=story.language)
    return story.flow.person


def recognise(story: Story, callers: KnownCallers) -> None:
    """What is known of the caller. His language is what he is spoken to in first; the keys of the
    flow lead him to any other as ever."""
    story.known = callers.find(story.tenant.id, story.caller.e164)
    language = story.known.language if story.known is not None else ""
    if story.point is Resume.FRESH and language and language in story.flow.choices:
        story.language = language


def choose(story: Story, key: Key) -> None:
    """Take over what a key means."""
    story.language = key.language or story.language
    story.kind = key.kind or story.kind
    story.chosen = story.chosen.joined(key.needs)
    story.elder = story.elder or key.elder
    story.danger = story.danger or key.danger
