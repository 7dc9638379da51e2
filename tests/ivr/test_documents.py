"""Data files that people write: read fast, every place told as PyYAML's own parser has it."""

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from hotline.settings import PROJECT
from ivr.documents import Document, DocumentError, read_document

SHIPPED = sorted(
    file
    for room in ("ivr", "tickets", "queue_manager")
    for file in (PROJECT / room).rglob("*.yaml")
    if "understanding" not in file.parts  # words for the understanding have a reader of their own
)
PIECES = ("a: b", "- c", "  d: [e, f]", "  - {g: h}", "i:", '"', "\t", "#", "&x", "*x", "'j'", "|")


def slowly(file: Path) -> Document | str:
    """What PyYAML's own parser makes of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return read(file)


def read(file: Path) -> Document | str:
    try:
        return read_document(file)
    except DocumentError as error:
        return str(error)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(PROJECT)))
def test_shipped_files_are_read_the_same_by_both_parsers(file: Path) -> None:
    assert read(file) == slowly(file)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents") / "one.yaml"


@given(lines=st.lists(st.lists(st.sampled_from(PIECES), max_size=3).map(" ".join), max_size=6))
@example(lines=["a: b", "i:"])
@example(lines=["a: b\tc"])
@example(lines=["a: [b"])
def test_any_file_is_read_or_refused_the_same_by_both_parsers(
    written: Path, lines: list[str]
) -> None:
    """Values, places and words of every mistake; libyaml refuses nothing the other takes."""
    written.write_text("\n".join(lines), encoding="utf-8")
    assert read(written) == slowly(written)
