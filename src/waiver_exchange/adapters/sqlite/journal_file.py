"""The file of the journal: created, recognised and opened, for the one that writes and for those that read."""

import os
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Final

from waiver_exchange.adapters.migrations.compatibility import SchemaError
from waiver_exchange.adapters.migrations.lines import EXCHANGE
from waiver_exchange.adapters.migrations.sqlite import CONTRACTED_USER_VERSION, bring_up, check_file
from waiver_exchange.adapters.sqlite.errors import SQLITE_FAILURES, explain_failure
from waiver_exchange.application.ports import JournalError

APPLICATION_ID: Final = 0x57584A4C  # the two numbers that journal.sql writes into the file's head
SCHEMA_VERSION: Final = 1
BUSY_TIMEOUT_SECONDS: Final = 5.0
# Pages that gather in the write-ahead log before they are moved into the file. Measured with 400,000 keyed rows: 4,000
# gives 1.3 times the throughput of SQLite's 1,000 and stalls one commit in fifty for 25 ms instead of one in fourteen
# for 13 ms. Moving them from a thread of its own let the log grow to 700 MB under load.
CHECKPOINT_PAGES: Final = 4_000


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file for writing, creating it (mode 0600) when it is missing.

    For one thread at a time, not always the one that opens it. Each statement is a transaction of its own unless one is
    begun, and durable when it has run. Raises `JournalError`.
    """
    try:
        _create_file(path)
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False)
        try:
            _prepare_file(connection, path=path)
        except BaseException:
            connection.close()
            raise
    except SchemaError as error:
        raise JournalError(str(error)) from error
    except (*SQLITE_FAILURES, OSError) as error:
        raise JournalError(explain_failure(error, action="open the journal", path=path)) from error
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the file for reading only, for one thread at a time, not always the one that opens it.

    Raises `JournalError`.
    """
    try:
        if not path.is_file():
            raise JournalError(f"There is no journal at {path}; check the name of the data directory.")
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_SECONDS,
            check_same_thread=False,
        )
        try:
            _check_file(connection, path=path)
        except BaseException:
            connection.close()
            raise
    except SchemaError as error:
        raise JournalError(str(error)) from error
    except (*SQLITE_FAILURES, OSError) as error:
        raise JournalError(explain_failure(error, action="open the journal", path=path)) from error
    return connection


def _create_file(path: Path) -> None:
    # Never open a file that exists: closing it would drop the locks that SQLite holds for this process.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _prepare_file(connection: sqlite3.Connection, *, path: Path) -> None:
    # A file of another program is recognised before anything is written to it.
    is_new = _is_empty(connection)
    if not is_new:
        _check_file(connection, path=path)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise JournalError(
            f"The journal {path} needs a file system with shared memory and locks, which this one is not (a network "
            "folder?); put the data directory on a local disk."
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves the data in the drive's cache
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    if is_new:
        schema = resources.files(__package__).joinpath("journal.sql").read_text(encoding="utf-8")
        connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")
    bring_up(connection, line=EXCHANGE, path=path)


def _is_empty(connection: sqlite3.Connection) -> bool:
    application_id = _read_number(connection, "PRAGMA application_id")
    return application_id == 0 and _read_number(connection, "SELECT count(*) FROM sqlite_master") == 0


def _read_number(connection: sqlite3.Connection, sql: str) -> int:
    with closing(connection.execute(sql)) as cursor:
        (number,) = cursor.fetchone()
    return int(number)


def _check_file(connection: sqlite3.Connection, *, path: Path) -> None:
    if _read_number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise JournalError(f"{path} is a database of another program, not a journal; name another file.")
    version = _read_number(connection, "PRAGMA user_version")
    if version not in {SCHEMA_VERSION, CONTRACTED_USER_VERSION}:
        raise JournalError(
            f"The journal {path} has format {version} and this program knows format {SCHEMA_VERSION}; it was written "
            "by a newer version: install that one."
        )
    check_file(connection, line=EXCHANGE, path=path)
