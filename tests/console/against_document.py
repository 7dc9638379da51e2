"""Requests made from the served OpenAPI document, each answer held against it (schemathesis): of a
house of tickets in a thread, or (`tests/e2e/test_document.py`) of a whole installation.

`python -m tests.console.against_document` asks longer and on both stores; `make schemathesis`.
"""

import asyncio
import logging
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks

from console.app import doors
from console.openapi import plain_path
from console.ports import Role
from tests.console.fakes import CITY
from tests.console.ticket_house import TicketHouse, ticket_house
from tests.servers import postgres_running

START_S = 120.0
LAMPS = "lighting"
ANSWER_S = 60.0
DAYS = {"from": "2026-11-01", "to": "2026-11-23"}
NAMES = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """A server with tickets in it: where it is, a token of each role, what there is by name."""

    base: str
    tokens: Mapping[Role, str]
    known: Mapping[str, str]


@contextmanager
def served(url: str) -> Iterator[Served]:
    """A ticket house in a thread of its own, for the length of the block."""
    ready, stop = threading.Event(), threading.Event()
    found: list[Served] = []
    failed: list[BaseException] = []

    async def run() -> None:
        async with ticket_house(url) as house:
            found.append(await _filled(house))
            ready.set()
            await asyncio.to_thread(stop.wait)

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # told to the thread that waits
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=work, name="ticket-house")
    thread.start()
    try:
        if not ready.wait(START_S) or failed:
            raise RuntimeError(f"the server didn't come: {failed}")
        yield found[0]
    finally:
        stop.set()
        thread.join()


async def _filled(house: TicketHouse) -> Served:
    """Tickets in several states, and a notice."""
    number = (await house.seat.take())["ticket"]["number"]
    await house.reviewer.tells(number, "dispatched", lead=LAMPS)
    await house.seat.take(title="停水", text="三栋停水了", class_code="050301")
    notice = (await house.unit(LAMPS).asks(f"units/{LAMPS}/notices"))["notices"][0]["id"]
    tokens = {
        role: house.city.token(
            role, seat_id="801" if role is Role.SEAT else "",
            unit=LAMPS if role is Role.DEPARTMENT else "", person=f"p-{role.value}",
        )
        for role in Role
    }  # fmt: skip
    known = {
        "tenant": CITY, "number": number, "unit": LAMPS, "seat": "801", "notice": str(notice),
    }  # fmt: skip
    return Served(house.nobody.base, tokens, known)


def ask(here: Served, examples: int, seed: int, schema: Any = None) -> int:
    """Ask every operation `examples` times; how many there are. Raises what schemathesis found.
    `schema`: another one than the server's own document."""
    if schema is None:
        raw = requests.get(f"{here.base}/api/v1/openapi.json", timeout=ANSWER_S).json()
        schema = schemathesis.openapi.from_dict(strict(raw))
    roles = {(one.method, plain_path(one.path)): one.roles for one in doors()}
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        may = roles[operation.method.upper(), operation.path]
        _ask_one(here, operation, sorted(may) or [None], examples, seed)
        count += 1
    return count


def _ask_one(here: Served, operation: Any, roles: list[Any], examples: int, seed: int) -> None:
    load_all_checks()
    checks = [check for check in CHECKS.get_all() if check.__name__ in NAMES]

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=False,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(), role=st.sampled_from(roles), real=st.integers(0, 3))
    def check(case: Any, role: Role | None, real: int) -> None:
        for name in case.path_parameters or {}:
            if name in here.known and (real or name == "tenant"):
                case.path_parameters[name] = here.known[name]
        headers = {"Authorization": f"Bearer {here.tokens[role]}"} if role else {}
        if real:
            _made_real(here, case, operation, headers)
        case.call_and_validate(base_url=here.base, headers=headers, checks=checks, timeout=ANSWER_S)

    check()


def _made_real(here: Served, case: Any, operation: Any, headers: Mapping[str, str]) -> None:
    """Days that are days, units that are there, and the version that the ticket has."""
    for name, day in DAYS.items():
        if name in (case.query or {}):
            case.query[name] = day
    if not operation.path.endswith("/events") or not isinstance(case.body, dict):
        return
    where = f"{here.base}/api/v1/tenants/{here.known['tenant']}/tickets/{here.known['number']}"
    told = requests.get(where, headers=dict(headers), timeout=ANSWER_S).json()
    case.headers = {}
    case.body["version"] = told.get("ticket", {}).get("version", 1)
    data = case.body.get("data")
    if isinstance(data, dict):
        data |= {name: here.known["unit"] for name in ("lead", "suggested") if name in data}


def strict(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every object closed: an answer may have nothing that it doesn't tell."""
    return {name: _closed(part) for name, part in document.items()}


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    told = {name: _closed(one) for name, one in part.items()}
    if isinstance(told.get("properties"), dict) and told.get("type") == "object":
        told.setdefault("additionalProperties", False)
    return told


def main(examples: int) -> None:
    """Both stores, `examples` of each operation. What happens to tickets is logged by the hundred:
    only what is wrong is shown."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder, postgres_running() as postgres:
        for name, url in (
            ("sqlite", f"sqlite:///{Path(folder)}/hotline.db"),
            ("postgresql", postgres.url(postgres.create_database())),
        ):
            with served(url) as here:
                asked = ask(here, examples, seed=12345)
            print(f"{name}: {asked} operations, {examples} requests each: as documented")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
