"""Market data at the paths for stocks; every request needs a key."""

from typing import Final

from litestar import Response, get

from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.data.answers import data_answer
from waiver_exchange.gateway.alpaca.data.latest import latest_quotes, latest_trades
from waiver_exchange.gateway.alpaca.data.parameters import check_name, names_of, query_of
from waiver_exchange.gateway.alpaca.errors import not_found
from waiver_exchange.gateway.alpaca.market_bodies import EXCHANGE_CODE, QUOTE_CONDITIONS, TRADE_CONDITIONS
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

_EXCHANGES: Final = {EXCHANGE_CODE: "Waiver Exchange"}
_CONDITIONS: Final = {
    "trade": dict.fromkeys(TRADE_CONDITIONS, "Regular Sale"),
    "quote": dict.fromkeys(QUOTE_CONDITIONS, "Regular, Two-Sided or One-Sided"),
}


@get("/v2/stocks/trades/latest")
async def list_latest_trades(request: AnyRequest) -> Response[bytes]:
    """Return the last trade of each symbol."""
    return data_answer({"trades": await latest_trades(exchange_of(request), _names(request))})


@get("/v2/stocks/quotes/latest")
async def list_latest_quotes(request: AnyRequest) -> Response[bytes]:
    """Return the best bid and ask of each symbol."""
    return data_answer({"quotes": latest_quotes(exchange_of(request), _names(request))})


@get("/v2/stocks/{symbol:str}/trades/latest")
async def show_latest_trade(request: AnyRequest) -> Response[bytes]:
    """Return the last trade of a symbol."""
    name = _name(request)
    found = await latest_trades(exchange_of(request), [name])
    return _one("trade", name, found.get(name))


@get("/v2/stocks/{symbol:str}/quotes/latest")
async def show_latest_quote(request: AnyRequest) -> Response[bytes]:
    """Return the best bid and ask of a symbol."""
    name = _name(request)
    return _one("quote", name, latest_quotes(exchange_of(request), [name]).get(name))


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
    list_latest_trades,
    list_latest_quotes,
    show_latest_trade,
    show_latest_quote,
    list_exchanges,
    list_conditions,
)


def _names(request: AnyRequest) -> list[str]:
    caller_of(request)
    return names_of(query_of(request), is_pair_allowed=False)


def _name(request: AnyRequest) -> str:
    caller_of(request)
    name: str = request.path_params["symbol"]
    check_name(name, is_pair_allowed=False)
    return name


def _one(key: str, name: str, body: object) -> Response[bytes]:
    """Return the answer about one symbol; what it has not is a 404, because there is no list to leave it out of."""
    if body is None:
        raise not_found(f"no {key} found for {name}")
    return data_answer({"symbol": name, key: body})
