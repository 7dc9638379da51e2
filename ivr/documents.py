"""YAML data files that people write: every mistake is told with file, line, column and reason.

PyYAML knows where each node stands, pydantic knows what is wrong with it; here both are put
together. Keys written twice, which PyYAML would let pass, are mistakes too.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Place = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a data file; lines and columns count from 1."""

    file: str
    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.reason}"


class DocumentError(ValueError):
    """A data file can't be used; `mistakes` holds all that were found, in order of lines."""

    id = "document"

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(str(m) for m in self.mistakes))


@dataclass(slots=True)
class Document:
    """A YAML file as plain data, with the position of every value (`("lines", 3, "id")`)."""

    file: str
    data: Any = None
    marks: dict[Place, tuple[int, int]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, place: Place, reason: str) -> Mistake:
        """A mistake at the value of `place`, or at the nearest value around it."""
        while place and place not in self.marks:
            place = place[:-1]
        line, column = self.marks.get(place, (1, 1))
        return Mistake(self.file, line, column, reason)

    def complain(self, place: Place, reason: str) -> None:
        """Note a mistake; `raise_mistakes` tells all together."""
        self.mistakes.append(self.mistake(place, reason))

    def raise_mistakes(self, error: type[DocumentError] = DocumentError) -> None:
        """Raise `error` with everything noted so far, if anything was."""
        if self.mistakes:
            raise error(self.mistakes)


def read_document(path: Path, error: type[DocumentError] = DocumentError) -> Document:
    """Read a YAML file with its marks; raises `error` when it can't be read at all."""
    document = Document(str(path))
    try:
        text = path.read_text(encoding="utf-8")
        node = _compose(text)
    except OSError as why:
        raise error([Mistake(str(path), 1, 1, f"can't be read: {why.strerror}")]) from why
    except UnicodeDecodeError as why:
        raise error([Mistake(str(path), 1, 1, "is not UTF-8 text")]) from why
    except yaml.MarkedYAMLError as why:
        mark = why.problem_mark or why.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise error([Mistake(str(path), line, column, f"is not YAML: {why.problem}")]) from why
    except yaml.YAMLError as why:
        reason = f"is not YAML: {str(why).splitlines()[0]}"
        raise error([Mistake(str(path), 1, 1, reason)]) from why
    if node is not None:
        document.data = _build(node, (), document, yaml.SafeLoader(""), set())
    return document


def _compose(text: str) -> yaml.Node | None:
    """By libyaml, eight times as fast as PyYAML's own parser, which is taken where the two differ:
    it tells mistakes in its own words, refuses tabs, and knows where a missing value belongs."""
    if "\t" not in text:
        with suppress(yaml.YAMLError):
            node = yaml.compose(text, Loader=yaml.CSafeLoader)
            if not _lacks_a_value(node):
                return node
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _lacks_a_value(root: yaml.Node | None) -> bool:
    todo, seen = [root], set[int]()
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            todo += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value
        elif node is not None and node.start_mark.index == node.end_mark.index:
            return True
    return False


def parse(document: Document, model: type[M], error: type[DocumentError] = DocumentError) -> M:
    """The document as `model`; raises `error` listing all mistakes with their places."""
    try:
        value = model.model_validate(document.data)
    except ValidationError as why:
        found = why.errors(include_url=False)
        for item in found:
            if item["type"] == "too_short" and any(_within(other, item) for other in found):
                continue  # pydantic counts only what is right: the list itself isn't short
            place = _written(document, tuple(item["loc"]))
            document.complain(place, _sentence(place, dict(item)))
        raise error(document.mistakes) from why
    document.raise_mistakes(error)
    return value


def _build(
    node: yaml.Node, place: Place, document: Document, loader: yaml.SafeLoader, open_: set[int]
) -> Any:
    document.marks[place] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if id(node) in open_:
        document.complain(place, "an alias points back to itself")
        return None
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node, place, document, loader, open_ | {id(node)})
    if isinstance(node, yaml.SequenceNode):
        return tuple(
            _build(child, (*place, i), document, loader, open_ | {id(node)})
            for i, child in enumerate(node.value)
        )
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as why:
        document.complain(place, f"can't be understood: {str(why).splitlines()[0]}")
        return None


def _build_mapping(
    node: yaml.MappingNode,
    place: Place,
    document: Document,
    loader: yaml.SafeLoader,
    open_: set[int],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        mark = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if key in found:
            first = document.marks[(*place, key)][0]
            document.mistakes.append(
                Mistake(document.file, *mark, f"{key!r} is written twice (first in line {first})")
            )
            continue
        found[key] = _build(value_node, (*place, key), document, loader, open_)
    return found


def _written(document: Document, loc: Place) -> Place:
    """The place in the file; pydantic's own parts of a `loc` (the tag of a union) left out."""
    place: Place = ()
    for part in loc:
        if (*place, part) in document.marks:
            place = (*place, part)
    return place


def _within(error: ErrorDetails, other: ErrorDetails) -> bool:
    """Whether the one is about a part of what the other is about."""
    outer = other["loc"]
    return len(error["loc"]) > len(outer) and error["loc"][: len(outer)] == outer


def _sentence(place: Place, error: dict[str, Any]) -> str:
    """What is wrong with one value, as a sentence that names it."""
    where = ".".join(str(part) for part in place) or "the file"
    name = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no field {name!r} here"
    if error["type"] == "missing":
        return f"{where}: the field {name!r} is missing"
    if error["type"] == "string_type" and isinstance(error.get("input"), int | float):
        return f"{where}: write {error['input']} in quotes"
    if error["type"] == "tuple_type":
        return f"{where}: must be a list, in [ ] or with - before each"
    if error["type"] == "model_type" and not place:
        return "the file is empty, or no table of fields"
    reason = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {reason[:1].lower()}{reason[1:]}"
