"""What a spoken intake asks, as the flow's data says it (`spoken:` of a `voice_request` step).

```yaml
spoken:
  questions:                       # in this order, each at most once; `matter` must be there
    - ask: kind                    # kind, place, matter, number
      prompts: [intake/kind]
      again: [intake/kind_again]   # when the first answer wasn't understood
      keys: {"1": consultation, "2": complaint}
    - {ask: matter, prompts: [intake/matter], silence_s: 4}
  languages: [cmn]                 # who speaks another is recorded plainly, in his language
  longest_s: 180
```
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tickets.model import Kind
from tickets.spoken import Question

PromptName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_/]{0,59}$")]
KeyName = Annotated[str, StringConstraints(pattern=r"^[0-9*]$")]
Meaning = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]

SAID_BACK = ("intake/said_back", "intake/said_at", "intake/said_words", "intake/said_number")
SPOKEN_ALWAYS = (
    *SAID_BACK,
    "intake/no_callback",
    "intake/confirm",
    "intake/confirm_again",
    "intake/more",
    "intake/anew",
    "intake/number_other",
    "intake/gone_on",
    "intake/danger",
    "intake/danger_check",
    "intake/danger_failed",
    *(f"kind/{kind}" for kind in Kind),
)
"""Prompts every spoken intake needs, in all its languages."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Asked(_Strict):
    """One question. `keys` are what keys mean: kinds for `kind`, codes of places for `place`; the
    keys of the other questions are fixed. `silence_s` of silence end an answer (`matter` only)."""

    ask: Annotated[Question, Field(strict=False)]
    prompts: tuple[PromptName, ...] = Field(min_length=1)
    again: tuple[PromptName, ...] = ()
    keys: dict[KeyName, Meaning] = Field(default_factory=dict)
    silence_s: float = Field(default=4.0, ge=1, le=15, strict=False)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.ask is Question.CONFIRM:
            raise ValueError("confirm is asked by itself, at the end")
        if self.keys and self.ask not in (Question.KIND, Question.PLACE):
            raise ValueError(f"the keys of {self.ask.value!r} are fixed")
        if self.ask is Question.KIND and (strange := set(self.keys.values()) - set(Kind)):
            raise ValueError(f"no kind of request: {', '.join(sorted(strange))}")
        return self


class IntakePlan(_Strict):
    """What is asked, in which languages, and how long one may speak about what happened."""

    questions: tuple[Asked, ...] = Field(min_length=1)
    languages: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,8}$")], ...] = Field(
        min_length=1
    )
    longest_s: float = Field(default=180.0, ge=10, le=1800, strict=False)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        asked = [question.ask for question in self.questions]
        if len(set(asked)) != len(asked):
            raise ValueError("each question is asked once")
        if Question.MATTER not in asked:
            raise ValueError("what happened ('matter') must be asked")
        return self
