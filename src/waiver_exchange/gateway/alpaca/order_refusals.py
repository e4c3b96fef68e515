"""A refused order in Alpaca's words, with the numbers that bots look for."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.money import format_money, format_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.errors import AlpacaError, error_of, not_allowed
from waiver_exchange.gateway.alpaca.order_needs import ASKED_BEFORE_MEANS, Need, shortage
from waiver_exchange.projections.state import MarketView

_RELATED_MAX = 100


def explain(exchange: Exchange, refused: RefusedError, *, account: int, market: MarketView, need: Need) -> AlpacaError:
    """Return the refusal of an order in a market; of one beyond the limits the account lacks means first."""
    if refused.reason in ASKED_BEFORE_MEANS:
        refused = shortage(exchange, need, account=account, market=market.market) or refused
    error = error_of(refused)
    if refused.reason is RefusalReason.insufficient_shares:
        return _with(error, error.message, _shares(exchange, account=account, market=market))
    if refused.reason is RefusalReason.notional_is_too_small:
        least = format_money(market.reference_price_cents)
        return _with(error, f"{error.message} {least}", {"symbol": market.symbol})
    if refused.reason is RefusalReason.market_is_halted:
        return _with(not_allowed(""), f'asset "{market.symbol}" is not tradable', error.extra)
    return error


def _shares(exchange: Exchange, *, account: int, market: MarketView) -> dict[str, object]:
    holding = exchange.state.holdings.get(account, {}).get(market.market)
    existing, held = (0, 0) if holding is None else (holding.quantity_units, holding.held_units)
    related = [
        str(to_uuid(IdKind.order, order.order_id))
        for order in exchange.state.account_orders.get(account, {}).values()
        if order.is_open and order.market == market.market and order.side == codes.SELL
    ]
    return {
        "symbol": market.symbol,
        "available": format_quantity(existing - held),
        "existing_qty": format_quantity(existing),
        "held_for_orders": format_quantity(held),
        "related_orders": related[:_RELATED_MAX],
    }


def _with(error: AlpacaError, message: str, extra: object) -> AlpacaError:
    return AlpacaError(error.status, error.code, message, dict(error.extra) | dict(extra))  # type: ignore[call-overload]
