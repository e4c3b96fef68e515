"""What a thread needs to know of the database that it works on."""

from typing import Protocol

from sqlalchemy import Connection


class SqlDatabase(Protocol):
    """A SQLite file, or a schema of a PostgreSQL database. All of it is for the thread, except `cut`.

    `place` is how messages name it, without a password. Work is given up and its connection cut after
    `work_seconds_max`, None for never.
    """

    place: str
    work_seconds_max: float | None

    def connect(self) -> Connection:
        """Return a connection that begins no transaction by itself; blocks. Raises one of `FAILURES`."""

    def begin(self, connection: Connection) -> None:
        """Begin a transaction that changes something, as the one who may. Raises one of `FAILURES`."""

    def mark(self, connection: Connection, token: bytes) -> None:
        """Leave a token in a transaction, where a commit can be left without an answer."""

    def has_mark(self, connection: Connection, token: bytes) -> bool:
        """Return whether the transaction that left this token last was committed, after it has ended in any case."""

    def is_lost(self, connection: Connection, error: BaseException) -> bool:
        """Return whether nothing more can be heard on a connection, after an error."""

    def cut(self, connection: Connection) -> None:
        """End a connection from another thread, so that who waits on it is woken up."""

    def probe(self, connection: Connection) -> None:
        """Write something that changes nothing, in a transaction. Raises one of `FAILURES`."""

    def sweep(self, connection: Connection) -> None:
        """Remove from the files what was deleted or replaced. Raises one of `FAILURES`."""

    def explain(self, error: Exception, *, action: str) -> str:
        """Return a sentence for the operator; `action` completes "could not"."""
