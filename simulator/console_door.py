"""The hotline's HTTP API, as a seat or a supervisor uses it: the simulator's only way to steer."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

import aiohttp

from simulator.errors import StepMissed

ANSWER_S = 10.0


@dataclass(slots=True)
class ConsoleDoor:
    """`async with ConsoleDoor(base_url, token, tenant) as door`. Raises StepMissed when the API
    is away or refuses."""

    base_url: str
    token: str
    tenant: str
    _session: aiohttp.ClientSession | None = None

    async def seats(self) -> list[dict[str, Any]]:
        """Every seat of the tenant: `id`, `state`, …"""
        return cast("list[dict[str, Any]]", (await self._ask("GET", "/seats"))["seats"])

    async def make_ready(self, seat: str) -> str:
        """The seat takes calls; the state it is in now."""
        told = await self._ask("POST", f"/seats/{seat}/state", {"state": "ready"})
        return str(told["seat"]["state"])

    async def tickets(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest tickets, newest first."""
        told = await self._ask("GET", f"/tickets?limit={limit}")
        return cast("list[dict[str, Any]]", told["tickets"])

    async def hours_mode(self) -> str:
        """The tenant's own override: open, closed or auto."""
        told = await self._ask("GET", "/hours")
        return str(next((h["mode"] for h in told["hours"] if h["line"] == ""), "auto"))

    async def set_hours(self, mode: str) -> None:
        """Force the tenant open or closed, or go back to the timetable (auto)."""
        await self._ask("PUT", "/hours", {"line": "", "mode": mode})

    async def understands_speech(self) -> bool:
        """Callers after hours are asked question by question; else they leave a recording."""
        assert self._session is not None, "the door is used inside `async with`"
        url = f"{self.base_url}/readyz"
        try:
            async with self._session.get(url) as answer:
                told = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StepMissed(f"the engine doesn't answer at {url}: {error}") from error
        return bool(told.get("parts", {}).get("speech", {}).get("up"))

    async def __aenter__(self) -> "ConsoleDoor":
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=aiohttp.ClientTimeout(total=ANSWER_S),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        assert self._session is not None, "the door is used inside `async with`"
        url = f"{self.base_url}/api/v1/tenants/{self.tenant}{path}"
        try:
            async with self._session.request(method, url, json=body) as answer:
                text = await answer.text()
                if answer.status != 200:
                    raise StepMissed(f"the API answered {answer.status} to {method} {path}: {text}")
                return cast("dict[str, Any]", await answer.json())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StepMissed(f"the API doesn't answer at {url}: {error}") from error
