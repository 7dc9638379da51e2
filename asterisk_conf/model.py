"""What the Asterisk configuration is rendered from. Plain data, validated on reading."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import combinations
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, IPvAnyNetwork, field_validator

Codec = Literal["alaw", "ulaw"]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
KEPT_NAMES = frozenset({"common", "seat", "seat-video", "global", "node"})
KEPT_BEGINNINGS = ("trunk-", "node-", "transport-")


class Registration(BaseModel):
    """Outgoing registration at a carrier (a trunk that isn't known by its address alone)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: str = Field(
        pattern=r"^[A-Za-z0-9.\-]+(:[0-9]{1,5})?$",
        description="the carrier's registrar, host[:port]",
    )
    username: str = Field(pattern=r"^[A-Za-z0-9._+\-]{1,64}$", description="account at the carrier")
    password_file: Path = Field(description="file holding the password, mode 0600")


class Trunk(BaseModel):
    """A SIP trunk: known by its source addresses, by registration, or by both.

    `spellings` rewrite what this trunk delivers as the called number: the first prefix that
    matches is replaced (`{"+86": "", "0086": ""}`). `trusted` allows P-Asserted-Identity,
    Diversion and History-Info from it. `dial` is where calls out go (host[:port]).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=NAME, description="short name")
    tenant: str = Field(default="", description="fixed tenant; empty: by prefix of called number")
    match: tuple[IPvAnyNetwork | IPvAnyAddress, ...] = Field(
        default=(), description="addresses its calls come from"
    )
    registration: Registration | None = Field(
        default=None, description="account, for a carrier that wants us to register"
    )
    codecs: tuple[Codec, ...] = Field(default=("alaw", "ulaw"), description="in this order")
    video: bool = Field(
        default=False, description="let video through (H.264, VP8): for sign language"
    )
    trusted: bool = Field(
        default=False, description="believe its P-Asserted-Identity, Diversion, History-Info"
    )
    spellings: dict[str, str] = Field(
        default_factory=dict, description="prefixes of called numbers and what replaces them"
    )
    dial: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9.\-]+(:[0-9]{1,5})?)?$",
        description="where calls out go, host[:port]; empty: none do",
    )

    @field_validator("spellings")
    @classmethod
    def _digits_only(cls, value: dict[str, str]) -> dict[str, str]:
        for old, new in value.items():
            if not old or not all(c in "+0123456789" for c in old + new):
                raise ValueError(f"spelling {old!r} → {new!r}: only digits and + are allowed")
        return value


class OutboundRule(BaseModel):
    """A number (or `prefix*`) that transfers and callbacks may dial, and the trunk. All else is
    refused: a caller or a seat can never reach the trunk by dialling (toll fraud)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str = Field(
        pattern=r"^\+?[0-9]{2,20}\*?$", description="a number, or a prefix followed by *"
    )
    trunk: str = Field(pattern=NAME, description="the trunk it goes out through")
    callback_only: bool = Field(
        default=False,
        description="citizens are called back by it, and no seat can hand anybody on by it",
    )
    ring_s: int = Field(
        default=60,
        ge=3,
        le=120,
        description="how long it rings there before a transfer has failed, seconds",
    )


def is_kept(endpoint: str) -> bool:
    """Whether a seat can't have this SIP name: a trunk, a node or a template has it."""
    name = endpoint.lower()
    return name in KEPT_NAMES or name.startswith(KEPT_BEGINNINGS)


def unclear(trunks: Sequence[Trunk], outbound: Sequence[OutboundRule]) -> str:
    """Why a call couldn't be told whose trunk's it is, or couldn't go out by a rule, in one
    sentence; "" when all is clear."""
    for trunk in trunks:
        if not trunk.match and not trunk.registration:
            return (
                f"trunk {trunk.id}: give `match` (its source addresses) or `registration`, "
                "else no call of it can be told from a stranger's"
            )
    if twice := _twice(trunk.id for trunk in trunks):
        return f"trunk {twice}: named more than once"
    if shared := _shared_address(trunks):
        return shared
    if twice := _twice(rule.number for rule in outbound):
        return f"outbound rule {twice}: named more than once"
    ways_out = {trunk.id for trunk in trunks if trunk.dial or trunk.registration}
    for rule in outbound:
        if rule.trunk not in ways_out:
            why = f"trunk {rule.trunk} has no `dial` address: give it one (host or host:port)"
            return f"outbound rule {rule.number}: {why}"
    return ""


def _shared_address(trunks: Sequence[Trunk]) -> str:
    """Asterisk would take one of the two for every call from there, and nobody says which."""
    known = [(trunk.id, ip_network(str(match))) for trunk in trunks for match in trunk.match]
    for (one, here), (other, there) in combinations(known, 2):
        if one != other and here.overlaps(there):
            narrow = max(here, there, key=lambda network: network.prefixlen)
            place = narrow.network_address if narrow.num_addresses == 1 else narrow
            return (
                f"trunks {one} and {other} both match {place}: "
                "a call from there could be either's, so name each address at one trunk alone"
            )
    return ""


def _twice(names: Iterable[str]) -> str:
    """The first name that comes more than once; "" when none does."""
    counted = Counter(names)
    return next((name for name, times in counted.items() if times > 1), "")


class Node(BaseModel):
    """One Asterisk with its engine among several that share Redis and the database.

    `sip` is where the other nodes send calls for its seats to, and where its own such calls come
    from; `link` is where its engine takes the other engines' connections.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern=r"^[a-z][a-z0-9]{0,15}$",
        description="short name: in call ids, on seats, in the names of SIP endpoints",
    )
    sip: str = Field(
        pattern=r"^[0-9A-Fa-f.:\[\]]+:[0-9]{1,5}$",
        description="address:port its Asterisk speaks SIP at, seen from the other nodes",
    )
    link: str = Field(
        pattern=r"^[0-9A-Fa-f.:\[\]]+:[0-9]{1,5}$",
        description="address:port its engine listens at for the other engines (TCP)",
    )

    @field_validator("sip", "link")
    @classmethod
    def _is_address(cls, value: str) -> str:
        host, port = _parted(value)
        ip_address(host)
        if not 1 <= int(port) <= 65535:
            raise ValueError(f"{value}: there is no port {port}")
        return value

    @property
    def sip_host(self) -> str:
        """The address alone, without brackets."""
        return _parted(self.sip)[0]

    @property
    def link_at(self) -> tuple[str, int]:
        """Address and port of the engines' link."""
        host, port = _parted(self.link)
        return host, int(port)


def _parted(value: str) -> tuple[str, str]:
    host, _, port = value.rpartition(":")
    return host.strip("[]"), port


@dataclass(frozen=True, slots=True)
class SeatEndpoint:
    """A seat's SIP endpoint. `md5_cred` is MD5(user:realm:password), never the password.

    `static_contact` (sip:…) takes the place of registration: load tests only. `video`: its
    telephone is offered the caller's video (a seat with the skill sign:video).
    """

    endpoint: str
    md5_cred: str = ""
    static_contact: str = ""
    tenant: str = ""
    video: bool = False


@dataclass(frozen=True, slots=True)
class Installation:
    """One rendered installation. Paths are as Asterisk sees them (home bound at /hotline)."""

    system_name: str
    sip_bind: str
    sip_port: int
    external_address: str
    rtp_start: int
    rtp_end: int
    ami_port: int
    ami_secret: str
    agi_port: int
    realm: str
    run_user: str
    agi_tries: int
    agi_retry_s: int
    trunks: tuple[Trunk, ...]
    outbound: tuple[OutboundRule, ...]
    seats: tuple[SeatEndpoint, ...]
    extra: tuple[tuple[str, str], ...] = ()
    nodes: tuple[Node, ...] = ()
    """The other nodes: calls for seats go to and come from them. `node_secret` is their SIP
    password, shared by all."""
    node: str = ""
    node_secret: str = ""
