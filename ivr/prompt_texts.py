"""The texts of all prompts, per language, and the names a conversation may use.

Texts are data (`ivr/prompts/<language>.yaml`); `languages.yaml` says which voice speaks a
language, and which language stands in until recordings of it exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ivr.documents import parse, read_document

PROMPTS = Path(__file__).parent / "prompts"
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,8}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]*(/[a-z0-9_]+)?$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class Speech(BaseModel):
    """How a language is spoken: a `voice` of espeak-ng, or a language as `fallback`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(min_length=1)
    voice: str = Field(default="", pattern=r"^[a-z0-9+\-]*$")
    words_per_minute: int = Field(default=160, ge=80, le=300)
    fallback: Language | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.voice) == bool(self.fallback):
            raise ValueError("name either a voice or a fallback")
        return self


class _Languages(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    languages: dict[Language, Speech] = Field(min_length=1)


class _Texts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    prompts: dict[Name, Text] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All prompts: texts of the languages that have a voice, recordings of any language."""

    languages: Mapping[str, Speech]
    texts: Mapping[str, Mapping[str, str]]
    recordings: Mapping[str, frozenset[str]]

    def speaks(self, language: str) -> bool:
        """True when callers can choose this language."""
        return language in self.languages

    def has(self, language: str, prompt: str) -> bool:
        """True when the prompt is heard in this language: recorded, spoken, or by the fallback."""
        if prompt in self.recordings.get(language, frozenset()):
            return True
        fallback = self.languages[language].fallback
        if fallback is not None:
            return self.has(fallback, prompt)
        return prompt in self.texts[language]


def load_catalogue(custom: Path | None = None) -> Catalogue:
    """The shipped texts, and the recordings found below `custom` (`<language>/<name>.wav`).

    Raises `DocumentError` for a mistake in the texts or a prompt that a language lacks.
    """
    document = read_document(PROMPTS / "languages.yaml")
    languages = parse(document, _Languages).languages
    texts: dict[str, Mapping[str, str]] = {}
    for code, speech in languages.items():
        if speech.fallback is None:
            texts[code] = parse(read_document(PROMPTS / f"{code}.yaml"), _Texts).prompts
        elif languages.get(speech.fallback, speech).fallback is not None:
            document.complain(("languages", code, "fallback"), "a fallback must have a voice")
    every = set().union(*texts.values())
    for code, prompts in texts.items():
        for name in sorted(every - set(prompts)):
            document.complain(("languages", code), f"{code}.yaml lacks prompt {name!r}")
    document.raise_mistakes()
    return Catalogue(languages, texts, _recorded(custom) if custom else {})


def _recorded(custom: Path) -> dict[str, frozenset[str]]:
    """Names of the recordings of each language below a folder."""
    return {
        folder.name: frozenset(
            str(wav.relative_to(folder).with_suffix("")) for wav in folder.rglob("*.wav")
        )
        for folder in (custom.iterdir() if custom.is_dir() else ())
        if folder.is_dir()
    }
