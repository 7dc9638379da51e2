"""HTTP to others: bounded in time and size, never redirected, and (for webhooks) never to this
machine or its private networks, whatever a name resolves to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

TRY_S = 10.0
MOST_BYTES = 64 * 1024
PORTS = frozenset({80, 443, *range(1024, 65_536)})
_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("2002::/16"), ip_network("::/96"))
"""IPv6 addresses that are IPv4 ones in disguise."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Who answered: the status and the first `MOST_BYTES` of the body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Unreached:
    """Nobody did; why, in a few words without addresses."""

    reason: str


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet; False for what is no address."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _TRANSLATED):
            return False
    return found.is_global and not found.is_multicast


def wrong_with(url: str, *, private: bool) -> str:
    """Why a webhook's address can't be used, "" when it can. Names are looked up when it is
    told something: they may lead elsewhere by then."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is no address"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "it must be https://host/path"
    if parts.username or parts.password or parts.fragment:
        return "it must have neither a name, a password nor a fragment"
    if any(ord(sign) <= 32 or ord(sign) == 127 for sign in url):
        return "it has signs that no address has"
    if private:
        return ""
    if parts.scheme != "https":
        return "https:// is needed"
    if port is not None and port not in PORTS:
        return f"port {port} is another service's"
    name = parts.hostname.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return "it leads to this machine or its network"
    if _is_literal(name) and not is_public(name):
        return "it leads to this machine or its network"
    return ""


def _is_literal(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class RefusedAddress(OSError):
    """A name led to an address that webhooks may not reach."""


def _public_socket(info: aiohttp.connector.AddrInfoType) -> socket.socket:
    """The socket of a connection about to be made; asked with the address itself."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise RefusedAddress("it leads to this machine or its network")
    return socket.socket(family, kind, protocol)


class Outside:
    """Posts to others. `guarded` ones reach public addresses alone."""

    def __init__(
        self, *, guarded: bool, try_s: float = TRY_S, resolver: AbstractResolver | None = None
    ) -> None:
        self._guarded = guarded
        self._try_s = try_s
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reached | Unreached:
        """One try."""
        try:
            async with (
                asyncio.timeout(self._try_s),
                self._opened().post(
                    url, data=body, headers=dict(headers), allow_redirects=False
                ) as answer,
            ):
                read = await answer.content.read(MOST_BYTES)
                return Reached(answer.status, read)
        except TimeoutError:
            return Unreached(f"no answer within {self._try_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unreached(_reason(error))

    @asynccontextmanager
    async def opened(
        self, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse | Unreached]:
        """A GET whose body the caller reads; each step of it may take `try_s`."""
        patience = aiohttp.ClientTimeout(total=None, connect=self._try_s, sock_read=self._try_s)
        async with AsyncExitStack() as stack:
            try:
                asked = self._opened().get(
                    url, headers=dict(headers), allow_redirects=False, timeout=patience
                )
                answer: aiohttp.ClientResponse | Unreached = await stack.enter_async_context(asked)
            except TimeoutError:
                answer = Unreached(f"no answer within {self._try_s:g} s")
            except (aiohttp.ClientError, OSError, ValueError) as error:
                answer = Unreached(_reason(error))
            yield answer

    async def close(self) -> None:
        """Let go of every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=20,
                limit_per_host=8,
                use_dns_cache=False,
                resolver=self._resolver,
                socket_factory=_public_socket if self._guarded else None,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "hotline12345"},
                auto_decompress=False,
            )
        return self._session


def _reason(error: Exception) -> str:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 5:
        causes.append(cause)
    if refused := next((one for one in causes if isinstance(one, RefusedAddress)), None):
        return str(refused)
    return type(error).__name__
