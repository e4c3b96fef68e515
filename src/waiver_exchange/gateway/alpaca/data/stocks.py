"""Market data at the paths for stocks; every request needs a key."""

from collections.abc import Mapping
from typing import Final

import msgspec
from litestar import Response, get

from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.data.answers import data_answer, itself, page_answer, symbol_page_answer
from waiver_exchange.gateway.alpaca.data.history import bars_of, quotes_of, trades_of
from waiver_exchange.gateway.alpaca.data.latest import (
    Markets,
    latest_bars,
    latest_quotes,
    latest_trades,
    markets_of,
    snapshots,
)
from waiver_exchange.gateway.alpaca.data.parameters import check_name, names_of, query_of, range_of, timeframe_of
from waiver_exchange.gateway.alpaca.errors import not_found
from waiver_exchange.gateway.alpaca.market_bodies import (
    EXCHANGE_CODE,
    QUOTE_CONDITIONS,
    TRADE_CONDITIONS,
    past_quote_body,
    trade_body,
)
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

_EXCHANGES: Final = {EXCHANGE_CODE: "Waiver Exchange"}
_CONDITIONS: Final = {
    "trade": dict.fromkeys(TRADE_CONDITIONS, "Regular Sale"),
    "quote": dict.fromkeys(QUOTE_CONDITIONS, "Regular, Two-Sided or One-Sided"),
}


@get("/v2/stocks/bars")
async def list_bars(request: AnyRequest) -> Response[bytes]:
    """Return the bars of each symbol."""
    markets = _markets(request)
    page = await bars_of(exchange_of(request), markets, timeframe_of(request), range_of(request))
    return await page_answer("bars", page, body_of=itself)


@get("/v2/stocks/{symbol:str}/bars")
async def show_bars(request: AnyRequest) -> Response[bytes]:
    """Return the bars of a symbol."""
    markets = _market(request)
    page = await bars_of(exchange_of(request), markets, timeframe_of(request), range_of(request))
    return await symbol_page_answer("bars", page, name=_name(request), body_of=itself)


@get("/v2/stocks/trades")
async def list_trades(request: AnyRequest) -> Response[bytes]:
    """Return the trades of each symbol."""
    markets = _markets(request)
    page = await trades_of(exchange_of(request), markets, range_of(request))
    return await page_answer("trades", page, body_of=trade_body)


@get("/v2/stocks/{symbol:str}/trades")
async def show_trades(request: AnyRequest) -> Response[bytes]:
    """Return the trades of a symbol."""
    markets = _market(request)
    page = await trades_of(exchange_of(request), markets, range_of(request))
    return await symbol_page_answer("trades", page, name=_name(request), body_of=trade_body)


@get("/v2/stocks/quotes")
async def list_quotes(request: AnyRequest) -> Response[bytes]:
    """Return the quotes of each symbol."""
    markets = _markets(request)
    page = await quotes_of(exchange_of(request), markets, range_of(request))
    return await page_answer("quotes", page, body_of=past_quote_body)


@get("/v2/stocks/{symbol:str}/quotes")
async def show_quotes(request: AnyRequest) -> Response[bytes]:
    """Return the quotes of a symbol."""
    markets = _market(request)
    page = await quotes_of(exchange_of(request), markets, range_of(request))
    return await symbol_page_answer("quotes", page, name=_name(request), body_of=past_quote_body)


@get("/v2/stocks/bars/latest")
async def list_latest_bars(request: AnyRequest) -> Response[bytes]:
    """Return the last minute of each symbol."""
    return data_answer({"bars": await latest_bars(exchange_of(request), _markets(request))})


@get("/v2/stocks/trades/latest")
async def list_latest_trades(request: AnyRequest) -> Response[bytes]:
    """Return the last trade of each symbol."""
    return data_answer({"trades": await latest_trades(exchange_of(request), _markets(request))})


@get("/v2/stocks/quotes/latest")
async def list_latest_quotes(request: AnyRequest) -> Response[bytes]:
    """Return the best bid and ask of each symbol."""
    return data_answer({"quotes": latest_quotes(exchange_of(request), _markets(request))})


@get("/v2/stocks/snapshots")
async def list_snapshots(request: AnyRequest) -> Response[bytes]:
    """Return the newest of everything about each symbol: by symbol, without a wrapper."""
    return data_answer(await snapshots(exchange_of(request), _markets(request)))


@get("/v2/stocks/{symbol:str}/bars/latest")
async def show_latest_bar(request: AnyRequest) -> Response[bytes]:
    """Return the last minute of a symbol."""
    return _one("bar", request, await latest_bars(exchange_of(request), _market(request)))


@get("/v2/stocks/{symbol:str}/trades/latest")
async def show_latest_trade(request: AnyRequest) -> Response[bytes]:
    """Return the last trade of a symbol."""
    return _one("trade", request, await latest_trades(exchange_of(request), _market(request)))


@get("/v2/stocks/{symbol:str}/quotes/latest")
async def show_latest_quote(request: AnyRequest) -> Response[bytes]:
    """Return the best bid and ask of a symbol."""
    return _one("quote", request, latest_quotes(exchange_of(request), _market(request)))


@get("/v2/stocks/{symbol:str}/snapshot")
async def show_snapshot(request: AnyRequest) -> Response[bytes]:
    """Return the newest of everything about a symbol."""
    found = await snapshots(exchange_of(request), _market(request))
    name = _name(request)
    if name not in found:
        raise not_found(f"no snapshot found for {name}")
    return data_answer(msgspec.structs.replace(found[name], symbol=name))


@get("/v2/stocks/meta/exchanges")
async def list_exchanges(request: AnyRequest) -> Response[bytes]:
    """Return the codes of venues; there is one."""
    caller_of(request)
    return data_answer(_EXCHANGES)


@get("/v2/stocks/meta/conditions/{kind:str}")
async def list_conditions(request: AnyRequest) -> Response[bytes]:
    """Return the codes of conditions of trades or quotes."""
    caller_of(request)
    conditions = _CONDITIONS.get(request.path_params["kind"])
    if conditions is None:
        raise not_found("no such tick type")
    return data_answer(conditions)


STOCK_HANDLERS: Final = (
    list_bars,
    show_bars,
    list_trades,
    show_trades,
    list_quotes,
    show_quotes,
    list_latest_bars,
    list_latest_trades,
    list_latest_quotes,
    list_snapshots,
    show_latest_bar,
    show_latest_trade,
    show_latest_quote,
    show_snapshot,
    list_exchanges,
    list_conditions,
)


def _markets(request: AnyRequest) -> Markets:
    """Return the markets of the `symbols` that are asked for."""
    caller_of(request)
    return markets_of(exchange_of(request), names_of(query_of(request), is_pair_allowed=False))


def _market(request: AnyRequest) -> Markets:
    """Return the market of the path, or none when its symbol is not listed."""
    caller_of(request)
    name = _name(request)
    check_name(name, is_pair_allowed=False)
    return markets_of(exchange_of(request), [name])


def _name(request: AnyRequest) -> str:
    name: str = request.path_params["symbol"]
    return name


def _one(key: str, request: AnyRequest, bodies: Mapping[str, object]) -> Response[bytes]:
    """Return the answer about one symbol; what it has not is a 404, because there is no list to leave it out of."""
    name = _name(request)
    if name not in bodies:
        raise not_found(f"no {key} found for {name}")
    return data_answer({"symbol": name, key: bodies[name]})
