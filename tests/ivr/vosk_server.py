"""A real server of vosk-server's protocol with the real model, in a process of its own.

`python -m tests.ivr.vosk_server PORT MODEL`
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

from aiohttp import WSMsgType, web

from tests.ivr.speech import model
from tests.servers import free_port, wait_until

KINDS = {'{"eof" : 1}': True, '{"reset" : 1}': False}


class VoskServerProcess:
    """Start, stop, freeze and start again, at one port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"ws://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it listens when this returns."""
        words = [sys.executable, "-m", "tests.ivr.vosk_server", str(self.port), str(model())]
        command = ["setpriv", "--pdeathsig", "KILL", *words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        wait_until(self._says_so, what="the vosk-server")

    def _says_so(self) -> bool:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline() == b"listening\n"

    @property
    def running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        """As a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """It answers nothing and closes nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def _serve(port: int, folder: Path) -> None:
    import vosk

    vosk.SetLogLevel(-1)
    loaded = vosk.Model(str(folder))

    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        words: list[str] = []
        recogniser = None
        async for message in socket:
            if message.type is WSMsgType.TEXT and "config" in message.data:
                words = json.loads(message.data)["config"].get("phrase_list", [])
                continue
            if recogniser is None:
                grammar = (json.dumps(words, ensure_ascii=False),) if words else ()
                recogniser = vosk.KaldiRecognizer(loaded, 8000, *grammar)
                recogniser.SetWords(True)
            if message.type is WSMsgType.TEXT:
                over = KINDS[message.data]
                await socket.send_str(recogniser.FinalResult())
                if over:
                    break
            elif recogniser.AcceptWaveform(message.data):
                await socket.send_str(recogniser.Result())
            else:
                await socket.send_str(recogniser.PartialResult())
        return socket

    async def announce(_: web.Application) -> None:
        print("listening", flush=True)

    app = web.Application()
    app.router.add_get("/", talk)
    app.on_startup.append(announce)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), Path(sys.argv[2]))
