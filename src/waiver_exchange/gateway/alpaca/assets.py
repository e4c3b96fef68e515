"""Assets: one for each player, of the class `us_equity`, because clients know no other that fits."""

from typing import Final

from litestar import Response, get

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, from_uuid, to_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca import query
from waiver_exchange.gateway.alpaca.access import caller_of
from waiver_exchange.gateway.alpaca.errors import not_found
from waiver_exchange.gateway.alpaca.order_body import ASSET_CLASS
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of
from waiver_exchange.projections.state import MarketView

VENUE: Final = "OTC"
# ccxt asks for crypto unless told otherwise and cannot work with an empty list, so the players are in both.
_CLASSES: Final = frozenset({ASSET_CLASS, "crypto"})
_STATUSES: Final = ("active", "inactive", "all")
_QUOTED_MAX: Final = 40


def asset_id_of(market: int) -> str:
    """Return the UUID of a market."""
    return str(to_uuid(IdKind.market, market))


def market_of(exchange: Exchange, symbol_or_id: str) -> MarketView:
    """Return the market of a symbol or asset UUID. Raises `RefusedError`: `market_not_found`."""
    number = exchange.state.symbols.get(symbol_or_id) or from_uuid(IdKind.market, symbol_or_id)
    market = exchange.state.markets.get(number or 0)
    if market is None:
        raise RefusedError(RefusalReason.market_not_found, symbol=symbol_or_id[:_QUOTED_MAX])
    return market


def asset_body(market: MarketView, *, is_exchange_halted: bool) -> dict[str, object]:
    """Return a market as an asset; a halted one is active and not tradable, a settled one is inactive."""
    return {
        "id": asset_id_of(market.market),
        "class": ASSET_CLASS,
        "exchange": VENUE,
        "symbol": market.symbol,
        "name": f"{market.name} ({market.position}, {market.team})",
        "status": "inactive" if market.is_settled else "active",
        "tradable": not (market.is_halted or is_exchange_halted),
        "marginable": False,
        "shortable": False,
        "easy_to_borrow": False,
        "fractionable": True,
        "min_order_size": "0.0001",
        "min_trade_increment": "0.0001",
        "price_increment": "0.01",
        "maintenance_margin_requirement": 100,
        "attributes": [f"position:{market.position}", f"team:{market.team}"],
    }


@get("/v2/assets")
async def list_assets(request: AnyRequest) -> Response[bytes]:
    """Return the players, by symbol."""
    caller_of(request)
    state = exchange_of(request).state
    given = query.query_of(request)
    status = query.word(given, "status", allowed=_STATUSES, default="all")
    classes = query.words(given, "asset_class") or [ASSET_CLASS]
    venue = given.get("exchange", VENUE).upper()
    if venue != VENUE or _CLASSES.isdisjoint(name.lower() for name in classes):
        return answer([])
    wanted = set(query.words(given, "attributes") or ())
    markets = sorted(state.markets.values(), key=lambda market: market.symbol)
    bodies = [asset_body(market, is_exchange_halted=state.is_halted) for market in markets]
    bodies = [body for body in bodies if status in {"all", body["status"]}]
    return answer([body for body in bodies if wanted.issubset(body["attributes"])])  # type: ignore[arg-type]


@get("/v2/assets/{symbol_or_id:str}")
async def show_asset(request: AnyRequest) -> Response[bytes]:
    """Return one player."""
    caller_of(request)
    exchange = exchange_of(request)
    name = request.path_params["symbol_or_id"]
    try:
        market = market_of(exchange, name)
    except RefusedError as refused:
        raise not_found(f"asset not found for {name[:_QUOTED_MAX]}") from refused
    return answer(asset_body(market, is_exchange_halted=exchange.state.is_halted))


ASSET_HANDLERS: Final = (list_assets, show_asset)
