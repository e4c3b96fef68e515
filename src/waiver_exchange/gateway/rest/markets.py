"""What everybody may see, without a key: markets, books and the tape."""

from typing import Final

import msgspec
from litestar import Response, get

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.answers import answer, answer_if_changed
from waiver_exchange.gateway.rest.bodies import book_body, trade_body
from waiver_exchange.gateway.rest.context import AnyRequest, encoded_markets_of, exchange_of
from waiver_exchange.gateway.rest.query import LIMIT_DEFAULT, LIMIT_MAX, query_of, whole_number

DEPTH_DEFAULT: Final = 50
DEPTH_MAX: Final = 1_000


@get("/api/v1/markets")
async def list_markets(request: AnyRequest) -> Response[bytes]:
    """Return all markets in the order of their listing."""
    query_of(request)
    return answer_if_changed(request, encoded_markets_of(request).whole())


@get("/api/v1/markets/{symbol:str}")
async def show_market(request: AnyRequest) -> Response[bytes]:
    """Return one market."""
    query_of(request)
    market = exchange_of(request).market(request.path_params["symbol"])
    return answer_if_changed(request, encoded_markets_of(request).one(market))


@get("/api/v1/markets/{symbol:str}/book")
async def show_book(request: AnyRequest) -> Response[bytes]:
    """Return the best `depth` levels of each side of a market's book."""
    query = query_of(request, "depth")
    symbol = request.path_params["symbol"]
    depth = whole_number(query, "depth", default=DEPTH_DEFAULT, largest=DEPTH_MAX)
    levels = exchange_of(request).queries.book(symbol, depth=depth)
    if levels is None:
        raise RefusedError(RefusalReason.market_not_found, symbol=symbol)
    return answer(book_body(levels))


@get("/api/v1/trades")
async def list_trades(request: AnyRequest) -> Response[bytes]:
    """Return the newest trades of one `symbol` or of all, newest first, at most `limit`."""
    exchange = exchange_of(request)
    query = query_of(request, "symbol", "limit")
    symbol = query.get("symbol")
    limit = whole_number(query, "limit", default=LIMIT_DEFAULT, largest=LIMIT_MAX)
    trades = await exchange.queries.trades(symbol=symbol, limit=limit)
    if trades is None:
        raise RefusedError(RefusalReason.market_not_found, symbol=symbol or "")
    markets = exchange.state.markets
    bodies = [trade_body(trade, symbol=markets[trade.market].symbol) for trade in trades]
    return answer_if_changed(request, msgspec.json.encode(bodies))


MARKET_HANDLERS: Final = (list_markets, show_market, show_book, list_trades)
