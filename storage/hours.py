"""A supervisor's override of the hours: a whole tenant's (line ""), or one line's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from queue_manager.opening import HoursMode
from storage.database import Database
from storage.rows import DIALECTS
from storage.tables import hours_overrides


@dataclass(frozen=True, slots=True)
class HoursOverride:
    """One override and who made it when."""

    tenant: str
    line_id: str
    mode: HoursMode
    set_at: datetime
    set_by: str


_SET = {
    name: (statement := insert(hours_overrides)).on_conflict_do_update(
        index_elements=["tenant", "line_id"],
        set_={column: statement.excluded[column] for column in ("mode", "set_at", "set_by")},
    )
    for name, insert in DIALECTS.items()
}


class SqlHours:
    """Overrides survive restarts; lines without one go by their own hours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, override: HoursOverride) -> None:
        """Set it, in place of an earlier one for the same lines."""
        row = {
            "tenant": override.tenant, "line_id": override.line_id, "mode": override.mode,
            "set_at": override.set_at, "set_by": override.set_by,
        }  # fmt: skip
        await self._database.write(
            lambda connection: connection.execute(_SET[connection.dialect.name], row)
        )

    async def of(self, tenant: str) -> Mapping[str, HoursOverride]:
        """A tenant's overrides by line id ("" for all lines)."""
        query = select(hours_overrides).where(hours_overrides.c.tenant == tenant)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {
            row.line_id: HoursOverride(
                row.tenant, row.line_id, HoursMode(row.mode), row.set_at, row.set_by
            )
            for row in rows
        }
