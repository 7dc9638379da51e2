"""The home: made right, refused when it is someone else's, held by one start only."""

import os
import pwd
from pathlib import Path

import pytest

from hotline.errors import AlreadyRunning, HomeUnusable
from hotline.layout import lay_out, locked
from hotline.parts import is_root, run_user
from hotline.settings import Settings


def test_folders_belong_to_the_parts_user_and_are_closed_to_others(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lay_out(settings)
    home = settings.folders
    for folder in home.folders():
        assert folder.stat().st_uid == run_user(settings).pw_uid, folder
        assert folder.stat().st_mode & 0o077 == 0, folder
    assert home.supervisor.stat().st_uid == os.geteuid()
    assert home.supervisor.stat().st_mode & 0o077 == 0
    lay_out(settings)


def test_what_was_anothers_is_handed_over_by_root(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lay_out(settings)
    inner = settings.folders.recordings / "2026" / "call.wav"
    inner.parent.mkdir()
    inner.touch()
    if is_root():
        for path in (settings.folders.recordings, inner.parent, inner):
            os.chown(path, 0, 0)
    lay_out(settings)
    assert inner.stat().st_uid == run_user(settings).pw_uid


def test_a_home_that_holds_other_things_is_refused(tmp_path: Path) -> None:
    """HOTLINE_HOME=/ must not give /etc away."""
    (tmp_path / "etc").mkdir()
    before = (tmp_path / "etc").stat()
    with pytest.raises(HomeUnusable, match="already holds etc"):
        lay_out(Settings(home=tmp_path))
    assert (tmp_path / "etc").stat().st_uid == before.st_uid


def test_settings_and_recorded_prompts_may_be_there_before(tmp_path: Path) -> None:
    (tmp_path / "prompts" / "custom").mkdir(parents=True)
    (tmp_path / "hotline.toml").touch()
    lay_out(Settings(home=tmp_path))


@pytest.mark.parametrize("name", ["a;b", "a#b", "a'b", "a%b", "a\nb"])
def test_a_path_the_supervisor_could_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeUnusable, match="not allowed"):
        lay_out(Settings(home=tmp_path / name))


def test_a_path_too_long_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable, match="too long"):
        lay_out(Settings(home=tmp_path / ("x" * 300)))


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(HomeUnusable, match="HOTLINE_HOME"):
        lay_out(Settings(home=tmp_path / "home"))


def test_sockets_of_a_deep_home_lie_in_a_private_folder(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / ("deep" * 30))
    lay_out(settings)
    home = settings.folders
    try:
        for socket in (home.redis_socket, home.supervisor_socket):
            assert len(str(socket)) < 100
            assert socket.parent.stat().st_mode & 0o077 == 0
    finally:
        home.redis_socket.parent.rmdir()
        home.supervisor_socket.parent.rmdir()


def test_a_strangers_folder_in_tmp_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / ("deep" * 31))
    folder = settings.folders.redis_socket.parent
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(HomeUnusable, match="made by someone else"):
            lay_out(settings)
    finally:
        folder.unlink()
        settings.folders.supervisor_socket.parent.rmdir()


def test_a_home_is_held_by_one_start(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lay_out(settings)
    second = locked(settings.folders)
    with locked(settings.folders), pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        second.__enter__()
    with locked(settings.folders):
        pass


def test_root_has_a_user_to_drop_to() -> None:
    if is_root():
        assert run_user(Settings()) == pwd.getpwnam("hotline")
    else:
        assert run_user(Settings()).pw_uid == os.geteuid()
