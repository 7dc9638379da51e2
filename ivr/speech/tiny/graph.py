"""What may be said: which word follows which (a bigram), and how words are made of phones.

Phone p has one state. Transition-id 2 p goes on from it, 2 p - 1 stays.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from ivr.speech.tiny.fst import Automaton

_DISCOUNT, _SEEN_OFTEN = 0.7, 3
_SILENCE_COST = -math.log(0.5)
_AFTER_UNKNOWN_COST = 0.1
Pronunciations = Mapping[int, Sequence[Sequence[int]]]
"""Per word id, its pronunciations as phone ids."""


def bigram(
    sentences: Iterable[Sequence[str]], ids: Mapping[str, int], unknown: str, unknown_cost: float
) -> Automaton:
    """An acceptor of words with back-off; `unknown` can follow anything, at a cost."""
    pairs: dict[str, Counter[str]] = {}
    single: Counter[str] = Counter()
    for sentence in sentences:
        words = ["<s>", *sentence, "</s>"]
        single.update(words[1:])
        for word, successor in pairwise(words):
            pairs.setdefault(word, Counter())[successor] += 1
    made = Automaton()
    back_off = made.state()
    after = {word: made.state() for word in sorted(pairs)}
    total = sum(single.values())
    for word in sorted(single):
        cost = -math.log(single[word] / total)
        if word == "</s>":
            made.finals[back_off] = cost
        else:
            made.add(back_off, ids[word], ids[word], cost, after[word])
    for word, follows in sorted(pairs.items()):
        _successors(made, after, word, follows, ids, back_off)
    strange = made.state()
    made.add(back_off, ids[unknown], ids[unknown], unknown_cost, strange)
    made.add(strange, 0, 0, _AFTER_UNKNOWN_COST, back_off)
    made.start = after["<s>"]
    return made


def _successors(
    made: Automaton,
    after: Mapping[str, int],
    word: str,
    follows: Counter[str],
    ids: Mapping[str, int],
    back_off: int,
) -> None:
    count, kept = sum(follows.values()), 0.0
    for successor, times in sorted(follows.items()):
        if times < _SEEN_OFTEN:
            continue
        chance = (times - _DISCOUNT) / count
        kept += chance
        if successor == "</s>":
            made.finals[after[word]] = -math.log(chance)
        else:
            label = ids[successor]
            made.add(after[word], label, label, -math.log(chance), after[successor])
    made.add(after[word], 0, 0, -math.log(max(1 - kept, 1e-4)), back_off)


def expanded(grammar: Automaton, said: Pronunciations, silence: int) -> Automaton:
    """HCLG: the grammar with every word spelled out in phones, and silence between words."""
    made = Automaton()
    count = len(grammar.arcs)
    for _ in range(2 * count + 1):
        made.state()  # 0…: as in the grammar; count…: there, just after a word
    for state in range(count):
        _maybe_silence(made, count + state, state, silence)
        if state in grammar.finals:
            made.finals[state] = grammar.finals[state]
    for state, arcs in enumerate(grammar.arcs):
        for label, _, cost, target in arcs:
            if label == 0:
                made.add(state, 0, 0, cost, target)
                continue
            for phones in said[label]:
                _spell(made, state, phones, label, cost, count + target)
    made.add(2 * count, 0, 0, 0.0, count + grammar.start)
    made.start = 2 * count
    return made


def any_words(said: Pronunciations, silence: int) -> Automaton:
    """HCL: any words in any order; which are likely comes from a grammar composed with it."""
    made = Automaton()
    between, after = made.state(), made.state()
    made.start, made.finals[between] = after, 0.0
    _maybe_silence(made, after, between, silence)
    for label, ways in said.items():
        for phones in ways:
            _spell(made, between, phones, label, 0.0, after)
    return made


def _maybe_silence(made: Automaton, source: int, target: int, silence: int) -> None:
    made.add(source, 0, 0, _SILENCE_COST, target)
    quiet = made.state()
    made.add(source, 2 * silence, 0, _SILENCE_COST, quiet)
    made.add(quiet, 2 * silence - 1, 0, 0.0, quiet)
    made.add(quiet, 0, 0, 0.0, target)


def _spell(
    made: Automaton, source: int, phones: Sequence[int], label: int, cost: float, target: int
) -> None:
    """A path of phones, each as long as it likes; the word is told at its beginning."""
    at = source
    for number, phone in enumerate(phones):
        state = made.state()
        first = number == 0
        made.add(at, 2 * phone, label if first else 0, cost if first else 0.0, state)
        made.add(state, 2 * phone - 1, 0, 0.0, state)
        at = state
    made.add(at, 0, 0, 0.0, target)
