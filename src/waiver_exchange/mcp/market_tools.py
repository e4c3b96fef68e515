"""Tools that look at what everybody may see."""

from typing import Annotated

import msgspec

from waiver_exchange.client import AsyncClient
from waiver_exchange.client.models.exchange import ExchangeStatus, Fees, Limits
from waiver_exchange.client.models.markets import (
    BookLevels,
    Candle,
    CandleInterval,
    Direction,
    Market,
    MarketSort,
    MarketStatus,
    Ticker,
    Trade,
)
from waiver_exchange.mcp.tools import ITEMS_DEFAULT, Items, Limit, Nothing, Symbol, Time, Tool


class MarketSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which markets, in which order."""

    search: Annotated[str, msgspec.Meta(description="Part of a player's name or ticker.")] | None = None
    team: Annotated[str, msgspec.Meta(description="NFL team, such as KC.")] | None = None
    position: Annotated[str, msgspec.Meta(description="QB, RB, WR, TE, K or DEF.")] | None = None
    status: MarketStatus | None = None
    sort: MarketSort | None = None
    direction: Direction | None = None
    limit: Limit = ITEMS_DEFAULT


class OneMarket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market."""

    symbol: Symbol


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """A market's facts, and its last 24 hours."""

    market: Market
    ticker: Ticker


class BookRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market's book."""

    symbol: Symbol
    depth: Annotated[int, msgspec.Meta(ge=1, le=100, description="Levels of each side.")] = 10


class CandlesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market's candles; without start the newest."""

    symbol: Symbol
    interval: CandleInterval = "1h"
    start: Time | None = None
    end: Time | None = None
    limit: Limit = 48


class TradesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest trades, of one market or of all."""

    symbol: Symbol | None = None
    limit: Limit = ITEMS_DEFAULT


class TickersRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some markets at a glance."""

    symbols: Annotated[list[str], msgspec.Meta(min_length=1, max_length=50, description="Tickers of players.")]


class ExchangeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange: whether it trades, what a trade costs, what an order may be."""

    status: ExchangeStatus
    fees: Fees
    limits: Limits


async def _exchange(client: AsyncClient, _: Nothing) -> ExchangeFacts:
    return ExchangeFacts(status=await client.status(), fees=await client.fees(), limits=await client.limits())


async def _find_markets(client: AsyncClient, given: MarketSearch) -> Items[Market]:
    markets = await client.markets(
        search=given.search,
        team=given.team,
        position=given.position,
        status=given.status,
        sort=given.sort,
        direction=given.direction,
    )
    return Items(items=markets[: given.limit])


async def _market(client: AsyncClient, given: OneMarket) -> MarketView:
    return MarketView(market=await client.market(given.symbol), ticker=await client.ticker(given.symbol))


async def _tickers(client: AsyncClient, given: TickersRequest) -> Items[Ticker]:
    return Items(items=await client.tickers(*given.symbols))


async def _book(client: AsyncClient, given: BookRequest) -> BookLevels:
    return await client.book(given.symbol, depth=given.depth)


async def _candles(client: AsyncClient, given: CandlesRequest) -> Items[Candle]:
    direction: Direction = "desc" if given.start is None else "asc"
    pages = client.candles(
        given.symbol,
        interval=given.interval,
        start=given.start,
        end=given.end,
        direction=direction,
        limit=given.limit,
    )
    candles = await pages.all()
    return Items(items=candles if direction == "asc" else candles[::-1])


async def _trades(client: AsyncClient, given: TradesRequest) -> Items[Trade]:
    return Items(items=await client.recent_trades(symbol=given.symbol, limit=given.limit))


MARKET_TOOLS = (
    Tool(
        name="get_exchange",
        title="The exchange",
        description="Whether the exchange is open or halted, its fees in basis points, and the limits of orders.",
        takes=Nothing,
        gives=ExchangeFacts,
        run=_exchange,
        access="public",
    ),
    Tool(
        name="find_markets",
        title="Find markets",
        description=(
            "Find players by name, ticker, team or position, sorted by symbol, name, price, change or volume. Each "
            "player has one market; prices are in dollars per share."
        ),
        takes=MarketSearch,
        gives=Items[Market],
        run=_find_markets,
        access="public",
    ),
    Tool(
        name="get_market",
        title="One market",
        description="A player's market: facts, last price, best bid and ask, change, high, low, volume of 24 hours.",
        takes=OneMarket,
        gives=MarketView,
        run=_market,
        access="public",
    ),
    Tool(
        name="get_tickers",
        title="Tickers",
        description="Last price, best bid and ask, and the change over 24 hours of several markets at once.",
        takes=TickersRequest,
        gives=Items[Ticker],
        run=_tickers,
        access="public",
    ),
    Tool(
        name="get_order_book",
        title="Order book",
        description="What is bid and offered in a market, as [price, quantity], best first.",
        takes=BookRequest,
        gives=BookLevels,
        run=_book,
        access="public",
    ),
    Tool(
        name="get_candles",
        title="Candles",
        description="Open, high, low, close and volume of a market by interval, oldest first; for charts and trends.",
        takes=CandlesRequest,
        gives=Items[Candle],
        run=_candles,
        access="public",
    ),
    Tool(
        name="get_recent_trades",
        title="Recent trades",
        description="The newest trades of one market or of all, newest first.",
        takes=TradesRequest,
        gives=Items[Trade],
        run=_trades,
        access="public",
    ),
)
