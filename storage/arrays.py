"""Many rows for PostgreSQL in one statement: each column is sent as an array.

A row of its own statement costs the server a start and an end each, and the driver a message;
a chunk of rows as arrays costs that once, see docs/decisions/0300.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Connection, Insert, Update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import StatementError
from sqlalchemy.types import TypeEngine

from storage.json_text import dump_json
from storage.tables import UtcDateTime

_NAMED = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call] # its own way
_BETWEEN = "\x1f"
"""Between the texts of an array within an array: PostgreSQL has no arrays of unequal arrays."""


class Arrays:
    """An INSERT of values or an UPDATE of one row by its key, for many rows at once.

    `names` are the values that every row has. No two rows may be the same row of the table, unless
    the statement leaves alone what is there.
    """

    def __init__(self, statement: Insert | Update, names: Sequence[str]) -> None:
        compiled: Any = statement.compile(
            dialect=_NAMED, column_keys=list(names), for_executemany=True
        )
        binds = compiled.binds
        kinds = {name: str(bind.type.compile(dialect=_NAMED)) for name, bind in binds.items()}
        values = {name: _value(name, kind) for name, kind in kinds.items()}
        listed = ", ".join(
            f"${n}::{kind.removesuffix('[]')}[]" for n, kind in enumerate(kinds.values(), 1)
        )
        source = f"unnest({listed}) AS v ({', '.join(map(_quoted, kinds))})"
        self._text = _from(str(compiled) % values, source)
        self._defaults = {name: bind.value for name, bind in binds.items() if not bind.required}
        self._columns = [(name, _process(bind.type, kinds[name])) for name, bind in binds.items()]

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for these rows. Raises SQLAlchemy's errors."""
        try:
            sent = tuple(self._column(name, process, rows) for name, process in self._columns)
        except (ValueError, TypeError) as error:
            raise StatementError(
                str(error), self._text, None, error, hide_parameters=True
            ) from error
        connection.exec_driver_sql(self._text, sent)

    def _column(
        self, name: str, process: Callable[[Any], Any] | None, rows: Sequence[Mapping[str, Any]]
    ) -> list[Any]:
        if name in rows[0]:
            found = [row[name] for row in rows]
        else:
            found = [self._defaults[name]] * len(rows)
        return found if process is None else [process(value) for value in found]


def _from(statement: str, source: str) -> str:
    """The statement with its values from `source`."""
    head, found, tail = statement.partition(" VALUES (")
    if found:
        values, _, after = tail.partition(") ON CONFLICT ")
        end = f" ON CONFLICT {after}" if after else ""
        return f"{head} SELECT {values if after else values.removesuffix(')')} FROM {source}{end}"  # noqa: S608 - our own statement
    head, _, where = statement.partition(" WHERE ")
    return f"{head} FROM {source} WHERE {where}"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _value(name: str, kind: str) -> str:
    """What stands for a value in the statement."""
    if kind.endswith("[]"):
        return f"string_to_array(v.{_quoted(name)}, E'\\x1f')"
    return f"v.{_quoted(name)}"


def _process(kind: TypeEngine[Any], compiled: str) -> Callable[[Any], Any] | None:
    """What turns a value into the driver's."""
    if compiled.endswith("[]"):
        return _joined
    if isinstance(kind, UtcDateTime):
        return _aware
    return dump_json if isinstance(kind, JSON) else None


def _joined(values: Sequence[str] | None) -> str | None:
    return None if values is None else _BETWEEN.join(values)


def _aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError(f"a time without zone was to be stored: {value!r}")
    return value
