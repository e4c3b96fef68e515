"""What everybody may see, without a key: markets, books and the tape."""

from typing import Final

import msgspec

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.bodies import BookBody, MarketBody, TradeBody, book_body, trade_body
from waiver_exchange.gateway.rest.parameters import SYMBOL, SYMBOL_PATH
from waiver_exchange.gateway.rest.route import Answer, Call, Route, answer_if_changed, json_answer

_R = RefusalReason
DEPTH_DEFAULT: Final = 50
DEPTH_MAX: Final = 1_000

_DEPTH: Final = parameters.whole_number(
    "depth", default=DEPTH_DEFAULT, largest=DEPTH_MAX, description="How many levels of each side at most."
)
_LIMIT: Final = parameters.limit()


async def _list_markets(call: Call) -> Answer:
    return answer_if_changed(call, call.services.markets.whole())


async def _show_market(call: Call) -> Answer:
    return answer_if_changed(call, call.services.markets.one(call.exchange.market(call[SYMBOL_PATH])))


async def _show_book(call: Call) -> Answer:
    levels = call.exchange.queries.book(call[SYMBOL_PATH], depth=call[_DEPTH])
    if levels is None:
        raise RefusedError(_R.market_not_found, symbol=call[SYMBOL_PATH])
    return json_answer(book_body(levels))


async def _list_trades(call: Call) -> Answer:
    exchange = call.exchange
    symbol = call[SYMBOL]
    trades = await exchange.queries.trades(symbol=symbol, limit=call[_LIMIT])
    if trades is None:
        raise RefusedError(_R.market_not_found, symbol=symbol or "")
    markets = exchange.state.markets
    bodies = [trade_body(trade, symbol=markets[trade.market].symbol) for trade in trades]
    return answer_if_changed(call, msgspec.json.encode(bodies))


MARKET_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/markets",
        name="listMarkets",
        summary="List all markets in the order of their listing.",
        tag="markets",
        handler=_list_markets,
        answer=list[MarketBody],
        access="public",
        may_be_unchanged=True,
    ),
    Route(
        method="GET",
        path="/api/v1/markets/{symbol}",
        name="getMarket",
        summary="Show one market.",
        tag="markets",
        handler=_show_market,
        answer=MarketBody,
        access="public",
        parameters=(SYMBOL_PATH,),
        refusals=(_R.market_not_found,),
        may_be_unchanged=True,
    ),
    Route(
        method="GET",
        path="/api/v1/markets/{symbol}/book",
        name="getBook",
        summary="Show the best levels of each side of a market's book.",
        tag="markets",
        handler=_show_book,
        answer=BookBody,
        access="public",
        parameters=(SYMBOL_PATH, _DEPTH),
        refusals=(_R.market_not_found,),
    ),
    Route(
        method="GET",
        path="/api/v1/trades",
        name="listTrades",
        summary="List the newest trades of one market or of all, newest first.",
        tag="markets",
        handler=_list_trades,
        answer=list[TradeBody],
        access="public",
        parameters=(SYMBOL, _LIMIT),
        refusals=(_R.market_not_found, _R.history_is_unavailable),
        may_be_unchanged=True,
    ),
)
