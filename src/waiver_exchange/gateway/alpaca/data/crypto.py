"""Market data at the paths for crypto, where books have all their levels; nobody needs a key here.

Clients know markets as pairs here: `MAHOMES/USD` is answered under that name, `MAHOMES` under its own.
"""

from typing import Final

from litestar import Response, get

from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.data.answers import data_answer, itself, large_bodies_answer, page_answer
from waiver_exchange.gateway.alpaca.data.history import bars_of, quotes_of, trades_of
from waiver_exchange.gateway.alpaca.data.latest import (
    Markets,
    latest_bars,
    latest_quotes,
    latest_trades,
    markets_of,
    order_books,
    snapshots,
)
from waiver_exchange.gateway.alpaca.data.parameters import names_of, query_of, range_of, timeframe_of
from waiver_exchange.gateway.alpaca.market_bodies import past_quote_body, trade_body
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

BOOK_LEVELS_MAX: Final = 1_000
_PATH: Final = "/v1beta3/crypto/{loc:str}"


@get(f"{_PATH}/bars")
async def list_bars(request: AnyRequest) -> Response[bytes]:
    """Return the bars of each symbol."""
    markets = _markets(request)
    page = await bars_of(exchange_of(request), markets, timeframe_of(request), range_of(request))
    return await page_answer("bars", page, body_of=itself)


@get(f"{_PATH}/trades")
async def list_trades(request: AnyRequest) -> Response[bytes]:
    """Return the trades of each symbol."""
    markets = _markets(request)
    page = await trades_of(exchange_of(request), markets, range_of(request))
    return await page_answer("trades", page, body_of=trade_body)


@get(f"{_PATH}/quotes")
async def list_quotes(request: AnyRequest) -> Response[bytes]:
    """Return the quotes of each symbol."""
    markets = _markets(request)
    page = await quotes_of(exchange_of(request), markets, range_of(request))
    return await page_answer("quotes", page, body_of=past_quote_body)


@get(f"{_PATH}/latest/bars")
async def list_latest_bars(request: AnyRequest) -> Response[bytes]:
    """Return the last minute of each symbol."""
    return data_answer({"bars": await latest_bars(exchange_of(request), _markets(request))})


@get(f"{_PATH}/latest/trades")
async def list_latest_trades(request: AnyRequest) -> Response[bytes]:
    """Return the last trade of each symbol."""
    return data_answer({"trades": await latest_trades(exchange_of(request), _markets(request))})


@get(f"{_PATH}/latest/quotes")
async def list_latest_quotes(request: AnyRequest) -> Response[bytes]:
    """Return the best bid and ask of each symbol."""
    return data_answer({"quotes": latest_quotes(exchange_of(request), _markets(request))})


@get(f"{_PATH}/snapshots")
async def list_snapshots(request: AnyRequest) -> Response[bytes]:
    """Return the newest of everything about each symbol."""
    return data_answer({"snapshots": await snapshots(exchange_of(request), _markets(request))})


@get(f"{_PATH}/latest/orderbooks")
async def list_order_books(request: AnyRequest) -> Response[bytes]:
    """Return the book of each symbol."""
    books = order_books(exchange_of(request), _markets(request), depth=BOOK_LEVELS_MAX)
    return await large_bodies_answer("orderbooks", books)


CRYPTO_HANDLERS: Final = (
    list_bars,
    list_trades,
    list_quotes,
    list_latest_bars,
    list_latest_trades,
    list_latest_quotes,
    list_snapshots,
    list_order_books,
)


def _markets(request: AnyRequest) -> Markets:
    """Return the markets that are asked for; whoever shows a key is counted by it, everybody else by the address."""
    if "apca-api-key-id" in request.headers or "authorization" in request.headers:
        caller_of(request)
    return markets_of(exchange_of(request), names_of(query_of(request), is_pair_allowed=True))
