"""Many rows for PostgreSQL in one statement: each column is sent as an array.

A row of its own statement costs the server a start and an end each, and the driver a message;
a chunk of rows as arrays costs that once, see docs/decisions/0300. The driver looks at each
element of an array twice, so texts and whole numbers go as one text that the server takes apart.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Connection, Insert, Update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import StatementError
from sqlalchemy.types import TypeEngine

from storage.json_text import dump_json
from storage.sent_together import keep_back
from storage.tables import UtcDateTime

_NAMED = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call] # its own way
_BETWEEN = "\x1f"
"""Between the texts of an array within an array: PostgreSQL has no arrays of unequal arrays."""
_APART, _NOTHING = "\x1e", "\x1d"
"""Before each text of a column, and instead of one that is NULL."""
_TEXTS, _WHOLE = frozenset({"TEXT", "VARCHAR", "JSON"}), frozenset({"INTEGER", "BIGINT"})


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
        plain = {name: kind.removesuffix("[]").partition("(")[0] for name, kind in kinds.items()}
        named = f"AS v ({', '.join(map(_quoted, kinds))})"
        listed = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(plain.values(), 1))
        joined = ", ".join(_taken_apart(n, kind) for n, kind in enumerate(plain.values(), 1))
        self._table: str = compiled.statement.table.name
        self._text = _from(str(compiled) % values, f"unnest({listed}) {named}")
        self._short = _from(str(compiled) % values, f"unnest({joined}) {named}")
        self._joins = [_join_of(kind) for kind in plain.values()]
        self._defaults = {name: bind.value for name, bind in binds.items() if not bind.required}
        self._columns = [(name, _process(bind.type, kinds[name])) for name, bind in binds.items()]

    def run(
        self, connection: Connection, rows: Sequence[Mapping[str, Any]], *, beside: bool = False
    ) -> None:
        """Execute it for these rows, by the next statement or the commit at the latest. `beside`:
        none of them is a row that was written just now. Raises SQLAlchemy's errors."""
        try:
            sent = [self._column(name, process, rows) for name, process in self._columns]
        except (ValueError, TypeError) as error:
            raise StatementError(
                str(error), self._text, None, error, hide_parameters=True
            ) from error
        short = [join(found) for join, found in zip(self._joins, sent, strict=True)]
        if None in short:
            keep_back(connection, self._table, self._text, sent, beside=beside)
        else:
            keep_back(connection, self._table, self._short, short, beside=beside)

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


def _taken_apart(n: int, kind: str) -> str:
    """A column out of what `_join_of` made of it."""
    if kind in _TEXTS:
        # What is before the first sign is none of them: "" alone would be no text at all.
        return f"((string_to_array(${n}::text, E'\\x1e', E'\\x1d'))[2:])::{kind}[]"
    return f"${n}::text::{kind}[]" if kind in _WHOLE else f"${n}::{kind}[]"


def _join_of(kind: str) -> Callable[[list[Any]], Any]:
    """What makes a column shorter to send; None of what can't be joined so."""
    if kind in _TEXTS:
        return _joined_texts
    return _joined_numbers if kind in _WHOLE else list


def _joined_texts(values: list[Any]) -> str | None:
    try:
        told = _APART + _APART.join(values)
    except TypeError:  # one is NULL, or no text: that the driver refuses
        if not all(value is None or isinstance(value, str) for value in values):
            return None
        nothing = values.count(None)
        told = _APART + _APART.join(_NOTHING if value is None else value for value in values)
    else:
        nothing = 0
    apart = told.count(_APART) == len(values) and told.count(_NOTHING) == nothing
    return told if apart else None


def _joined_numbers(values: list[Any]) -> str | None:
    if not all(value is None or type(value) is int for value in values):
        return None
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


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
