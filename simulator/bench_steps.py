"""A bench in steps: one that fails is noted and the next begun, so that what was measured is told.

A figure nobody could measure is null, its step's error stands in the object's `errors`, and nothing
is `met` then.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Figures = Mapping[str, float | None]


class Steps:
    """Takes a bench's steps one after another; `errors` are those that failed, with the reason."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.errors: list[str] = []

    async def take(self, name: str, work: Awaitable[T]) -> T | None:
        """What a step gives; None when it failed. Never raises but when the bench is ended."""
        try:
            return await work
        except Exception as error:
            self.missed(name, error)
            return None

    def do(self, name: str, work: Callable[[], dict[str, float]]) -> dict[str, float]:
        """A bench of one step; no figure when it failed."""
        try:
            return work()
        except Exception as error:
            self.missed(name, error)
            return {}

    def missed(self, name: str, error: Exception) -> None:
        """A step failed: whatever it was, what the others measured is worth telling."""
        reason = str(error).strip()
        told = reason if " " in reason else f"{type(error).__name__} {reason}".rstrip()
        self.errors.append(f"{name}: {told}")
        self.say(f"FAILED {self.errors[-1]}")


def within(figures: Figures, limits: Mapping[str, float]) -> bool:
    """Is every figure that has an upper limit measured, and not above it?"""
    told = ((figures.get(name), limit) for name, limit in limits.items())
    return all(figure is not None and figure <= limit for figure, limit in told)


def with_errors(report: Mapping[str, Any], errors: list[str]) -> dict[str, Any]:
    """A bench's object: unchanged when no step failed, else with the errors in it, and null for
    what was to be reached and wasn't measured."""
    if not errors:
        return dict(report)
    figures = {**dict.fromkeys(report["targets"]), **report["figures"]}
    return {**report, "figures": figures, "errors": list(errors), "met": False}
