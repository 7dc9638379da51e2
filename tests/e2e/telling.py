"""Tells events of a ticket to an installation, over the API, each by a person of its own."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from tests.e2e.installation import Installation

Step = tuple[str, str, Mapping[str, Any]]
"""The role, the event, its data."""
UNIT = "urban"


class Office:
    """Seat, reviewer and department (`unit`) of an installation, each with a token of its own once
    it is needed."""

    def __init__(self, hotline: Installation, seat: str, unit: str = UNIT) -> None:
        self._hotline = hotline
        self._more = {"seat": ("--seat", seat), "department": ("--unit", unit)}
        self._tokens: dict[str, str] = {}

    def _token(self, role: str) -> str:
        if role not in self._tokens:
            words = ("token", "create", "--role", role, *self._more.get(role, ()))
            self._tokens[role] = self._hotline.cli(*words).strip()
        return self._tokens[role]

    def take(self, **words: str) -> str:
        """The seat takes a request in; its number."""
        return str(self._ask("seat", "/tickets", words)["ticket"]["number"])

    def tell(self, number: str, *steps: Step) -> None:
        """Let these events happen to a ticket, one after the other."""
        for role, event, data in steps:
            ticket = self._ask(role, f"/tickets/{number}")["ticket"]
            body = {"event": event, "data": data, "version": ticket["life"]["version"]}
            self._ask(role, f"/tickets/{number}/events", body)

    def _ask(self, role: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self._hotline.http}/api/v1/tenants/default{path}",
            method="GET" if body is None else "POST",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token(role)}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
