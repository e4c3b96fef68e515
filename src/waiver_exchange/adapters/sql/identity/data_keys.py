"""The data keys beside what they seal, and which columns that is."""

import time
from typing import Final

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from waiver_exchange.adapters.encryption.envelope import draw_key, unwrap_key, wrap_key
from waiver_exchange.adapters.encryption.values import Place, ValueCipher
from waiver_exchange.adapters.sql.identity.schema import data_keys, metadata

DATA: Final = "data"
INDEX: Final = "index"
# Every table with something sealed, in a fixed order; each has one column for its key.
SEALED_TABLES: Final = tuple(
    table for table in metadata.tables.values() if any(column.info.get("sealed") for column in table.columns)
)


def sealed_columns(table: Table) -> list[str]:
    """Return the names of a table's sealed columns."""
    return [column.name for column in table.columns if column.info.get("sealed")]


def place_of(table: str, column: str, row: int | str | bytes) -> Place:
    """Return the place of a value; a row is told by its primary key."""
    return Place(table, column, row.hex() if isinstance(row, bytes) else str(row))


def label_of(purpose: str, number: int) -> str:
    """Return under which label a key is wrapped."""
    return f"{purpose} {number}"


def add_first_keys(connection: Connection, *, master_key: bytes) -> None:
    """Make the keys of an empty database, unless there are some; the caller commits."""
    if connection.execute(select(data_keys.c.key_id).limit(1)).first() is None:
        _add_key(connection, purpose=INDEX, master_key=master_key)
        add_data_key(connection, master_key=master_key)


def add_data_key(connection: Connection, *, master_key: bytes) -> int:
    """Make a data key and return its number; the caller commits."""
    return _add_key(connection, purpose=DATA, master_key=master_key)


def load_cipher(connection: Connection, *, master_key: bytes) -> ValueCipher:
    """Return the cipher of the keys there are. Raises `WrongMasterKeyError`."""
    rows = connection.execute(select(data_keys.c.key_id, data_keys.c.purpose, data_keys.c.wrapped)).all()
    keys = {
        (purpose, number): unwrap_key(wrapped, master_key=master_key, label=label_of(purpose, number))
        for number, purpose, wrapped in rows
    }
    index_key = next(key for (purpose, _), key in keys.items() if purpose == INDEX)
    return ValueCipher({number: key for (purpose, number), key in keys.items() if purpose == DATA}, index_key=index_key)


def rewrap_keys(connection: Connection, *, master_key: bytes, new_master_key: bytes) -> int:
    """Wrap every key with another master key and return how many; the caller commits. Raises `WrongMasterKeyError`."""
    rows = connection.execute(select(data_keys.c.key_id, data_keys.c.purpose, data_keys.c.wrapped)).all()
    for number, purpose, wrapped in rows:
        label = label_of(purpose, number)
        key = unwrap_key(wrapped, master_key=master_key, label=label)
        anew = wrap_key(key, master_key=new_master_key, label=label)
        connection.execute(update(data_keys).where(data_keys.c.key_id == number).values(wrapped=anew))
    return len(rows)


def destroy_data_keys(connection: Connection, *, but: int) -> None:
    """Remove every data key except one; the caller commits."""
    connection.execute(delete(data_keys).where(data_keys.c.purpose == DATA, data_keys.c.key_id != but))


def list_data_keys(connection: Connection) -> list[tuple[int, int]]:
    """Return the number and time (UNIX nanoseconds) of each data key."""
    query = select(data_keys.c.key_id, data_keys.c.created_at_ns).where(data_keys.c.purpose == DATA)
    return [(number, created_at_ns) for number, created_at_ns in connection.execute(query.order_by(data_keys.c.key_id))]


def _add_key(connection: Connection, *, purpose: str, master_key: bytes) -> int:
    # Each sealed value carries the number of its key, and none is given twice: the newest key is never removed.
    number = int(connection.execute(select(func.coalesce(func.max(data_keys.c.key_id), 0) + 1)).scalar_one())
    wrapped = wrap_key(draw_key(), master_key=master_key, label=label_of(purpose, number))
    row = {"key_id": number, "purpose": purpose, "wrapped": wrapped, "created_at_ns": time.time_ns()}
    connection.execute(insert(data_keys), row)
    return number
