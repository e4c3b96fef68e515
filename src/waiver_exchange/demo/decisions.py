"""What a simulated trader does next: a decision from what he sees and a seeded generator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from waiver_exchange.application.place_order import OrderRequest
from waiver_exchange.domain.limits import BPS, PRICE_CENTS_MAX

# In units of 1/10,000 share; odd sizes show that shares are divisible. A trade is worth some $50.
QUANTITIES: Final = (1_000, 2_500, 5_000, 5_000, 7_500, 10_000, 12_500, 20_000)
NOTIONALS_MICROS: Final = (10_000_000, 20_000_000, 25_000_000, 40_000_000, 50_000_000, 100_000_000)
RESTING_ORDERS_MAX: Final = 12
LOOKED_AT: Final = 3
# How far from the middle a resting order is placed: mostly inside the market maker's spread, sometimes across it.
_AWAY_BPS_MIN: Final = -50
_AWAY_BPS_MAX: Final = 300

_SELLS: Final = 0.5
_RESTS: Final = 0.4
_CANCELS: Final = 0.2
_BY_NOTIONAL: Final = 0.3
_IOC: Final = 0.35


class Cancel(NamedTuple):
    """Take the oldest resting order back."""

    order_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A market as a trader sees it; prices in cents, 0 for none; `available_units` and the order are his own."""

    symbol: str
    best_bid_cents: int
    best_ask_cents: int
    reference_price_cents: int
    collar_bps: int
    available_units: int
    has_own_order: bool = False


def decide_action(
    rng: Random, *, markets: Sequence[Seen], available_micros: int, resting: Sequence[int]
) -> OrderRequest | Cancel | None:
    """Return the next action of a trader who looks at `markets` and has the orders `resting`, oldest first."""
    if resting and (len(resting) >= RESTING_ORDERS_MAX or rng.random() < _CANCELS):
        return Cancel(resting[0])
    # Where an order of his own rests he might meet it, so he waits there.
    quoted = [market for market in markets if 0 < market.best_bid_cents < market.best_ask_cents]
    quoted = [market for market in quoted if not market.has_own_order]
    if not quoted:
        return None
    owned = [market for market in quoted if market.available_units >= min(QUANTITIES)]
    sells = bool(owned) and rng.random() < _SELLS
    rests = rng.random() < _RESTS
    # Whoever wants to trade at once takes the closest prices; whoever waits goes where there is room between them.
    market = (max if rests else min)(owned if sells else quoted, key=_spread_bps)
    quantity = rng.choice(QUANTITIES)
    if sells:
        quantity = min(quantity, market.available_units)
    elif market.best_ask_cents * quantity * 2 > available_micros:
        return None
    if rests:
        return _resting_order(rng, market, sells=sells, quantity_units=quantity)
    return _taking_order(rng, market, sells=sells, quantity_units=quantity)


def _resting_order(rng: Random, market: Seen, *, sells: bool, quantity_units: int) -> OrderRequest:
    middle = (market.best_bid_cents + market.best_ask_cents) // 2
    away = middle * rng.randint(_AWAY_BPS_MIN, _AWAY_BPS_MAX) // BPS
    price = middle + away if sells else middle - away
    return OrderRequest(
        symbol=market.symbol,
        side="sell" if sells else "buy",
        order_type="limit",
        time_in_force="day",
        quantity_units=quantity_units,
        limit_price_cents=max(1, min(price, PRICE_CENTS_MAX)),
    )


def _taking_order(rng: Random, market: Seen, *, sells: bool, quantity_units: int) -> OrderRequest:
    side = "sell" if sells else "buy"
    touch = market.best_bid_cents if sells else market.best_ask_cents
    if rng.random() < _IOC or _is_beyond_collar(market, touch):
        return OrderRequest(
            symbol=market.symbol,
            side=side,
            order_type="limit",
            time_in_force="ioc",
            quantity_units=quantity_units,
            limit_price_cents=touch,
        )
    notional = rng.choice(NOTIONALS_MICROS)
    if rng.random() < _BY_NOTIONAL and (not sells or notional < touch * market.available_units // 2):
        return OrderRequest(symbol=market.symbol, side=side, order_type="market", notional_micros=notional)
    return OrderRequest(symbol=market.symbol, side=side, order_type="market", quantity_units=quantity_units)


def _is_beyond_collar(market: Seen, touch_cents: int) -> bool:
    """Whether a market order would be cancelled instead of reaching the best price."""
    reference = market.reference_price_cents
    return abs(touch_cents - reference) * BPS > market.collar_bps * reference


def _spread_bps(market: Seen) -> int:
    return (market.best_ask_cents - market.best_bid_cents) * BPS // market.best_bid_cents


def choose_symbols(rng: Random, symbols: Sequence[str], weights: Mapping[str, int]) -> list[str]:
    """Return the markets that a trader looks at now; popular players more often."""
    return rng.choices(symbols, weights=[weights[symbol] for symbol in symbols], k=LOOKED_AT)
