"""A wire between the engine and Asterisk's manager that a test can cut, or let hang."""

import asyncio
import contextlib


class Wire:
    """Listens on a loopback port and passes everything on to another: `port` is where to connect.

    `cut`: no connection any more, and none is taken. `hang`: connections are taken, and nothing
    passes, in no direction. `mend`: as before; what hung is cut.
    """

    def __init__(self, to: int, port: int = 0) -> None:
        self.port = port
        self.taken = 0
        self._to = to
        self._server: asyncio.Server | None = None
        self._flows: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._passes = asyncio.Event()
        self._passes.set()

    async def __aenter__(self) -> "Wire":
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    async def cut(self) -> None:
        """Nobody can connect, and nobody is connected."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._drop()
        if self._flows:
            await asyncio.wait(self._flows)

    def hang(self) -> None:
        """It looks well, and nothing comes through."""
        self._passes.clear()

    async def mend(self) -> None:
        """Whoever connects now is served."""
        self._drop()
        self._passes.set()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _drop(self) -> None:
        for end in tuple(self._ends):
            end.transport.abort()
        for flow in self._flows:
            flow.cancel()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        self._ends.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._ends.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            flow = asyncio.create_task(self._flow(source, sink))
            self._flows.add(flow)
            flow.add_done_callback(self._flows.discard)

    async def _flow(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await self._passes.wait()
                sink.write(data)
                await sink.drain()
        sink.close()
        self._ends.discard(sink)
