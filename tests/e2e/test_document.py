"""A running installation is asked from the OpenAPI document that it serves: seats, calls, queues
and figures answer from the real engine, with Redis and Asterisk beside it, never with a 5xx."""

import pytest

from console.ports import Role
from tests.console.against_document import Served, ask
from tests.e2e.installation import TENANTS, Installation
from tests.e2e.telling import UNIT, Office

pytestmark = pytest.mark.e2e

SEAT = "1001"
TOML = TENANTS.replace("ring_s = 4\n", "ring_s = 4\nopen311 = true\n")
MORE = {Role.SEAT: ("--seat", SEAT), Role.DEPARTMENT: ("--unit", UNIT)}


def test_every_operation_answers_as_the_served_document_says() -> None:
    with Installation(TOML) as hotline:
        hotline.add_seat(SEAT, skills=("lang:cmn=5", "svc:general=3"))
        tokens = {
            role: hotline.cli("token", "create", "--role", role.value, *MORE.get(role, ())).strip()
            for role in Role
        }
        asked = {"title": "路灯不亮", "text": "民族大道的路灯坏了三天"}
        number = Office(hotline, SEAT).take(**asked)
        known = {"tenant": "default", "number": number, "unit": UNIT, "seat": SEAT}
        assert ask(Served(hotline.http, tokens, known), 2, seed=12345) > 40
        assert hotline.ready
