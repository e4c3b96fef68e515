"""What an account's owner chooses about its trading, and what follows from it for every new order."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import AccountSettings
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.limits import UNITS_PER_SHARE
from waiver_exchange.domain.refusals import RefusalReason

# The words that a setting takes; the others are booleans, and the level of options, which nobody has here.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "max_margin_multiplier": ("1", "2", "4"),
    "trade_confirm_email": ("all", "none"),
    "dtbp_check": ("both", "entry", "exit"),
    "pdt_check": ("both", "entry", "exit"),
}
OPTIONS_LEVEL_MAX: Final = 3


def settings_of(exchange: Exchange, *, account: int) -> AccountSettings:
    """Return an account's settings."""
    return exchange.preferences.find_settings(account)


async def change_settings(
    exchange: Exchange, *, account: int, changes: Mapping[str, bool | int | str]
) -> AccountSettings:
    """Keep changes of an account's settings and return them all. Raises `RefusedError`, `PreferencesError`."""
    for name, value in changes.items():
        if value not in WORDS.get(name, (value,)):
            raise RefusedError(RefusalReason.field_is_invalid, field=name, allowed=", ".join(WORDS[name]))
    if not 0 <= int(changes.get("max_options_trading_level", 0)) <= OPTIONS_LEVEL_MAX:
        raise RefusedError(RefusalReason.field_is_invalid, field="max_options_trading_level")
    chosen: dict[str, Any] = dict(changes)
    return await exchange.preferences.change_settings(account, lambda settings: replace(settings, **chosen))


def refusal_of_new_order(
    exchange: Exchange, *, account: int, quantity_units: int | None = None, notional_micros: int | None = None
) -> RefusalReason | None:
    """Return why an order cannot be a new one because of what the account's owner has switched off, or None."""
    settings = exchange.preferences.find_settings(account)
    if settings.suspend_trade:
        return RefusalReason.trading_is_suspended_by_owner
    if not settings.fractional_trading and (notional_micros or (quantity_units or 0) % UNITS_PER_SHARE):
        return RefusalReason.fractional_trading_is_switched_off
    return None
