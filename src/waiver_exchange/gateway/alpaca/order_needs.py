"""What an order needs of its account, computed beside the engine for refusals that come before it looks at that.

The engine refuses what is beyond the exchange's limits before it asks whether the account could pay. Bots look for
the other answer: to them the same order lacks buying power, or shares.
"""

from typing import Final, NamedTuple

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import SIDES, OrderRequest
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.replace_order import ReplaceRequest
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import ExchangeParameters
from waiver_exchange.domain.limits import BPS, PRICE_CENTS_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import MarketView, OrderView

# What the engine has against size and price of an order before it looks at what the account has.
ASKED_BEFORE_MEANS: Final = frozenset(
    {
        RefusalReason.quantity_exceeds_supply,
        RefusalReason.price_is_outside_the_band,
        RefusalReason.order_value_is_too_large,
        RefusalReason.position_would_be_too_large,
        RefusalReason.account_order_value_is_too_large,
        RefusalReason.account_position_would_be_too_large,
        RefusalReason.supply_share_would_be_too_large,
        RefusalReason.day_turnover_would_be_too_large,
        RefusalReason.team_share_would_be_too_large,
        RefusalReason.playing_position_share_would_be_too_large,
    }
)


class Need(NamedTuple):
    """What an order needs, and what the one that it replaces would give back: micro-dollars, or units when it sells."""

    side: int
    required: int
    released: int = 0


def need_of_order(exchange: Exchange, request: OrderRequest, *, market: MarketView) -> Need:
    """Return what a new order would hold."""
    parameters = exchange.state.parameters
    side = SIDES[request.side]
    if side == codes.SELL:
        notional, reference = request.notional_micros or 0, market.reference_price_cents
        return Need(side, request.quantity_units or (notional // reference if reference else 0))
    price = request.limit_price_cents or _worst_price(
        request.stop_price_cents or market.reference_price_cents, parameters
    )
    return Need(side, _cost(request.notional_micros or price * (request.quantity_units or 0), parameters))


def need_of_replacement(exchange: Exchange, request: ReplaceRequest, *, order: OrderView) -> Need:
    """Return what the new order would hold, and what the old one holds."""
    parameters = exchange.state.parameters
    left = order.quantity_units - order.filled_quantity_units
    units = (request.quantity_units or order.quantity_units) - order.filled_quantity_units
    if order.side == codes.SELL:
        return Need(order.side, units, left)
    price_now = order.limit_price_cents or _worst_price(order.stop_price_cents, parameters)
    price = request.limit_price_cents or (
        price_now if request.stop_price_cents is None else _worst_price(request.stop_price_cents, parameters)
    )
    return Need(order.side, _cost(price * units, parameters), _cost(price_now * left, parameters))


def shortage(exchange: Exchange, need: Need, *, account: int, market: int) -> RefusedError | None:
    """Return the refusal for what an account lacks, or None when it has enough."""
    if need.side == codes.BUY:
        reason, free = RefusalReason.insufficient_cash, exchange.state.accounts[account].available_micros
    else:
        holding = exchange.state.holdings.get(account, {}).get(market)
        reason = RefusalReason.insufficient_shares
        free = 0 if holding is None else holding.quantity_units - holding.held_units
    available = free + need.released
    return RefusedError(reason, required=need.required, available=available) if need.required > available else None


def _worst_price(cents: int, parameters: ExchangeParameters) -> int:
    """Return the most that an order to buy without a limit pays, measured from a price."""
    return min(cents + cents * parameters.collar_bps // BPS, PRICE_CENTS_MAX)


def _cost(value_micros: int, parameters: ExchangeParameters) -> int:
    """Return a value with the higher of the fees, rounded up."""
    bps = max(parameters.maker_fee_bps, parameters.taker_fee_bps)
    return value_micros + (value_micros * bps + BPS - 1) // BPS
