"""The newest of everything about the markets that are asked for; what there is none of is left out."""

from collections.abc import Sequence

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.gateway.alpaca.market_bodies import (
    OrderBookBody,
    QuoteBody,
    TradeBody,
    order_book_body,
    quote_body,
    trade_body,
)
from waiver_exchange.gateway.alpaca.symbols import own_symbol
from waiver_exchange.projections.state import MarketView, TradeView

# By the names that were asked for, in order.
Markets = dict[str, MarketView]


def markets_of(exchange: Exchange, names: Sequence[str]) -> Markets:
    """Return the markets of names; unknown ones are passed over, as at Alpaca."""
    state = exchange.state
    numbers = ((name, state.symbols.get(own_symbol(name, is_pair_allowed=True) or "")) for name in names)
    return {name: state.markets[number] for name, number in numbers if number is not None}


async def latest_trades(exchange: Exchange, markets: Markets) -> dict[str, TradeBody]:
    """Return the last trade of each market that traded."""
    newest = await _newest_trades(exchange, {market.market: market for market in markets.values()})
    return {name: trade_body(newest[market.market]) for name, market in markets.items() if market.market in newest}


async def _newest_trades(exchange: Exchange, markets: dict[int, MarketView]) -> dict[int, TradeView]:
    missing = {number for number, market in markets.items() if market.trade_count}
    newest: dict[int, TradeView] = {}
    # One look through memory for all of them; only markets that have not traded for long are in the store.
    for trade in reversed(exchange.state.tape):
        if not missing:
            break
        if trade.market in missing:
            missing.remove(trade.market)
            newest[trade.market] = trade
    for number in missing:
        trades = await exchange.queries.trades(symbol=markets[number].symbol, limit=1)
        if trades:
            newest[number] = trades[0]
    return newest


def latest_quotes(exchange: Exchange, markets: Markets) -> dict[str, QuoteBody]:
    """Return the best bid and ask of each market as they are now."""
    return {name: _quote(exchange, market) for name, market in markets.items()}


def _quote(exchange: Exchange, market: MarketView) -> QuoteBody:
    book = exchange.state.books[market.market]
    bid, ask = book.best_bid_cents, book.best_ask_cents
    return quote_body(
        time_ns=exchange.clock.now_ns(),
        bid_cents=bid,
        bid_units=book.bids[bid] if bid else 0,
        ask_cents=ask,
        ask_units=book.asks[ask] if ask else 0,
    )


def order_books(exchange: Exchange, markets: Markets, *, depth: int) -> dict[str, OrderBookBody]:
    """Return the best levels of each book as they are now."""
    now_ns = exchange.clock.now_ns()
    books = exchange.state.books
    return {
        name: order_book_body(books[market.market].levels(depth), time_ns=now_ns) for name, market in markets.items()
    }
