"""The mark of a transfer in its target: whose exchange it brings, and whether it came to its end."""

from typing import Final, NamedTuple

import psycopg

# One transfer into a database at a time. It spells "WXTR".
LOCK_KEY: Final = 0x57585452
_CONNECT_SECONDS_MAX: Final = 10


class TransferInProgressError(Exception):
    """Another process transfers into the database."""


class Mark(NamedTuple):
    """`origin` is the chain of the journal's first row, by which an exchange is known."""

    origin: bytes
    is_finished: bool


class TransferMark:
    """The mark, on a connection that keeps other transfers away as long as it lives."""

    def __init__(self, url: str) -> None:
        """Connect as the service. Raises `TransferInProgressError`, `psycopg.Error`."""
        self._connection = psycopg.connect(
            url, autocommit=True, connect_timeout=_CONNECT_SECONDS_MAX, application_name="waiver transfer"
        )
        if self._connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone() != (True,):
            self._connection.close()
            raise TransferInProgressError("Another `waiver transfer` is at work on this database; wait for its end.")

    def read(self) -> Mark | None:
        """Return the mark, or None when nothing was ever transferred here. Raises `psycopg.Error`."""
        row = self._connection.execute("SELECT origin, finished_at IS NOT NULL FROM exchange.transfer").fetchone()
        return None if row is None else Mark(origin=bytes(row[0]), is_finished=row[1])

    def begin(self, origin: bytes) -> None:
        """Say that a transfer has begun, before anything else is written. Raises `psycopg.Error`."""
        self._connection.execute("INSERT INTO exchange.transfer (origin) VALUES (%s)", (origin,))

    def finish(self) -> None:
        """Say that all is there and proven. Raises `psycopg.Error`."""
        self._connection.execute("UPDATE exchange.transfer SET finished_at = now() WHERE finished_at IS NULL")

    def close(self) -> None:
        """Let go of the database; closing again does nothing."""
        self._connection.close()
