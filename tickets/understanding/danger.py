"""Words of danger that break a conversation off at once, and what keeps them from counting.

A pattern that is found counts unless a guard says that it isn't so (没有着火), is only supposed
(万一爆炸), is a way of speaking (热得要爆炸), is over (去年着火过) or a topic (防火宣传).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tickets.understanding.model import Danger, Hit
from tickets.understanding.plain import BARRIER, Plain

_CLAUSE = re.compile(rf"[,。!?;、{BARRIER}]")


@dataclass(frozen=True, slots=True)
class _Pattern:
    danger: str
    line: str
    words: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Guards:
    near: int
    before: re.Pattern[str]
    supposed: re.Pattern[str]
    after: re.Pattern[str]
    past: re.Pattern[str]
    topic: re.Pattern[str]
    now: re.Pattern[str]


class DangerWords:
    """Patterns and guards of the data. Raises KeyError, ValueError and re.error."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._patterns = [
            _Pattern(one["id"], str(one["line"]), re.compile("|".join(one["words"])))
            for one in data["dangers"]
        ]
        # one search for all: most sentences have no such word
        self._any = re.compile("|".join(pattern.words.pattern for pattern in self._patterns))
        guards = data["guards"]
        self._guards = _Guards(
            int(guards["before"]["near"]),
            re.compile(guards["before"]["words"]),
            *(re.compile(guards[name]) for name in ("supposed", "after", "past", "topic", "now")),
        )

    def find(self, text: Plain, *, live: bool = False) -> Danger | None:
        """The danger told of first in the data's order, with all words that tell of it.

        `live`: the text is a partial result that may go on; words at its very end wait for what
        follows (着火 may become 着火过), so a partial is never surer than the final text.
        """
        if self._any.search(text.text) is None:
            return None
        for pattern in self._patterns:
            hits = self._counted(text, pattern, live=live)
            if hits:
                return Danger(pattern.danger, pattern.line, hits)
        return None

    def _counted(self, text: Plain, pattern: _Pattern, *, live: bool) -> tuple[Hit, ...]:
        return tuple(
            text.hit(*match.span())
            for match in pattern.words.finditer(text.text)
            if not (live and match.end() == len(text.text))
            and self._counts(text.text, *match.span())
        )

    def _counts(self, text: str, start: int, end: int) -> bool:
        guards = self._guards
        clause = max((m.end() for m in _CLAUSE.finditer(text, 0, start)), default=0)
        if guards.before.search(text[max(clause, start - guards.near) : start]):
            return False
        if guards.supposed.search(text[clause:start]) or guards.after.search(text[end : end + 8]):
            return False
        past = guards.past.search(text, 0, start)
        if past and not guards.now.search(text, past.end()):
            return False
        return not guards.topic.search(text) or bool(guards.now.search(text))
