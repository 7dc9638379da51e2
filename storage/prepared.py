"""Statements of the hot path, compiled once and handed to SQLite's driver as they are.

SQLAlchemy looks a compiled statement up and builds its context, cursor and result anew for each
execution: more work than SQLite itself has with a row. Every call pays it, on a cold cache.
PostgreSQL is given many rows as arrays.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, Dialect, Insert, Update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.types import TypeEngine

from storage.arrays import Arrays
from storage.json_text import dump_json
from storage.tables import UtcDateTime

Processor = Callable[[Any], Any]
_Compiled = tuple[
    str, Callable[[Mapping[str, Any]], Sequence[Any]], tuple[tuple[int, Processor], ...]
]
"""SQL, what takes a row's values in their order, and the places that are to be processed."""


class Prepared:
    """One INSERT or UPDATE, by dialect; always run with the same names of values."""

    def __init__(self, statements: Mapping[str, Insert | Update]) -> None:
        self._statements = statements
        self._sqlite: _Compiled | None = None
        self._arrays: Arrays | None = None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any | None:
        """Execute it; the first column of the first row it returns, None without one.

        Raises SQLAlchemy's errors, see `storage.errors.translated`.
        """
        if connection.dialect.name != "sqlite":
            found = connection.execute(self._statements[connection.dialect.name], values)
            return found.scalar() if found.returns_rows else None
        row = self._run_raw(connection, (values,))
        return None if row is None else row[0]

    def run_many(
        self, connection: Connection, rows: Sequence[Mapping[str, Any]], *, beside: bool = False
    ) -> None:
        """Execute it for each of these rows, in one exchange; nothing comes back. On PostgreSQL it
        goes with the transaction's next statement; `beside` as `Arrays.run` has it."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            self._run_raw(connection, rows)
            return
        if self._arrays is None:
            self._arrays = Arrays(self._statements["postgresql"], list(rows[0]))
        self._arrays.run(connection, rows, beside=beside)

    def _run_raw(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Any | None:
        """The first row that the last execution returns."""
        if self._sqlite is None:
            self._sqlite = self._compiled(connection, rows[0])
        text, names, processors = self._sqlite
        raw = connection.connection.driver_connection
        assert raw is not None
        row = None
        try:
            for values in rows:
                bound = list(names(values))
                for place, process in processors:
                    bound[place] = process(bound[place])
                row = raw.execute(text, bound).fetchone()
        except sqlite3.Error as error:
            raise DBAPIError.instance(text, None, error, sqlite3.Error) from error
        except (ValueError, TypeError) as error:
            raise StatementError(str(error), text, None, error, hide_parameters=True) from error
        return row

    def _compiled(self, connection: Connection, values: Mapping[str, Any]) -> _Compiled:
        dialect = connection.dialect
        compiled: Any = self._statements["sqlite"].compile(
            dialect=dialect, column_keys=list(values)
        )
        found = [
            (place, process)
            for place, name in enumerate(compiled.positiontup)
            if (process := _processor(compiled.binds[name].type, dialect)) is not None
        ]
        defaults = {n: bind.value for n, bind in compiled.binds.items() if not bind.required}
        return str(compiled), _values_of(compiled.positiontup, defaults), tuple(found)


def _values_of(
    names: Sequence[str], defaults: Mapping[str, Any]
) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Takes the values of a statement's parameters out of a row, in their order."""
    if defaults:
        return lambda values: [values[n] if n in values else defaults[n] for n in names]
    return itemgetter(*names) if len(names) > 1 else lambda values: [values[names[0]]]


def _processor(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    """What turns a value into SQLite's; the common ones without SQLAlchemy's detours."""
    if isinstance(kind, UtcDateTime):
        return _utc_text
    if isinstance(kind, JSON):
        return dump_json
    if isinstance(kind, Boolean):
        return None  # the driver takes True for 1
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _utc_text(value: datetime | None) -> str | None:
    """As `UtcDateTime` and SQLAlchemy write it."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a time without zone was to be stored: {value!r}")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
