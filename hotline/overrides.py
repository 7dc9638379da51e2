"""The supervisor's word over the hours: kept in SQL, asked from memory at each call."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from console.errors import UnknownLine
from console.ports import HoursView
from ivr.hours import decide, effective
from ivr.lines import HoursText, Lines
from ivr.ports import Clock
from queue_manager.opening import HoursMode
from storage.hours import HoursOverride, SqlHours

WHOLE_TENANT = ""


class Overrides:
    """Overrides of all tenants; implements `console.ports.Hours`."""

    def __init__(
        self,
        store: SqlHours,
        clock: Clock,
        lines: Lines,
        changed: Callable[[str], None] = lambda tenant: None,
    ) -> None:
        self._changed = changed
        self._store = store
        self._clock = clock
        self._known: dict[tuple[str, str], HoursMode] = {}
        self.lines = lines

    async def read(self, tenant: str) -> None:
        """Read a tenant's overrides again; raises `StoreAway`."""
        stored = await self._store.of(tenant)
        kept = {at: word for at, word in self._known.items() if at[0] != tenant}
        read = {(tenant, line): one.mode for line, one in stored.items()}
        self._known = {**kept, **read}

    def of(self, tenant: str, line_id: str) -> HoursMode:
        """The word for a line, or with line_id "" for the whole tenant."""
        return self._known.get((tenant, line_id), HoursMode.AUTO)

    def show(self, tenant: str) -> Sequence[HoursView]:
        """The tenant's own first, then every line with hours or a mode of its own."""
        own = [
            line.id
            for line in self.lines.of(tenant)
            if line.hours is not None or self.of(tenant, line.id) is not HoursMode.AUTO
        ]
        return [self._view(tenant, line_id) for line_id in (WHOLE_TENANT, *own)]

    async def set(self, tenant: str, line_id: str, mode: HoursMode, *, by: str) -> None:
        """Set and keep it, with who said so; raises `UnknownLine`, `StoreAway`."""
        if line_id and self.lines.get(tenant, line_id) is None:
            raise UnknownLine
        now = self._clock.now()
        await self._store.set(HoursOverride(tenant, line_id, mode, now, by))
        self._known[tenant, line_id] = mode
        self._changed(tenant)

    def _view(self, tenant: str, line_id: str) -> HoursView:
        whole = self.of(tenant, WHOLE_TENANT)
        word = effective(self.of(tenant, line_id), whole) if line_id else whole
        schedule = self.lines.schedule(tenant, line_id)
        return HoursView(
            line_id,
            self.of(tenant, line_id),
            decide(schedule, word, self._clock.now()).open,
            spelled(self.lines.hours(tenant, line_id)),
        )


def spelled(hours: HoursText) -> str:
    """Hours as one text for people."""
    if isinstance(hours, Mapping):
        return "; ".join(f"{days} {ranges}" for days, ranges in hours.items())
    return hours


class SystemClock:
    """The machine's time, aware, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
