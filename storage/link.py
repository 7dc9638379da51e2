"""What the store asks of a database connection; see sqlite_link and postgres_link.

Operations are plain functions of a SQLAlchemy `Connection`, the same for both databases. They
may run twice (a neighbour in the same commit failed, a connection broke), so all they do must
go through that connection.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Operation = Callable[[Connection], T]
Bulk = Callable[[Connection, Sequence[Any]], Sequence[Any]]
"""What several callers ask for at once, done together: an answer to each item, in their order."""

READERS = 2


class Link(Protocol):
    """One database. `write` is called by one task at a time, `read` by any number.

    Both raise `StoreAway` or `StoreRefused`, or the operation's own exception.
    """

    async def write(self, operation: Operation[T], *, durable: bool = True) -> T:
        """Run it in a transaction; durable when this returns. What isn't to be `durable` is so a
        moment later, with the next that is: a crash before that undoes it whole."""
        ...

    async def read(self, operation: Operation[T]) -> T:
        """Run it on a connection that is only read from."""
        ...

    async def migrate(self) -> None:
        """Bring the schema up to date; takes as long as it takes."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
