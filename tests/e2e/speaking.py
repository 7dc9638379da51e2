"""Callers who speak: their sentences, and what an installation notes of a conversation."""

import asyncio
import contextlib
import json
from functools import cache
from typing import Any

from simulator.audio import spoken
from simulator.citizens import LiveCall
from tests.e2e.installation import Installation
from tests.servers import wait_until

VOICE = "cmn-latn-pinyin"
WITHIN_S = 60.0
SILENT_END = 3040
"""Samples of silence at each sentence's end, 0.38 s: enough to end a short answer."""
BYTES_PER_S = 16_000
PAUSE_S = 0.3
"""The question has begun; what is said before it belongs to the answer before."""
KIND, PLACE, MATTER = "我要投诉", "青秀区民族大道", "路灯坏了晚上不亮"
YES, RIGHT = "可以", "对"


def speaks(hotline: Installation) -> bool:
    """Whether callers are understood now."""
    parts = hotline.readiness().get("parts", {})
    return bool(parts.get("speech", {}).get("up"))


@cache
def said(text: str) -> bytes:
    """A sentence in the voice the model has heard."""
    voice = spoken(text, VOICE, "ulaw")
    assert voice is not None, "espeak-ng and sox are missing"
    return voice


def _given(noted: dict[str, Any]) -> bool:
    answer = noted["data"]
    return bool(answer.get("keys")) or answer.get("end_s", 0.0) > answer.get("begin_s", 0.0)


class Talk:
    """What the engine has noted of one caller's conversation."""

    def __init__(self, hotline: Installation, caller: str) -> None:
        self._home = hotline.home
        self._folder = hotline.home / "journal" / "talks"
        self._caller = caller

    def noted(self) -> list[dict[str, Any]]:
        for file in self._folder.glob("*.jsonl"):
            with contextlib.suppress(FileNotFoundError, ValueError):  # gone, or being written
                lines = [json.loads(line) for line in file.read_text().splitlines()]
                if lines and lines[0]["data"]["facts"]["caller_raw"] == self._caller:
                    return lines
        return []

    async def has(self, answers: int) -> None:
        """So many answers are on the disk. A question he was silent to is asked again."""

        def there() -> bool:
            noted = self.noted()
            return bool(noted) and sum(map(_given, noted[1:])) >= answers

        await asyncio.to_thread(
            wait_until, there, seconds=WITHIN_S, what=f"{answers} answers; noted: {self.noted()}"
        )

    async def goes_on(self, call: LiveCall, text: str, seconds: float) -> None:
        """He says this over and over, without a pause that would end his answer; returns when so
        much more of the call is on the disk."""
        file = self._home / self.noted()[0]["data"]["voice_path"]
        voice = (await asyncio.to_thread(said, text))[:-SILENT_END]

        def length_s() -> float:
            return file.stat().st_size / BYTES_PER_S if file.exists() else 0.0

        before_s = length_s()
        call.say(voice, loop=True)
        await asyncio.to_thread(
            wait_until,
            lambda: length_s() >= before_s + seconds,
            seconds=WITHIN_S,
            what=f"{seconds} s more in {file}",
        )

    async def answer(self, call: LiveCall, *texts: str, first: int = 0) -> None:
        """Say one text to each question, as soon as the one before was taken: the prompt is talked
        over."""
        for number, text in enumerate(texts, first):
            await self.has(number)
            voice = await asyncio.to_thread(said, text)  # the telephone is not kept waiting for it
            await asyncio.sleep(PAUSE_S)
            call.say(voice)
        await self.has(first + len(texts) - 1)

    async def answer_from(self, call: LiveCall, first: int, *texts: str) -> None:
        """Go on when so many answers have been taken."""
        await self.answer(call, *texts, first=first)


def spoken_of(hotline: Installation, number: str) -> dict[str, Any]:
    """The spoken request of a ticket, as the morning list's door tells it."""
    path = f"/api/v1/tenants/default/spoken/{number}"
    return dict(hotline.api(path)["request"])
