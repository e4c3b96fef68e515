"""The file of names and keys: created, brought to this version, and read into memory."""

import os
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

from waiver_exchange.application.ports import ApiKey, IdentityError, RequestRates

# Version n is what identity_n.sql makes of version n - 1. A script that was released never changes.
SCHEMA_VERSION: Final = 2


class Identity(NamedTuple):
    """Everything in the file."""

    names: dict[int, str]
    opened_at_ns: dict[int, int]
    keys: dict[str, ApiKey]
    rates: dict[int, RequestRates]


def open_identity(path: Path) -> sqlite3.Connection:
    """Open the file, creating it (mode 0600); an older one becomes one of this version.

    Raises `sqlite3.Error`, `OSError`, and `IdentityError` for a file of a newer program.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(connection, path=path)
    except BaseException:
        connection.close()
        raise
    return connection


def load_identity(connection: sqlite3.Connection) -> Identity:
    """Read the whole file. Raises `sqlite3.Error`."""
    names = dict(connection.execute("SELECT account, name FROM accounts ORDER BY account"))
    opened_at_ns = dict(connection.execute("SELECT account, opened_at_ns FROM accounts ORDER BY account"))
    with closing(connection.cursor()) as cursor:
        cursor.row_factory = sqlite3.Row
        rows = cursor.execute("SELECT * FROM api_keys ORDER BY created_at_ns, key_id")
        keys = {row["key_id"]: _key_of(row) for row in rows}
    rates = connection.execute("SELECT account, orders_per_second, reads_per_second FROM account_rates")
    return Identity(names, opened_at_ns, keys, {account: RequestRates(*of_account) for account, *of_account in rates})


def scopes_text(scopes: frozenset[str]) -> str:
    """Return scopes as they are stored."""
    return " ".join(sorted(scopes))


def _migrate(connection: sqlite3.Connection, *, path: Path) -> None:
    with closing(connection.execute("PRAGMA user_version")) as cursor:
        (version,) = cursor.fetchone()
    if version > SCHEMA_VERSION:
        raise IdentityError(
            f"The names and keys {path} have format {version} and this program knows format {SCHEMA_VERSION}; they "
            "were written by a newer version: install that one."
        )
    for number in range(version + 1, SCHEMA_VERSION + 1):
        script = resources.files(__package__).joinpath(f"identity_{number}.sql").read_text(encoding="utf-8")
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")


def _key_of(row: sqlite3.Row) -> ApiKey:
    return ApiKey(
        key_id=row["key_id"],
        account=row["account"],
        secret_hash=row["secret_hash"],
        created_at_ns=row["created_at_ns"],
        name=row["name"],
        scopes=frozenset(row["scopes"].split()),
        last_used_at_ns=row["last_used_at_ns"],
        revoked_at_ns=row["revoked_at_ns"],
    )
