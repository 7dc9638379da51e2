"""Commands to Redis in the fewest steps: packed by ourselves, many in one write, on one connection.

The live state is written several times a second: redis-py's pipeline takes each word of a command
through its encoder, and each trip through its pool, its retries and its own measuring, five times
the work. Connecting, logging in and reading answers stay redis-py's own.
https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def packed(*words: str) -> bytes:
    """One command as Redis reads it; any text may be part of it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class RedisWire:
    """One connection for one user at a time, made when it is first needed and again after any
    failure. `timeout_s` bounds every trip, connecting included."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        pool: ConnectionPool = ConnectionPool.from_url(
            url,
            socket_timeout=None,  # a timer for each piece of a trip: one for all of it instead
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._connection: AbstractConnection = pool.connection_class(**pool.connection_kwargs)
        self._timeout_s = timeout_s

    async def trip(self, commands: Sequence[bytes]) -> list[Any]:
        """Send all, then read an answer to each; raises RedisError (also when Redis refuses one
        of them), OSError or TimeoutError, and connects anew the next time."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connection.send_packed_command(commands)
                return [await self._connection.read_response() for _ in commands]
        except BaseException:
            await self._connection.disconnect(nowait=True)  # answers may be on their way still
            raise

    async def close(self) -> None:
        """Disconnect."""
        await self._connection.disconnect()
