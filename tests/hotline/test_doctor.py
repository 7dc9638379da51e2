"""The doctor finds what is wrong and says how to mend it."""

import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from asterisk_conf.model import Trunk
from hotline.doctor import examine
from hotline.findings import Finding, Grade
from hotline.layout import lay_out
from hotline.prepare import prepare
from hotline.settings import Settings
from tests.servers import free_port


def installation(home: Path, **more: object) -> Settings:
    """Settings on free ports; without recognition, whose model would be loaded each time."""
    ports = {key: free_port() for key in ("sip_port", "http_port", "ami_port", "agi_port")}
    return Settings.model_validate({"home": home, "speech": "off", **ports, **more})


def finding(findings: Iterable[Finding], check: str) -> Finding:
    """The one finding about this."""
    return next(f for f in findings if f.check == check)


async def test_nothing_is_wrong_with_a_prepared_home(tmp_path: Path) -> None:
    settings = installation(tmp_path / "home")
    lay_out(settings)
    await prepare(settings)
    findings = await asyncio.to_thread(lambda: list(examine(settings)))  # it has a loop of its own
    wrong = [f for f in findings if f.grade is Grade.WRONG]
    assert wrong == []
    for check in ("set-up", "ports", "disk", "secrets", "database", "lines and flows", "fallback"):
        assert finding(findings, check).grade is Grade.GOOD, finding(findings, check)


def test_every_finding_that_isnt_good_says_how_to_mend_it(tmp_path: Path) -> None:
    open_ = {"http_bind": "0.0.0.0", "sip_bind": "0.0.0.0"}
    findings = list(examine(installation(tmp_path / "home", cache=tmp_path, **open_)))
    assert all(f.mend for f in findings if f.grade is not Grade.GOOD)
    assert finding(findings, "set-up").grade is Grade.WRONG
    assert finding(findings, "pages").grade is Grade.LOOK


def test_a_taken_port_is_found(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = installation(tmp_path / "home", http_port=other.getsockname()[1])
        found = finding(examine(settings), "ports")
    assert found.grade is Grade.WRONG
    assert "HOTLINE_HTTP_PORT" in found.found


def test_a_secret_others_may_read_is_found(tmp_path: Path) -> None:
    settings = installation(tmp_path / "home")
    lay_out(settings)
    loose = settings.folders.secrets / "ami_secret"
    loose.write_text("x")
    loose.chmod(0o644)
    found = finding(examine(settings), "secrets")
    assert (found.grade, found.mend) == (Grade.WRONG, f"chmod go= {loose}")


def test_a_carrier_without_its_password_or_its_name_is_found(tmp_path: Path) -> None:
    registration = {
        "server": "carrier.invalid:5060", "username": "u", "password_file": tmp_path / "none"
    }  # fmt: skip
    trunk = Trunk.model_validate({"id": "city", "registration": registration})
    findings = [
        f
        for f in examine(installation(tmp_path / "home", trunks=[trunk]))
        if f.check == "trunk city"
    ]
    assert [f.grade for f in findings] == [Grade.WRONG, Grade.WRONG]
    assert "password" in findings[0].mend


def test_a_bad_line_table_is_found(tmp_path: Path) -> None:
    table = tmp_path / "lines.yaml"
    table.write_text("lines: []\n")
    tenant = {"id": "a", "name": "A", "lines_file": table}
    found = finding(examine(installation(tmp_path / "home", tenants=[tenant])), "lines and flows")
    assert found.grade is Grade.WRONG
    assert f"{table}:1:" in found.found


def test_a_database_away_is_a_finding_not_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said once: a line of the log on standard output would break `--json`."""
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    findings = examine(installation(tmp_path / "home", database_url=nowhere))
    found = finding(findings, "database")
    assert (found.grade, "doesn't answer" in found.found) == (Grade.WRONG, True)
    assert finding(findings, "open files")
    assert capsys.readouterr().out == ""


def test_an_installation_without_a_trunk_is_found(tmp_path: Path) -> None:
    found = finding(examine(installation(tmp_path / "home", trunks=[])), "trunks")
    assert (found.grade, "no call" in found.found) == (Grade.WRONG, True)


def test_a_file_the_parts_may_not_read_is_found(tmp_path: Path) -> None:
    """Root may, and would say that all is well."""
    shut = tmp_path / "lines.yaml"
    shut.write_text("lines: []\n")
    shut.chmod(0)
    tenant = {"id": "a", "name": "A", "lines_file": shut}
    found = finding(examine(installation(tmp_path / "home", tenants=[tenant])), "files")
    assert (found.grade, str(shut) in found.mend) == (Grade.WRONG, True)


@pytest.mark.parametrize(
    ("bind", "external", "grade"),
    [
        ("127.0.0.1", "", Grade.LOOK),
        ("10.0.0.5", "", Grade.LOOK),
        ("10.0.0.5", "203.0.113.7", Grade.GOOD),
        ("8.8.4.4", "", Grade.GOOD),
        ("0.0.0.0", "", Grade.LOOK),
    ],
)
def test_the_address_phones_are_told(
    tmp_path: Path, bind: str, external: str, grade: Grade
) -> None:
    settings = installation(tmp_path / "home", sip_bind=bind, external_address=external)
    assert finding(examine(settings), "SIP address").grade is grade


def test_a_city_that_no_call_leads_to_is_found(tmp_path: Path) -> None:
    """Neither a trunk of its own nor a prefix; one of the two is enough."""
    tenants = [
        {"id": "a", "name": "A"},
        {"id": "b", "name": "B", "prefixes": ["0772"]},
        {"id": "c", "name": "C"},
    ]
    trunk = Trunk.model_validate({"id": "city", "match": ["192.0.2.1"], "tenant": "a"})
    findings = examine(installation(tmp_path / "home", tenants=tenants, trunks=[trunk]))
    assert [f.found for f in findings if f.check == "tenants"] == [
        "no call is c's: no trunk names it, and it has no prefix"
    ]
