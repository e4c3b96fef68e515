"""The stores of names and keys and of preferences, each in a SQLite file of its own."""

from pathlib import Path

from waiver_exchange.adapters.sql.identity.stores import IdentityStores, open_stores
from waiver_exchange.adapters.sql.preferences import SqlPreferencesStore
from waiver_exchange.adapters.sqlite.database import SqliteDatabase
from waiver_exchange.adapters.sqlite.identity_file import open_identity
from waiver_exchange.adapters.sqlite.preferences_file import open_preferences


def open_identity_stores(path: Path, *, master_key: bytes) -> IdentityStores:
    """Open the file, creating it, and read it; blocks for some milliseconds. Raises `IdentityError`."""
    database = SqliteDatabase(path, opens=lambda: open_identity(path, master_key=master_key))
    return open_stores(database, master_key=master_key)


def open_preferences_store(path: Path) -> SqlPreferencesStore:
    """Open the file, creating it, and read it; blocks for some milliseconds. Raises `PreferencesError`."""
    return SqlPreferencesStore(SqliteDatabase(path, opens=lambda: open_preferences(path)))
