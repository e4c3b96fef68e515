"""The stores of names and keys and of preferences, each in a schema of one PostgreSQL database."""

from typing import Final

from sqlalchemy import select

from waiver_exchange.adapters.postgres.sql_database import SchemaDatabase
from waiver_exchange.adapters.sql.identity.schema import data_keys
from waiver_exchange.adapters.sql.identity.stores import IdentityStores, open_stores
from waiver_exchange.adapters.sql.preferences import SqlPreferencesStore
from waiver_exchange.adapters.sql.thread import FAILURES

_IDENTITY: Final = "identity"
_PREFERENCES: Final = "preferences"


def has_data_keys(url: str) -> bool:
    """Return whether something in the database was encrypted, so that its master key must be there.

    One that cannot be read counts as one: who opens it next says what is wrong with it. Blocks for some milliseconds.
    """
    try:
        with SchemaDatabase(url, schema=_IDENTITY).connect() as connection:
            return connection.execute(select(data_keys.c.key_id).limit(1)).first() is not None
    except FAILURES:
        return True


def open_identity_stores(url: str, *, master_key: bytes, holder: str | None = None) -> IdentityStores:
    """Connect and read; blocks for some milliseconds. Raises `IdentityError`.

    With `holder` nothing is changed any more when another engine than that one leads.
    """
    return open_stores(SchemaDatabase(url, schema=_IDENTITY, holder=holder), master_key=master_key)


def open_preferences_store(url: str, *, holder: str | None = None) -> SqlPreferencesStore:
    """Connect and read; blocks for some milliseconds. `holder` as above. Raises `PreferencesError`."""
    return SqlPreferencesStore(SchemaDatabase(url, schema=_PREFERENCES, holder=holder))
