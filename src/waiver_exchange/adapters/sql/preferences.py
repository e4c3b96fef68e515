"""Account settings and watchlists: what owners choose for themselves; losing it loses no money and no order."""

from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select, text

from waiver_exchange.adapters.sql.columns import insert_into
from waiver_exchange.adapters.sql.database import SqlDatabase
from waiver_exchange.adapters.sql.preferences_schema import account_settings, watchlists
from waiver_exchange.adapters.sql.thread import Actions, SqlThread
from waiver_exchange.application.identity_changes import SettingsGone, SettingsKept
from waiver_exchange.application.identity_memory.settings import KnownSettings
from waiver_exchange.application.ports import AccountSettings, PreferencesError, PreferencesStore, Watchlist

_ACTIONS: Final = Actions("open the preferences", "use the preferences", "use the preferences")
# Numbers are given once, also after the newest watchlist was removed.
_NEXT_NUMBER: Final = {
    "sqlite": text("SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'watchlists'"),
    "postgresql": text("SELECT nextval('preferences.watchlist_numbers')"),
}


class SqlPreferencesStore(KnownSettings, PreferencesStore):
    """A `PreferencesStore` with the settings in memory too, because every order asks for them.

    One thread does all the work, so that changes come one after the other.
    """

    def __init__(self, database: SqlDatabase) -> None:
        """Connect and read the settings; blocks for some milliseconds. Raises `PreferencesError`."""
        super().__init__()
        self._thread = _Thread(database, name="preferences", actions=_ACTIONS, error=PreferencesError)
        try:
            self._settings = self._thread.load(_load)
        except BaseException:
            self._thread.close_now()
            raise

    async def change_settings(
        self, account: int, change: Callable[[AccountSettings], AccountSettings]
    ) -> AccountSettings:
        """Keep what `change` makes of an account's settings, durably. Raises `PreferencesError`."""

        def work(connection: Connection) -> AccountSettings:
            # Not from memory, which follows a change before this one only when its caller goes on.
            changed = change(_settings_of(connection, account))
            chosen = {"settings": msgspec.json.encode(changed)}
            statement = insert_into(connection, account_settings).values(account=account, **chosen)
            connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=chosen))
            return changed

        def remember(changed: AccountSettings) -> AccountSettings:
            self.apply(SettingsKept(account=account, settings=changed))
            return changed

        return await self._thread.change(work, then=remember)

    async def list_watchlists(self, account: int) -> list[Watchlist]:
        """Return an account's watchlists in the order of their making. Raises `PreferencesError`."""
        return await self._thread.read(lambda connection: _watchlists(connection, account))

    async def change_watchlists(self, account: int, change: Callable[[list[Watchlist], int], Watchlist]) -> Watchlist:
        """Keep the watchlist that `change` returns, durably. Raises `PreferencesError`."""

        def work(connection: Connection) -> Watchlist:
            number = int(connection.execute(_NEXT_NUMBER[connection.dialect.name]).scalar_one())
            changed = change(_watchlists(connection, account), number)
            _store(connection, changed, account=account)
            return changed

        return await self._thread.change(work, then=_same)

    async def remove_watchlist(self, account: int, number: int) -> bool:
        """Forget a watchlist; return whether there was one. Raises `PreferencesError`."""
        statement = delete(watchlists).where(watchlists.c.account == account, watchlists.c.number == number)
        return await self._thread.change(lambda connection: connection.execute(statement).rowcount > 0, then=bool)

    async def forget(self, account: int) -> None:
        """Forget an account's settings and watchlists, and every trace of them. Raises `PreferencesError`."""

        def work(connection: Connection) -> None:
            connection.execute(delete(watchlists).where(watchlists.c.account == account))
            connection.execute(delete(account_settings).where(account_settings.c.account == account))

        await self._thread.change(work, then=lambda _: self.apply(SettingsGone(account=account)))
        await self._thread.sweep()

    async def close(self) -> None:
        """Finish pending writes and close the connection; closing again does nothing."""
        await self._thread.close()


class _Thread(SqlThread):
    failures = (*SqlThread.failures, msgspec.DecodeError)


def _load(connection: Connection) -> dict[int, AccountSettings]:
    return {account: _decode(settings) for account, settings in connection.execute(select(account_settings))}


def _settings_of(connection: Connection, account: int) -> AccountSettings:
    query = select(account_settings.c.settings).where(account_settings.c.account == account)
    found = connection.execute(query).first()
    return AccountSettings() if found is None else _decode(found.settings)


def _decode(settings: bytes) -> AccountSettings:
    return msgspec.json.decode(settings, type=AccountSettings)


def _store(connection: Connection, changed: Watchlist, *, account: int) -> None:
    chosen = {
        "name": changed.name,
        "symbols": msgspec.json.encode(changed.symbols),
        "updated_at_ns": changed.updated_at_ns,
    }
    statement = insert_into(connection, watchlists).values(
        number=changed.number, account=account, created_at_ns=changed.created_at_ns, **chosen
    )
    connection.execute(statement.on_conflict_do_update(index_elements=["number"], set_=chosen))


def _watchlists(connection: Connection, account: int) -> list[Watchlist]:
    query = select(watchlists).where(watchlists.c.account == account).order_by(watchlists.c.number)
    return [
        Watchlist(
            number=number,
            account=of_account,
            name=name,
            symbols=msgspec.json.decode(symbols, type=tuple[str, ...]),
            created_at_ns=created_at_ns,
            updated_at_ns=updated_at_ns,
        )
        for number, of_account, name, symbols, created_at_ns, updated_at_ns in connection.execute(query)
    ]


def _same(changed: Watchlist) -> Watchlist:
    return changed
