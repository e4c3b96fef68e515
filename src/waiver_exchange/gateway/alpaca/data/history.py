"""What happened in a stretch of time, by pages: read from the exchange's own pages, symbol by symbol."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.gateway.alpaca.data.bars import candles_of, read_bars, span_of
from waiver_exchange.gateway.alpaca.data.latest import Markets
from waiver_exchange.gateway.alpaca.data.paging import Page, Part, collect_page
from waiver_exchange.gateway.alpaca.data.parameters import Range
from waiver_exchange.gateway.alpaca.data.timeframes import Timeframe
from waiver_exchange.gateway.alpaca.market_bodies import BarBody
from waiver_exchange.projections.state import QuoteView, TradeView


async def bars_of(exchange: Exchange, markets: Markets, timeframe: Timeframe, wanted: Range) -> Page[BarBody]:
    """Return the bars of markets by name and time."""

    async def read(name: str, cursor: int | None, limit: int) -> Part[BarBody]:
        span = span_of(
            timeframe,
            start_ns=wanted.start_ns,
            end_ns=wanted.end_ns,
            is_ascending=wanted.is_ascending,
            cursor=cursor,
            zone=exchange.zone,
        )
        source = candles_of(exchange, markets[name].symbol)
        return await read_bars(source, timeframe, span, limit=limit, zone=exchange.zone)

    return await collect_page(tuple(markets), place=wanted.place, limit=wanted.limit, read=read)


async def trades_of(exchange: Exchange, markets: Markets, wanted: Range) -> Page[TradeView]:
    """Return the trades of markets by name and time."""

    async def read(name: str, cursor: int | None, limit: int) -> Part[TradeView]:
        page = await exchange.queries.trades_page(
            symbol=markets[name].symbol,
            start_ns=wanted.start_ns,
            end_ns=wanted.end_ns + 1,
            cursor=cursor,
            limit=limit,
            is_ascending=wanted.is_ascending,
        )
        return Part((), None) if page is None else Part(page.items, page.next_cursor)

    return await collect_page(tuple(markets), place=wanted.place, limit=wanted.limit, read=read)


async def quotes_of(exchange: Exchange, markets: Markets, wanted: Range) -> Page[QuoteView]:
    """Return the quotes of markets by name and time."""

    async def read(name: str, cursor: int | None, limit: int) -> Part[QuoteView]:
        page = await exchange.queries.quotes_page(
            symbol=markets[name].symbol,
            start_ns=wanted.start_ns,
            end_ns=wanted.end_ns + 1,
            cursor=cursor,
            limit=limit,
            is_ascending=wanted.is_ascending,
        )
        return Part((), None) if page is None else Part(page.items, page.next_cursor)

    return await collect_page(tuple(markets), place=wanted.place, limit=wanted.limit, read=read)
