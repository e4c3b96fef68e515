"""The parts of an exchange that PostgreSQL keeps; imported only where the settings name one, because it is slow to."""

import asyncio
from pathlib import Path

from waiver_exchange.adapters.migrations.compatibility import SchemaError
from waiver_exchange.adapters.migrations.postgres import DatabaseUnreachableError, check_database
from waiver_exchange.adapters.postgres.journal import PostgresJournal
from waiver_exchange.adapters.postgres.snapshots import PostgresSnapshotStore
from waiver_exchange.adapters.postgres.stores import has_data_keys, open_identity_stores, open_preferences_store
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.adapters.sql.identity.stores import IdentityStores
from waiver_exchange.application.ports import (
    Journal,
    JournalError,
    PreferencesStore,
    UnfitJournalError,
    WrongJournalError,
)
from waiver_exchange.config import Settings

__all__ = [
    "PostgresSnapshotStore",
    "open_postgres_identity",
    "open_postgres_journal",
    "open_postgres_preferences",
]


def open_postgres_identity(settings: Settings, *, holder: str | None) -> IdentityStores:
    """Open names and keys for the engine of that name, which changes them as long as it leads.

    Raises `IdentityError`, `SecretsError`.
    """
    url = settings.database_url
    kept_secrets = Secrets(settings, may_make_master_key=not has_data_keys(url))
    kept_secrets.check()
    return open_identity_stores(url, master_key=kept_secrets.master_key, holder=holder)


def open_postgres_preferences(url: str, *, holder: str | None) -> PreferencesStore:
    """Open preferences; `holder` as above. Raises `PreferencesError`."""
    return open_preferences_store(url, holder=holder)


async def open_postgres_journal(url: str, *, read_only: bool, left_behind: Path) -> PostgresJournal:
    """Open the journal of a database whose schema this program knows.

    `left_behind` is where SQLite would keep the journal: an exchange there that was not moved is not passed over.
    Raises `JournalError`, of which `UnfitJournalError` is for the operator to mend.
    """
    try:
        await asyncio.to_thread(check_database, url, is_served=not read_only)
    except SchemaError as error:
        raise UnfitJournalError(str(error)) from error
    except DatabaseUnreachableError as error:
        raise JournalError(str(error)) from error
    journal = await PostgresJournal.open(url, read_only=read_only)
    try:
        await _check_moved(journal, left_behind)
    except BaseException:
        await journal.close()
        raise
    return journal


async def _check_moved(journal: Journal, left_behind: Path) -> None:
    if await journal.last() is None and await asyncio.to_thread(left_behind.exists):
        raise WrongJournalError(
            f"{left_behind} holds an exchange, and the database of WAIVER_DATABASE_URL an empty one: move it there "
            "with `waiver transfer`, or name another data directory."
        )
