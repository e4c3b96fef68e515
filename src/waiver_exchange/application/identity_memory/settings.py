"""What accounts' owners chose about trading, in memory."""

from collections.abc import Callable, Iterable
from typing import Final

from waiver_exchange.application.identity_changes import SettingsChange, SettingsGone, SettingsKept
from waiver_exchange.application.ports import AccountSettings

_DEFAULTS: Final = AccountSettings()
SettingsListener = Callable[[SettingsChange], None]


class KnownSettings:
    """The half of a `PreferencesStore` that is looked up in memory, because every order asks for it."""

    def __init__(self) -> None:
        """Know of nobody who chose."""
        self._settings: dict[int, AccountSettings] = {}
        self._listeners: list[SettingsListener] = []

    def find_settings(self, account: int) -> AccountSettings:
        """Return an account's settings, from memory."""
        return self._settings.get(account, _DEFAULTS)

    def watch(self, listener: SettingsListener) -> Callable[[], None]:
        """Tell a listener of every change, in the step in which memory follows it; return what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def apply(self, change: SettingsChange) -> None:
        """Take over a change and tell who watches."""
        match change:
            case SettingsKept(account=account, settings=settings):
                self._settings[account] = settings
            case SettingsGone(account=account):
                self._settings.pop(account, None)
        for listener in tuple(self._listeners):
            listener(change)

    def dump(self) -> Iterable[SettingsChange]:
        """Return what there is, as the changes that lead to it."""
        return [SettingsKept(account=account, settings=settings) for account, settings in self._settings.items()]
