"""Who may write: one engine at a time holds the lock, and an epoch keeps out whoever held it before.

The lock is an advisory one on a connection of its own. The server gives it back when the connection ends, and ends the
connection when nothing was heard on it for `SILENCE_SECONDS_MAX`: of an engine that was killed at once, of one that is
paused or whose machine is gone within that time. Who takes the lock raises the epoch. Every insert into the journal
names the epoch of its writer and locks it against being raised, so that one of a former leader writes nothing.
"""

import asyncio
import logging
import os
import re
import secrets
import socket
from typing import Final

import asyncpg

from waiver_exchange.adapters.postgres.connecting import (
    CLOSE_SECONDS_MAX,
    POSTGRES_FAILURES,
    close,
    connect,
    explained,
    place_of,
)
from waiver_exchange.application.ports import FencedError, JournalError

# The same for every version of the program: two of them must not lead at once either. It spells "WXLD".
LOCK_KEY: Final = 0x57584C44
SILENCE_SECONDS_MAX: Final = 10.0
# So long the connection of an engine that was just killed may take to be noticed.
TAKE_SECONDS_MAX: Final = 2.0
_TAKE_POLL_SECONDS: Final = 0.1

_TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
_HOLDER: Final = "SELECT holder FROM exchange.leadership WHERE id = 1"
_TAKE: Final = """
UPDATE exchange.leadership
SET epoch = epoch + 1, holder = $1, taken_at_ns = (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint
WHERE id = 1 RETURNING epoch
"""
_EPOCH: Final = "SELECT epoch FROM exchange.leadership WHERE id = 1 AND holder = $1"
_RAISE: Final = """
UPDATE exchange.leadership SET epoch = epoch + 1 WHERE id = 1 AND holder = $1 AND epoch = $2 RETURNING epoch
"""
_END_SESSIONS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = $1 AND usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()
"""

_log = logging.getLogger(__name__)


class SecondEngineError(JournalError):
    """Another engine leads on this database; the message names it and says what to do."""

    def __init__(self, *, holder: str, place: str) -> None:
        """Name who leads."""
        super().__init__(
            f"Another engine works on the database {place}: {holder}. One engine at a time may write to it: stop that "
            "one first, or set WAIVER_DATABASE_URL to another database. The place of an engine whose machine is gone "
            f"is free after {SILENCE_SECONDS_MAX:.0f} seconds."
        )


class Leadership:
    """The right to write, held until `close`.

    `epoch` is what inserts have to name; `run` tells this run of the program from all others, `holder` tells people.
    """

    def __init__(self, url: str, *, connection: asyncpg.Connection, run: str, holder: str, epoch: int) -> None:
        """Take what `take` got."""
        self._url = url
        self._connection: asyncpg.Connection | None = connection
        # A connection answers one question at a time, and closing it is one more.
        self._using = asyncio.Lock()
        self._is_closed = False
        self.run = run
        self.holder = holder
        self.epoch = epoch

    @classmethod
    async def take(cls, url: str) -> "Leadership":
        """Take the lock and raise the epoch. Raises `SecondEngineError`, `JournalError`."""
        run = secrets.token_hex(4)
        holder = f"{socket.gethostname()}, process {os.getpid()}, run {run}"
        with explained(action="take the lead", url=url):
            connection = await _connect(url, run=run)
            try:
                epoch = await _begin(connection, holder=holder, place=place_of(url))
            except BaseException:
                connection.terminate()
                raise
        return cls(url, connection=connection, run=run, holder=holder, epoch=epoch)

    async def raise_epoch(self, connection: asyncpg.Connection, *, purpose: str) -> None:
        """Make sure that nothing which this process sent before can write any more, whatever became of it.

        Other sessions of this run for the same purpose are ended. An insert that is under way holds the epoch: raising
        it waits for its end. One that is still on its way, or waits in a buffer, finds another epoch when it arrives.
        Raises `FencedError`, and one of `POSTGRES_FAILURES`.
        """
        await connection.fetch(_END_SESSIONS, session_name(purpose, run=self.run))
        raised = None
        while raised is None:
            known = await connection.fetchval(_EPOCH, self.holder)
            if known is None:
                raise FencedError(await connection.fetchval(_HOLDER))
            # Compared, because an earlier attempt may arrive late: it then changes nothing.
            raised = await connection.fetchval(_RAISE, self.holder, known)
        self.epoch = raised

    async def renew(self) -> bool:
        """Say that this engine is alive, or take the lock again if it was lost; return whether it is held.

        After `close` it is not, and is not taken again. Raises `FencedError` when another engine leads by now.
        """
        async with self._using:
            if self._is_closed:
                return False
            try:
                return await self._renew()
            except asyncio.CancelledError:
                # Nobody knows what is under way on it.
                self._drop()
                raise

    async def close(self) -> None:
        """Give the lock back, after what is under way; a server that says nothing is left to find out by itself."""
        self._is_closed = True
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self._using.acquire()
        except TimeoutError:
            self._drop()
            return
        try:
            connection, self._connection = self._connection, None
            if connection is not None:
                await close(connection)
        finally:
            self._using.release()

    async def _renew(self) -> bool:
        if self._connection is not None:
            try:
                self._check(await self._connection.fetchval(_HOLDER))
            except POSTGRES_FAILURES as error:
                _log.warning("the lock of the leading engine is lost, it is taken again: %r", error)
                self._drop()
            else:
                return True
        if self._is_closed:
            return False
        try:
            return await self._take_again()
        except POSTGRES_FAILURES:
            self._drop()
            return False

    async def _take_again(self) -> bool:
        self._connection = connection = await _connect(self._url, run=self.run)
        # The server may not know yet that the session before is over.
        await connection.fetch(_END_SESSIONS, session_name("leadership", run=self.run))
        has_lock = await _lock_patiently(connection)
        self._check(await connection.fetchval(_HOLDER))
        if not has_lock:
            self._drop()
        return has_lock

    def _check(self, holder: str) -> None:
        if holder != self.holder:
            self._drop()
            raise FencedError(holder)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def session_name(purpose: str, *, run: str) -> str:
    """Return the name of a connection of one run of the program, as the server's list of sessions shows it."""
    return f"waiver {purpose} {run}"


async def _connect(url: str, *, run: str) -> asyncpg.Connection:
    silence = {"idle_session_timeout": str(int(SILENCE_SECONDS_MAX * 1_000))}
    return await connect(url, name=session_name("leadership", run=run), session=silence)


async def _begin(connection: asyncpg.Connection, *, holder: str, place: str) -> int:
    """Take the lock and return the new epoch."""
    await _warn_of_settings(connection)
    if not await _lock_patiently(connection):
        holder_there = await connection.fetchval(_HOLDER)
        # Of a process that is gone only the server does not know yet, which ends its session after the silence.
        if not _is_gone(holder_there) or not await _lock_patiently(
            connection, seconds=SILENCE_SECONDS_MAX + TAKE_SECONDS_MAX
        ):
            raise SecondEngineError(holder=holder_there, place=place)
    epoch: int = await connection.fetchval(_TAKE, holder)
    return epoch


def _is_gone(holder: str) -> bool:
    """Return whether a holder is a process of this host that does not run any more."""
    found = re.fullmatch(rf"{re.escape(socket.gethostname())}, process ([1-9][0-9]{{0,9}}), run [0-9a-f]+", holder)
    if found is None:
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is there, of another user
        return False
    return False


async def _lock_patiently(connection: asyncpg.Connection, *, seconds: float | None = None) -> bool:
    loop = asyncio.get_running_loop()
    end = loop.time() + (TAKE_SECONDS_MAX if seconds is None else seconds)
    while not await connection.fetchval(_TRY_LOCK, LOCK_KEY):
        if loop.time() >= end:
            return False
        await asyncio.sleep(_TAKE_POLL_SECONDS)
    return True


async def _warn_of_settings(connection: asyncpg.Connection) -> None:
    for name in ("fsync", "full_page_writes"):
        if await connection.fetchval("SELECT current_setting($1)", name) == "off":
            _log.warning("the database server runs with %s=off: a crash of its machine can destroy the journal", name)
