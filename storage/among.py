"""Rows of several tickets in one exchange, by statements made once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, CursorResult, Executable, Text, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

NAME = "wanted"


class Among:
    """A statement about rows whose column is one of `wanted`. PostgreSQL is given an array, so
    that the statement is the same, and stays prepared, however many are wanted."""

    def __init__(
        self, column: ColumnElement[str], made: Callable[[ColumnElement[bool]], Executable]
    ) -> None:
        self._statements: Mapping[str, Executable] = {
            "sqlite": made(column.in_(bindparam(NAME, expanding=True))),
            "postgresql": made(column == any_(bindparam(NAME, type_=ARRAY(Text)))),
        }

    def run(
        self, connection: Connection, wanted: Sequence[str], **bound: object
    ) -> CursorResult[Any]:
        """Execute it; `bound` are its other parameters."""
        statement = self._statements[connection.dialect.name]
        return connection.execute(statement, {NAME: list(wanted), **bound})
