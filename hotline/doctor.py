"""What a real installation needs, looked at piece by piece, each with how to mend it."""

import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

from hotline import api, parts, ports, seat_skills, setup_check
from hotline.doctor_trunks import trunks
from hotline.errors import BadRequest, EngineAway, HomeUnusable
from hotline.findings import Finding, Grade
from hotline.settings import PROJECT, Settings
from hotline.store import with_store

LOW_DISK_GB = 5.0
LOW_FILES = 4096
ANSWER_S = 10.0
LOAD_S = 120.0
"""For a model of gigabytes from a slow disk."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one after the other; never raises for what is wrong."""
    for check in CHECKS:
        try:
            yield from check(settings)
        except Exception as error:  # a check that fails is a finding, not the end of the others
            name = check.__name__.strip("_").replace("_", " ")
            mend = "mend what it says, then ask again"
            yield Finding(name, Grade.WRONG, f"could not be checked: {error}", mend)


def _setup(settings: Settings) -> Iterator[Finding]:
    wrong = list(setup_check.missing(settings))
    for what in wrong:
        yield Finding("set-up", Grade.WRONG, what, setup_check.MEND)
    if not wrong:
        yield Finding("set-up", Grade.GOOD, f"complete (Python {sys.version.split()[0]})")


def _running(settings: Settings) -> Iterator[Finding]:
    """Either it runs and says how it is, or its ports must be free."""
    try:
        ready, told = api.readiness(settings)
    except EngineAway:
        troubles = [ports.why_not(listener) for listener in ports.listeners(settings)]
        for trouble in filter(None, troubles):
            mend = "end that program, or set the port named here"
            yield Finding("ports", Grade.WRONG, trouble, mend)
        if not any(troubles):
            yield Finding("ports", Grade.GOOD, "not running, and all its ports are free")
        return
    if words := _of_another(settings):
        mend = "give home and ports of the same installation"
        yield Finding("engine", Grade.WRONG, words, mend)
        return
    grade = Grade.GOOD if ready else Grade.WRONG
    state = "calls can be taken" if ready else "no calls can be taken"
    yield Finding("engine", grade, state, f"see {settings.folders.log}")
    for name, part in told.get("parts", {}).items():
        if not part["up"]:
            mend = f"see {settings.folders.log}"
            yield Finding(f"engine: {name}", Grade.WRONG, part["detail"] or "down", mend)


def _runs(settings: Settings) -> bool:
    """Whether an engine is there, which knows by itself what it could load."""
    try:
        api.readiness(settings)
    except EngineAway:
        return False
    return True


def _of_another(settings: Settings) -> str:
    """Why the engine that answers isn't this installation's; "" when it is, or can't be told."""
    try:
        api.ask(settings, "/api/v1/status")
    except BadRequest as error:
        return str(error)
    except (EngineAway, HomeUnusable):  # no token yet, or none that this user may read
        return ""
    return ""


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.folders
    place = next(p for p in (home.root, *home.root.parents) if p.exists())
    free_gb = shutil.disk_usage(place).free / 1e9
    grade = Grade.GOOD if free_gb > LOW_DISK_GB else Grade.WRONG
    # 16 kB a second, two sides of a talk mixed into one
    talk = f"about {free_gb * 1e9 / 16000 / 3600:.0f} hours of recordings"
    mend = "free some, or move HOTLINE_HOME to a larger disk"
    yield Finding("disk", grade, f"{free_gb:.1f} GB free at {place}, {talk}", mend)
    if place in (Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - that is the mistake looked for
        mend = "set HOTLINE_HOME to a folder that is kept and backed up"
        yield Finding("home", Grade.LOOK, f"{home.root} lies in a folder for temporary files", mend)


def _secrets(settings: Settings) -> Iterator[Finding]:
    home = settings.folders
    if not home.secrets.is_dir():
        found = "none yet: they are made at the first start"
        yield Finding("secrets", Grade.GOOD, found)
        return
    if not os.access(home.secrets, os.R_OK | os.X_OK):
        found, mend = "this user may not see them", "run hotline doctor as root"
        yield Finding("secrets", Grade.LOOK, found, mend)
        return
    files = [home.secrets, *home.secrets.iterdir()]
    files += [t.registration.password_file for t in settings.trunks if t.registration]
    open_ones = [str(f) for f in files if f.exists() and stat.S_IMODE(f.stat().st_mode) & 0o077]
    if open_ones:
        mend = f"chmod go= {' '.join(open_ones)}"
        yield Finding("secrets", Grade.WRONG, f"others may read: {', '.join(open_ones)}", mend)
    else:
        yield Finding("secrets", Grade.GOOD, f"readable by nobody else ({len(files) - 1} files)")


def _addresses(settings: Settings) -> Iterator[Finding]:
    """Can phones and carriers reach us, and do they learn the right address?"""
    sip = ip_address(settings.sip_bind)
    if sip.is_loopback:
        found = f"SIP listens on {sip} only: no phone or carrier elsewhere can call"
        mend = "set HOTLINE_SIP_BIND to this machine's address towards the trunk"
        yield Finding("SIP address", Grade.LOOK, found, mend)
    elif sip.is_private and not settings.external_address:
        found = f"SIP listens on the private address {sip} and no external address is set"
        mend = "behind NAT set HOTLINE_EXTERNAL_ADDRESS; in a private network all is well"
        yield Finding("SIP address", Grade.LOOK, found, mend)
    elif sip.is_unspecified and not settings.external_address:
        mend = "set HOTLINE_SIP_BIND to one address, or HOTLINE_EXTERNAL_ADDRESS behind NAT"
        yield Finding("SIP address", Grade.LOOK, "SIP listens on every address", mend)
    else:
        yield Finding("SIP address", Grade.GOOD, f"{sip}:{settings.sip_port}")
    if not ip_address(settings.http_bind).is_loopback:
        found = f"pages and API are plain HTTP on {settings.http_bind}"
        mend = "keep HOTLINE_HTTP_BIND on 127.0.0.1 behind a proxy with TLS (docs/runbook.md)"
        yield Finding("pages", Grade.LOOK, found, mend)


def _host_name(settings: Settings) -> Iterator[Finding]:
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        found = f"the machine's own name {name} can't be resolved"
        mend = f"add `127.0.1.1 {name}` to /etc/hosts (Asterisk has a hosts file of its own)"
        yield Finding("host name", Grade.LOOK, found, mend)
    else:
        yield Finding("host name", Grade.GOOD, name)


def _clock(settings: Settings) -> Iterator[Finding]:
    """Ticket numbers, hours and deadlines hang on the clock."""
    if shutil.which("timedatectl") is None or not Path("/run/systemd/system").is_dir():
        found = "no systemd here to ask whether the clock is synchronised"
        mend = "make sure that NTP (chrony or systemd-timesyncd) keeps this machine's time"
        yield Finding("clock", Grade.LOOK, found, mend)
        return
    asked = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    if told.stdout.strip() == "yes":
        yield Finding("clock", Grade.GOOD, "synchronised")
    else:
        mend = "timedatectl set-ntp true, or install chrony"
        yield Finding("clock", Grade.WRONG, "not synchronised", mend)


def _cities(settings: Settings) -> Iterator[Finding]:
    """With several tenants each needs a trunk of its own or a prefix, else no call is its."""
    if len(settings.tenants) == 1:
        return
    fixed = {trunk.tenant for trunk in settings.trunks}
    for tenant in settings.tenants:
        if tenant.id not in fixed and not tenant.prefixes:
            found = f"no call is {tenant.id}'s: no trunk names it, and it has no prefix"
            mend = f'write tenant = "{tenant.id}" at its trunk, or its prefixes (docs/settings.md)'
            yield Finding("tenants", Grade.LOOK, found, mend)


def _database(settings: Settings) -> Iterator[Finding]:
    from storage.database import Database
    from storage.seats import SqlSeats

    if not settings.database_url and not settings.folders.database.exists():
        yield Finding("database", Grade.GOOD, "none yet: it is made at the first start")
        return

    async def count(database: Database) -> int:
        return len(await SqlSeats(database).list())

    try:
        seats = with_store(settings, count)
    except HomeUnusable as error:
        mend = "start it, or correct database_url; until then calls are served, tickets wait here"
        yield Finding("database", Grade.WRONG, str(error), mend)
        return
    kind = "PostgreSQL" if settings.database_url else "SQLite"
    yield Finding("database", Grade.GOOD, f"{kind}, migrated, {seats} seats")
    if not seats:
        yield Finding("seats", Grade.LOOK, "nobody could answer", "hotline seats add 1001")
    for tenant, words in seat_skills.unknown_by_tenant(settings).items():
        found = f"{tenant}: the rules have no {words}"
        yield Finding("seats", Grade.LOOK, found, seat_skills.MEND)


def _deadlines(settings: Settings) -> Finding:
    from hotline.policies import RuleBook
    from hotline.unit_files import UnitBook
    from ivr.documents import DocumentError

    what = "limits and units"
    try:
        RuleBook.read(settings.tenants)
        units = UnitBook.read(settings.tenants)
    except DocumentError as error:
        mend = "hotline policy check and hotline units check name every mistake"
        return Finding(what, Grade.WRONG, str(error).splitlines()[0], mend)
    count = sum(len(units.of(tenant.id).units) for tenant in settings.tenants)
    return Finding(what, Grade.GOOD, f"{count} units, no mistake")


def _documents(settings: Settings) -> Iterator[Finding]:
    from ivr.documents import DocumentError
    from ivr.flow import load_flows
    from ivr.lines import load_all_lines
    from ivr.queue_rules import load_all_rules

    try:
        lines = load_all_lines(settings.tenants)
        load_all_rules(settings.tenants, lines, load_flows(settings.tenants, lines))
    except DocumentError as error:
        mend = "hotline flow check and hotline queues check name every mistake"
        yield Finding("lines and flows", Grade.WRONG, str(error).splitlines()[0], mend)
        return
    count = sum(len(lines.of(tenant.id)) for tenant in settings.tenants)
    yield Finding("lines and flows", Grade.GOOD, f"{count} lines, no mistake")
    yield _deadlines(settings)
    able = {rule.number.rstrip("*") for rule in settings.outbound}
    shut = [
        f"{line.id} to {line.target}"
        for tenant in settings.tenants
        for line in lines.of(tenant.id)
        if line.transfers and not any(str(line.target).startswith(number) for number in able)
    ]
    if shut:
        more = f" and {len(shut) - 1} more" if len(shut) > 1 else ""
        found = f"no outbound rule allows the transfers of line {shut[0]}{more}"
        mend = "add an [[outbound]] rule (docs/trunks.md), or their callers stay here"
        yield Finding("transfers", Grade.LOOK, found, mend)


def _fallback(settings: Settings) -> Iterator[Finding]:
    """What takes requests when no engine answers must at least begin inside Asterisk's box."""
    script = PROJECT / "agi_scripts" / "fallback_intake.py"
    mend = "restore the file from the release, executable"
    if not os.access(script, os.X_OK):
        found = f"{script} is missing or not executable"
        yield Finding("fallback", Grade.WRONG, found, mend)
        return
    if not settings.folders.hosts.exists():
        yield Finding("fallback", Grade.GOOD, "there; tried inside the box after the first start")
        return
    inside = f"{parts.AGI_INSIDE}/agi_scripts/fallback_intake.py"
    words = ["python3", "-c", f"compile(open({inside!r}).read(), 'x', 'exec')"]
    done = subprocess.run(
        parts.beside_asterisk(settings, words),
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        yield Finding("fallback", Grade.WRONG, f"does not run beside Asterisk: {last}", mend)
    else:
        yield Finding("fallback", Grade.GOOD, "runs beside Asterisk")


def _speech(settings: Settings) -> Iterator[Finding]:
    """What understands callers after hours; without it they are only recorded."""
    from hotline import speech

    name = "speech"
    if settings.speech == "off":
        found = "off: callers after hours are recorded, nothing is recognised"
        yield Finding(name, Grade.LOOK, found, "set HOTLINE_SPEECH to vosk or remote")
        return
    if settings.speech == "remote":
        for language, server in settings.speech_servers.items():
            there, found = speech.asked(language, server, ANSWER_S)
            grade = Grade.GOOD if there else Grade.WRONG
            yield Finding(name, grade, found, "start the vosk-server, check address and firewall")
        return
    wrong = dict(speech.wrong_models(settings))
    for language, model in speech.models(settings).items():
        if why := wrong.get(language):
            yield Finding(f"{name} {language}", Grade.WRONG, why, speech.how_to_mend(settings))
        elif not _runs(settings) and (why := speech.why_not_loaded(model, LOAD_S)):
            found = f"{model} can't be loaded: {why}"
            yield Finding(f"{name} {language}", Grade.WRONG, found, speech.how_to_mend(settings))
        elif settings.speech_models:
            yield Finding(f"{name} {language}", Grade.GOOD, f"{model} is there")
        else:
            found = "only the demonstration's model, which knows the words of its sentences alone"
            yield Finding(f"{name} {language}", Grade.LOOK, found, speech.PUBLISHED)


def _readable(settings: Settings) -> Iterator[Finding]:
    """Root reads everything; the user the parts run as must be able to read what settings name."""
    try:
        user = parts.run_user(settings)
    except KeyError:
        return  # set-up says so
    shut = [str(f) for f in parts.named_files(settings) if f.exists() and not _may(user, f.stat())]
    if shut:
        mend = f"chown {user.pw_name} {' '.join(shut)}"
        yield Finding("files", Grade.WRONG, f"{user.pw_name} can't read {', '.join(shut)}", mend)


def _may(user: pwd.struct_passwd, file: os.stat_result) -> bool:
    """Whether a user without other groups may read (a folder: enter, too)."""
    if user.pw_uid == 0:
        return True
    wanted = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(file.st_mode) else 0)
    if file.st_uid == user.pw_uid:
        wanted <<= 6
    elif file.st_gid == user.pw_gid:
        wanted <<= 3
    return file.st_mode & wanted == wanted


def _limits(settings: Settings) -> Iterator[Finding]:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= LOW_FILES
    grade = Grade.GOOD if enough else Grade.LOOK
    mend = f"raise it to {LOW_FILES} or more (LimitNOFILE in the units)"
    yield Finding("open files", grade, f"{hard} allowed", mend)


CHECKS: Sequence[Callable[[Settings], Iterator[Finding]]] = (
    _setup,
    _running,
    _home,
    _secrets,
    _addresses,
    _host_name,
    _clock,
    trunks,
    _cities,
    _database,
    _documents,
    _fallback,
    _readable,
    _speech,
    _limits,
)
