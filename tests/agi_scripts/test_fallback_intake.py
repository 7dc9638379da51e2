"""The stand-alone intake, spoken to as Asterisk does: scripted, cut at any word, on full disks.

The same script runs by Asterisk's own Python (3.14) in tests/asterisk_conf/test_no_engine.py.
"""

import ast
import json
import os
import resource
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_scripts.fallback_intake import safe_name, talked, voice_s
from hotline import parts
from hotline.settings import PROJECT, Settings
from tests.stack import AsteriskStack, asterisk_stack

SCRIPT = PROJECT / "agi_scripts" / "fallback_intake.py"
CALL_ID = "node1-1700000000.7"
HL = {
    "TRUNK": "city",
    "CALLED": "12345",
    "CALLER": "13800138000",
    "STAGE": "queued",
    "QUEUED_AT": "1700000010.25",
    "ANSWERED_AT": "1700000000.5",
    "LANG": "en",
    "RECORDING": "/hotline/recordings/2023/11/14/x.wav",
}


class Asterisk:
    """Runs the script with our home in the place of /hotline and answers its commands."""

    def __init__(self, home: Path, variables: dict[str, str] | None = None) -> None:
        self.home = home
        self.variables = HL if variables is None else variables
        self.commands: list[str] = []
        self.inside: list[str] = []
        (home / "spool" / "incoming").mkdir(parents=True)
        for name in ("system_away", "request_taken", "goodbye", "request_failed"):
            for language in ("cmn", "en"):
                prompt = home / "prompts" / language / f"{name}.ulaw"
                prompt.parent.mkdir(parents=True, exist_ok=True)
                prompt.write_bytes(b"\xff" * 80)

    def run(
        self,
        mode: str,
        *,
        hangs_up_at: int | None = None,
        cut_at: int | None = None,
        sighup_at: int | None = None,
        killed_at: str = "-",
        call_id: str = CALL_ID,
    ) -> int:
        """One run; from the given command on every answer is a hang-up, the pipe is cut, or the
        script gets Asterisk's SIGHUP, or SIGKILL. The exit code."""
        code = SCRIPT.read_text().replace('Path("/hotline")', f"Path({str(self.home)!r})")
        start = ["-c", f"import sys; __file__ = {str(SCRIPT)!r}; exec({code!r})", mode]
        with subprocess.Popen(
            [*self.inside, sys.executable, *start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(f"agi_uniqueid: {call_id}\n\n")
                process.stdin.flush()
                for number, line in enumerate(process.stdout):
                    self.commands.append(line.strip())
                    if sighup_at == number:
                        process.send_signal(signal.SIGHUP)
                    if cut_at is not None and number >= cut_at:
                        break
                    if line.startswith(killed_at):
                        process.kill()
                        break
                    gone = hangs_up_at is not None and number >= hangs_up_at
                    process.stdin.write(self._answer(line.strip(), gone) + "\n")
                    process.stdin.flush()
                process.stdin.close()
                process.stdout.close()
            except BrokenPipeError:
                pass
            return process.wait(20)

    def _answer(self, line: str, gone: bool) -> str:
        if line.startswith("GET VARIABLE"):
            name = line.split('"')[1].removeprefix("HL_")
            value = self.variables.get(name, "")
            return f"200 result=1 ({value})" if value else "200 result=0"
        if line.startswith("SET VARIABLE"):
            return "200 result=1"
        if line.startswith("RECORD FILE"):
            with wave.open(f"{line.split()[2]}.wav", "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(b"\x00\x01" * 16000)
            return "200 result=-1 (hangup) endpos=16000" if gone else "200 result=0 endpos=16000"
        return "200 result=-1" if gone else "200 result=0"

    @property
    def item(self) -> dict[str, Any]:
        """The one spool item."""
        files = sorted((self.home / "spool" / "incoming").glob("*.json"))
        assert len(files) == 1
        item: dict[str, Any] = json.loads(files[0].read_text())
        return item

    @property
    def left_over(self) -> list[str]:
        return [f.name for f in (self.home / "spool" / "incoming").iterdir() if f.suffix == ".new"]

    def at(self, command: str) -> int:
        return next(n for n, line in enumerate(self.commands) if line.startswith(command))


def test_a_request_is_explained_recorded_kept_and_thanked(tmp_path: Path) -> None:
    """In this order: the item is on the disk before HL_DONE, and that before the thanks."""
    asterisk = Asterisk(tmp_path)
    assert asterisk.run("request") == 0
    item = asterisk.item
    assert item["version"] == 1
    assert item["call_id"] == CALL_ID
    assert (item["caller"], item["called"], item["trunk"]) == ("13800138000", "12345", "city")
    assert item["queued_at"] == "2023-11-14T22:13:30.250000+00:00"
    assert item["started_at"] == "2023-11-14T22:13:20.500000+00:00"
    assert item["voice"].endswith(f"/spool/incoming/{CALL_ID}.wav")
    assert (item["voice_s"], item["reason"], item["stage"]) == (2.0, "request", "queued")
    assert item["variables"] == HL
    words = [
        asterisk.at(w) for w in ("STREAM FILE", "EXEC PlayTones", "RECORD FILE", "SET VARIABLE")
    ]
    assert words == sorted(words)
    spoken = [line for line in asterisk.commands if line.startswith("STREAM FILE")]
    assert [line.split()[2].rpartition("/")[2] for line in spoken] == [
        "system_away",
        "request_taken",
        "goodbye",
    ]
    assert all("/en/" in line for line in spoken)
    assert asterisk.left_over == []


def test_every_moment_of_a_hang_up_leaves_an_item(tmp_path: Path) -> None:
    """Hang-up told by Asterisk, its SIGHUP, or the pipe cut, at each command: never nothing."""
    whole = Asterisk(tmp_path / "whole")
    whole.run("request")
    for how in ("hangs_up_at", "cut_at", "sighup_at"):
        for moment in range(len(whole.commands)):
            asterisk = Asterisk(tmp_path / f"{how}{moment}")
            asterisk.run("request", **{how: moment})  # type: ignore[arg-type]  # by name
            assert asterisk.item["call_id"] == CALL_ID, f"{how} {moment}"
            assert asterisk.left_over == []
            if how == "hangs_up_at" and moment == whole.at("RECORD FILE"):
                assert asterisk.item["voice_s"] == 2.0


def test_killed_while_the_caller_speaks_it_has_said_who_he_is(tmp_path: Path) -> None:
    """Asterisk dies and takes us along: what was begun is an item; a whole run leaves none."""
    asterisk = Asterisk(tmp_path)
    asterisk.run("request", killed_at="RECORD FILE")
    [begun] = (tmp_path / "spool" / "incoming").iterdir()
    assert begun.name == f"{CALL_ID}.begun"
    item = json.loads(begun.read_text())
    assert (item["caller"], item["reason"], item["voice_s"]) == ("13800138000", "request", 0.0)
    asterisk.run("request")
    assert not begun.exists()


@pytest.mark.parametrize(
    ("stage", "dialstatus", "asked"),
    [
        ("talked", "ANSWER", False),
        ("dialing", "ANSWER", False),
        ("done", "", False),
        ("dialing", "NOANSWER", True),
        ("queued", "", True),
        ("voice_request", "", True),
        ("", "", True),
    ],
)
def test_who_was_served_is_not_asked_again(
    tmp_path: Path, stage: str, dialstatus: str, asked: bool
) -> None:
    """A talk that was had makes a note; everybody else is asked."""
    asterisk = Asterisk(tmp_path, HL | {"STAGE": stage, "DIALSTATUS": dialstatus})
    assert asterisk.run("request") == 0
    assert asterisk.item["reason"] == ("request" if asked else "orphan")
    assert any(c.startswith("RECORD FILE") for c in asterisk.commands) is asked
    assert talked({"STAGE": stage, "DIALSTATUS": dialstatus}) is not asked


def test_an_orphan_is_only_noted(tmp_path: Path) -> None:
    """Nobody is on the line: nothing is played."""
    asterisk = Asterisk(tmp_path)
    assert asterisk.run("orphan", hangs_up_at=0) == 0
    assert (asterisk.item["reason"], asterisk.item["voice"]) == ("orphan", "")
    assert not [c for c in asterisk.commands if c.startswith(("STREAM", "RECORD", "EXEC Play"))]


def test_a_request_is_not_overwritten_by_its_orphan(tmp_path: Path) -> None:
    """When the caller hangs up after his request `h` runs the script once more."""
    asterisk = Asterisk(tmp_path)
    asterisk.run("request")
    before = asterisk.item
    assert asterisk.run("orphan", hangs_up_at=0) == 0
    assert asterisk.item == before


def test_a_caller_without_a_language_hears_both(tmp_path: Path) -> None:
    """Chinese first, then English; an unknown or unsafe language counts as none."""
    for number, language in enumerate(("", "../../etc", "xyz")):
        asterisk = Asterisk(tmp_path / str(number), HL | {"LANG": language})
        asterisk.run("request")
        spoken = [line.split()[2] for line in asterisk.commands if line.startswith("STREAM FILE")]
        assert [Path(path).parent.name for path in spoken[:2]] == ["cmn", "en"]


def test_without_prompts_it_still_records(tmp_path: Path) -> None:
    """The tone needs no file."""
    asterisk = Asterisk(tmp_path)
    for prompt in tmp_path.glob("prompts/*/*"):
        prompt.unlink()
    assert asterisk.run("request") == 0
    assert asterisk.item["voice_s"] == 2.0
    assert not [c for c in asterisk.commands if c.startswith("STREAM FILE")]


def test_a_spool_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The caller hears that it failed, the log says why, and HL_DONE stays unset."""
    asterisk = Asterisk(tmp_path)
    blocked = tmp_path / "spool" / "incoming"
    blocked.rmdir()
    blocked.write_text("a file where the folder should be: every write fails, as on a full disk")
    asterisk._answer = lambda line, gone: (  # type: ignore[method-assign]  # Asterisk can't write either
        "200 result=-1 (writefile)" if line.startswith("RECORD") else "200 result=0"
    )
    assert asterisk.run("request") == 0
    assert any("Log" in c and "ERROR" in c and CALL_ID in c for c in asterisk.commands)
    assert asterisk.commands[-1].split()[2].endswith("/request_failed")
    assert not [c for c in asterisk.commands if c.startswith("SET VARIABLE")]


@pytest.mark.parametrize("pages", [1, 2])
def test_a_disk_that_is_full_is_told_and_what_found_room_stays(tmp_path: Path, pages: int) -> None:
    """A real one, of one page: the caller's name finds room before he speaks, nothing else after;
    he hears that it failed, and the engine finds him by what is there. Two pages are enough."""
    asterisk = Asterisk(tmp_path)
    spool = str(tmp_path / "spool" / "incoming")
    room = ["--size", str(pages * resource.getpagesize()), "--tmpfs", spool]
    asterisk.inside = ["bwrap", "--dev-bind", "/", "/", *room, "--"]
    asterisk._answer = lambda line, gone: (  # type: ignore[method-assign]  # the full disk is the script's alone
        Asterisk._answer(asterisk, line, gone) if not line.startswith("RECORD") else "200 result=0"
    )
    assert asterisk.run("request") == 0
    told = [c for c in asterisk.commands if "No space left on device" in c]
    assert bool(told) == (pages == 1)
    assert all("the request can't be kept" in line for line in told), "his name found room"
    last = "request_failed" if told else "goodbye"
    assert asterisk.commands[-1].split()[2].endswith(f"/{last}")
    assert bool([c for c in asterisk.commands if c.startswith("SET VARIABLE")]) == (not told)


def test_values_from_the_line_are_only_data(tmp_path: Path) -> None:
    """Quotes, brackets and letters of any kind end up in the item as they came."""
    name = "%E5%BC%A0 \"x\" ${Y} 'z' 张伟 a=b"
    asterisk = Asterisk(tmp_path, HL | {"CALLER_NAME": name})
    assert asterisk.run("request") == 0
    assert asterisk.item["variables"]["CALLER_NAME"] == name


@pytest.mark.parametrize("call_id", ["../../../etc/passwd", ".hidden", "a/b", "x" * 300, ""])
def test_a_strange_call_id_stays_in_the_folder(tmp_path: Path, call_id: str) -> None:
    """The file's name is plain; the item has the id as it was."""
    asterisk = Asterisk(tmp_path)
    assert asterisk.run("orphan", call_id=call_id) == 0
    assert asterisk.item["call_id"] == call_id


@given(st.text(max_size=200))
def test_a_safe_name_is_one_visible_file(call_id: str) -> None:
    """No id leads out of the folder, and none is empty or hidden."""
    name = safe_name(call_id)
    assert Path(name).name == name
    assert name.isascii()
    assert 0 < len(name) <= 100
    assert not name.startswith(".")


def test_a_voice_file_is_measured_by_its_size(tmp_path: Path) -> None:
    """A header that was never finished doesn't matter; a missing or empty file is 0 s."""
    file = tmp_path / "x.wav"
    assert voice_s(file) == 0.0
    file.write_bytes(b"RIFF")
    assert voice_s(file) == 0.0
    file.write_bytes(b"\x00" * (44 + 24000))
    assert voice_s(file) == 1.5


def test_it_stands_alone() -> None:
    """Executable, and nothing but pyst2 and the standard library is imported."""
    assert os.access(SCRIPT, os.X_OK)
    imported: set[str] = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"asterisk"}


@pytest.mark.e2e
async def test_it_runs_by_the_python_beside_asterisk(tmp_path: Path) -> None:
    """In the private root, isolated, as Asterisk's user: pyst2 loads without `six`."""
    async with asterisk_stack(tmp_path) as stack:
        done = in_box(stack.settings, stack)
    assert done.returncode == 0, done.stderr
    item = json.loads((stack.home.spool / "incoming" / "boxed.json").read_text())
    assert item["reason"] == "orphan"


def in_box(settings: Settings, stack: AsteriskStack) -> subprocess.CompletedProcess[str]:
    """The script alone, in the box Asterisk runs in; every variable is unset."""
    command = parts.asterisk_command(settings, [])
    box = command[: len(command) - command[::-1].index("asterisk") - 1]
    script = f"{parts.AGI_INSIDE}/agi_scripts/fallback_intake.py"
    answers = "agi_uniqueid: boxed\n\n" + "200 result=0\n" * 60
    return subprocess.run(
        [*box, script, "orphan"], input=answers, capture_output=True, text=True, timeout=30
    )
