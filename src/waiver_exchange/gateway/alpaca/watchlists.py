"""Watchlists, by their id or (where the older SDK asks so) by their name."""

from collections.abc import Iterable
from typing import Final

from litestar import Response, delete, get, post, put

from waiver_exchange.application import watchlists
from waiver_exchange.application.authority import TRADE
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import Watchlist
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, from_uuid, to_uuid
from waiver_exchange.gateway.alpaca import fields, query
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.assets import asset_body, market_of
from waiver_exchange.gateway.alpaca.errors import invalid, not_found
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of
from waiver_exchange.gateway.rest.json_object import JsonObject

_LISTS: Final = "/v2/watchlists"
_ONE: Final = ["/v2/watchlists/{watchlist_id:str}", "/v2/watchlists:by_name"]
_SYMBOL: Final = ["/v2/watchlists/{watchlist_id:str}/{symbol:str}", "/v2/watchlists:by_name/{symbol:str}"]


@get(_LISTS)
async def list_watchlists(request: AnyRequest) -> Response[bytes]:
    """Return the account's watchlists, without their assets."""
    account = caller_of(request).account
    found = await watchlists.list_watchlists(exchange_of(request), account=account)
    return answer([_head(watchlist) for watchlist in found])


@post(_LISTS, status_code=200)
async def create_watchlist(request: AnyRequest) -> Response[bytes]:
    """Make a watchlist of a `name` and `symbols`."""
    account = caller_of(request, scope=TRADE).account
    exchange = exchange_of(request)
    given = await fields.body_of(request)
    name = fields.text(given, "name")
    if name is None:
        raise invalid("name is required")
    symbols = _symbols(exchange, given) or []
    watchlist = await watchlists.create_watchlist(exchange, account=account, name=name, symbols=symbols)
    return _answer(exchange, watchlist)


@get(_ONE)
async def show_watchlist(request: AnyRequest) -> Response[bytes]:
    """Return a watchlist with its assets."""
    account = caller_of(request).account
    exchange = exchange_of(request)
    return _answer(exchange, await _asked_for(request, account))


@put(_ONE)
async def change_watchlist(request: AnyRequest) -> Response[bytes]:
    """Give a watchlist another `name`, other `symbols`, or both."""
    account = caller_of(request, scope=TRADE).account
    exchange = exchange_of(request)
    watchlist = await _asked_for(request, account)
    given = await fields.body_of(request)
    changed = await watchlists.change_watchlist(
        exchange,
        account=account,
        number=watchlist.number,
        name=fields.text(given, "name"),
        symbols=_symbols(exchange, given),
    )
    return _answer(exchange, changed)


@post(_ONE, status_code=200)
async def add_symbol(request: AnyRequest) -> Response[bytes]:
    """Append a `symbol`."""
    account = caller_of(request, scope=TRADE).account
    exchange = exchange_of(request)
    watchlist = await _asked_for(request, account)
    symbol = fields.text(await fields.body_of(request), "symbol")
    if symbol is None:
        raise invalid("symbol is required")
    changed = await watchlists.add_symbol(
        exchange, account=account, number=watchlist.number, symbol=market_of(exchange, symbol).symbol
    )
    return _answer(exchange, changed)


@delete(_ONE, status_code=204)
async def delete_watchlist(request: AnyRequest) -> None:
    """Forget a watchlist."""
    account = caller_of(request, scope=TRADE).account
    watchlist = await _asked_for(request, account)
    await watchlists.delete_watchlist(exchange_of(request), account=account, number=watchlist.number)


@delete(_SYMBOL, status_code=200)
async def remove_symbol(request: AnyRequest) -> Response[bytes]:
    """Take a symbol out; return the watchlist."""
    account = caller_of(request, scope=TRADE).account
    exchange = exchange_of(request)
    watchlist = await _asked_for(request, account)
    try:
        symbol = market_of(exchange, request.path_params["symbol"]).symbol
        changed = await watchlists.remove_symbol(exchange, account=account, number=watchlist.number, symbol=symbol)
    except RefusedError as refused:
        raise not_found("asset not found in the watchlist") from refused
    return _answer(exchange, changed)


WATCHLIST_HANDLERS: Final = (
    list_watchlists,
    create_watchlist,
    show_watchlist,
    change_watchlist,
    add_symbol,
    delete_watchlist,
    remove_symbol,
)


async def _asked_for(request: AnyRequest, account: int) -> Watchlist:
    exchange = exchange_of(request)
    given = request.path_params.get("watchlist_id")
    if given is not None:
        number = from_uuid(IdKind.watchlist, given) or 0
        return await watchlists.find_watchlist(exchange, account=account, number=number)
    name = query.query_of(request).get("name")
    if name is None:
        raise invalid("name is required")
    return await watchlists.find_watchlist(exchange, account=account, name=name)


def _symbols(exchange: Exchange, given: JsonObject) -> Iterable[str] | None:
    names = fields.texts(given, "symbols")
    return None if names is None else [market_of(exchange, name).symbol for name in names]


def _answer(exchange: Exchange, watchlist: Watchlist) -> Response[bytes]:
    state = exchange.state
    markets = [exchange.market(symbol) for symbol in watchlist.symbols]
    assets = [asset_body(market, is_exchange_halted=state.is_halted) for market in markets]
    return answer(_head(watchlist) | {"assets": assets})


def _head(watchlist: Watchlist) -> dict[str, object]:
    return {
        "id": str(to_uuid(IdKind.watchlist, watchlist.number)),
        "account_id": str(to_uuid(IdKind.account, watchlist.account)),
        "name": watchlist.name,
        "created_at": format_time(watchlist.created_at_ns),
        "updated_at": format_time(watchlist.updated_at_ns),
    }
