"""Every setting with its type, default, unit and help: environment HOTLINE_* over one TOML file.

The TOML file is HOTLINE_CONFIG, else `hotline.toml` in the home, if it is there.
"""

import os
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from asterisk_conf.model import Node, OutboundRule, Trunk, unclear
from hotline.errors import BadSettings
from hotline.home import Home
from ivr.tenants import Tenant, shared_prefix
from recordings.model import RecordingKind

PROJECT = Path(__file__).resolve().parent.parent
PRIVATE_ASTERISK = Path("/opt/hotline/asterisk")
PATH_KEYS = frozenset(
    {
        "home",
        "cache",
        "asterisk_root",
        "lines_file",
        "flow_file",
        "queues_file",
        "roster_file",
        "policy_file",
        "calendar_file",
        "units_file",
        "peers_file",
        "password_file",
        "cluster_secret_file",
    }
)
DEFAULT_TENANT = Tenant(id="default", name="12345政务服务便民热线")
DEMO_TRUNK = Trunk.model_validate({"id": "demo", "match": ["127.0.0.2"], "trusted": True})


def _port(default: int, description: str) -> Any:
    return Field(default=default, ge=1, le=65535, description=description)


def default_home() -> Path:
    """`var` in the project, or the user's own state folder where he may not write that; raises
    `BadSettings` when he has none."""
    var = PROJECT / "var"
    place = var if var.exists() else PROJECT
    if os.access(place, os.W_OK):
        return var
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise BadSettings("this user has no home folder: name a place with HOTLINE_HOME") from error
    return Path(state) / "hotline"


def default_asterisk_root() -> Path:
    """The private root; the machine's own Asterisk only where there is no private one."""
    own = not PRIVATE_ASTERISK.exists() and Path("/usr/sbin/asterisk").exists()
    return Path("/") if own else PRIVATE_ASTERISK


def config_file() -> Path:
    """The TOML file: HOTLINE_CONFIG, else `hotline.toml` in the home (it may not exist)."""
    named = os.environ.get("HOTLINE_CONFIG")
    home = os.environ.get("HOTLINE_HOME") or default_home()
    return Path(named) if named else Path(home) / "hotline.toml"


def _from_file(file: Path) -> dict[str, object]:
    """The TOML file's settings, if it is there; relative paths in it start at its own folder."""
    if not file.is_file():
        return {}
    return cast(
        "dict[str, object]",
        _absolute(tomllib.loads(file.read_text("utf-8")), file.resolve().parent),
    )


def _absolute(value: object, folder: Path) -> object:
    match value:
        case dict():
            return {
                key: str(folder / inner)
                if key in PATH_KEYS and isinstance(inner, str)
                else _absolute(inner, folder)
                for key, inner in value.items()
            }
        case list():
            return [_absolute(inner, folder) for inner in value]
        case other:
            return other


class Settings(BaseSettings):
    """The installation's settings. Unknown TOML keys are refused (`hotline.loading` refuses
    unknown HOTLINE_* variables, too)."""

    model_config = SettingsConfigDict(
        env_prefix="HOTLINE_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    home: Path = Field(default_factory=default_home, description="folder of everything that lives")
    config: Path | None = Field(default=None, description="TOML file with these settings")
    cache: Path = Field(default=PROJECT / ".cache", description="built prompts and models")
    asterisk_root: Path = Field(
        default_factory=default_asterisk_root,
        description="private root holding Asterisk; / uses the machine's own",
    )
    user: str = Field(default="hotline", description="system user the parts run as under root")
    sip_bind: str = Field(default="127.0.0.1", description="address SIP and RTP listen on")
    sip_port: int = _port(5060, "UDP and TCP port of SIP")
    external_address: str = Field(
        default="", pattern=r"^[A-Za-z0-9.:-]{0,253}$", description="public address behind NAT"
    )
    rtp_start: int = _port(10000, "first RTP port (UDP)")
    rtp_end: int = _port(14999, "last RTP port (UDP)")
    http_bind: str = Field(default="127.0.0.1", description="address of pages and API")
    http_port: int = _port(8345, "TCP port of pages and API")
    ami_port: int = _port(5038, "Asterisk manager port, loopback only")
    agi_port: int = _port(4573, "FastAGI port, loopback only")
    redis_url: str = Field(default="", description="shared Redis; empty: private, on a socket")
    database_url: str = Field(default="", description="PostgreSQL URL; empty: SQLite in the home")
    recordings_days: int = Field(
        default=180, ge=1, description="days recordings of whole calls are kept"
    )
    requests_days: int = Field(
        default=180, ge=1, description="days the voice of spoken requests is kept"
    )
    words_days: int = Field(
        default=180,
        ge=1,
        description="days the recognised words of spoken requests, with their times, are kept",
    )
    evidence_days: int = Field(
        default=730,
        ge=1,
        description="days evidence put to a ticket is kept; as long as it is open in any case",
    )
    agi_tries: int = Field(default=20, ge=1, le=600, description="tries before the fallback")
    agi_retry_s: int = Field(default=1, ge=1, le=30, description="seconds between tries")
    voice_offer_after_s: float = Field(
        default=60.0,
        ge=5,
        description="seconds of waiting until callback and voice request are offered",
    )
    announce_every_s: float = Field(
        default=30.0, ge=5, description="seconds between announcements of the position"
    )
    voice_request_max_s: float = Field(
        default=180.0, ge=10, le=1800, description="longest spoken request, seconds"
    )
    speech: Literal["off", "vosk", "remote"] = Field(
        default="vosk",
        description="what understands callers after hours: Vosk here, vosk-servers, or nothing",
    )
    understanding: Path | None = Field(
        default=None,
        description="folder with places, classes, kinds and danger .yaml of your own city, a whole "
        "path (docs/understanding.md); none: the demonstration's",
    )
    speech_models: dict[str, Path] = Field(
        default={},
        description="folder of the Vosk model of each language, whole paths "
        '(`cmn = "/srv/models/vosk-model-cn-0.22"`); none: the demonstration\'s tiny one',
    )
    speech_workers: int = Field(
        default=2, ge=1, le=64, description="recognising processes of each language"
    )
    speech_servers: dict[str, str] = Field(
        default={},
        description='address of the vosk-server of each language (`cmn = "ws://192.0.2.9:2700"`)',
    )
    sms_hook_url: str = Field(
        default="",
        description="gateway of text messages, told what citizens must know (signed web hook,"
        " docs/exchange.md); empty: none",
    )
    webhooks_private: bool = Field(
        default=False,
        description="let webhooks lead to this machine and private networks, and without TLS",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least important that is logged"
    )
    node: str = Field(
        default="", description="this node's name among `nodes`; empty: the only engine there is"
    )
    cluster_secret_file: Path | None = Field(
        default=None,
        description="file holding the secret all nodes share (32 characters or more), mode 0600",
    )
    tenants: tuple[Tenant, ...] = Field(
        default=(DEFAULT_TENANT,), description="cities and provinces, see below"
    )
    trunks: tuple[Trunk, ...] = Field(default=(DEMO_TRUNK,), description="SIP trunks, see below")
    outbound: tuple[OutboundRule, ...] = Field(
        default=(), description="what transfers and callbacks may dial, see below"
    )
    nodes: tuple[Node, ...] = Field(
        default=(), description="all nodes of the cluster, the same list everywhere, see below"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = InitSettingsSource(settings_cls, _from_file(config_file()))
        return init_settings, env_settings, file

    @field_validator("sip_bind", "http_bind")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return str(ip_address(value))

    @field_validator("understanding")
    @classmethod
    def _is_whole_path(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_absolute():
            raise ValueError(f"{value} is no whole path: begin it with /")
        return value

    @field_validator("speech_models")
    @classmethod
    def _are_whole_paths(cls, value: dict[str, Path]) -> dict[str, Path]:
        for language, path in value.items():
            if not path.is_absolute():
                raise ValueError(f"{language}: {path} is no whole path: begin it with /")
        return value

    @field_validator("speech_servers")
    @classmethod
    def _are_servers(cls, value: dict[str, str]) -> dict[str, str]:
        for language, address in value.items():
            if not address.startswith(("ws://", "wss://")):
                raise ValueError(f"{language}: {address} must begin with ws:// or wss://")
        return value

    @field_validator("sms_hook_url")
    @classmethod
    def _is_private(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must begin with https:// (http:// only for this machine itself)")
        return value

    @field_validator("database_url", "redis_url")
    @classmethod
    def _is_known(cls, value: str, info: ValidationInfo) -> str:
        known = {
            "database_url": ("postgresql://", "postgresql+asyncpg://", "sqlite://"),
            "redis_url": ("redis://", "rediss://", "unix://"),
        }[str(info.field_name)]
        if value and not value.startswith(known):
            raise ValueError(f"must begin with {' or '.join(known)}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        ids = [t.id for t in self.tenants]
        if not ids or len(set(ids)) != len(ids):
            raise ValueError("tenants: at least one, each id once")
        for tenant in self.tenants:
            try:
                ZoneInfo(tenant.time_zone)
            except (LookupError, OSError, ValueError) as error:
                message = f"tenant {tenant.id}: there is no time zone {tenant.time_zone!r}"
                raise ValueError(message) from error
        for trunk in self.trunks:
            if trunk.tenant and trunk.tenant not in ids:
                raise ValueError(f"trunk {trunk.id}: there is no tenant {trunk.tenant!r}")
        names = {t.id for t in self.trunks}
        for rule in self.outbound:
            if rule.trunk not in names:
                raise ValueError(f"outbound {rule.number}: there is no trunk {rule.trunk!r}")
        if why := unclear(self.trunks, self.outbound):
            raise ValueError(why)
        if any(not trunk.tenant for trunk in self.trunks) and (why := shared_prefix(self.tenants)):
            raise ValueError(why)
        if self.rtp_end - self.rtp_start < 99:
            raise ValueError("rtp_start to rtp_end: at least 100 ports are needed")
        if self.rtp_start <= self.sip_port <= self.rtp_end:
            raise ValueError("sip_port lies between rtp_start and rtp_end: media would take it")
        if self.speech == "remote" and not self.speech_servers:
            raise ValueError("speech is remote: speech_servers must name a vosk-server")
        used: dict[int, str] = {}
        for key in ("sip_port", "http_port", "ami_port", "agi_port"):
            if other := used.get(port := getattr(self, key)):
                raise ValueError(f"{other} and {key} are both {port}: each needs its own")
            used[port] = key
        return self

    @model_validator(mode="after")
    def _nodes_fit_together(self) -> "Settings":
        if not self.node and not self.nodes:
            return self
        ids = [n.id for n in self.nodes]
        if self.node not in ids:
            known = ", ".join(ids) or "none"
            raise ValueError(f"node {self.node!r} is not one of `nodes` ({known})")
        for what, values in (
            ("id", ids),
            ("SIP address", [n.sip_host for n in self.nodes]),
            ("link", [n.link for n in self.nodes]),
        ):
            if len(set(values)) != len(values):
                raise ValueError(f"nodes: every node needs its own {what}")
        own = next(n for n in self.nodes if n.id == self.node)
        if not own.sip.endswith(f":{self.sip_port}"):
            raise ValueError(f"node {own.id}: its sip {own.sip} is not at sip_port {self.sip_port}")
        for setting in ("redis_url", "database_url", "cluster_secret_file"):
            if not getattr(self, setting):
                raise ValueError(f"{setting} is needed with several nodes: they share it")
        return self

    @property
    def other_nodes(self) -> tuple[Node, ...]:
        """The nodes besides this one."""
        return tuple(n for n in self.nodes if n.id != self.node)

    @property
    def kept_days(self) -> Mapping[RecordingKind, int]:
        """How many days audio and evidence are kept, by their kind."""
        return {
            RecordingKind.CALL: self.recordings_days,
            RecordingKind.REQUEST: self.requests_days,
            RecordingKind.WORDS: self.words_days,
            RecordingKind.EVIDENCE: self.evidence_days,
        }

    @property
    def folders(self) -> Home:
        """The home's paths."""
        return Home(self.home.resolve())

    @property
    def sql_url(self) -> str:
        """SQLAlchemy's asynchronous URL of the store."""
        if self.database_url:
            return self.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
        return f"sqlite:///{self.folders.database}"
