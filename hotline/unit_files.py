"""Every tenant's units and divisions, read from its file or the shipped one and checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ivr.documents import DocumentError, parse, read_document
from ivr.tenants import Tenant
from tickets import units as units_module
from tickets.units import UnitsFile

UNITS = Path(units_module.__file__).parent / "data" / "units.yaml"


class UnitsError(DocumentError):
    """Units that can't be used; the message names every mistake by its line."""

    id = "units"


def read_units(path: Path) -> UnitsFile:
    """A file of units; raises `UnitsError`."""
    return parse(read_document(path, UnitsError), UnitsFile, UnitsError)


class UnitBook:
    """The units in use, by tenant; exchanged as a whole when they are read again."""

    def __init__(self, files: Mapping[str, UnitsFile]) -> None:
        self._files = files

    @classmethod
    def read(cls, tenants: Sequence[Tenant]) -> "UnitBook":
        """Those of all tenants; raises `UnitsError`."""
        paths = {tenant.id: tenant.units_file or UNITS for tenant in tenants}
        files = {path: read_units(path) for path in set(paths.values())}
        return cls({tenant: files[path] for tenant, path in paths.items()})

    def of(self, tenant: str) -> UnitsFile:
        """A tenant's units; KeyError for an unknown tenant."""
        return self._files[tenant]

    def has(self, tenant: str, unit: str) -> bool:
        """Whether a tenant has a unit of this id."""
        return unit in self._files[tenant].by_id

    def filling(self, tenant: str, line_unit: str) -> str:
        """The id of the unit that a line's unit is; "" when none is."""
        units = self._files[tenant].units
        return next((u.id for u in units if line_unit in (u.office, *u.lines)), "")

    def use(self, other: "UnitBook") -> None:
        """From now on the units of `other`."""
        self._files = other._files
