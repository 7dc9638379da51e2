"""Whatever a settings file says, it is either understood or refused in one line."""

import json
import os
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.errors import BadSettings
from hotline.loading import load_settings
from hotline.settings import Settings, default_home

KEYS = st.sampled_from([*Settings.model_fields, "colour"])
VALUES = st.one_of(
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"])).map(str),
    st.lists(st.text("ab/:. ", max_size=5), max_size=3),
)


@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_any_file_is_understood_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, object]
) -> None:
    """No traceback, no second line, and the file's name in the sentence."""
    file = tmp_path_factory.mktemp("any") / "h.toml"
    # JSON's texts, numbers and lists are TOML's, too.
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
    refused = ""
    with mock.patch.dict(os.environ, {"HOTLINE_CONFIG": str(file)}):
        try:
            load_settings()
        except BadSettings as error:
            refused = str(error)
    assert "\n" not in refused
    assert not refused or str(file) in refused


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "hotline.toml").write_text("http_port = 9001\nami_port = 9002\n")
    given = {"HOTLINE_HOME": str(tmp_path), "HOTLINE_HTTP_PORT": "9003"}
    with mock.patch.dict(os.environ, given):
        settings = load_settings()
    assert (settings.http_port, settings.ami_port) == (9003, 9002)


def test_paths_in_the_file_are_absolute_afterwards(tmp_path: Path) -> None:
    (tmp_path / "hotline.toml").write_text("cache = 'built'\n")
    with mock.patch.dict(os.environ, {"HOTLINE_HOME": str(tmp_path)}):
        assert load_settings().cache == tmp_path / "built"


def test_a_user_without_a_home_folder_is_told_to_name_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a container that runs as a number nobody has."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(BadSettings, match="name a place with HOTLINE_HOME"):
        default_home()
