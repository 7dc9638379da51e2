"""A request taken by voice: what was asked and answered, and what of it a person must look at.

Times are seconds from the beginning of the recording that an answer names. Confidences are those
of the recogniser, 0 to 1. All here are values: what the answers come to is computed from them, so
it is the same for a conversation that came to its end and for one found on the disk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

SURE = 0.7
"""A word of less confidence makes an answer unsure."""


class Question(StrEnum):
    """What a caller is asked, one at a time; BROKEN is what he said while the engine broke off."""

    KIND = "kind"
    PLACE = "place"
    MATTER = "matter"
    NUMBER = "number"
    CONFIRM = "confirm"
    BROKEN = "broken"


class Confirmation(StrEnum):
    """What he says to what was said back to him."""

    YES = "yes"
    AGAIN = "again"
    MORE = "more"


class Review(StrEnum):
    """Why a person must listen before the request goes on."""

    UNCONFIRMED = "unconfirmed"
    UNSURE = "unsure"
    NOT_UNDERSTOOD = "not_understood"
    NOT_RECOGNISED = "not_recognised"
    LANGUAGE = "language"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A recognised word."""

    text: str
    begin_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """What was said, or pressed, to one question.

    `value` is what was understood of it ("" when nothing was): a kind, the code of a place, of a
    class for the matter, a number (E.164), a confirmation. `label` is the same for people, `score`
    (0 to 1) how sure that is and `because` the words that gave it. `recording` is where it can be
    heard (relative to the home).
    """

    question: Question
    value: str = ""
    label: str = ""
    score: float = 0.0
    because: tuple[str, ...] = ()
    keys: str = ""
    words: tuple[SpokenWord, ...] = ()
    recording: str = ""
    begin_s: float = 0.0
    end_s: float = 0.0

    @property
    def text(self) -> str:
        """The words as one text, in the way of their language: Chinese without spaces."""
        return joined(word.text for word in self.words)

    @property
    def heard(self) -> bool:
        """Whether there is anything in it: a word, a key, or sound to be listened to."""
        return bool(self.words or self.keys or self.end_s > self.begin_s)

    @property
    def unsure(self) -> bool:
        """Whether any word of it was heard badly."""
        return any(word.confidence < SURE for word in self.words)


@dataclass(frozen=True, slots=True)
class SpokenRequest:
    """What a conversation took: every question with its answer in the order they were asked, and
    (`review`) why a person must look. `danger` is the word that broke the conversation off."""

    language: str
    answers: tuple[SpokenAnswer, ...] = ()
    confirmed: bool = False
    danger: str = ""
    review: tuple[Review, ...] = ()

    def answer(self, question: Question) -> SpokenAnswer | None:
        """What holds for this question, if anything was answered."""
        found = holding(self.answers).get(question, ())
        return found[-1] if found else None

    @property
    def matters(self) -> Sequence[SpokenAnswer]:
        """What happened, in the parts in which it was told; what he was saying when the engine
        broke off, when there is nothing else."""
        holds = holding(self.answers)
        return holds.get(Question.MATTER) or holds.get(Question.BROKEN) or ()

    @property
    def text(self) -> str:
        """What happened, in the caller's words."""
        return "\n".join(matter.text for matter in self.matters if matter.text)


def request_of(
    language: str,
    answers: Iterable[SpokenAnswer],
    *,
    danger: str = "",
    recognised: bool = True,
    elsewhere: bool = False,
) -> SpokenRequest:
    """What these answers come to. `recognised` is False when nobody could understand the caller's
    words, `elsewhere` True when he spoke a language we have no recogniser for."""
    given = tuple(answers)
    last = given[-1] if given else None
    confirmed = (
        last is not None and last.question is Question.CONFIRM and last.value == Confirmation.YES
    )
    review: list[Review] = []
    if danger:
        review.append(Review.DANGER)
    if elsewhere:
        review.append(Review.LANGUAGE)
    elif not recognised:
        review.append(Review.NOT_RECOGNISED)
    if not confirmed:
        review.append(Review.UNCONFIRMED)
    holds = [one for many in holding(given).values() for one in many]
    if any(not a.value and a.question not in _FREE for a in holds):
        review.append(Review.NOT_UNDERSTOOD)
    if Question.BROKEN in (a.question for a in holds) or any(a.unsure for a in holds):
        review.append(Review.UNSURE)
    return SpokenRequest(language, given, confirmed, danger, tuple(review))


_FREE = (Question.MATTER, Question.BROKEN)


def holding(answers: Sequence[SpokenAnswer]) -> dict[Question, list[SpokenAnswer]]:
    """The answers that hold, by question: the last ones; of the matter all since it was last begun
    anew. Who began anew and then said nothing has still said what he said before."""
    found: dict[Question, list[SpokenAnswer]] = {}
    again: set[Question] = set()
    for answer in answers:
        if answer.question is Question.CONFIRM and answer.value == Confirmation.AGAIN:
            again = {Question.MATTER}
        if not answer.heard:
            continue
        before = found.setdefault(answer.question, [])
        if answer.question in _FREE:
            if answer.question in again:
                before.clear()
            before.append(answer)
            again.discard(answer.question)
        elif answer.value or not before:
            before[:] = [answer]
    return found


def joined(words: Iterable[str]) -> str:
    """Words as one text: a space only between words of letters and digits."""
    text = ""
    for word in words:
        if text and word and text[-1].isascii() and word[0].isascii():
            text += " "
        text += word
    return text


def combined(requests: Iterable[SpokenRequest]) -> SpokenRequest | None:
    """What several facts of one call tell together, whatever order they come in; None of none.

    The one that tells most, with the words that others (recognised later) have for its wordless
    answers, and with answers out of recordings it doesn't have.
    """
    known = sorted(dict.fromkeys(requests), key=_worth, reverse=True)
    if not known:
        return None
    best, later = known[0], [a for one in known[1:] for a in one.answers if a.words]
    answers = tuple(_with_words(answer, later) for answer in best.answers)
    have = {answer.recording for answer in best.answers}
    others = tuple(a for a in dict.fromkeys(later) if a.recording not in have)
    if answers == best.answers and not others:
        return best
    whole = (*answers, *others)
    review = [why for why in best.review if why is not Review.NOT_RECOGNISED]
    if Review.UNSURE not in review and any(a.unsure for a in whole):
        review.append(Review.UNSURE)
    return replace(best, answers=whole, review=tuple(review))


def _with_words(answer: SpokenAnswer, later: Sequence[SpokenAnswer]) -> SpokenAnswer:
    """Those recognised later that lie in it, for an answer that has none."""
    if answer.words or answer.keys:
        return answer
    words = (w for a in later if a.recording == answer.recording for w in a.words)
    within = tuple(w for w in words if answer.begin_s <= (w.begin_s + w.end_s) / 2 < answer.end_s)
    return replace(answer, words=within) if within else answer


def _worth(request: SpokenRequest) -> tuple[bool, int, int, str]:
    return request.confirmed, len(request.answers), len(request.text), repr(request)
