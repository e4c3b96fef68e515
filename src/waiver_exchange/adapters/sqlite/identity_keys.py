"""The data keys in the file of names and keys, and which columns are sealed with them."""

import sqlite3
import time
from typing import Final, NamedTuple

from waiver_exchange.adapters.encryption.envelope import draw_key, unwrap_key, wrap_key
from waiver_exchange.adapters.encryption.values import Place, ValueCipher

_DATA: Final = "data"
_INDEX: Final = "index"


class SealedTable(NamedTuple):
    """A table with sealed columns, and the column that tells its rows apart."""

    table: str
    key: str
    columns: tuple[str, ...]


SEALED_TABLES: Final = (
    SealedTable("accounts", "account", ("name",)),
    SealedTable("people", "person_id", ("display_name", "email")),
    SealedTable("logins", "login_index", ("issuer", "subject")),
    SealedTable("sessions", "session_id", ("device", "address")),
    SealedTable("passkeys", "credential_id", ("name",)),
    SealedTable("signing_keys", "kid", ("private_key",)),
    SealedTable("notes", "note_id", ("text",)),
    SealedTable("own_keys", "purpose", ("key",)),
)


def place_of(table: str, column: str, row: int | str | bytes) -> Place:
    """Return the place of a value; a row is told by its primary key."""
    return Place(table, column, row.hex() if isinstance(row, bytes) else str(row))


def add_data_key(connection: sqlite3.Connection, *, master_key: bytes) -> int:
    """Make a data key and return its number; the caller commits. Raises `sqlite3.Error`."""
    return _add_key(connection, purpose=_DATA, master_key=master_key)


def add_first_keys(connection: sqlite3.Connection, *, master_key: bytes) -> None:
    """Make the keys of a new file; the caller commits. Raises `sqlite3.Error`."""
    _add_key(connection, purpose=_INDEX, master_key=master_key)
    add_data_key(connection, master_key=master_key)


def load_cipher(connection: sqlite3.Connection, *, master_key: bytes) -> ValueCipher:
    """Return the cipher of the keys there are. Raises `sqlite3.Error`, `WrongMasterKeyError`."""
    rows = connection.execute("SELECT key_id, purpose, wrapped FROM data_keys").fetchall()
    keys = {
        (purpose, number): unwrap_key(wrapped, master_key=master_key, label=_label(purpose, number))
        for number, purpose, wrapped in rows
    }
    index_key = next(key for (purpose, _), key in keys.items() if purpose == _INDEX)
    data_keys = {number: key for (purpose, number), key in keys.items() if purpose == _DATA}
    return ValueCipher(data_keys, index_key=index_key)


def rewrap_keys(connection: sqlite3.Connection, *, master_key: bytes, new_master_key: bytes) -> int:
    """Wrap every key with another master key and return how many; the caller commits.

    Raises `sqlite3.Error`, `WrongMasterKeyError`.
    """
    rows = connection.execute("SELECT key_id, purpose, wrapped FROM data_keys").fetchall()
    for number, purpose, wrapped in rows:
        label = _label(purpose, number)
        key = unwrap_key(wrapped, master_key=master_key, label=label)
        anew = wrap_key(key, master_key=new_master_key, label=label)
        connection.execute("UPDATE data_keys SET wrapped = ? WHERE key_id = ?", (anew, number))
    return len(rows)


def destroy_data_keys(connection: sqlite3.Connection, *, but: int) -> int:
    """Remove every data key except one and return how many; the caller commits. Raises `sqlite3.Error`."""
    return connection.execute("DELETE FROM data_keys WHERE purpose = ? AND key_id <> ?", (_DATA, but)).rowcount


def list_data_keys(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return the number and time (UNIX nanoseconds) of each data key. Raises `sqlite3.Error`."""
    rows = connection.execute("SELECT key_id, created_at_ns FROM data_keys WHERE purpose = ? ORDER BY key_id", (_DATA,))
    return [(number, created_at_ns) for number, created_at_ns in rows]


def _add_key(connection: sqlite3.Connection, *, purpose: str, master_key: bytes) -> int:
    added = connection.execute(
        "INSERT INTO data_keys (purpose, wrapped, created_at_ns) VALUES (?, x'', ?)", (purpose, time.time_ns())
    )
    number = int(added.lastrowid or 0)
    wrapped = wrap_key(draw_key(), master_key=master_key, label=_label(purpose, number))
    connection.execute("UPDATE data_keys SET wrapped = ? WHERE key_id = ?", (wrapped, number))
    return number


def _label(purpose: str, number: int) -> str:
    return f"{purpose} {number}"
