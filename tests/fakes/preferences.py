"""Preferences in memory."""

from collections.abc import Callable, Iterable

from waiver_exchange.application.identity_changes import SettingsChange, SettingsKept
from waiver_exchange.application.ports import AccountSettings, PreferencesStore, Watchlist


class FakePreferences(PreferencesStore):
    """Keeps everything in dictionaries; two of them that share `kept` are one file closed and opened again."""

    def __init__(self, kept: "FakePreferences | None" = None) -> None:
        self._settings: dict[int, AccountSettings] = kept._settings if kept else {}
        self._watchlists: dict[int, Watchlist] = kept._watchlists if kept else {}
        self._given: list[int] = kept._given if kept else []

    def watch(self, listener: Callable[[SettingsChange], None]) -> Callable[[], None]:
        raise NotImplementedError

    def dump(self) -> Iterable[SettingsChange]:
        return [SettingsKept(account=account, settings=settings) for account, settings in self._settings.items()]

    def find_settings(self, account: int) -> AccountSettings:
        return self._settings.get(account, AccountSettings())

    async def change_settings(
        self, account: int, change: Callable[[AccountSettings], AccountSettings]
    ) -> AccountSettings:
        self._settings[account] = change(self.find_settings(account))
        return self._settings[account]

    async def list_watchlists(self, account: int) -> list[Watchlist]:
        return [kept for _, kept in sorted(self._watchlists.items()) if kept.account == account]

    async def change_watchlists(self, account: int, change: Callable[[list[Watchlist], int], Watchlist]) -> Watchlist:
        changed = change(await self.list_watchlists(account), len(self._given) + 1)
        if changed.number not in self._watchlists:
            self._given.append(changed.number)
        self._watchlists[changed.number] = changed
        return changed

    async def remove_watchlist(self, account: int, number: int) -> bool:
        kept = self._watchlists.get(number)
        if kept is None or kept.account != account:
            return False
        del self._watchlists[number]
        return True

    async def forget(self, account: int) -> None:
        self._settings.pop(account, None)
        for number in [number for number, kept in self._watchlists.items() if kept.account == account]:
            del self._watchlists[number]

    async def close(self) -> None:
        pass
