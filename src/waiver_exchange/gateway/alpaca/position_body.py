"""A position as Alpaca's clients read it: every number is text, a percentage is a fraction of one."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from waiver_exchange.application.queries import DayChange, Position
from waiver_exchange.domain.money import format_money, format_quantity
from waiver_exchange.gateway.alpaca.assets import VENUE, asset_id_of
from waiver_exchange.gateway.alpaca.order_body import ASSET_CLASS, price_text

_RATIO_STEP: Final = Decimal("0.00000001")


def position_body(position: Position, *, today: DayChange) -> dict[str, object]:
    """Return a position; what compares with the day before is null where there was no price."""
    current_cents, close_cents = position.price_cents, position.previous_close_cents
    today_micros = today.change_micros if close_cents else None
    return {
        "asset_id": asset_id_of(position.market),
        "symbol": position.symbol,
        "exchange": VENUE,
        "asset_class": ASSET_CLASS,
        "asset_marginable": False,
        "qty": format_quantity(position.quantity_units),
        "qty_available": format_quantity(position.available_units),
        "avg_entry_price": format_money(position.average_cost_micros),
        "side": "long",
        "market_value": format_money(position.market_value_micros),
        "cost_basis": format_money(position.cost_micros),
        "unrealized_pl": format_money(position.unrealized_micros),
        "unrealized_plpc": ratio(position.unrealized_micros, position.cost_micros),
        "unrealized_intraday_pl": None if today_micros is None else format_money(today_micros),
        "unrealized_intraday_plpc": None if today_micros is None else ratio(today_micros, today.base_micros),
        "current_price": price_text(current_cents),
        "lastday_price": price_text(close_cents),
        "change_today": ratio(current_cents - close_cents, close_cents) if close_cents else None,
    }


def ratio(part: int, whole: int) -> str:
    """Return part / whole in plain decimal text of at most eight decimals, `0` where there is no whole."""
    if not whole or not part:
        return "0"
    value = (Decimal(part) / Decimal(whole)).quantize(_RATIO_STEP, rounding=ROUND_HALF_EVEN)
    text = f"{value:f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
