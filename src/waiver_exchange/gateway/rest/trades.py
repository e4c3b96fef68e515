"""The tape: every trade, without those who made it."""

from typing import Final

import msgspec

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.bodies import TradeBody, trade_body
from waiver_exchange.gateway.rest.cursors import encode_cursor
from waiver_exchange.gateway.rest.parameters import DIRECTION, END, START, SYMBOL, SYMBOL_PATH
from waiver_exchange.gateway.rest.route import Answer, Call, Route, answer_if_changed, json_answer

_R = RefusalReason
_CURSOR: Final = "trade"
_LIMIT: Final = parameters.limit()
_PAGE: Final = parameters.cursor(_CURSOR)


class TradesPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Trades and what the next page is asked for by; null on the last one."""

    items: list[TradeBody]
    next_cursor: str | None


async def _list_newest(call: Call) -> Answer:
    symbol = call[SYMBOL]
    trades = await call.exchange.queries.trades(symbol=symbol, limit=call[_LIMIT])
    if trades is None:
        raise RefusedError(_R.market_not_found, symbol=symbol or "")
    state = call.exchange.state
    bodies = [
        trade_body(trade, symbol=state.markets[trade.market].symbol, is_busted=trade.trade_id in state.busts)
        for trade in trades
    ]
    return answer_if_changed(call, msgspec.json.encode(bodies))


async def _list_of_market(call: Call) -> Answer:
    symbol, cursor = call[SYMBOL_PATH], call[_PAGE]
    page = await call.exchange.queries.trades_page(
        symbol=symbol,
        start_ns=call[START],
        end_ns=call[END],
        cursor=cursor[0] if cursor else None,
        limit=call[_LIMIT],
        is_ascending=call[DIRECTION] == "asc",
    )
    if page is None:
        raise RefusedError(_R.market_not_found, symbol=symbol)
    following = None if page.next_cursor is None else encode_cursor(_CURSOR, page.next_cursor)
    busts = call.exchange.state.busts
    items = [trade_body(trade, symbol=symbol, is_busted=trade.trade_id in busts) for trade in page.items]
    return json_answer(TradesPageBody(items=items, next_cursor=following))


TRADE_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/trades",
        name="listTrades",
        summary="List the newest trades of one market or of all, newest first.",
        tag="markets",
        handler=_list_newest,
        answer=list[TradeBody],
        access="public",
        parameters=(SYMBOL, _LIMIT),
        refusals=(_R.market_not_found, _R.history_is_unavailable),
        may_be_unchanged=True,
    ),
    Route(
        method="GET",
        path="/api/v1/markets/{symbol}/trades",
        name="listMarketTrades",
        summary="List the trades of one market by pages.",
        tag="markets",
        handler=_list_of_market,
        answer=TradesPageBody,
        access="public",
        parameters=(SYMBOL_PATH, START, END, DIRECTION, _LIMIT, _PAGE),
        refusals=(_R.market_not_found, _R.history_is_unavailable),
    ),
)
