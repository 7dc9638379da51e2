"""Names of audio: inside Asterisk's view, outside, and what they tell."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.model import RecordingKind
from recordings.naming import call_path, inside, kind_and_day, outside, relative, request_path

DAY = date(2026, 11, 21)
HOME = Path("/srv/hotline")


def test_a_call_and_its_requests_have_names_of_their_own() -> None:
    assert call_path("n1-17.5", DAY) == "recordings/2026/11/21/n1-17.5.wav"
    assert request_path("n1-17.5", DAY, "spool") == (
        "recordings/requests/2026/11/21/n1-17.5-spool.wav"
    )


def test_names_tell_kind_and_day() -> None:
    assert kind_and_day(call_path("a", DAY)) == (RecordingKind.CALL, DAY)
    assert kind_and_day(request_path("a", DAY, "1")) == (RecordingKind.REQUEST, DAY)
    for other in ("recordings/notes.txt", "recordings/2026/13/41/a.wav", "prompts/a.wav", ""):
        assert kind_and_day(other) is None


def test_inside_and_outside_are_two_views_of_one_file() -> None:
    path = call_path("a", DAY)
    assert inside(path) == f"/hotline/{path}"
    assert outside(HOME, inside(path)) == outside(HOME, path) == HOME / path


@given(st.text(max_size=30))
def test_no_path_leads_out_of_the_home(text: str) -> None:
    for path in (text, f"/hotline/{text}", f"../{text}", f"recordings/../../{text}"):
        try:
            found = relative(path)
        except ValueError:
            continue
        assert ".." not in found.split("/")
        assert not found.startswith("/")


@pytest.mark.parametrize("call_id", ["", ".hidden", "../up", "a/b", "a b", "号", "a\n", "x" * 151])
def test_a_strange_call_id_never_becomes_a_name(call_id: str) -> None:
    with pytest.raises(ValueError, match="file's name"):
        call_path(call_id, DAY)
