"""Conversations on the disk: `<home>/journal/talks/<call_id>.jsonl`, a line for the beginning and
one for each answer, each synced before the conversation goes on. A torn last line was never
acknowledged and is left out; the file goes when the ticket stands.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from pydantic import TypeAdapter

from storage.codec import dump_new_ticket, load_new_ticket
from storage.files import sync_folder
from storage.spool_item import file_name
from tickets.kept import KeptTalk
from tickets.model import NewTicket
from tickets.spoken import SpokenAnswer

BEGUN, ANSWER, ALARM = "begun", "answer", "alarm"
MOST_BYTES = 16 * 1024 * 1024

_ANSWER = TypeAdapter(SpokenAnswer)

log = structlog.get_logger(__name__)


class FileTalkJournal:
    """`tickets.kept.TalkJournal` in a folder of one node's engines."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def begin(self, new: NewTicket) -> None:
        """A conversation begins."""
        await self._add(new.facts.call_id, BEGUN, dump_new_ticket(new))

    async def note(self, call_id: str, answer: SpokenAnswer) -> None:
        """An answer."""
        await self._add(call_id, ANSWER, _ANSWER.dump_python(answer, mode="json"))

    async def note_alarm(self, call_id: str, word: str) -> None:
        """A word of danger."""
        await self._add(call_id, ALARM, {"word": word})

    async def read(self, call_id: str) -> KeptTalk | None:
        """What was noted of a call; None when nothing, or nothing that can be read."""
        return await asyncio.to_thread(_read, self._file(call_id))

    async def forget(self, call_id: str) -> None:
        """Its ticket stands."""
        try:
            await asyncio.to_thread(self._file(call_id).unlink, missing_ok=True)
        except OSError as error:  # its ticket is made again later: the same one
            log.error("talk_not_forgotten", call_id=call_id, reason=str(error))

    async def left(self, older_s: float) -> list[KeptTalk]:
        """Conversations nobody has noted anything of for so long, the oldest first."""
        return await asyncio.to_thread(self._left, older_s)

    def _left(self, older_s: float) -> list[KeptTalk]:
        now = time.time()
        files = sorted((f.stat().st_mtime, f) for f in self._folder.glob("*.jsonl"))
        return [
            kept
            for changed, file in files
            if now - changed >= older_s and (kept := _read(file)) is not None
        ]

    def _file(self, call_id: str) -> Path:
        return self._folder / f"{file_name(call_id)}.jsonl"

    async def _add(self, call_id: str, what: str, data: Mapping[str, Any]) -> None:
        line = json.dumps({"what": what, "data": data}).encode() + b"\n"
        try:
            await asyncio.to_thread(_append, self._file(call_id), line)
        except OSError as error:
            log.error("talk_not_noted", call_id=call_id, what=what, reason=str(error))


def _append(file: Path, line: bytes) -> None:
    """A newline first where a line before was torn, so that this one is whole."""
    fresh = not file.exists()
    if fresh:
        file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[os.write(handle, line) :]
        os.fdatasync(handle)
    finally:
        os.close(handle)
    if fresh:
        sync_folder(file.parent)


def _read(file: Path) -> KeptTalk | None:
    try:
        content = file.read_bytes()[:MOST_BYTES]
    except FileNotFoundError:
        return None
    except OSError as error:
        log.error("talk_unreadable", file=file.name, reason=str(error))
        return None
    new: NewTicket | None = None
    answers: list[SpokenAnswer] = []
    alarm = ""
    for line in content.split(b"\n"):
        try:
            match json.loads(line) if line else None:
                case {"what": "begun", "data": data}:
                    new = new or load_new_ticket(data)
                case {"what": "answer", "data": data}:
                    answers.append(_ANSWER.validate_python(data))
                case {"what": "alarm", "data": {"word": str(word)}}:
                    alarm = word
        except ValueError as error:  # torn, or of another version: the others count
            log.warning("talk_line_unreadable", file=file.name, pii_reason=str(error))
    return KeptTalk(new, tuple(answers), alarm) if new is not None else None
