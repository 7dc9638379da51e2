"""What proves replies, on the disk: `<home>/evidence/<tenant>/<number>/<sha256>.<kind>`."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import structlog

from console.errors import EvidenceMissing, TooMuchEvidence
from storage.files import write_whole
from tickets.errors import StoreAway
from tickets.evidence import MOST, is_evidence

log = structlog.get_logger(__name__)


class HomeEvidence:
    """`console.evidence.Evidence` on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, tenant: str, number: str, name: str, content: bytes) -> None:
        """See the port."""
        try:
            await asyncio.to_thread(_write, self._path(tenant, number, name), content)
        except OSError as error:
            log.error("evidence_not_kept", tenant=tenant, ticket=number, reason=str(error))
            raise StoreAway("the disk doesn't take it") from error

    async def read(self, tenant: str, number: str, name: str) -> bytes:
        """See the port."""
        try:
            content = await asyncio.to_thread(self._path(tenant, number, name).read_bytes)
        except OSError as error:
            raise EvidenceMissing from error
        if sha256(content).hexdigest() != name.partition(".")[0]:
            log.error("evidence_was_changed", tenant=tenant, ticket=number, file=name)
            raise EvidenceMissing
        return content

    def _path(self, tenant: str, number: str, name: str) -> Path:
        if not (is_evidence(name) and number.isdecimal()):
            raise EvidenceMissing
        return self._folder / tenant / number / name


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, whoever dies when. Put again, it is kept as long as a new one."""
    if path.exists():
        os.utime(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if sum(not file.name.startswith(".") for file in path.parent.iterdir()) >= MOST:
        raise TooMuchEvidence
    write_whole(path, content)
