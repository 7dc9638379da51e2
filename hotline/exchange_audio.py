"""Recordings of tickets that have crossed over: peers fetch ours, signed as their messages are, and
ours who work on a peer's ticket hear its. Nothing is copied: who listens hears it from there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import structlog

from console.errors import NoAudio, PeerAway, UnknownPeer
from console.outward import ExchangeAnswer, PeerBroke
from hotline.deadlines import Deadlines
from hotline.outside import Outside, Unreached
from hotline.peer_files import peer_secret
from hotline.settings import Settings
from ivr.ports import Clock
from storage.database import Database
from storage.exchange_audio import SqlExchangeAudio
from storage.exchange_in import refused

CHUNK_BYTES = 64 * 1024
LONGEST_BYTES = 256 * 2**20
"""Some four hours of a call."""
REFUSED = frozenset({403, 404, 409})
"""It has no such audio for us."""

log = structlog.get_logger(__name__)


class ExchangeAudio:
    """`console.outward.PeerAudio`."""

    def __init__(
        self, settings: Settings, database: Database, deadlines: Deadlines, clock: Clock
    ) -> None:
        self._settings = settings
        self._peers = deadlines.peers
        self._clock = clock
        self._books = SqlExchangeAudio(database, deadlines.lives)
        self._outside = Outside(guarded=False)

    async def may_hear(
        self, tenant: str, path: str, headers: Mapping[str, str], ticket: str
    ) -> ExchangeAnswer | None:
        """Signed by a peer that handles the ticket, may hear it, and asked for the first time."""
        known = self._peers.of(tenant).by_id
        if not known:
            return _refusal(404, "unknown-peer", "this tenant exchanges tickets with nobody")
        # Imported here: a house without peers needn't hold cryptography in memory.
        from hotline.signing import SignatureRefused, verify

        def secret(sender: str) -> str | None:
            if sender not in known:
                return None
            return peer_secret(self._settings.folders, tenant, sender)

        try:
            signed = verify("GET", path, headers, b"", secret=secret, now=self._clock.now())
        except SignatureRefused as error:
            log.warning("audio_refused", tenant=tenant, ticket=ticket, reason=error.id)
            return _refusal(401, error.id, "the request isn't signed as it must be")
        peer = known[signed.sender]
        if not peer.audio:
            return _refusal(403, "audio-not-shared", "recordings aren't handed out to you")
        why = await self._books.may_hear(
            tenant, peer.id, ticket, nonce=signed.nonce, until=signed.until
        )
        log.info("audio_asked_for", tenant=tenant, ticket=ticket, peer=peer.id, given=why is None)
        return None if why is None else ExchangeAnswer(why.status, why.answer)

    @asynccontextmanager
    async def fetched(
        self, tenant: str, ticket: str, peer: str, kind: str
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """From the peer's door, as it comes."""
        known = self._peers.of(tenant).by_id.get(peer)
        if known is None:
            raise UnknownPeer
        theirs = await self._books.theirs(tenant, ticket, peer)
        secret = peer_secret(self._settings.folders, tenant, peer)
        if not theirs:
            raise NoAudio
        if secret is None:
            raise PeerAway("No secret is kept for this peer.", retry_after_s=60)
        from hotline.signing import sign

        url = f"{known.address}/tickets/{theirs}/audio/{kind}"
        path = "/" + url.split("//", 1)[1].partition("/")[2]
        headers = sign("GET", path, b"", sender=known.we, secret=secret, at=self._clock.now())
        async with self._outside.opened(url, headers) as answer:
            if isinstance(answer, Unreached) or answer.status not in (200, *REFUSED):
                why = answer.reason if isinstance(answer, Unreached) else str(answer.status)
                log.warning("peer_audio_away", tenant=tenant, ticket=ticket, peer=peer, reason=why)
                raise PeerAway(retry_after_s=10)
            if answer.status in REFUSED:
                raise NoAudio
            yield _read(answer)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._outside.close()


async def _read(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    size = 0
    try:
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            size += len(chunk)
            if size > LONGEST_BYTES:
                raise PeerBroke(f"more than {LONGEST_BYTES} bytes")
            yield chunk
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise PeerBroke(type(error).__name__) from error


def _refusal(status: int, error_id: str, words: str) -> ExchangeAnswer:
    taken = refused(status, error_id, words)
    return ExchangeAnswer(taken.status, taken.answer)
