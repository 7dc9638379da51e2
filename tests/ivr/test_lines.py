"""Tenant, then line: from the number first dialled, however a trunk spells it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterisk_conf.model import Trunk
from ivr.documents import DocumentError
from ivr.hours import decide
from ivr.lines import (
    DEFAULT_TABLE,
    Lines,
    LineTable,
    Mode,
    load_all_lines,
    load_lines,
    resolve_tenant,
    respell,
)
from ivr.recovery import info_from_variables
from ivr.story import identify
from ivr.tenants import Tenant
from queue_manager.opening import HoursMode
from tests.ivr.script import NIGHT, NOON, directory

A5 = {
    "12315": "工商", "12365": "质监", "12319": "住建", "12317": "扶贫", "12350": "安全监管",
    "12369": "环境保护", "12333": "人社", "12331": "食药监", "12348": "司法", "12320": "卫生",
    "12356": "计生", "12358": "物价", "12336": "国土", "12316": "三农", "12318": "文化",
    "12328": "交通", "12349": "民政",
}  # fmt: skip
NANNING = Tenant(id="nanning", name="南宁", prefixes=("0771", "771"))
BAOJI = Tenant(id="baoji", name="宝鸡", prefixes=("0917",))
CITIES = (NANNING, BAOJI)
LINES = load_all_lines(CITIES)
PLUS_86 = {"+86": "0", "0086": "0", "86": "0"}


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "lines.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def line(**changes: str) -> str:
    fields = {
        "id": "a",
        "numbers": "['12345']",
        "name": "线",
        "name_en": "line",
        "unit": "局",
        "mode": "merged",
    }
    return "{" + ", ".join(f"{k}: {v}" for k, v in (fields | changes).items() if v) + "}"


def mistakes(tmp_path: Path, *lines: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load_lines(write(tmp_path, "lines:\n" + "".join(f"- {item}\n" for item in lines)))
    return [
        f"{m.line}:{m.column}: {m.reason}" for m in caught.value.mistakes if m.file.endswith("yaml")
    ]


def test_the_shipped_table_has_12345_and_the_dual_track_numbers() -> None:
    table = {number: entry for entry in LINES.of("nanning") for number in entry.numbers}
    assert "12345" in table
    dual = {n: entry.unit for n, entry in table.items() if entry.mode is Mode.DUAL_TRACK}
    assert dual == A5
    assert {entry.mode for entry in table.values()} == set(Mode)
    for number in ("110", "119", "120", "122"):
        assert table[number].mode is Mode.EMERGENCY
    for number in ("12388", "12355", "12119", "12389"):
        assert table[number].mode is Mode.NOT_MERGED


def test_two_cities_dial_12345_over_trunks_of_their_own() -> None:
    """A trunk that belongs to a tenant decides, whatever was dialled."""
    for city in CITIES:
        tenant = resolve_tenant(CITIES, city.id, "12345")
        assert tenant is city
        found = LINES.find(city, "", "12345", {})
        assert found is not None
        assert found.line.id == "general"


@pytest.mark.parametrize(
    ("called", "spellings", "city", "line_id"),
    [
        ("077112345", {}, NANNING, "general"),
        ("091712345", {}, BAOJI, "general"),
        ("+8677112345", PLUS_86, NANNING, "general"),
        ("0086917012333", {"0086917": "0917", "0917": ""}, BAOJI, None),
        ("008691712333", PLUS_86, BAOJI, "l12333"),
        ("77112315", {}, NANNING, "l12315"),
    ],
)
def test_two_cities_share_a_trunk_by_prefix(
    called: str, spellings: dict[str, str], city: Tenant, line_id: str | None
) -> None:
    """The area code decides the city and is cut off before the line is looked up."""
    assert resolve_tenant(CITIES, "", respell(called, spellings)) is city
    found = LINES.find(city, "", called, spellings)
    assert (found.line.id if found else None) == line_id


def test_nobody_claims_a_number_without_prefix_when_there_are_several() -> None:
    assert resolve_tenant(CITIES, "", "12345") is None
    assert resolve_tenant((NANNING,), "", "12345") is NANNING
    assert resolve_tenant(CITIES, "elsewhere", "077112345") is None


@pytest.mark.parametrize(
    ("called", "first_called", "city", "number"),
    [
        ("077112345", "", "nanning", "12345"),
        ("+8691712345", "12333", "baoji", "12333"),
        ("12345", "091712333", "baoji", "12333"),
        ("12345", "", "nanning", None),
    ],
)
def test_a_call_over_a_shared_trunk(
    called: str, first_called: str, city: str, number: str | None
) -> None:
    """By what was dialled here, else by what was dialled first; claimed by nobody: no line."""
    trunk = Trunk.model_validate({"id": "demo", "trusted": True, "spellings": PLUS_86})
    info = info_from_variables(
        "hl-1.1", "", {"TRUNK": "demo", "CALLED": called, "FIRST_CALLED": first_called}
    )
    identity = identify(info, directory(CITIES, [trunk]))
    assert identity.tenant.id == city
    assert (identity.found.number if identity.found else None) == number


def test_the_longest_prefix_wins() -> None:
    county = Tenant(id="county", name="县", prefixes=("07715",))
    assert resolve_tenant((NANNING, county), "", "0771512345") is county
    assert resolve_tenant((county, NANNING), "", "0771612345") is NANNING


def test_the_number_first_dialled_decides() -> None:
    found = LINES.find(NANNING, "12333", "12345", {})
    assert found is not None
    assert (found.line.unit, found.number) == ("人社", "12333")


def test_a_forwarding_mobile_is_nobodys_line() -> None:
    """Diversion names a citizen's own mobile: the number that arrived decides."""
    found = LINES.find(NANNING, "13800138000", "12345", {})
    assert found is not None
    assert found.line.id == "general"


def test_unknown_number() -> None:
    assert LINES.find(NANNING, "", "99999", {}) is None
    assert LINES.find(NANNING, "", "", {}) is None
    assert LINES.find(NANNING, "", "0771", {}) is None


@given(
    number=st.sampled_from([*sorted(A5), "12345", "110"]),
    before=st.sampled_from(["", "0771", "771", "+86771", "0086771", "86771"]),
)
def test_every_spelling_of_a_number_is_that_number(number: str, before: str) -> None:
    found = LINES.find(NANNING, "", before + number, PLUS_86)
    assert found is not None
    assert found.number == number


@given(
    number=st.text("+0123456789", max_size=20),
    spellings=st.dictionaries(
        st.text("+0123456789", min_size=1, max_size=4), st.text("+0123456789", max_size=4)
    ),
)
def test_respelling_replaces_one_prefix_at_most(number: str, spellings: dict[str, str]) -> None:
    result = respell(number, spellings)
    ways = {new + number[len(old) :] for old, new in spellings.items() if number.startswith(old)}
    assert result in (ways or {number})


@pytest.mark.parametrize(
    ("needs", "in_yue"),
    [
        ("{'svc:12333': 2, 'svc:general': 1}", "lang:yue & svc:12333>=2 & svc:general"),
        ("'svc:12333>=2 | svc:general>=4'", "(svc:12333>=2 | svc:general>=4) & lang:yue"),
        ("'sign:video & svc:general'", "sign:video & svc:general"),
    ],
)
def test_a_line_asks_for_all_or_for_any_of_its_skills(
    tmp_path: Path, needs: str, in_yue: str
) -> None:
    """And for the caller's language, unless he signs."""
    file = write(tmp_path, f"lines:\n- {line(needs=needs)}\n")
    assert str(load_lines(file).lines[0].needed("yue")) == in_yue


def test_several_hundred_lines_are_looked_up_not_searched() -> None:
    """800 lines: no line is compared, only hashed."""
    shipped = load_lines(DEFAULT_TABLE).lines[0]
    many = tuple(
        shipped.model_copy(update={"id": f"l{i}", "numbers": (f"9{i:05}",)}) for i in range(800)
    )
    lines = Lines({"nanning": LineTable(lines=many)}, (NANNING,))
    found = lines.find(NANNING, "", "0771900799", {})
    assert found is not None
    assert found.line.id == "l799"
    assert lines.get("nanning", "l3") is many[3]


def test_duplicates_are_refused_with_their_place(tmp_path: Path) -> None:
    """File, line, column and reason."""
    found = mistakes(tmp_path, line(), line(id="b"), line(numbers="['12333']"))
    assert found == [
        "3:21: numbers '12345' is taken by the line in line 2",
        "4:8: id 'a' is taken by the line in line 2",
    ]
    handed = line(handed_over="['110', '119']")
    found = mistakes(tmp_path, handed, line(id="b", numbers="['12333']", handed_over="['119']"))
    assert len(found) == 1
    assert "handed_over '119' is taken by the line in line 2" in found[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": "utility"}, "line a: mode utility transfers and needs a target"),
        ({"mode": "emergency"}, "line a: mode emergency transfers and needs a target"),
        ({"mode": "dual_track", "target": "'12333'"}, "is answered here: no target"),
        ({"mode": "branch_centre"}, "a branch centre needs its own skill, branch:…"),
        ({"mode": "joined"}, "mode: input should be 'merged'"),
        ({"numbers": "[12345]"}, "lines.0.numbers.0: write 12345 in quotes"),
        ({"numbers": "['12;45']"}, "should match pattern"),
        ({"needs": "'svc:a | svc:b>=6'"}, "lines.0.needs: svc:b: level 6 is not 1 to 5"),
        ({"needs": "'svc'"}, "lines.0.needs: 'svc' in 'svc' is not a need such as"),
        ({"needs": "5"}, "lines.0.needs: write needs as text"),
        ({"needs": "''"}, "line a: at least one skill is needed"),
        ({"hours": "8-18"}, "'8-18' is no range of hours"),
        ({"needs": "{general: 1}"}, "should match pattern"),
        ({"needs": "{'svc:general': 6}"}, "less than or equal to 5"),
        ({"needs": "{}"}, "at least one skill is needed"),
        ({"colour": "red"}, "there is no field 'colour' here"),
        ({"unit": ""}, "the field 'unit' is missing"),
        ({"target": "'a'"}, "should match pattern"),
        (
            {"mode": "utility", "target": "'96116'", "handed_over": "['110']"},
            "calls handed over to us are answered here",
        ),
    ],
)
def test_mistakes_in_a_line(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    found = mistakes(tmp_path, line(**changes))
    assert any(reason in item for item in found), found
    assert all(item.startswith("2:") for item in found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lines: []\n", "1:8: lines: tuple should have at least 1 item"),
        ("lines:\n- {id: a\n- x", "is not YAML"),
        ("lines: 5\n", "1:8: lines: must be a list"),
        ("hours: noon\nlines:\n- " + line(), "'noon' is no range of hours"),
        ("lines:\n- &a [*a]\n", "alias points back to itself"),
        ("", "1:1: the file is empty"),
        ("lines: 5\nlines: 6\n", "2:1: 'lines' is written twice (first in line 1)"),
        ("lines: !!python/object:os.system x\n", "1:8: can't be understood"),
        ("lines: [\x07]\n", "is not YAML"),
    ],
)
def test_mistakes_in_the_file(tmp_path: Path, text: str, reason: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(DocumentError) as caught:
        load_lines(file)
    assert reason in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_file_that_isnt_there_or_isnt_text(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"can't be read: No such file"):
        load_lines(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match="is not UTF-8 text"):
        load_lines(tmp_path / "binary.yaml")


def test_hours_come_from_the_line_else_from_the_table(tmp_path: Path) -> None:
    text = (
        "hours: '09:00-17:00'\nlines:\n- "
        + line()
        + "\n- "
        + line(id="b", numbers="['110']", hours="24h")
    )
    city = Tenant(id="city", name="市", lines_file=write(tmp_path, text))
    lines = load_all_lines([city])
    open_at = {
        (name, when): decide(lines.schedule("city", name), HoursMode.AUTO, when).open
        for name in ("a", "b")
        for when in (NOON, NIGHT)
    }
    assert open_at == {
        ("a", NOON): True,
        ("a", NIGHT): False,
        ("b", NOON): True,
        ("b", NIGHT): True,
    }
