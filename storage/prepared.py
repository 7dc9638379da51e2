"""Statements of the hot path, compiled once and handed to SQLite's driver as they are.

SQLAlchemy looks a compiled statement up and builds its context, cursor and result anew for each
execution: more work than SQLite itself has with a row. Every call pays it, on a cold cache. On
PostgreSQL the statements run as usual.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Update
from sqlalchemy.exc import DBAPIError, StatementError

Processor = Callable[[Any], Any]


class Prepared:
    """One INSERT or UPDATE, by dialect; always run with the same names of values."""

    def __init__(self, statements: Mapping[str, Insert | Update]) -> None:
        self._statements = statements
        self._sqlite: tuple[str, list[tuple[str, Any, Processor | None]]] | None = None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any | None:
        """Execute it; the first column of the first row it returns, None without one.

        Raises SQLAlchemy's errors, see `storage.errors.translated`.
        """
        if connection.dialect.name != "sqlite":
            found = connection.execute(self._statements[connection.dialect.name], values)
            return found.scalar() if found.returns_rows else None
        row = self._run_raw(connection, (values,))
        return None if row is None else row[0]

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each of these rows, in one exchange; nothing comes back."""
        if not rows:
            return
        if connection.dialect.name != "sqlite":
            connection.execute(self._statements[connection.dialect.name], rows)
        else:
            self._run_raw(connection, rows)

    def _run_raw(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Any | None:
        """The first row that the last execution returns."""
        if self._sqlite is None:
            self._sqlite = self._compiled(connection, rows[0])
        text, parameters = self._sqlite
        raw = connection.connection.driver_connection
        assert raw is not None
        row = None
        try:
            for values in rows:
                bound = [
                    process(values.get(name, default)) if process else values.get(name, default)
                    for name, default, process in parameters
                ]
                row = raw.execute(text, bound).fetchone()
        except sqlite3.Error as error:
            raise DBAPIError.instance(text, None, error, sqlite3.Error) from error
        except (ValueError, TypeError) as error:
            raise StatementError(str(error), text, None, error, hide_parameters=True) from error
        return row

    def _compiled(
        self, connection: Connection, values: Mapping[str, Any]
    ) -> tuple[str, list[tuple[str, Any, Processor | None]]]:
        dialect = connection.dialect
        compiled: Any = self._statements["sqlite"].compile(
            dialect=dialect, column_keys=list(values)
        )
        binds = compiled.binds
        return str(compiled), [
            (
                name,
                binds[name].value,
                binds[name].type.dialect_impl(dialect).bind_processor(dialect),
            )
            for name in compiled.positiontup
        ]
