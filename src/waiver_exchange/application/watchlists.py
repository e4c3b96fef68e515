"""Watchlists: symbols that an account keeps together under a name."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import Watchlist
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason

WATCHLISTS_MAX: Final = 100
SYMBOLS_MAX: Final = 500
NAME_LENGTH_MAX: Final = 64


async def list_watchlists(exchange: Exchange, *, account: int) -> list[Watchlist]:
    """Return an account's watchlists, oldest first. Raises `PreferencesError`."""
    return await exchange.preferences.list_watchlists(account)


async def find_watchlist(
    exchange: Exchange, *, account: int, number: int | None = None, name: str | None = None
) -> Watchlist:
    """Return an account's watchlist by its number or name. Raises `RefusedError`, `PreferencesError`."""
    return _find(await exchange.preferences.list_watchlists(account), number=number, name=name)


async def create_watchlist(exchange: Exchange, *, account: int, name: str, symbols: Iterable[str]) -> Watchlist:
    """Keep a new watchlist. Raises `RefusedError`, `PreferencesError`."""
    wanted = _checked_symbols(exchange, symbols)
    _check_name(name)
    now_ns = exchange.clock.now_ns()

    def change(watchlists: list[Watchlist], number: int) -> Watchlist:
        if len(watchlists) >= WATCHLISTS_MAX:
            raise RefusedError(RefusalReason.too_many_watchlists, limit=WATCHLISTS_MAX)
        _refuse_taken(watchlists, name=name)
        return Watchlist(
            number=number, account=account, name=name, symbols=wanted, created_at_ns=now_ns, updated_at_ns=now_ns
        )

    return await exchange.preferences.change_watchlists(account, change)


async def change_watchlist(
    exchange: Exchange, *, account: int, number: int, name: str | None = None, symbols: Iterable[str] | None = None
) -> Watchlist:
    """Give a watchlist another name, other symbols, or both. Raises `RefusedError`, `PreferencesError`."""
    wanted = None if symbols is None else _checked_symbols(exchange, symbols)
    if name is not None:
        _check_name(name)

    def change(watchlist: Watchlist, others: list[Watchlist]) -> Watchlist:
        if name is not None:
            _refuse_taken(others, name=name)
        return replace(
            watchlist,
            name=watchlist.name if name is None else name,
            symbols=watchlist.symbols if wanted is None else wanted,
        )

    return await _change(exchange, account=account, number=number, change=change)


async def add_symbol(exchange: Exchange, *, account: int, number: int, symbol: str) -> Watchlist:
    """Append a symbol; one that is there already stays where it is. Raises `RefusedError`, `PreferencesError`."""
    (known,) = _checked_symbols(exchange, [symbol])

    def change(watchlist: Watchlist, _: list[Watchlist]) -> Watchlist:
        return replace(watchlist, symbols=_bounded((*watchlist.symbols, known)))

    return await _change(exchange, account=account, number=number, change=change)


async def remove_symbol(exchange: Exchange, *, account: int, number: int, symbol: str) -> Watchlist:
    """Take a symbol out. Raises `RefusedError` (also when it is not in), `PreferencesError`."""

    def change(watchlist: Watchlist, _: list[Watchlist]) -> Watchlist:
        if symbol not in watchlist.symbols:
            raise RefusedError(RefusalReason.market_not_found, symbol=symbol)
        return replace(watchlist, symbols=tuple(other for other in watchlist.symbols if other != symbol))

    return await _change(exchange, account=account, number=number, change=change)


async def delete_watchlist(exchange: Exchange, *, account: int, number: int) -> None:
    """Forget a watchlist. Raises `RefusedError`, `PreferencesError`."""
    if not await exchange.preferences.remove_watchlist(account, number):
        raise RefusedError(RefusalReason.watchlist_not_found)


async def _change(
    exchange: Exchange, *, account: int, number: int, change: Callable[[Watchlist, list[Watchlist]], Watchlist]
) -> Watchlist:
    now_ns = exchange.clock.now_ns()

    def change_one(watchlists: list[Watchlist], _: int) -> Watchlist:
        watchlist = _find(watchlists, number=number)
        others = [other for other in watchlists if other.number != number]
        return replace(change(watchlist, others), updated_at_ns=max(now_ns, watchlist.updated_at_ns))

    return await exchange.preferences.change_watchlists(account, change_one)


def _find(watchlists: list[Watchlist], *, number: int | None = None, name: str | None = None) -> Watchlist:
    for watchlist in watchlists:
        if watchlist.number == number or watchlist.name == name:
            return watchlist
    raise RefusedError(RefusalReason.watchlist_not_found)


def _checked_symbols(exchange: Exchange, symbols: Iterable[str]) -> tuple[str, ...]:
    return _bounded(exchange.market(symbol).symbol for symbol in symbols)


def _bounded(symbols: Iterable[str]) -> tuple[str, ...]:
    """Return the symbols, each once, in their order."""
    once = tuple(dict.fromkeys(symbols))
    if len(once) > SYMBOLS_MAX:
        raise RefusedError(RefusalReason.watchlist_is_full, limit=SYMBOLS_MAX)
    return once


def _check_name(name: str) -> None:
    if not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise RefusedError(RefusalReason.field_is_invalid, field="name", expected="1 to 64 printable characters")


def _refuse_taken(watchlists: list[Watchlist], *, name: str) -> None:
    if any(watchlist.name == name for watchlist in watchlists):
        raise RefusedError(RefusalReason.watchlist_name_is_taken)
