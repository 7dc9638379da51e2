"""The SIPp scenarios as files; that they work is tested where they are used."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from simulator.sipp import SCENARIOS

FILES = sorted(SCENARIOS.glob("*.xml"))


def test_all_scenarios_are_here() -> None:
    names = {file.stem for file in FILES}
    assert names == {"citizen", "seat", "phone", "register", "load_citizen", "load_seat"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_scenario_leads_somewhere(file: Path) -> None:
    """It is XML, and every `next` names a label that is there."""
    scenario = ElementTree.parse(file).getroot()
    labels = {label.get("id") for label in scenario.iter("label")}
    assert scenario.get("name")
    assert {step.get("next") for step in scenario.iter() if step.get("next")} == labels


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_scenario_s_messages_are_whole(file: Path) -> None:
    """What is sent has a body exactly when it says so, and names its Call-ID and CSeq."""
    for step in ElementTree.parse(file).getroot().iter("send"):
        head, _, body = (step.text or "").strip().partition("\n\n")
        assert ("Content-Length: [len]" in head) == bool(body.strip())
        assert "Call-ID" in head
        assert "CSeq" in head
