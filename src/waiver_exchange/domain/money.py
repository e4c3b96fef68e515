"""Money, price and quantity at the boundary: decimal text outside, integers inside, no binary float anywhere.

Cash is micro-dollars, a price is cents per share, a quantity is units of 1/10,000 share; 1 cent x 1 unit is exactly
1 micro-dollar.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Final, NewType

from waiver_exchange.domain.refusals import RefusalReason

Money = NewType("Money", int)
Price = NewType("Price", int)
Quantity = NewType("Quantity", int)

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_MONEY_DECIMALS: Final = 6
_PRICE_DECIMALS: Final = 2
_QUANTITY_DECIMALS: Final = 4
_LARGEST: Final = 2**62
# The same few prices and quantities are read and written all the time.
_REMEMBERED: Final = 16_384


class InvalidAmountError(ValueError):
    """The text is not an amount of the wanted kind; `reason` says why."""

    def __init__(self, reason: RefusalReason) -> None:
        """Keep the refusal that the caller answers with."""
        super().__init__(reason.message)
        self.reason = reason


def parse_money(text: str) -> Money:
    """Return micro-dollars of decimal text such as `50` or `0.000001`. Raises `InvalidAmountError`."""
    return Money(_parse(text, decimals=_MONEY_DECIMALS, too_precise=RefusalReason.amount_is_too_precise))


@lru_cache(_REMEMBERED)
def parse_price(text: str) -> Price:
    """Return cents of decimal text such as `25.00`. Raises `InvalidAmountError`."""
    return Price(_parse(text, decimals=_PRICE_DECIMALS, too_precise=RefusalReason.price_is_off_the_tick))


@lru_cache(_REMEMBERED)
def parse_quantity(text: str) -> Quantity:
    """Return units of 1/10,000 share of decimal text such as `2.5`. Raises `InvalidAmountError`."""
    return Quantity(_parse(text, decimals=_QUANTITY_DECIMALS, too_precise=RefusalReason.quantity_is_too_precise))


def _parse(text: str, *, decimals: int, too_precise: RefusalReason) -> int:
    if len(text) > 64:  # noqa: PLR2004 - longer than any number that could be accepted
        raise InvalidAmountError(RefusalReason.number_is_too_large)
    if not _NUMBER.fullmatch(text):
        raise InvalidAmountError(RefusalReason.field_is_invalid)
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise InvalidAmountError(too_precise)
    value = int(whole + fraction.ljust(decimals, "0"))
    if abs(value) >= _LARGEST:
        raise InvalidAmountError(RefusalReason.number_is_too_large)
    return value


@lru_cache(_REMEMBERED)
def format_money(micros: int) -> str:
    """Return dollars with at least two decimals and no more than are needed, such as `10000.00` or `0.000001`."""
    return _format(micros, decimals=_MONEY_DECIMALS, decimals_min=2)


@lru_cache(_REMEMBERED)
def format_price(cents: int) -> str:
    """Return dollars with two decimals, such as `25.00`."""
    return _format(cents, decimals=_PRICE_DECIMALS, decimals_min=_PRICE_DECIMALS)


@lru_cache(_REMEMBERED)
def format_quantity(units: int) -> str:
    """Return shares without needless zeros, such as `2.5`."""
    return _format(units, decimals=_QUANTITY_DECIMALS, decimals_min=0)


def _format(value: int, *, decimals: int, decimals_min: int) -> str:
    digits = str(abs(value)).rjust(decimals + 1, "0")
    whole, fraction = digits[:-decimals], digits[-decimals:].rstrip("0").ljust(decimals_min, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def average_price(*, value_micros: int, quantity_units: int) -> str:
    """Return dollars per share of a total, rounded half even to six decimals (for display only, never for money)."""
    cents = Decimal(value_micros) / Decimal(quantity_units)
    micros = (cents * 10_000).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return format_money(int(micros))
