"""Leaderboards of the last 24 hours: what traded most, and what rose and fell most."""

from collections.abc import Iterable
from decimal import Decimal
from operator import attrgetter
from typing import Final

from litestar import Response, get

from waiver_exchange.application.queries import Ticker
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.codec import Moment, dollars, shares
from waiver_exchange.gateway.alpaca.data.answers import data_answer
from waiver_exchange.gateway.alpaca.data.parameters import query_of, top_of, word_of
from waiver_exchange.gateway.alpaca.errors import not_found
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

_ACTIVE_DEFAULT: Final = 10
_MOVERS_DEFAULT: Final = 10
_ACTIVE_MAX: Final = 100
_MOVERS_MAX: Final = 50
_MARKET_TYPES: Final = frozenset({"stocks", "crypto"})
_KEYS: Final = {"volume": attrgetter("volume_units"), "trades": attrgetter("trades")}


@get("/v1beta1/screener/stocks/most-actives")
async def list_most_active(request: AnyRequest) -> Response[bytes]:
    """Return what traded most, by `volume` or by `trades`."""
    caller_of(request)
    exchange = exchange_of(request)
    query = query_of(request)
    by = _KEYS[word_of(query, "by", allowed=tuple(_KEYS), default="volume")]
    now_ns = exchange.clock.now_ns()
    traded = [ticker for ticker in exchange.queries.tickers(now_ns=now_ns) if ticker.trades]
    found = sorted(traded, key=by, reverse=True)[: top_of(query, default=_ACTIVE_DEFAULT, largest=_ACTIVE_MAX)]
    actives = [
        {"symbol": ticker.symbol, "volume": shares(ticker.volume_units), "trade_count": ticker.trades}
        for ticker in found
    ]
    return data_answer({"most_actives": actives, "last_updated": Moment(now_ns)})


@get("/v1beta1/screener/{market_type:str}/movers")
async def list_movers(request: AnyRequest) -> Response[bytes]:
    """Return what rose most and what fell most."""
    caller_of(request)
    if request.path_params["market_type"] not in _MARKET_TYPES:
        raise not_found("no such market")
    exchange = exchange_of(request)
    top = top_of(query_of(request), default=_MOVERS_DEFAULT, largest=_MOVERS_MAX)
    now_ns = exchange.clock.now_ns()
    moved = sorted(exchange.queries.tickers(now_ns=now_ns), key=_change)
    body = {
        "gainers": _movers(ticker for ticker in moved[: -top - 1 : -1] if ticker.change_cents > 0),
        "losers": _movers(ticker for ticker in moved[:top] if ticker.change_cents < 0),
        "market_type": request.path_params["market_type"],
        "last_updated": Moment(now_ns),
    }
    return data_answer(body)


def _change(ticker: Ticker) -> int:
    return ticker.change_bps


def _movers(tickers: Iterable[Ticker]) -> list[dict[str, object]]:
    return [
        {
            "symbol": ticker.symbol,
            "percent_change": Decimal(ticker.change_bps).scaleb(-2),
            "change": dollars(ticker.change_cents),
            "price": dollars(ticker.last_cents),
        }
        for ticker in tickers
    ]


SCREENER_HANDLERS: Final = (list_most_active, list_movers)
