"""Some of the markets, in some order: what a list of them is asked for by."""

from collections.abc import Callable
from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.gateway.rest.encoded_tickers import EncodedTickers
from waiver_exchange.projections.state import MarketView

_Key = Callable[[MarketView], tuple[int, str] | str]

_PLAIN: Final[dict[str, _Key]] = {
    "symbol": lambda market: market.symbol,
    "name": lambda market: market.name.casefold(),
    "price": lambda market: (market.last_price_cents or market.reference_price_cents, market.symbol),
}
SORTS: Final = (*_PLAIN, "change", "volume")


def choose_markets(
    exchange: Exchange,
    *,
    tickers: EncodedTickers,
    search: str | None,
    team: str | None,
    position: str | None,
    status: str | None,
    sort: str | None,
    is_ascending: bool,
) -> list[MarketView]:
    """Return the markets that match everything that is given; without a sort in the order of their listing."""
    is_halted = exchange.state.is_halted
    wanted = None if search is None else search.casefold()
    chosen = [
        market
        for market in exchange.state.markets.values()
        if (wanted is None or wanted in market.symbol.casefold() or wanted in market.name.casefold())
        and (team is None or market.team == team)
        and (position is None or market.position == position)
        and (status is None or (status == "halted") == (market.is_halted or is_halted))
    ]
    if sort is not None:
        chosen.sort(key=_key_of(tickers, sort), reverse=not is_ascending)
    elif not is_ascending:
        chosen.reverse()
    return chosen


def _key_of(kept: EncodedTickers, sort: str) -> _Key:
    plain = _PLAIN.get(sort)
    if plain is not None:
        return plain
    tickers = kept.by_market()
    if sort == "change":
        return lambda market: (tickers[market.market].change_bps, market.symbol)
    return lambda market: (tickers[market.market].volume_units, market.symbol)
