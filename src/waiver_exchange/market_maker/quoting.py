"""What the market maker wants to quote: a pure decision from one market's situation."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from waiver_exchange.domain.limits import BPS, PRICE_CENTS_MAX

UNITS_PER_SHARE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotingRules:
    """The market maker's limits; source of the defaults: the predecessor's product constants ("market maker").

    Those of inventory are new: the quotes move down by up to `skew_bps_max` while it holds more than its target of a
    player, and up while it holds less, so that it is rather rid of what it has too much of.
    """

    half_spread_bps: int = 400
    requote_bps: int = 100
    spread_bps_max: int = 1_200
    quantity_units_max: int = 100 * UNITS_PER_SHARE
    quantity_units_min: int = UNITS_PER_SHARE
    value_micros_per_day: int = 100_000_000_000
    skew_bps_max: int = 100
    inventory_target_units: int = 3_000 * UNITS_PER_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One market as the market maker finds it. Prices are cents and 0 when there is none; shares are units.

    `other_bid_cents` and `other_ask_cents` are the best prices of others. `sellable_units` and `spendable_micros` count
    what its own quotes in this market hold, for that comes free when they are replaced. `budget_micros` is what it may
    still trade in this market today.
    """

    fair_value_cents: int
    reference_price_cents: int
    band_bps: int
    position_units: int
    sellable_units: int
    spendable_micros: int
    budget_micros: int
    other_bid_cents: int = 0
    other_ask_cents: int = 0


class Quote(NamedTuple):
    """A price in cents and a quantity in units."""

    price_cents: int
    quantity_units: int


class Quotes(NamedTuple):
    """What is wanted on either side; None is no quote."""

    bid: Quote | None
    ask: Quote | None


def decide_quotes(situation: Situation, rules: QuotingRules) -> Quotes:
    """Return the wanted quotes: inside the market's band, not crossing anybody, never further apart than allowed.

    Where the band is in the way a side is quoted at the band's end if that is no worse a price for the market maker,
    else not at all.
    """
    if situation.fair_value_cents < 1:
        return Quotes(None, None)
    bid_cents, ask_cents = _prices(situation, rules)
    # Each side may spend half of what is left of the day: both can fill before anything is decided again.
    budget = max(0, situation.budget_micros) // 2
    bid = ask = None
    if bid_cents:
        bid = _quote(bid_cents, min(budget, situation.spendable_micros) // bid_cents, rules)
    if ask_cents:
        ask = _quote(ask_cents, min(budget // ask_cents, situation.sellable_units), rules)
    return Quotes(bid, ask)


def spread_fits(*, bid_cents: int, ask_cents: int, rules: QuotingRules) -> bool:
    """Whether two prices are apart, and by no more than the widest spread in basis points of the bid."""
    return bid_cents < ask_cents and (ask_cents - bid_cents) * BPS <= rules.spread_bps_max * bid_cents


def inventory_skew_bps(*, position_units: int, rules: QuotingRules) -> int:
    """Return by how much the quotes move: the maximum when nothing is held, its negative at twice the target."""
    target = rules.inventory_target_units
    if target < 1:
        return 0
    skew = rules.skew_bps_max * (target - position_units) // target
    return max(-rules.skew_bps_max, min(rules.skew_bps_max, skew))


def _prices(situation: Situation, rules: QuotingRules) -> tuple[int, int]:
    """Return the bid and the ask in cents, 0 where nothing can be quoted."""
    fair = situation.fair_value_cents
    skew = inventory_skew_bps(position_units=situation.position_units, rules=rules)
    # Rounded towards the fair value, which never widens the spread; below a quarter of a dollar no spread is left.
    bid = -(-fair * (BPS + skew - rules.half_spread_bps) // BPS)
    ask = fair * (BPS + skew + rules.half_spread_bps) // BPS
    if not spread_fits(bid_cents=bid, ask_cents=ask, rules=rules):
        return 0, 0
    bid, ask = _beside_others(bid, ask, situation, rules)
    low, high = _band(situation)
    return min(bid, high) if bid >= low else 0, max(ask, low) if 0 < ask <= high else 0


def _beside_others(bid: int, ask: int, situation: Situation, rules: QuotingRules) -> tuple[int, int]:
    """Return the prices moved so that they rest; a side that would have to move too far leaves the market to others."""
    resting_bid = min(bid, situation.other_ask_cents - 1) if situation.other_ask_cents else bid
    resting_ask = max(ask, situation.other_bid_cents + 1)
    if spread_fits(bid_cents=resting_bid, ask_cents=resting_ask, rules=rules):
        return resting_bid, resting_ask
    return bid if bid == resting_bid else 0, ask if ask == resting_ask else 0


def _band(situation: Situation) -> tuple[int, int]:
    """Return the lowest and the highest price of a limit order; `docs/trading-rules.md`, PLACE_ORDER 9."""
    reference = situation.reference_price_cents
    if not reference or not situation.band_bps:
        return 1, PRICE_CENTS_MAX
    width = reference * situation.band_bps // BPS
    return max(1, reference - width), min(reference + width, PRICE_CENTS_MAX)


def _quote(price_cents: int, quantity_units: int, rules: QuotingRules) -> Quote | None:
    quantity = min(quantity_units, rules.quantity_units_max)
    return Quote(price_cents, quantity) if quantity >= rules.quantity_units_min else None
