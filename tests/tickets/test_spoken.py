"""What the answers of a spoken intake come to, in whatever order and pieces they are told."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tickets.spoken import (
    Confirmation,
    Question,
    Review,
    SpokenAnswer,
    SpokenRequest,
    SpokenWord,
    combined,
    joined,
    request_of,
)

FILE, OTHER = "recordings/requests/2026/11/21/a-1.wav", "recordings/requests/2026/11/21/a-2.wav"


def said(question: Question, text: str, value: str = "", *, at: float = 1.0, sure: float = 1.0,
         file: str = FILE) -> SpokenAnswer:  # fmt: skip
    words = tuple(SpokenWord(w, at + n, at + n + 1, sure) for n, w in enumerate(text.split()))
    return SpokenAnswer(
        question, value, words=words, recording=file, begin_s=at, end_s=at + len(words)
    )


KIND = said(Question.KIND, "投诉", "complaint")
PLACE = said(Question.PLACE, "青秀区", "450103")
MATTER = said(Question.MATTER, "路灯 坏了", "040201", at=5.0)
YES = said(Question.CONFIRM, "对", Confirmation.YES)
AGAIN = said(Question.CONFIRM, "不对", Confirmation.AGAIN)

words = st.builds(
    SpokenWord, st.sampled_from(["路灯", "坏了", "…"]), st.floats(0, 9), st.floats(0, 9),
    st.sampled_from([0.0, 0.6, 0.9]),
)  # fmt: skip
answers = st.builds(
    SpokenAnswer,
    st.sampled_from(Question),
    st.sampled_from(["", "yes", "again", "more", "complaint"]),
    words=st.lists(words, max_size=2).map(tuple),
    recording=st.sampled_from([FILE, OTHER]),
    begin_s=st.floats(0, 5),
    end_s=st.floats(0, 9),
)
requests = st.builds(
    lambda given_, recognised: request_of("cmn", given_, recognised=recognised),
    st.lists(answers, max_size=6),
    st.booleans(),
)


@given(st.lists(requests, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_facts_in_any_order_and_twice_tell_the_same(facts: list[SpokenRequest], chance) -> None:  # type: ignore[no-untyped-def] # hypothesis' own
    told = combined(facts)
    chance.shuffle(facts)
    assert combined([*facts, *facts]) == told


@given(st.lists(requests, min_size=1, max_size=4))
def test_no_word_is_lost_when_facts_are_combined(facts: list[SpokenRequest]) -> None:
    """The words of the fact that tells most are all there, in their answers."""
    told = combined(facts)
    assert told is not None
    best = [f for f in facts if len(f.answers) <= len(told.answers)]
    assert any(all(not a.words or a in told.answers for a in fact.answers) for fact in best)


def test_all_said_and_confirmed_needs_nobody() -> None:
    request = request_of("cmn", (KIND, PLACE, MATTER, YES))
    assert (request.confirmed, request.review, request.text) == (True, (), "路灯坏了")


def test_why_a_person_must_look() -> None:
    assert request_of("cmn", (KIND,)).review == (Review.UNCONFIRMED,)
    assert request_of("za", (), elsewhere=True).review == (Review.LANGUAGE, Review.UNCONFIRMED)
    assert Review.NOT_RECOGNISED in request_of("cmn", (), recognised=False).review
    assert request_of("cmn", (KIND, YES), danger="着火").review == (Review.DANGER,)
    unsure = said(Question.MATTER, "路灯", sure=0.5)
    assert request_of("cmn", (unsure, YES)).review == (Review.UNSURE,)
    mumbled = said(Question.PLACE, "嗯")
    assert request_of("cmn", (mumbled, MATTER, YES)).review == (Review.NOT_UNDERSTOOD,)


def test_begun_anew_the_new_matter_holds_and_silence_loses_nothing() -> None:
    new = said(Question.MATTER, "停水", at=9.0)
    assert request_of("cmn", (MATTER, AGAIN, new)).text == "停水"
    nothing = replace(MATTER, words=(), begin_s=9.0, end_s=9.0)
    assert request_of("cmn", (MATTER, AGAIN, nothing)).text == "路灯坏了"
    assert request_of("cmn", (MATTER, new)).text == "路灯坏了\n停水"


def test_words_recognised_later_fill_what_was_only_heard() -> None:
    """The engine died while he spoke: the fragment gets its words when the recording is recognised,
    and a plain recording is told beside what was asked."""
    broken = SpokenAnswer(Question.BROKEN, recording=FILE, begin_s=4.5, end_s=8.0)
    first = request_of("cmn", (KIND, broken), recognised=False)
    whole = (*KIND.words, *MATTER.words)
    later = request_of("cmn", (replace(MATTER, words=whole, begin_s=1.0, end_s=7.0),))
    told = combined([later, first])
    assert told is not None
    assert told.text == "路灯坏了"
    assert Review.NOT_RECOGNISED not in told.review
    plain = request_of("cmn", (said(Question.MATTER, "停水", file=OTHER),))
    beside = combined([first, plain])
    assert beside is not None
    assert beside.text == "停水"
    assert beside.answer(Question.KIND) == KIND


def test_texts_are_written_as_their_language_is() -> None:
    assert joined(("路灯", "坏了")) == "路灯坏了"
    assert joined(("the", "lamp", "路灯")) == "the lamp路灯"
    assert combined([]) is None
