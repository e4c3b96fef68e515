"""Market data at the paths for crypto, where books have all their levels; nobody needs a key here.

Clients know markets as pairs here: `MAHOMES/USD` is answered under that name, `MAHOMES` under its own.
"""

from typing import Final

from litestar import Response, get

from waiver_exchange.gateway.alpaca.access import caller_of, count_anybody
from waiver_exchange.gateway.alpaca.data.answers import data_answer
from waiver_exchange.gateway.alpaca.data.latest import latest_quotes, latest_trades, order_books
from waiver_exchange.gateway.alpaca.data.parameters import names_of, query_of
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of

BOOK_LEVELS_MAX: Final = 1_000
_LATEST: Final = "/v1beta3/crypto/{loc:str}/latest"


@get(f"{_LATEST}/trades")
async def list_latest_trades(request: AnyRequest) -> Response[bytes]:
    """Return the last trade of each symbol."""
    return data_answer({"trades": await latest_trades(exchange_of(request), _names(request))})


@get(f"{_LATEST}/quotes")
async def list_latest_quotes(request: AnyRequest) -> Response[bytes]:
    """Return the best bid and ask of each symbol."""
    return data_answer({"quotes": latest_quotes(exchange_of(request), _names(request))})


@get(f"{_LATEST}/orderbooks")
async def list_order_books(request: AnyRequest) -> Response[bytes]:
    """Return the book of each symbol."""
    return data_answer({"orderbooks": order_books(exchange_of(request), _names(request), depth=BOOK_LEVELS_MAX)})


CRYPTO_HANDLERS: Final = (list_latest_trades, list_latest_quotes, list_order_books)


def _names(request: AnyRequest) -> list[str]:
    """Return the names that are asked for; whoever shows a key is counted by it, everybody else by the address."""
    if "apca-api-key-id" in request.headers or "authorization" in request.headers:
        caller_of(request)
    else:
        count_anybody(request)
    return names_of(query_of(request), is_pair_allowed=True)
