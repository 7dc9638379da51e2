"""What proves replies, on the disk: `<home>/evidence/<tenant>/<number>/<sha256>.<kind>`."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import structlog

from console.errors import EvidenceMissing, TooMuchEvidence
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
    """Whole or not at all, whoever dies when."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if len(list(path.parent.glob("*.*"))) >= MOST:
        raise TooMuchEvidence
    young = path.with_name(f"new-{uuid4().hex}")
    try:
        with young.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        young.rename(path)
    finally:
        young.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
