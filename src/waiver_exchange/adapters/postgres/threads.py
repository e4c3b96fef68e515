"""Threads that work with a database, each with a connection, and let nobody wait longer than a time."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psycopg
from sqlalchemy import Connection, Engine, exc

Result = TypeVar("Result")
FAILURES = (exc.DBAPIError, exc.TimeoutError, psycopg.Error, OSError)


class DatabaseThreads:
    """As many threads as the engine may have connections.

    A connection that was lost is opened again, and what was lost with it is done once more: so only hand in what may be
    done twice. Who waits too long gets a `TimeoutError`, and the connection that does not answer is broken off.
    """

    def __init__(self, engine: Engine, *, count: int, name: str, seconds_max: float) -> None:
        """Start no thread yet."""
        self._engine = engine
        self._seconds_max = seconds_max
        self._executor = ThreadPoolExecutor(max_workers=count, thread_name_prefix=name)
        self._lines: set[_Line] = set()

    async def run(self, work: Callable[[Connection], Result], *, more_seconds: float = 0) -> Result:
        """Return what the work returns, which may take so much longer than usual.

        Raises one of `FAILURES`, `TimeoutError`, and what the work raises.
        """
        seconds_max = self._seconds_max + more_seconds
        line = _Line()
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._do, work, line)
        try:
            return await asyncio.wait_for(future, seconds_max)
        except TimeoutError:
            line.cut()
            msg = f"no answer within {seconds_max:g} seconds"
            raise TimeoutError(msg) from None

    async def close(self) -> None:
        """Finish what is waiting and give the connections back; what nobody waits for any more is broken off."""
        ending = asyncio.get_running_loop().run_in_executor(None, self._executor.shutdown)
        done, _ = await asyncio.wait([ending], timeout=self._seconds_max)
        if not done:
            for line in tuple(self._lines):
                line.cut()
        await ending
        self._engine.dispose()

    def _do(self, work: Callable[[Connection], Result], line: "_Line") -> Result:
        self._lines.add(line)
        try:
            return self._do_once(work, line)
        except exc.DBAPIError as error:
            if not error.connection_invalidated or line.is_cut:
                raise
            return self._do_once(work, line)
        finally:
            self._lines.discard(line)

    def _do_once(self, work: Callable[[Connection], Result], line: "_Line") -> Result:
        with self._engine.connect() as connection:
            line.hold(connection)
            try:
                return work(connection)
            except psycopg.Error as error:
                # What was done below SQLAlchemy's eyes, it does not know of.
                if isinstance(error, psycopg.OperationalError):
                    connection.invalidate(error)
                    raise exc.OperationalError(None, None, error, connection_invalidated=True) from error
                raise
            finally:
                line.let_go()


class _Line:
    """The way to the server that one piece of work uses, so that somebody else can cut it."""

    def __init__(self) -> None:
        self.is_cut = False
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None

    def hold(self, connection: Connection) -> None:
        with self._lock:
            self._connection = connection.connection.driver_connection
            is_cut = self.is_cut
        if is_cut:
            self.cut()

    def let_go(self) -> None:
        with self._lock:
            self._connection = None

    def cut(self) -> None:
        """Wake the thread that waits for the server: its connection is over."""
        with self._lock:
            self.is_cut = True
            if self._connection is None:
                return
            try:
                with socket.socket(fileno=os.dup(self._connection.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)
            except (psycopg.Error, OSError):  # it is over already
                return
