"""A small FastAGI server that stands in for the engine in tests of the dialplan."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable


class Session:
    """One AGI session: `header` has what Asterisk told (`agi_uniqueid`, `agi_arg_1` …)."""

    def __init__(
        self, header: dict[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.header = header
        self._reader = reader
        self._writer = writer

    @property
    def request(self) -> str:
        """`call` or `hangup`."""
        return self.header["agi_network_script"]

    @property
    def arguments(self) -> list[str]:
        names = [n for n in self.header if n.startswith("agi_arg_")]
        return [self.header[f"agi_arg_{n + 1}"] for n in range(len(names))]

    async def command(self, line: str) -> str:
        """Asterisk's reply; raises EOFError when the session is over."""
        self._writer.write(line.encode() + b"\n")
        while True:
            reply = (await self._reader.readline()).decode(errors="replace")
            if not reply:
                raise EOFError(line)
            if reply.strip() != "HANGUP" and not reply.startswith("100 "):  # GOSUB says 100 first
                return reply.strip()

    async def variable(self, name: str) -> str:
        reply = await self.command(f"GET FULL VARIABLE ${{{name}}}")
        return reply.partition("(")[2].removesuffix(")")

    async def done(self) -> None:
        """The engine's last word."""
        await self.command('SET VARIABLE HL_DONE "1"')

    async def ended(self) -> None:
        """Wait until Asterisk closes the session (the caller is gone)."""
        while await self._reader.readline():
            pass


Handler = Callable[[Session], Awaitable[None]]


@contextlib.asynccontextmanager
async def engine(port: int, handler: Handler) -> AsyncIterator[asyncio.Server]:
    """Serve each session with `handler`; its exceptions are raised at the end of the block.

    Leaving the block cuts all sessions, as an engine that is killed does.
    """
    failures: list[Exception] = []
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            lines = (await reader.readuntil(b"\n\n")).decode(errors="replace").splitlines()
            header = dict(line.split(": ", 1) for line in lines if ": " in line)
            await handler(Session(header, reader, writer))
        except (EOFError, ConnectionError):
            pass  # the caller hung up: what the handler did until then counts
        except Exception as error:
            failures.append(error)
        finally:
            running.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1000)
    try:
        yield server
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if failures:
            raise ExceptionGroup("engine sessions failed", failures)
