"""Rendering refuses what doesn't belong into a configuration file, and is the same each time."""

import os
import pwd
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterisk_conf.model import Installation, OutboundRule, Registration, SeatEndpoint, Trunk
from asterisk_conf.render import UnsafeConfiguration, render, rendered

USER = pwd.getpwuid(os.geteuid()).pw_name
CARRIER = Trunk.model_validate({"id": "carrier", "match": ["192.0.2.0/24", "198.51.100.7"]})
DIALLING = Trunk.model_validate({"id": "out", "match": ["203.0.113.9"], "dial": "192.0.2.9:5070"})
NEAR = Trunk.model_validate({"id": "near", "match": ["192.0.2.9"]})
BASE = Installation(
    system_name="node1",
    sip_bind="127.0.0.1",
    sip_port=5060,
    external_address="",
    rtp_start=10000,
    rtp_end=10999,
    ami_port=5038,
    ami_secret="s" * 32,
    agi_port=4573,
    realm="hotline",
    run_user=USER,
    agi_tries=20,
    agi_retry_s=1,
    trunks=(CARRIER, DIALLING),
    outbound=(OutboundRule(number="110", trunk="out"), OutboundRule(number="0771*", trunk="out")),
    seats=(SeatEndpoint("s1001", "0" * 32),),
)


def test_the_same_installation_gives_the_same_files() -> None:
    """Rendering is deterministic."""
    assert rendered(BASE) == rendered(replace(BASE))


def test_a_file_that_did_not_change_is_not_touched(tmp_path: Path) -> None:
    """A second rendering leaves inode and times alone; a changed file is a new one."""
    render(BASE, tmp_path)
    before = {f.name: (f.stat().st_ino, f.stat().st_mtime_ns) for f in tmp_path.iterdir()}
    render(replace(BASE, seats=()), tmp_path)
    after = {f.name: (f.stat().st_ino, f.stat().st_mtime_ns) for f in tmp_path.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"pjsip_seats.conf"}


def test_files_hold_secrets_and_are_closed_to_others(tmp_path: Path) -> None:
    """Nobody but the owner and Asterisk's group may read, and only the owner may write."""
    render(BASE, tmp_path)
    modes = {stat.S_IMODE(f.stat().st_mode) for f in tmp_path.iterdir()}
    assert modes <= {0o600, 0o640}
    assert not list(tmp_path.glob(".*")), "a temporary file was left"


def test_nothing_is_written_when_a_value_is_unsafe(tmp_path: Path) -> None:
    """Values are checked first, whichever file they are for."""
    with pytest.raises(UnsafeConfiguration):
        render(replace(BASE, seats=(SeatEndpoint("s1]\n[x", "0" * 32),)), tmp_path / "etc")
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"system_name": "a b"}, "system name"),
        ({"realm": "x\n[evil]"}, "realm"),
        ({"ami_secret": "short"}, "manager secret"),
        ({"external_address": "1.2.3.4\nx=y"}, "external address"),
        ({"sip_bind": "localhost"}, "SIP address"),
        ({"seats": (SeatEndpoint("s1", "not hex"),)}, "md5_cred"),
        ({"seats": (SeatEndpoint("s1", static_contact="sip:a@b\nx"),)}, "contact"),
        ({"seats": (SeatEndpoint("trunk-out", "0" * 32),)}, "kept for other use"),
        ({"seats": (SeatEndpoint("s1", "0" * 32),) * 2}, "more than once"),
        ({"trunks": (CARRIER, DIALLING, DIALLING)}, "more than once"),
        ({"trunks": (CARRIER,)}, "has no `dial` address"),
        ({"trunks": (DIALLING, Trunk.model_validate({"id": "x"}))}, "`match`"),
        ({"trunks": (CARRIER, NEAR)}, "trunks carrier and near both match 192.0.2.9:"),
        ({"extra": (("../evil.conf", "x"),)}, "extra file"),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, object], told: str) -> None:
    """Each mistake has a sentence that says which value it is."""
    with pytest.raises(UnsafeConfiguration, match=re.escape(told)):
        rendered(replace(BASE, **changed))  # type: ignore[arg-type]  # fields by name


@given(st.text(max_size=60))
def test_a_seats_name_is_plain_or_refused(name: str) -> None:
    """No name whatever adds a line or a section to a file."""
    seats = (SeatEndpoint(name, "0" * 32),)
    try:
        text = rendered(replace(BASE, seats=seats))["pjsip_seats.conf"]
    except UnsafeConfiguration:
        return
    assert re.findall(r"^\[(.*?)\]", text, re.M) == [name] * 3
    assert len(text.splitlines()) == len(rendered(BASE)["pjsip_seats.conf"].splitlines())


def registered(tmp_path: Path, password: str, username: str = "hotline") -> Installation:
    file = tmp_path / "password"
    file.write_text(password + "\n")
    registration = Registration(
        server="sip.example.org:5070", username=username, password_file=file
    )
    return replace(BASE, trunks=(Trunk(id="out", registration=registration),))


def test_a_registration_has_its_password_from_a_file(tmp_path: Path) -> None:
    """The password is written escaped, and calls to the registered name read To."""
    files = rendered(registered(tmp_path, "p;w[1]=x"))
    assert r"password = p\;w[1]=x" in files["pjsip.conf"]
    assert "client_uri = sip:hotline@sip.example.org\n" in files["pjsip.conf"]
    assert "contact = sip:sip.example.org:5070\n" in files["pjsip.conf"]
    assert "exten => hotline,1,Set(HL_TRUNK=out)" in files["extensions.conf"]


@pytest.mark.parametrize("password", ["", "two words", "back\\slash", "a\nb", "密码"])
def test_an_unsafe_password_is_refused(tmp_path: Path, password: str) -> None:
    """One line of printable ASCII, or nothing is rendered; the password isn't told."""
    with pytest.raises(UnsafeConfiguration, match="must hold one line") as refused:
        rendered(registered(tmp_path, password))
    assert not password or password not in str(refused.value)


def test_a_password_that_isnt_there_is_told_with_its_trunk(tmp_path: Path) -> None:
    installation = registered(tmp_path, "secret")
    (tmp_path / "password").unlink()
    with pytest.raises(UnsafeConfiguration, match="trunk out: its password file"):
        rendered(installation)


def test_a_numeric_account_is_called_by_its_number(tmp_path: Path) -> None:
    """An account that is a number needs no extension of its own."""
    files = rendered(registered(tmp_path, "secret", username="07712345"))
    assert "exten => 07712345" not in files["extensions.conf"]


def test_extra_text_is_appended_or_a_file_of_its_own() -> None:
    """How the benchmark adds app_queue and its CDR."""
    extra = (("cdr.conf", "[csv]"), ("queues.conf", "[general]"), ("modules.conf", "load = x.so"))
    plain, files = rendered(BASE), rendered(replace(BASE, extra=extra))
    assert files["cdr.conf"] == plain["cdr.conf"] + "\n[csv]\n"
    assert files["queues.conf"] == "\n[general]\n"
    assert files["modules.conf"].endswith("load = x.so\n")


def test_addresses_behind_nat_and_ipv6() -> None:
    """The public address is told to everybody outside; IPv6 is written in brackets."""
    files = rendered(replace(BASE, sip_bind="0.0.0.0", external_address="203.0.113.5"))
    assert files["pjsip.conf"].count("external_media_address = 203.0.113.5") == 2
    assert "media_address = 0.0.0.0" not in files["pjsip.conf"]
    assert "bind = [::1]:5060" in rendered(replace(BASE, sip_bind="::1"))["pjsip.conf"]


def test_the_dialplan_fits_on_a_page() -> None:
    """What one can read at once, one can trust: two trunks and two rules are under 130 lines."""
    assert len(rendered(BASE)["extensions.conf"].splitlines()) < 130


def test_video_is_for_trunks_and_seats_that_have_it() -> None:
    """Others aren't offered a picture: their lines are as they were."""
    plain = rendered(BASE)
    trunks = tuple(trunk.model_copy(update={"video": True}) for trunk in BASE.trunks)
    seats = (*BASE.seats, SeatEndpoint("s2002", "0" * 32, video=True))
    shown = rendered(replace(BASE, trunks=trunks, seats=seats))
    assert "allow = alaw,ulaw,h264,vp8" not in plain["pjsip.conf"].split("── seats")[0]
    assert shown["pjsip.conf"].count("alaw,ulaw,h264,vp8") == len(trunks)
    assert "[s1001](seat)" in shown["pjsip_seats.conf"]
    assert "[s2002](seat-video)" in shown["pjsip_seats.conf"]
    with pytest.raises(UnsafeConfiguration, match="kept for other use"):
        rendered(replace(BASE, seats=(SeatEndpoint("seat-video", "0" * 32),)))
