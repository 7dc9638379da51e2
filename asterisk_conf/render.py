"""Asterisk's configuration files, rendered from one `Installation`.

Every value is checked before anything is written: a configuration file is a program, and a line
feed or a `]` in a name would be part of it.
"""

import os
import pwd
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from asterisk_conf.model import NAME, Installation, Trunk, is_kept, unclear
from asterisk_conf.modules import (
    AMI_EVENTS,
    AMI_READ,
    AMI_WRITE,
    MODULES,
    NODE_EVENTS,
    SHORT_FILES,
    UNHEARD_EVENTS,
)

TEMPLATES = Path(__file__).parent / "templates"
NOTICE = "Rendered by the hotline: what is changed here by hand is lost at the next start."
SECRET = re.compile(r"[\x21-\x7e]{1,128}")


class UnsafeConfiguration(ValueError):
    """A value that can't be written into Asterisk's configuration; the text says which."""


def render(installation: Installation, etc_dir: Path, only: str = "") -> None:
    """Write all files of an installation (or `only` that one) into `etc_dir`, each at once or not
    at all.

    A file whose text didn't change isn't touched. Raises UnsafeConfiguration before anything is
    written when a value is unsafe or doesn't fit, OSError when a file can't be read or written.
    """
    texts = rendered(installation)
    etc_dir.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        if only in ("", name):
            _replace(etc_dir / name, text, installation.run_user)


def rendered(installation: Installation) -> dict[str, str]:
    """The text of each configuration file by its name; the same input gives the same text.

    `extra` pairs are (file name, text): the text is appended to that file, or is a file of its
    own (how the benchmark adds app_queue and its CDR).
    """
    _check(installation)
    values: Mapping[str, object] = {
        "c": installation,
        "notice": NOTICE,
        "passwords": {t.id: _password(t) for t in installation.trunks if t.registration},
        "modules": MODULES,
        "ami_read": f"{AMI_READ},user" if installation.nodes else AMI_READ,
        "ami_write": AMI_WRITE,
        "ami_events": (*AMI_EVENTS, *(NODE_EVENTS if installation.nodes else ())),
        "unheard": UNHEARD_EVENTS,
    }
    environment = _environment()
    texts = {
        name.removesuffix(".j2"): environment.get_template(name).render(values)
        for name in sorted(environment.list_templates(extensions=["j2"]))
    }
    texts |= {name: f"; {NOTICE}\n{text}" for name, text in SHORT_FILES.items()}
    for name, text in installation.extra:
        texts[name] = f"{texts.get(name, '')}\n{text}\n"
    return texts


def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - not HTML; values are checked before
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["yesno"] = lambda value: "yes" if value else "no"
    environment.filters["host"] = _bracketed
    environment.filters["hostonly"] = lambda server: server.partition(":")[0]
    environment.filters["target"] = _target
    environment.filters["pattern"] = _pattern
    return environment


def _check(installation: Installation) -> None:
    """Raises UnsafeConfiguration unless every value may be written as it stands."""
    i = installation
    _matches("system name", i.system_name, r"[A-Za-z0-9_-]{1,40}")
    _matches("realm", i.realm, r"[A-Za-z0-9._-]{1,64}")
    _matches("manager secret", i.ami_secret, r"[A-Za-z0-9_-]{16,128}")
    _matches("external address", i.external_address, r"[A-Za-z0-9.:-]{0,253}")
    _matches("SIP address", i.sip_bind, r"[0-9A-Fa-f.:]+")
    ip_address(i.sip_bind)
    for trunk in i.trunks:
        _matches("trunk", trunk.id, NAME)
    if why := unclear(i.trunks, i.outbound):
        raise UnsafeConfiguration(why)
    for seat in i.seats:
        _matches("seat", seat.endpoint, NAME)
        if is_kept(seat.endpoint):
            raise UnsafeConfiguration(f"seat {seat.endpoint}: this name is kept for other use")
        if seat.static_contact:
            _matches(
                f"seat {seat.endpoint}: contact",
                seat.static_contact,
                r"sips?:[A-Za-z0-9._+@:\[\]-]{1,200}",
            )
        else:
            _matches(f"seat {seat.endpoint}: md5_cred", seat.md5_cred, r"[0-9a-f]{32}")
    _once("node", [n.id for n in i.nodes])
    if i.nodes:
        _matches("node secret", i.node_secret, r"[A-Za-z0-9_-]{16,128}")
        _matches("node", i.node, r"[a-z][a-z0-9]{0,15}")
    _once("seat", [s.endpoint for s in i.seats])
    for name, _ in i.extra:
        _matches("extra file", name, r"[a-z0-9_]{1,40}\.conf")


def _matches(what: str, value: str, pattern: str) -> None:
    if not re.fullmatch(pattern.removesuffix("$"), value):
        raise UnsafeConfiguration(f"{what} {value!r}: only {pattern} is allowed")


def _once(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UnsafeConfiguration(f"{what} {name}: named more than once")


def _password(trunk: Trunk) -> str:
    """The carrier's password, escaped for a configuration file (`;` begins a comment)."""
    assert trunk.registration is not None, trunk.id
    file = trunk.registration.password_file
    try:
        text = file.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise UnsafeConfiguration(
            f"trunk {trunk.id}: its password file {file}: {error.strerror}: write the carrier's "
            "password there, readable for the user the parts run as"
        ) from error
    if not SECRET.fullmatch(text) or "\\" in text:
        raise UnsafeConfiguration(
            f"trunk {trunk.id}: {file} must hold one line of 1 to 128 printable ASCII "
            "characters without blank and backslash"
        )
    return text.replace(";", "\\;")


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _target(trunk: Trunk) -> str:
    """Where calls out go: host[:port]; empty when the trunk only brings calls in."""
    return trunk.dial or (trunk.registration.server if trunk.registration else "")


def _pattern(number: str) -> str:
    """An extension: the number itself, or `_prefix!` for `prefix*`."""
    return f"_{number[:-1]}!" if number.endswith("*") else number


def _replace(file: Path, text: str, user: str) -> None:
    """Write by rename. Secrets are inside: only the owner, and Asterisk's user, may read."""
    if file.exists() and file.read_text() == text:
        return
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        if os.geteuid() == 0:
            os.fchown(handle, 0, pwd.getpwnam(user).pw_gid)
            os.fchmod(handle, 0o640)
        stream.write(text)
    fresh.replace(file)
