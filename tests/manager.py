"""A bare manager client for tests: log in, await an event."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.stack import AsteriskStack


class Manager:
    """One logged-in AMI session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def message(self) -> dict[str, str]:
        """The next message; a repeated header keeps its last value."""
        text = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    async def event(self, name: str, *, seconds: float = 20.0) -> dict[str, str]:
        """The next event of this name; others are passed over."""
        async with asyncio.timeout(seconds):
            while (message := await self.message()).get("Event") != name:
                pass
        return message

    async def action(self, name: str, **fields: str) -> dict[str, str]:
        """The response to an action."""
        lines = [f"Action: {name}", *(f"{k}: {v}" for k, v in fields.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        async with asyncio.timeout(20):
            while "Response" not in (message := await self.message()):
                pass
        return message


@contextlib.asynccontextmanager
async def manager(stack: AsteriskStack, secret: str | None = None) -> AsyncIterator[Manager]:
    """Logged in with the stack's secret, or another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.ami_port)
    await reader.readline()
    session = Manager(reader, writer)
    try:
        answer = await session.action(
            "Login", Username=stack.ami_user, Secret=secret or stack.ami_secret
        )
        if answer["Response"] != "Success":
            raise PermissionError(answer["Message"])
        yield session
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
