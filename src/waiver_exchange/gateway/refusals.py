"""How the details of a refusal are worded outside: the engine's two numbers as named decimal text, or not at all."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from waiver_exchange.application.refused import Detail
from waiver_exchange.domain.money import format_money, format_price, format_quantity
from waiver_exchange.domain.refusals import RefusalReason


class _Amounts(NamedTuple):
    """How the two numbers that come with a refusal are called and written."""

    required: str
    available: str
    text: Callable[[int], object]


# The engine gives every denial two numbers; these mean something by them.
_AMOUNTS: Final = {
    RefusalReason.insufficient_cash: _Amounts("required", "available", format_money),
    RefusalReason.insufficient_shares: _Amounts("required", "available", format_quantity),
    RefusalReason.quantity_exceeds_supply: _Amounts("given", "limit", format_quantity),
    RefusalReason.price_is_too_high: _Amounts("given", "limit", format_price),
    RefusalReason.price_is_outside_the_band: _Amounts("given", "limit", format_price),
    RefusalReason.order_value_is_too_large: _Amounts("given", "limit", format_money),
    RefusalReason.position_would_be_too_large: _Amounts("given", "limit", format_quantity),
    RefusalReason.quantity_is_filled_already: _Amounts("given", "filled", format_quantity),
    RefusalReason.too_many_open_orders: _Amounts("given", "limit", int),
    RefusalReason.account_order_value_is_too_large: _Amounts("given", "limit", format_money),
    RefusalReason.account_has_too_many_open_orders: _Amounts("given", "limit", int),
    RefusalReason.account_position_would_be_too_large: _Amounts("given", "limit", format_quantity),
    RefusalReason.supply_share_would_be_too_large: _Amounts("given", "limit", format_quantity),
    RefusalReason.day_loss_limit_is_reached: _Amounts("lost", "limit", format_money),
    RefusalReason.day_turnover_would_be_too_large: _Amounts("given", "limit", format_money),
    RefusalReason.team_share_would_be_too_large: _Amounts("given", "limit", format_money),
    RefusalReason.playing_position_share_would_be_too_large: _Amounts("given", "limit", format_money),
    RefusalReason.account_order_rate_is_too_high: _Amounts("wait_ns", "limit", int),
}


def details_of(reason: RefusalReason, details: Mapping[str, Detail]) -> dict[str, object]:
    """Return the details as they are shown: amounts are decimal text, as everywhere."""
    said: dict[str, object] = dict(details)
    required, available = said.pop("required", None), said.pop("available", None)
    amounts = _AMOUNTS.get(reason)
    if amounts is not None and isinstance(required, int) and isinstance(available, int):
        said[amounts.required] = amounts.text(required)
        said[amounts.available] = amounts.text(available)
    return said


def said_instead(reason: RefusalReason) -> RefusalReason:
    """Return what is said outside: whoever asks for another's order learns no more than that it is not his."""
    if reason is RefusalReason.order_belongs_to_another_account:
        return RefusalReason.order_not_found
    return reason


def error_body(reason: RefusalReason, details: Mapping[str, Detail] | None = None) -> dict[str, object]:
    """Return what stands under `error`."""
    return {"code": reason.name, "message": reason.message, "details": details_of(reason, details or {})}
