"""The rules' files: read, checked alone, and held against lines, flows and other tenants."""

from pathlib import Path

import pytest

from ivr.flow import load_flows
from ivr.lines import load_all_lines
from ivr.queue_rules import DEFAULT_RULES, RulesError, load_all_rules, read_rules
from ivr.tenants import Tenant
from queue_manager.rules import MAIN_QUEUE, CallbackOrder, path
from tests.ivr.script import CATALOGUE
from tickets.model import Kind

SHIPPED = DEFAULT_RULES.read_text(encoding="utf-8")
SMALL = """version: 1
skills:
  "lang:cmn": {name: 普通话, name_en: Mandarin, hard: true}
  "lang:en": {name: 英语, name_en: English, hard: true}
  "svc:general": {name: 综合, name_en: General}
queues:
  - id: main
    name: 综合
    steps:
      - {after_s: 30, suggest: callback}
"""


def write(folder: Path, text: str, name: str = "queues.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def load(*tenants: Tenant) -> object:
    lines = load_all_lines(tenants)
    return load_all_rules(tenants, lines, load_flows(tenants, lines, CATALOGUE))


def test_the_shipped_rules_are_good_and_hold_every_skill_of_the_issue() -> None:
    rules = read_rules(DEFAULT_RULES)
    hard = {name for name, skill in rules.skills.items() if skill.hard}
    spoken = ("cmn", "za", "yue", "xinan", "csp", "hak", "ium", "hmn", "kmc", "en", "vi")
    assert hard == {*(f"lang:{code}" for code in spoken), "sign:video"}
    domains = {"economy", "market", "society", "public", "ecology"}
    assert {f"svc:{name}" for name in domains | set(Kind)} < rules.skills.keys() - hard
    assert rules.callback.order is CallbackOrder.CUSTOMER_FIRST
    assert rules.queue("sign").id == "sign"
    assert path({"a": rules}, "a", MAIN_QUEUE)


def test_the_shipped_lines_and_flows_fit_the_shipped_rules() -> None:
    load(Tenant(id="a", name="A"), Tenant(id="b", name="B"))


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ('"svc:*": ["svc:general>=3"]', '"svc:*": ["svc:genral"]', "widen", "svc:genral"),
        ('lower: {"svc:*": 1}', 'lower: {"svc:*": 6}', "lower", "less than or equal to 5"),
        ('lower: {"svc:*": 1}', 'lower: {"lang:*": 1}', "lower", "hard skill 'lang:cmn'"),
        ("{after_s: 90, interp", "{after_s: 60, interp", "after_s: 60, interp", "more than 60"),
        ("interpreter: true}", "interpreter: true, x: 1}", "x: 1", "no field 'x'"),
        ("version: 1", "version: 2", "version", "Input should be 1"),
        ("weight_s: 120", "weight_s: 0", "weight_s", "greater than 0"),
        ("order: customer_first", "order: nobody_first", "order", "customer_first"),
    ],
)
def test_a_mistake_has_file_line_and_reason(
    tmp_path: Path, old: str, new: str, where: str, words: str
) -> None:
    text = SHIPPED.replace(old, new, 1)
    assert text != SHIPPED
    file = write(tmp_path, text)
    with pytest.raises(RulesError) as caught:
        read_rules(file)
    (first, *_) = caught.value.mistakes
    line = text.splitlines()[first.line - 1]
    assert where in line, line
    assert first.file == str(file)
    assert words.lower() in first.reason.lower()


def test_a_skill_written_twice_is_told(tmp_path: Path) -> None:
    twice = '  "lang:cmn": {name: 普, name_en: M, hard: true}\n  "svc:general"'
    file = write(tmp_path, SMALL.replace('  "svc:general"', twice))
    with pytest.raises(RulesError, match=r"5:3: 'lang:cmn' is written twice \(first in line 3\)"):
        read_rules(file)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    steps = "- {after_s: 30, drop: [svc:a, svc:b]}\n      - {after_s: 30, suggest: callback}"
    file = write(tmp_path, SMALL.replace("- {after_s: 30, suggest: callback}", steps))
    with pytest.raises(RulesError) as caught:
        read_rules(file)
    assert [mistake.line for mistake in caught.value.mistakes] == [10, 10, 11]


def test_a_mistake_in_the_only_queue_is_told_alone(tmp_path: Path) -> None:
    """Not also that there were no queues, as if the list were empty."""
    file = write(tmp_path, SMALL.replace("after_s: 30", "after_s: -30"))
    with pytest.raises(RulesError) as caught:
        read_rules(file)
    assert str(caught.value).startswith(f"{file}:10:19: queues.0.steps.0.after_s:")
    assert "\n" not in str(caught.value)
    nothing = write(tmp_path, SMALL.split("queues:")[0] + "queues: []\n")
    with pytest.raises(RulesError, match="queues: tuple should have at least 1 item"):
        read_rules(nothing)


def test_a_circle_in_a_file_read_alone_names_its_queues(tmp_path: Path) -> None:
    text = SMALL.replace("suggest: callback", "overflow: {queue: main}")
    with pytest.raises(RulesError, match="in a circle: main → main"):
        read_rules(write(tmp_path, text))


def test_a_circle_between_two_cities_is_told_in_the_file_it_stands_in(tmp_path: Path) -> None:
    step = "- {after_s: 30, overflow: {tenant: %s}}"
    files = {
        city: write(
            tmp_path, SMALL.replace("- {after_s: 30, suggest: callback}", step % other), city
        )
        for city, other in (("a", "b"), ("b", "a"))
    }
    lines = write(tmp_path, LINES, "lines.yaml")
    flow = write(tmp_path, FLOW, "flow.yaml")
    cities = [
        Tenant(id=city, name=city, queues_file=file, lines_file=lines, flow_file=flow)
        for city, file in files.items()
    ]
    with pytest.raises(RulesError) as caught:
        load(*cities)
    assert [Path(m.file).name for m in caught.value.mistakes] == ["a", "b"]
    assert "a/main → b/main → a/main" in caught.value.mistakes[0].reason
    read_rules(files["a"])  # alone it is good


LINES = """hours: "24h"
lines:
  - id: general
    numbers: ["12345"]
    name: 热线
    name_en: Hotline
    unit: u
    mode: merged
    needs: {"svc:general": 1}
    queue: main
"""
FLOW = """version: 1
languages: [cmn]
start: welcome
person: person
closed: request
steps:
  person: {do: person, offer: request, next: end}
  request:
    do: voice_request
    closed: [closed_hours]
    keys: {"4": {language: en}}
    prompts: [request_intro]
    next: end
  end: {do: close}
  welcome: {do: ask, prompts: [welcome], keys: {"3": {needs: svc:general}}, silence: person}
"""


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "words"),
    [
        ("lines", "queue: main", "queue: gone", 10, "has no queue 'gone'"),
        ("lines", '{"svc:general": 1}', '{"svc:12333": 1}', 9, "no skill 'svc:12333'"),
        ("lines", '{"svc:general": 1}', '"svc:general | svc:x>=2"', 9, "no skill 'svc:x'"),
        ("flow", "language: en", "language: yue", 11, "no skill 'lang:yue'"),
        ("flow", "needs: svc:general", "needs: svc:genral", 15, "no skill 'svc:genral'"),
        ("flow", "[cmn]", "[za]", 2, "no skill 'lang:za'"),
    ],
)
def test_lines_and_flows_are_held_against_the_rules(
    tmp_path: Path, file: str, old: str, new: str, line: int, words: str
) -> None:
    texts = {"lines": LINES, "flow": FLOW}
    texts[file] = texts[file].replace(old, new)
    files = {name: write(tmp_path, text, f"{name}.yaml") for name, text in texts.items()}
    city = Tenant(
        id="a",
        name="A",
        queues_file=write(tmp_path, SMALL),
        lines_file=files["lines"],
        flow_file=files["flow"],
    )
    with pytest.raises(RulesError) as caught:
        load(city)
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line) == (str(files[file]), line)
    assert words in mistake.reason
