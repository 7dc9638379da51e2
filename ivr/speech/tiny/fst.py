"""Weighted automata as OpenFst reads them, written byte by byte: the library isn't needed.

Sources: openfst fst/fst.cc (FstHeader), const-fst.h, label-reachable.h, interval-set.h,
add-on.h; checked by Vosk reading them.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

_MAGIC, _ADD_ON_MAGIC = 2125659606, 446681434
_EXPANDED, _SORTED_BY_INPUT, _SORTED_BY_OUTPUT = 1, 1 << 28, 1 << 30
NEVER = float("inf")

Arc = tuple[int, int, float, int]
"""Input label, output label, cost, next state."""


@dataclass(slots=True)
class Automaton:
    """States are numbers; `finals` has the cost of ending in a state."""

    start: int = 0
    arcs: list[list[Arc]] = field(default_factory=list)
    finals: dict[int, float] = field(default_factory=dict)

    def state(self) -> int:
        """A new state."""
        self.arcs.append([])
        return len(self.arcs) - 1

    def add(self, source: int, taken: int, told: int, cost: float, target: int) -> None:
        """A new arc."""
        self.arcs[source].append((taken, told, cost, target))


def constant(automaton: Automaton, *, by_output: bool = False) -> bytes:
    """As a `ConstFst<StdArc>`, its arcs sorted by input (or output) label."""
    order = (lambda arc: (arc[1], arc[0])) if by_output else (lambda arc: (arc[0], arc[1]))
    sorted_arcs = [sorted(arcs, key=order) for arcs in automaton.arcs]
    properties = _EXPANDED | (_SORTED_BY_OUTPUT if by_output else _SORTED_BY_INPUT)
    parts, at = [_header("const", 2, properties, automaton)], 0
    for state, arcs in enumerate(sorted_arcs):
        silent = sum(arc[0] == 0 for arc in arcs), sum(arc[1] == 0 for arc in arcs)
        final = automaton.finals.get(state, NEVER)
        parts.append(struct.pack("<fIIII", final, at, len(arcs), *silent))
        at += len(arcs)
    parts += [struct.pack("<iifi", *arc) for arcs in sorted_arcs for arc in arcs]
    return b"".join(parts)


def looking_ahead(automaton: Automaton, final_label: int) -> bytes:
    """As an `olabel_lookahead` fst: with every state goes the set of words that may come next, so
    that it can be composed with a grammar while decoding."""
    reached = _next_words(automaton, final_label)
    header = _header("olabel_lookahead", 1, _EXPANDED | _SORTED_BY_OUTPUT, automaton)
    parts = [
        header,
        struct.pack("<i", _ADD_ON_MAGIC),
        constant(automaton, by_output=True),
        b"\1\0\1\0\0",  # data for outputs alone; they keep their labels
        struct.pack("<iq", final_label, len(reached)),
    ]
    for labels in reached:
        runs = list(_runs(labels))
        parts.append(struct.pack("<q", len(runs)))
        parts += [struct.pack("<ii", *run) for run in runs]
        parts.append(struct.pack("<i", len(labels)))
    return b"".join(parts)


def _header(kind: str, version: int, properties: int, automaton: Automaton) -> bytes:
    count = sum(map(len, automaton.arcs))
    return (
        struct.pack("<i", _MAGIC)
        + _string(kind)
        + _string("standard")
        + struct.pack(
            "<iiQqqq", version, 0, properties, automaton.start, len(automaton.arcs), count
        )
    )


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<i", len(data)) + data


def _next_words(automaton: Automaton, final_label: int) -> list[set[int]]:
    """Per state, the output labels that can be the next one (`final_label`: it may end first)."""
    reached: list[set[int]] = [set() for _ in automaton.arcs]
    before: list[list[int]] = [[] for _ in automaton.arcs]
    for state in automaton.finals:
        reached[state].add(final_label)
    for state, arcs in enumerate(automaton.arcs):
        for _, told, _, target in arcs:
            if told:
                reached[state].add(told)
            else:
                before[target].append(state)
    waiting = list(range(len(automaton.arcs)))
    while waiting:
        state = waiting.pop()
        for source in before[state]:
            if not reached[state] <= reached[source]:
                reached[source] |= reached[state]
                waiting.append(source)
    return reached


def _runs(labels: Iterable[int]) -> Iterable[tuple[int, int]]:
    """Neighbouring labels as [first, after the last)."""
    first = last = -1
    for label in sorted(labels):
        if label != last:
            if last >= 0:
                yield first, last
            first = label
        last = label + 1
    if last >= 0:
        yield first, last
