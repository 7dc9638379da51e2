"""What is made inside the home before the parts start: secrets, database, prompts, configuration.

Runs as the user the parts run as (`hotline prepare`), so that root never writes where that user
could have put a link.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from asterisk_conf.model import Installation, SeatEndpoint
from asterisk_conf.render import UnsafeConfiguration, render
from console.auth import TOKEN, issue
from console.ports import ALL_TENANTS, Role
from hotline import parts, secrets_kept
from hotline.errors import BadSettings, HomeUnusable
from hotline.home import Home
from hotline.policies import RuleBook
from hotline.prompts import install_prompts
from hotline.settings import Settings
from hotline.unit_files import UnitBook
from ivr.documents import DocumentError
from ivr.flow import load_flows
from ivr.lines import load_all_lines
from ivr.queue_rules import load_all_rules
from storage.database import Database, migrate
from storage.seats import SqlSeats
from storage.tokens import SqlTokens, StoredToken
from tickets.errors import StoreAway, StoreRefused

VIDEO = "sign:video"
SEATS_FILE = "pjsip_seats.conf"
LOCAL_TOKENS = {secrets_kept.CLI_TOKEN: Role.ADMIN, secrets_kept.PAGE_TOKEN: Role.WALLBOARD}


async def prepare(settings: Settings) -> Sequence[str]:
    """Make or renew everything; what was done, a few words each.

    Raises a `HotlineError`. A database that is away is no error: the engine serves callers
    without it, and seats are rendered as they were.
    """
    home = settings.folders
    cluster_names(settings)
    home.hosts.write_text(parts.hosts_file())
    home.redis_conf.write_text(parts.redis_conf(settings))
    done = list(_check_documents(settings))
    changed = install_prompts(settings)
    done.append(f"prompts ready{f' ({changed} new)' if changed else ''}")
    try:
        await migrate(settings.sql_url)
        seats = await _from_database(settings)
        done.append("database ready")
    except StoreAway as error:
        done.append(f"database away ({error}): calls are served, tickets wait in the journal")
        seats = None
    except StoreRefused as error:
        raise HomeUnusable(f"database: {error}") from error
    render_asterisk(settings, seats)
    done.append(f"Asterisk configured ({len(settings.trunks)} trunks, {_count(seats)} seats)")
    return done


def render_asterisk(settings: Settings, seats: Sequence[SeatEndpoint] | None) -> None:
    """Write Asterisk's configuration; `seats` None (database away) keeps the seats' file."""
    kept = settings.folders.asterisk_etc / SEATS_FILE
    before = kept.read_bytes() if seats is None and kept.exists() else None
    _render(settings, seats or ())
    if before is not None:
        kept.write_bytes(before)


def render_seats(settings: Settings, seats: Sequence[SeatEndpoint]) -> None:
    """Write the seats' file alone: the others are the running Asterisk's, whatever ports and
    trunks the settings of this moment name."""
    _render(settings, seats, only=SEATS_FILE)


def _render(settings: Settings, seats: Sequence[SeatEndpoint], only: str = "") -> None:
    try:
        render(installation(settings, seats), settings.folders.asterisk_etc, only)
    except UnsafeConfiguration as error:
        raise BadSettings(f"Asterisk's configuration: {error}") from error
    except OSError as error:
        raise BadSettings(f"{error.filename}: {error.strerror}") from error


def installation(settings: Settings, seats: Sequence[SeatEndpoint]) -> Installation:
    """What Asterisk's configuration is rendered from."""
    home = settings.folders
    return Installation(
        system_name=secrets_kept.system_name(home),
        sip_bind=settings.sip_bind,
        sip_port=settings.sip_port,
        external_address=settings.external_address,
        rtp_start=settings.rtp_start,
        rtp_end=settings.rtp_end,
        ami_port=settings.ami_port,
        ami_secret=secrets_kept.ami_secret(home),
        agi_port=settings.agi_port,
        realm=secrets_kept.sip_realm(home),
        run_user=parts.run_user(settings).pw_name,
        agi_tries=settings.agi_tries,
        agi_retry_s=settings.agi_retry_s,
        trunks=settings.trunks,
        outbound=settings.outbound,
        seats=tuple(seats),
        nodes=settings.other_nodes,
        node=settings.node,
        node_secret=secrets_kept.cluster_key(settings, "sip").hex() if settings.node else "",
    )


async def stored_endpoints(database: Database) -> list[SeatEndpoint]:
    """Every tenant's seats as SIP endpoints."""
    return [
        SeatEndpoint(
            stored.seat.endpoint,
            stored.md5_cred,
            tenant=stored.seat.tenant,
            video=VIDEO in stored.seat.skills,
        )
        for stored in await SqlSeats(database).list()
    ]


def digest(endpoint: str, realm: str, password: str) -> str:
    """MD5(user:realm:password): what SIP's digest authentication needs in place of a password."""
    text = f"{endpoint}:{realm}:{password}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def cluster_names(settings: Settings) -> None:
    """Among several nodes: calls carry the node's name, and the seats' realm is the same
    everywhere (one that is there already is kept: copy it to nodes that are added later)."""
    if not settings.node:
        return
    home = settings.folders
    secrets_kept.write(home, "system_name", settings.node)
    if not (home.secrets / "sip_realm").exists():
        realm = secrets_kept.cluster_key(settings, "realm").hex()[:12]
        secrets_kept.write(home, "sip_realm", f"hotline-{realm}")


def _check_documents(settings: Settings) -> Iterator[str]:
    try:
        lines = load_all_lines(settings.tenants)
        load_all_rules(settings.tenants, lines, load_flows(settings.tenants, lines))
        RuleBook.read(settings.tenants)
        UnitBook.read(settings.tenants)
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    except OSError as error:
        raise BadSettings(f"{error.filename}: {error.strerror}") from error
    count = sum(len(lines.of(tenant.id)) for tenant in settings.tenants)
    yield f"{len(settings.tenants)} tenant(s) with {count} lines"


async def _from_database(settings: Settings) -> list[SeatEndpoint]:
    database = Database(settings.sql_url)
    await database.start()
    try:
        for name, role in LOCAL_TOKENS.items():
            await _local_token(settings.folders, SqlTokens(database), name, role)
        return await stored_endpoints(database)
    finally:
        await database.close()


async def _local_token(home: Home, tokens: SqlTokens, name: str, role: Role) -> None:
    """The commands' and the printed page's own token: made anew when the database has it not."""
    try:
        known = TOKEN.fullmatch(secrets_kept.read(home, name))
    except FileNotFoundError:
        known = None
    stored = await tokens.find(known[1]) if known else None
    if stored is not None and stored.revoked_at is None:
        return
    token, record = issue(role, ALL_TENANTS, label=f"made by this installation ({name})")
    await tokens.add(
        StoredToken(
            record.token_id,
            record.sha256,
            record.role,
            record.tenant,
            datetime.now(UTC),
            label=record.label,
        )
    )
    secrets_kept.write(home, name, token)


def _count(seats: Sequence[SeatEndpoint] | None) -> str:
    return "the last known" if seats is None else str(len(seats))
