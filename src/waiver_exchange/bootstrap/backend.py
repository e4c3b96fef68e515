"""Where an exchange keeps what it knows: the one place that chooses between the databases."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.files.snapshots import FileSnapshotStore
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.adapters.sql.identity.stores import IdentityStores
from waiver_exchange.adapters.sqlite.identity_file import has_data_keys
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.adapters.sqlite.read_model import SqliteReadModel
from waiver_exchange.adapters.sqlite.read_model_check import KeptSqliteReadModel
from waiver_exchange.adapters.sqlite.stores import open_identity_stores, open_preferences_store
from waiver_exchange.application.ports import Journal, PreferencesStore, ReadModelStore, SnapshotStore
from waiver_exchange.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The stores of one exchange; who has it closes them."""

    journal: Journal
    snapshots: SnapshotStore
    read_model: ReadModelStore
    stores: IdentityStores
    preferences: PreferencesStore

    async def close(self) -> None:
        """Close every store, the journal last: whoever leads next finds nobody at the others."""
        async with AsyncExitStack() as closing:
            for store in (self.journal, self.preferences, self.stores.identity, self.read_model):
                closing.push_async_callback(store.close)


async def open_backend(settings: Settings) -> Backend:
    """Open every store for writing, as the only process that does; nothing stays open when one of them cannot be.

    Raises `JournalError`, `IdentityError`, `PreferencesError`, `SecretsError`, `DataDirectoryError`.
    """
    async with AsyncExitStack() as opened:
        backend = await (_open_postgres if settings.database_url else _open_files)(settings, opened)
        opened.pop_all()
        return backend


async def _open_files(settings: Settings, opened: AsyncExitStack) -> Backend:
    directory = DataDirectory(settings.data_dir)
    directory.check_not_moved()
    kept_secrets = Secrets(settings, may_make_master_key=not has_data_keys(directory.identity))
    kept_secrets.check()
    journal = await open_journal(settings, read_only=False)
    opened.push_async_callback(journal.close)
    stores = open_identity_stores(directory.identity, master_key=kept_secrets.master_key)
    opened.push_async_callback(stores.identity.close)
    return Backend(
        journal=journal,
        snapshots=open_snapshots(settings),
        read_model=open_read_model(settings),
        stores=stores,
        preferences=open_preferences_store(directory.preferences),
    )


async def _open_postgres(settings: Settings, opened: AsyncExitStack) -> Backend:
    from waiver_exchange.bootstrap import postgres  # noqa: PLC0415 - slow to load

    left_behind = DataDirectory(settings.data_dir).journal
    journal = await postgres.open_postgres_journal(settings.database_url, read_only=False, left_behind=left_behind)
    opened.push_async_callback(journal.close)
    holder = None if journal.leadership is None else journal.leadership.holder
    stores = postgres.open_postgres_identity(settings, holder=holder)
    opened.push_async_callback(stores.identity.close)
    return Backend(
        journal=journal,
        snapshots=open_snapshots(settings),
        read_model=open_read_model(settings),
        stores=stores,
        preferences=postgres.open_postgres_preferences(settings.database_url, holder=holder),
    )


async def open_journal(settings: Settings, *, read_only: bool = True) -> Journal:
    """Open the journal alone, also while a server writes to it when it is only read. Raises `JournalError`."""
    path = DataDirectory(settings.data_dir).journal
    if not settings.database_url:
        return SqliteJournal.open(path, read_only=read_only)
    from waiver_exchange.bootstrap.postgres import open_postgres_journal  # noqa: PLC0415 - slow to load

    return await open_postgres_journal(settings.database_url, read_only=read_only, left_behind=path)


def open_read_model(settings: Settings, *, is_read_only: bool = False) -> ReadModelStore:
    """Return the read model's store, which opens at its first use.

    `is_read_only` is for processes that look at what another one stores, in PostgreSQL alone.
    """
    if not settings.database_url:
        return SqliteReadModel(DataDirectory(settings.data_dir).read_model)
    # Its libraries take their time to import, which nobody waits for without PostgreSQL.
    from waiver_exchange.adapters.postgres.read_model import PostgresReadModel  # noqa: PLC0415 - see above

    return PostgresReadModel(settings.database_url, is_read_only=is_read_only)


class KeptReadModel(Protocol):
    """The read model as it was at one moment, to be compared; `sequence` is its checkpoint, 0 for none."""

    sequence: int

    def difference_from(self, rebuilt: Path) -> str | None:
        """Return where it differs from a rebuilt one's file at the same checkpoint. Raises `ReadModelError`."""

    def close(self) -> None:
        """Let go of it."""


def look_at_read_model(settings: Settings) -> KeptReadModel:
    """Return the read model as it is now, also while a server writes to it. Raises `ReadModelError`."""
    if not settings.database_url:
        return KeptSqliteReadModel(DataDirectory(settings.data_dir).read_model)
    from waiver_exchange.adapters.postgres.read_model_check import KeptPostgresReadModel  # noqa: PLC0415 - as above

    return KeptPostgresReadModel(settings.database_url)


def open_snapshots(settings: Settings) -> SnapshotStore:
    """Return the snapshots, which one process at a time may write."""
    if not settings.database_url:
        return FileSnapshotStore(DataDirectory(settings.data_dir).snapshots)
    from waiver_exchange.bootstrap.postgres import PostgresSnapshotStore  # noqa: PLC0415 - slow to load

    return PostgresSnapshotStore(settings.database_url)
