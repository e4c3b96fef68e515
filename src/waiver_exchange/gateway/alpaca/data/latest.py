"""The newest of everything about the markets that are asked for; what there is none of is left out."""

import asyncio
from collections.abc import Iterator, Sequence

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.gateway.alpaca.data.bars import bar_at, newest_days
from waiver_exchange.gateway.alpaca.market_bodies import (
    BarBody,
    OrderBookBody,
    QuoteBody,
    SnapshotBody,
    TradeBody,
    order_book_body,
    quote_body,
    trade_body,
)
from waiver_exchange.gateway.alpaca.symbols import own_symbol
from waiver_exchange.projections.state import BookView, MarketView, TradeView

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
        time_ns=_changed_at_ns(market, book),
        bid_cents=bid,
        bid_units=book.bids[bid] if bid else 0,
        ask_cents=ask,
        ask_units=book.asks[ask] if ask else 0,
    )


async def latest_bars(exchange: Exchange, markets: Markets) -> dict[str, BarBody]:
    """Return the last minute of each market that traded, which may still be going on."""
    bars: dict[str, BarBody] = {}
    for name, market in markets.items():
        await asyncio.sleep(0)
        bar = await bar_at(exchange, market.symbol, market.last_trade_at_ns, interval="1m")
        if bar is not None:
            bars[name] = bar
    return bars


async def snapshots(exchange: Exchange, markets: Markets) -> dict[str, SnapshotBody]:
    """Return the newest of everything about each market."""
    trades = await latest_trades(exchange, markets)
    minutes = await latest_bars(exchange, markets)
    days: dict[str, list[BarBody]] = {}
    for name, market in markets.items():
        await asyncio.sleep(0)
        days[name] = await newest_days(exchange, market.symbol, limit=2)
    quotes = latest_quotes(exchange, markets)
    return {
        name: SnapshotBody(
            latest_trade=trades.get(name),
            latest_quote=quotes[name],
            minute_bar=minutes.get(name),
            daily_bar=days[name][0] if days[name] else None,
            prev_daily_bar=days[name][1] if len(days[name]) > 1 else None,
        )
        for name in markets
    }


def order_books(exchange: Exchange, markets: Markets, *, depth: int) -> Iterator[tuple[str, OrderBookBody]]:
    """Yield the best levels of each book, as they are when they are asked for."""
    for name, market in markets.items():
        book = exchange.state.books[market.market]
        yield name, order_book_body(book.levels(depth), time_ns=_changed_at_ns(market, book))


def _changed_at_ns(market: MarketView, book: BookView) -> int:
    return book.changed_at_ns or market.listed_at_ns
