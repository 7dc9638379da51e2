"""Signatures of the exchange: HTTP Message Signatures (RFC 9421), HMAC-SHA256, by the library.

Covered are method, path and Content-Digest (RFC 9530, SHA-256), with creation time, nonce and the
sender's name as key id. Who verifies keeps the nonces: see `storage.exchange_in`.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)

SKEW_S = 300
"""How far two houses' clocks may be apart, and how long a message may be under way."""
REMEMBER_S = 2 * SKEW_S + 60
"""How long a nonce is remembered: no clock takes its signature any more then."""
TAG = "hotline-exchange"
COVERED = ("@method", "@path", "content-digest")
LONGEST_NONCE = 80


class SignatureRefused(Exception):
    """A message wasn't signed as it must be; `id` is stable."""

    def __init__(self, error_id: str) -> None:
        super().__init__(error_id)
        self.id = error_id


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed, with which nonce, until when that must be remembered (seconds since 1970)."""

    sender: str
    nonce: str
    until: int
    digest: str


@dataclass(slots=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Keys(HTTPSignatureKeyResolver):
    secret: Callable[[str], str | None]

    def resolve_public_key(self, key_id: str) -> bytes:
        secret = self.secret(key_id)
        if secret is None:
            raise LookupError("no such key")
        return secret.encode()

    resolve_private_key = resolve_public_key


class _Verifier(HTTPMessageVerifier):
    """Leaves the time to us: it is refused with an id of its own, by our clock."""

    max_clock_skew = timedelta(days=36_500)


def sign(
    method: str, path: str, body: bytes, *, sender: str, secret: str, at: datetime
) -> Mapping[str, str]:
    """The headers that sign a request; each call makes a nonce of its own."""
    request = _Request(method, _url(path))
    signer = HTTPMessageSigner(
        signature_algorithm=algorithms.HMAC_SHA256, key_resolver=_Keys(lambda _: secret)
    )
    signer.sign(
        request, key_id=sender, created=at, nonce=secrets.token_urlsafe(18), tag=TAG,
        label="hotline", covered_component_ids=COVERED, body=body,
    )  # fmt: skip
    return request.headers


def verify(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: Callable[[str], str | None],
    now: datetime,
) -> Signed:
    """Who signed this request; `secret` knows a sender's (None: nobody we know).

    Raises `SignatureRefused`: `signature-missing`, `signature-refused` (whatever is wrong with
    it), `signature-stale`.
    """
    names = {name.lower() for name in headers}
    if not {"signature", "signature-input", "content-digest"} <= names:
        raise SignatureRefused("signature-missing")
    verifier = _Verifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=_Keys(secret))
    request = _Request(method, _url(path), dict(headers))
    try:
        (result,) = verifier.verify(
            request, max_age=None, expect_tag=TAG, require_components=COVERED, body=body
        )
    except Exception as error:  # it comes from outside: whatever is wrong with it, it isn't signed
        raise SignatureRefused("signature-refused") from error
    return _timely(result.parameters, result.nonce, body, now)


def _timely(parameters: Mapping[str, Any], nonce: str | None, body: bytes, now: datetime) -> Signed:
    if not nonce or len(nonce) > LONGEST_NONCE:
        raise SignatureRefused("signature-refused")
    at = int(now.timestamp())
    if abs(at - int(parameters["created"])) > SKEW_S:
        raise SignatureRefused("signature-stale")
    digest = hashlib.sha256(body).hexdigest()
    return Signed(str(parameters["keyid"]), nonce, at + REMEMBER_S, digest)


def _url(path: str) -> str:
    """The library wants a whole address; scheme and host aren't covered: proxies change them."""
    return f"https://door{path}"
