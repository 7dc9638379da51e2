"""Where every scripted call takes place: a city, its lines and prompts, and the time of day."""

from collections.abc import Sequence
from datetime import UTC, datetime

from asterisk_conf.model import Trunk
from ivr.flow import load_flows
from ivr.lines import Lines, load_all_lines
from ivr.prompt_texts import load_catalogue
from ivr.queue_rules import load_all_rules
from ivr.story import Directory
from ivr.tenants import Tenant
from queue_manager.model import Seat

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # 12:00 in China
NIGHT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)  # 22:00 in China
NUMBER = "261121000042"
TENANT = Tenant(id="default", name="12345")
TRUNK = Trunk.model_validate({"id": "demo", "trusted": True})
CATALOGUE = load_catalogue()
SEAT = Seat("default", "8001", "座席", "default-8001", {"lang:cmn": 3})


def directory(
    tenants: Sequence[Tenant] = (TENANT,), trunks: Sequence[Trunk] = (TRUNK,)
) -> Directory:
    lines: Lines = load_all_lines(tenants)
    flows = load_flows(tenants, lines, CATALOGUE)
    rules = load_all_rules(tenants, lines, flows)
    return Directory(tenants, {t.id: t for t in trunks}, lines, flows, rules)


DIRECTORY = directory()
