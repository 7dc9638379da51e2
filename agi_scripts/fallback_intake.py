#!/usr/bin/python3 -I
"""Takes a caller's request when no engine answers: run by Asterisk itself, stand-alone.

    AGI(/opt/hotline-agi/agi_scripts/fallback_intake.py,request)   explain, record, thank
    AGI(/opt/hotline-agi/agi_scripts/fallback_intake.py,orphan)    only note a call that is over

Both write `<spool>/incoming/<call>.json`, last and by rename, which the engine turns into a ticket
when it is back. Only then is HL_DONE set: what couldn't be written is left to the next in line.
Needs pyst2 and the standard library of Python 3.11 or newer; whatever a caller does, it ends.
"""

import importlib.util
import json
import os
import re
import signal
import sys
import types
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

HOME = Path("/hotline")
FIRST_LANGUAGES = ("cmn", "en")
SOUNDS = (".alaw", ".ulaw", ".wav", ".sln", ".gsm")
LONGEST_S = 180
SILENCE_S = 5
WAV_HEADER_BYTES = 44
WAV_BYTES_S = 16000
SHORTEST_S = 0.2
REMEMBERED = (
    *("TRUNK", "CALLED", "FIRST_CALLED", "ASSERTED", "CALLER", "CALLER_NAME", "RECORDING"),
    *("ANSWERED_AT", "STAGE", "QUEUED_AT", "TENANT", "LINE", "LANG", "KIND", "KEYS", "NEEDS"),
    *("PRIORITY", "QUEUE", "NUMBER", "SEAT", "TICKET", "CALLBACK", "ORIGIN", "DIALSTATUS"),
)
OVER = ("talked", "over", "done")


class CallerGone(Exception):
    """The caller hung up, or Asterisk is gone: nothing can be said any more."""


class Line:
    """The caller's channel, through pyst2. Every command may raise CallerGone."""

    def __init__(self, agi: Any) -> None:
        self._agi = agi
        self.call_id: str = agi.env.get("agi_uniqueid", "")

    def command(self, *words: str) -> str:
        """The result of one AGI command."""
        from asterisk.agi import AGIException

        try:
            reply = self._agi.execute(*words)
        except (AGIException, OSError, ValueError) as error:  # ValueError: pyst2 at end of file
            raise CallerGone(f"{words[0]}: {error!r}") from error
        return str(reply["result"][0])

    def variable(self, name: str) -> str:
        """A channel variable, "" when it isn't set or can't be read."""
        from asterisk.agi import AGIException

        try:
            return str(self._agi.get_variable(name))
        except (AGIException, OSError, ValueError):
            return ""

    def say(self, name: str, languages: tuple[str, ...]) -> None:
        """Play a prompt in each language that has it; silence where nobody made one."""
        for language in languages:
            sound = HOME / "prompts" / language / name
            if any(sound.with_name(name + ending).exists() for ending in SOUNDS):
                self.command("STREAM FILE", str(sound), '"#"')

    def beep(self) -> None:
        """A tone that needs no file."""
        self.command("EXEC", "PlayTones", '"!1000/300"')
        self.command("EXEC", "Wait", "0.4")
        self.command("EXEC", "StopPlayTones")

    def record(self, file: Path) -> None:
        """Record until silence, `#` or the longest time; a hang-up keeps what was said."""
        path = str(file.with_suffix(""))
        limit = str(LONGEST_S * 1000)
        self.command("RECORD FILE", path, "wav", '"#"', limit, "0", f"s={SILENCE_S}")

    def done(self) -> None:
        """Our last word: the dialplan needn't look for anybody else."""
        try:
            self.command("SET VARIABLE", "HL_DONE", "1")
        except CallerGone as gone:
            self.log("NOTICE", f"HL_DONE not set: {gone}")

    def log(self, level: str, text: str) -> None:
        """A line in Asterisk's messages.log, and on its error output if that can't be."""
        safe = re.sub(r'[^ -~]|["\\,]', " ", text)
        try:
            self.command("EXEC", "Log", f'"{level},fallback_intake {self.call_id}: {safe}"')
        except CallerGone:
            print(f"{level} fallback_intake {self.call_id}: {safe}", file=sys.stderr)


def main() -> None:
    """Serve one call; `sys.argv[1]` is `request` or `orphan`."""
    line = connected()
    wanted = sys.argv[1] if len(sys.argv) > 1 else "orphan"
    variables = {name: line.variable(f"HL_{name}") for name in REMEMBERED}
    file = spool_file(line.call_id)
    if file.exists():  # written before the caller hung up
        line.done()
        return
    asks = wanted == "request" and not talked(variables)
    languages = languages_of(variables)
    if asks:
        begin(line, file.with_suffix(".begun"), item(line.call_id, variables, asks, 0.0))
        taken(line, file.with_suffix(".wav"), languages)
    try:
        write(file, item(line.call_id, variables, asks, voice_s(file.with_suffix(".wav"))))
        file.with_suffix(".begun").unlink(missing_ok=True)
    except OSError as error:
        line.log("ERROR", f"the request can't be kept, {file.parent}: {error}")
        farewell(line, ("request_failed",) if asks else (), languages)
        return
    line.done()
    farewell(line, ("request_taken", "goodbye") if asks else (), languages)


def connected() -> Line:
    """The AGI conversation on standard input and output, kept through a hang-up."""
    if importlib.util.find_spec("six") is None:  # pyst2 wants one name of it
        sys.modules["six"] = types.ModuleType("six")
        sys.modules["six"].PY3 = True  # type: ignore[attr-defined]  # a stand-in module
    from asterisk.agi import AGI

    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # text
    quiet = open(os.devnull, "w")  # noqa: SIM115 - for life: pyst2 tells all it hears to stderr
    agi = AGI(stderr=quiet)
    # pyst2 refuses every command after this signal; the replies tell of a hang-up as well.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return Line(agi)


def talked(variables: dict[str, str]) -> bool:
    """True when the caller was served before the engine went: he is not asked again."""
    answered = variables["STAGE"] == "dialing" and variables["DIALSTATUS"] == "ANSWER"
    return answered or variables["STAGE"] in OVER


def languages_of(variables: dict[str, str]) -> tuple[str, ...]:
    """The language the caller chose; without a choice Chinese, then English."""
    chosen = variables["LANG"]
    if re.fullmatch(r"[a-z]{2,3}", chosen) and (HOME / "prompts" / chosen).is_dir():
        return (chosen,)
    return FIRST_LANGUAGES


def begin(line: Line, file: Path, content: dict[str, object]) -> None:
    """Who is being recorded, should Asterisk and we be killed in the middle: the engine takes what
    is left in after a while. Without it the request is recorded all the same."""
    try:
        write(file, content)
    except OSError as error:
        line.log("ERROR", f"only the end of the recording will tell whose it is: {error}")


def taken(line: Line, file: Path, languages: tuple[str, ...]) -> None:
    """Explain and record; whatever ends it, what was said until then is in the file."""
    try:
        line.say("system_away", languages)
        line.beep()
        line.record(file)
    except CallerGone as gone:
        line.log("NOTICE", str(gone))


def farewell(line: Line, prompts: tuple[str, ...], languages: tuple[str, ...]) -> None:
    try:
        for name in prompts:
            line.say(name, languages)
    except CallerGone:
        return


def item(call_id: str, variables: dict[str, str], asked: bool, seconds: float) -> dict[str, object]:
    """The spool item; docs/architecture.md, "The spool", has its format."""
    voice = str(HOME / "spool" / "incoming" / f"{safe_name(call_id)}.wav")
    return {
        "version": 1,
        "call_id": call_id,
        "trunk": variables["TRUNK"],
        "called": variables["CALLED"],
        "first_called": variables["FIRST_CALLED"],
        "caller": variables["CALLER"],
        "asserted": variables["ASSERTED"],
        "stage": variables["STAGE"],
        "queued_at": instant(variables["QUEUED_AT"]),
        "seat": variables["SEAT"],
        "dialstatus": variables["DIALSTATUS"],
        "started_at": instant(variables["ANSWERED_AT"]),
        "recording": variables["RECORDING"],
        "voice": voice if seconds >= SHORTEST_S else "",
        "voice_s": round(seconds, 3) if seconds >= SHORTEST_S else 0.0,
        "reason": "request" if asked else "orphan",
        "taken_at": datetime.now(UTC).isoformat(),
        "variables": {name: value for name, value in variables.items() if value},
    }


def instant(epoch: str) -> str:
    """Epoch seconds as ISO 8601 in UTC, "" for what is no time."""
    try:
        return datetime.fromtimestamp(float(epoch), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def voice_s(file: Path) -> float:
    """Seconds of speech in a WAV file (16 bit, 8 kHz) by its size: a header may be unfinished."""
    try:
        return max(0, file.stat().st_size - WAV_HEADER_BYTES) / WAV_BYTES_S
    except OSError:
        return 0.0


def spool_file(call_id: str) -> Path:
    return HOME / "spool" / "incoming" / f"{safe_name(call_id)}.json"


def safe_name(call_id: str) -> str:
    """A call id as a file name: no way out of the folder, no hidden file."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", call_id).lstrip(".")[:100] or "unknown"


def write(file: Path, content: dict[str, object]) -> None:
    """All of it or nothing, and on the disk before we return; raises OSError."""
    fresh = file.with_suffix(f".{os.getpid()}.new")
    try:
        with fresh.open("w", encoding="utf-8") as stream:
            json.dump(content, stream, ensure_ascii=False, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


if __name__ == "__main__":
    main()
