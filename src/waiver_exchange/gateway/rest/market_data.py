"""Candles and tickers: what a market did in an interval, and in the last 24 hours."""

from typing import Final, get_args

import msgspec

from waiver_exchange.application.queries import Interval
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.cursors import encode_cursor
from waiver_exchange.gateway.rest.market_bodies import CandleBody, TickerBody, candle_body, ticker_body
from waiver_exchange.gateway.rest.parameters import DIRECTION, END, START, SYMBOL_PATH
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer

_R = RefusalReason
CANDLES_MAX: Final = 1_000
SYMBOLS_MAX: Final = 100
_CURSOR: Final = "candle"
INTERVALS: Final[dict[str, Interval]] = {name: name for name in get_args(Interval)}

_INTERVAL: Final = parameters.word(
    "interval", INTERVALS, default="1m", description="How long a candle is; days begin at midnight of the exchange."
)
_FILL: Final = parameters.flag("fill", description="Also intervals without a trade, at the close before them.")
_LIMIT: Final = parameters.limit(largest=CANDLES_MAX)
_PAGE: Final = parameters.cursor(_CURSOR)
_SYMBOLS: Final = parameters.symbols("symbols", largest=SYMBOLS_MAX, description="Only these markets.")


class CandlesPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Candles and what the next page is asked for by; null on the last one."""

    items: list[CandleBody]
    next_cursor: str | None


async def _list_candles(call: Call) -> Answer:
    symbol, limit, cursor = call[SYMBOL_PATH], call[_LIMIT], call[_PAGE]
    is_ascending, start, end = call[DIRECTION] == "asc", call[START], call[END]
    if cursor is not None:
        start, end = (cursor[0] + 1, end) if is_ascending else (start, cursor[0])
    if call[_FILL]:
        # Nothing is known of what is still to come.
        following_ns = call.exchange.clock.now_ns() + 1
        end = following_ns if end is None else min(end, following_ns)
    candles = await call.exchange.queries.candles(
        symbol=symbol,
        interval=INTERVALS[call[_INTERVAL]],
        start_ns=start,
        end_ns=end,
        limit=limit + 1,
        is_ascending=is_ascending,
        fill=call[_FILL],
    )
    if candles is None:
        raise RefusedError(_R.market_not_found, symbol=symbol)
    items = [candle_body(candle) for candle in candles[:limit]]
    following = encode_cursor(_CURSOR, candles[limit - 1].time_ns) if len(candles) > limit else None
    return json_answer(CandlesPageBody(items=items, next_cursor=following))


async def _list_tickers(call: Call) -> Answer:
    symbols = call[_SYMBOLS]
    if symbols is None:
        return Answer(call.services.tickers.whole())
    now_ns = call.exchange.clock.now_ns()
    return json_answer([_ticker_of(call, symbol, now_ns=now_ns) for symbol in symbols])


async def _show_ticker(call: Call) -> Answer:
    return json_answer(_ticker_of(call, call[SYMBOL_PATH], now_ns=call.exchange.clock.now_ns()))


def _ticker_of(call: Call, symbol: str, *, now_ns: int) -> TickerBody:
    ticker = call.exchange.queries.ticker(symbol, now_ns=now_ns)
    if ticker is None:
        raise RefusedError(_R.market_not_found, symbol=symbol)
    return ticker_body(ticker)


MARKET_DATA_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/markets/{symbol}/candles",
        name="listCandles",
        summary="List the candles of one market by pages.",
        tag="markets",
        handler=_list_candles,
        answer=CandlesPageBody,
        access="public",
        parameters=(SYMBOL_PATH, _INTERVAL, START, END, DIRECTION, _FILL, _LIMIT, _PAGE),
        refusals=(_R.market_not_found, _R.history_is_unavailable),
    ),
    Route(
        method="GET",
        path="/api/v1/tickers",
        name="listTickers",
        summary="Show markets at a glance, all of them or some.",
        tag="markets",
        handler=_list_tickers,
        answer=list[TickerBody],
        access="public",
        parameters=(_SYMBOLS,),
        refusals=(_R.market_not_found,),
    ),
    Route(
        method="GET",
        path="/api/v1/markets/{symbol}/ticker",
        name="getTicker",
        summary="Show one market at a glance.",
        tag="markets",
        handler=_show_ticker,
        answer=TickerBody,
        access="public",
        parameters=(SYMBOL_PATH,),
        refusals=(_R.market_not_found,),
    ),
)
