"""The reference price of a player's share before the season, from the projected points alone."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from waiver_exchange.domain.limits import PRICE_CENTS_MAX

SEASON_WEEKS: Final = 17
BASE_PRICE_CENTS: Final = 5_000
CENTS_PER_WEEKLY_POINT: Final = 300

# A context of its own keeps a caller's decimal settings from ever changing a price.
_CONTEXT: Final = Context(prec=50, rounding=ROUND_HALF_EVEN)


def reference_price_cents(projected_points: Decimal) -> int:
    """Return the price of one share in cents, for `projected_points` fantasy points over the whole season.

        price = $50 + $3 x (projected points / 17 weeks), rounded to a cent, half to even

    Source: "fair price, version 2.0", the game's pricing formula, at week 0: its blend of projection and pace is then
    all projection, and its momentum part does not apply yet.

    Raises `ValueError` when the points are negative or not finite, or when the price is above `PRICE_CENTS_MAX`.
    """
    if not projected_points.is_finite() or projected_points < 0:
        raise ValueError(f"projected points must be a number of at least 0, not {projected_points}")
    # Multiplying before dividing keeps the only inexact step last, so that a true half is seen as a half.
    weekly_part = _CONTEXT.divide(_CONTEXT.multiply(projected_points, Decimal(CENTS_PER_WEEKLY_POINT)), SEASON_WEEKS)
    # The bound comes before the rounding because a huge number has no room for its cents.
    if weekly_part > PRICE_CENTS_MAX - BASE_PRICE_CENTS:
        raise ValueError(f"projected points of {projected_points} give a price above {PRICE_CENTS_MAX} cents")
    return BASE_PRICE_CENTS + int(weekly_part.to_integral_value(context=_CONTEXT))
