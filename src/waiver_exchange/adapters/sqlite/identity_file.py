"""The file of names and keys: created, brought to this version, and its plain remains swept away."""

import os
import sqlite3
import time
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Final

from waiver_exchange.adapters.encryption.envelope import draw_key, wrap_key
from waiver_exchange.adapters.encryption.values import ValueCipher
from waiver_exchange.adapters.migrations.compatibility import SchemaError
from waiver_exchange.adapters.migrations.lines import IDENTITY
from waiver_exchange.adapters.migrations.sqlite import CONTRACTED_USER_VERSION, bring_up
from waiver_exchange.adapters.sql.identity.data_keys import DATA, INDEX, label_of, place_of
from waiver_exchange.adapters.sqlite.database import empty_log
from waiver_exchange.application.ports import IdentityError

# Version n is what identity_n.sql makes of version n - 1. A script that was released never changes, and none is added:
# what comes behind the last one is a revision (adapters/migrations).
SCHEMA_VERSION: Final = 6
_FIRST_SEALED: Final = 3


def has_data_keys(path: Path) -> bool:
    """Return whether something in the file was encrypted, so that its master key must be there.

    A file that cannot be read counts as one: who opens it next says what is wrong with it.
    """
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        return True
    return int(version) >= _FIRST_SEALED


def open_identity(path: Path, *, master_key: bytes) -> sqlite3.Connection:
    """Open the file, creating it (mode 0600); an older one becomes one of this version.

    Raises `sqlite3.Error`, `OSError`, `WrongMasterKeyError`, and `IdentityError` for a file of a newer program.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten: people may ask to be forgotten.
        connection.execute("PRAGMA secure_delete = ON")
        _migrate(connection, path=path, master_key=master_key)
        _sweep(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, *, path: Path, master_key: bytes) -> None:
    with closing(connection.execute("PRAGMA user_version")) as cursor:
        (version,) = cursor.fetchone()
    if version > SCHEMA_VERSION and version != CONTRACTED_USER_VERSION:
        raise IdentityError(
            f"The names and keys {path} have format {version} and this program knows format {SCHEMA_VERSION}; they "
            "were written by a newer version: install that one."
        )
    _run_scripts(connection, version=version, master_key=master_key)
    try:
        bring_up(connection, line=IDENTITY, path=path)
    except SchemaError as error:
        raise IdentityError(str(error)) from error


def _run_scripts(connection: sqlite3.Connection, *, version: int, master_key: bytes) -> None:
    """Bring a file of before there were revisions to the first one."""
    for number in range(version + 1, SCHEMA_VERSION + 1):
        script = resources.files(__package__).joinpath(f"identity_{number}.sql").read_text(encoding="utf-8")
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number};")
            if number == _FIRST_SEALED:
                _seal_names(connection, master_key=master_key)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _seal_names(connection: sqlite3.Connection, *, master_key: bytes) -> None:
    """Make the first keys, and seal the names of version 2."""
    keys = {INDEX: draw_key(), DATA: draw_key()}
    for number, (purpose, key) in enumerate(keys.items(), 1):
        wrapped = wrap_key(key, master_key=master_key, label=label_of(purpose, number))
        connection.execute("INSERT INTO data_keys VALUES (?, ?, ?, ?)", (number, purpose, wrapped, time.time_ns()))
    cipher = ValueCipher({len(keys): keys[DATA]}, index_key=keys[INDEX])
    rows = connection.execute("SELECT account, name, opened_at_ns FROM accounts_2").fetchall()
    sealed = [
        (account, cipher.seal(name.encode(), place_of("accounts", "name", account)), opened_at_ns)
        for account, name, opened_at_ns in rows
    ]
    connection.executemany("INSERT INTO accounts VALUES (?, ?, ?)", sealed)
    connection.execute("DELETE FROM accounts_2")


def _sweep(connection: sqlite3.Connection) -> None:
    """Write the file anew without what older versions deleted or moved; the empty table says that it is to be done."""
    unswept = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'accounts_2'").fetchone()
    if unswept is not None:
        connection.execute("VACUUM")
        empty_log(connection)
        connection.execute("DROP TABLE accounts_2")
    empty_log(connection)
