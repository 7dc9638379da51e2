"""Tenants: a tenant is a city or province. It is decided first, before the line."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Tenant(BaseModel):
    """A city or province on this installation.

    `prefixes` are the leading digits of called numbers that belong to it (its area code), used
    when the trunk doesn't fix the tenant; they are cut off before the line is looked up.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_]{0,30}$", description="short name: in SQL, metrics, --tenant"
    )
    name: str = Field(min_length=1, max_length=60, description="name on pages")
    time_zone: str = Field(
        default="Asia/Shanghai", description="of opening hours, ticket numbers and days"
    )
    prefixes: tuple[str, ...] = Field(
        default=(), description="leading digits of its called numbers (area code)"
    )
    languages: tuple[str, ...] = Field(
        default=("cmn", "en"), description="languages its callers may choose, the first unasked"
    )
    lines_file: Path | None = Field(default=None, description="own line table (YAML)")
    flow_file: Path | None = Field(default=None, description="own default flow (YAML)")
    queues_file: Path | None = Field(
        default=None, description="own rules of the queues: skills, priorities, steps (YAML)"
    )
    roster_file: Path | None = Field(
        default=None, description="shift roster: who is due when (YAML); empty: none"
    )
    policy: str = Field(
        default="guangxi",
        description="shipped policy of limits and cards: guangxi, baoji, shandong, guangdong,"
        " shanghai",
    )
    policy_file: Path | None = Field(default=None, description="own policy instead (YAML)")
    calendar_file: Path | None = Field(
        default=None, description="own working hours and local days (YAML)"
    )
    units_file: Path | None = Field(
        default=None, description="own units: who handles what where (YAML)"
    )
    peers_file: Path | None = Field(
        default=None, description="other houses it exchanges tickets with (YAML); empty: none"
    )
    open311: bool = Field(
        default=False,
        description="whether anybody may ask and see by the web (Open311 GeoReport v2)",
    )
    wrap_up_s: float = Field(
        default=20.0, ge=0, le=3600, description="after-call work before the next call, seconds"
    )
    ring_s: float = Field(
        default=20.0, ge=3, le=120, description="ringing before the next seat is tried, seconds"
    )
    flap_hold_s: float = Field(
        default=60.0,
        ge=0,
        le=600,
        description="a seat whose telephone keeps coming and going must stay at most this long"
        " before it counts, seconds; 0: it counts at once",
    )
    miss_limit: int = Field(default=3, ge=1, le=20, description="missed rings until paused")
    pause_reasons: tuple[str, ...] = Field(
        default=("break", "meal", "training", "meeting", "missed", "other"),
        description="reasons a seat may give for a pause",
    )
    survey: bool = Field(
        default=False,
        description="ask citizens right after a talk whether they were satisfied with it",
    )
    service_level_s: int = Field(
        default=15, ge=1, le=600, description="an answer within this is in time, seconds"
    )

    @field_validator("prefixes")
    @classmethod
    def _are_digits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            digits = prefix.removeprefix("+")
            if not (digits.isascii() and digits.isdigit()):
                raise ValueError(f"prefix {prefix!r}: only digits, such as 0771, are allowed")
        return value

    @property
    def area_code(self) -> str:
        """What completes a local number, such as 0771; "" where no prefix is one."""
        return next((prefix for prefix in self.prefixes if prefix.startswith("0")), "")


def shared_prefix(tenants: Sequence[Tenant]) -> str:
    """Why tenants can't be told apart by the called number, in one sentence; "" when they can."""
    owners: dict[str, str] = {}
    for tenant in tenants:
        for prefix in tenant.prefixes:
            if (other := owners.setdefault(prefix, tenant.id)) != tenant.id:
                return (
                    f"tenants {other} and {tenant.id} both have the prefix {prefix}: "
                    "give every trunk its `tenant`, or the prefix to one of them alone"
                )
    return ""
