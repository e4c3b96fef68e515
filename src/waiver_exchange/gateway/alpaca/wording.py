"""The refusals of the exchange in Alpaca's statuses, codes and words; bots match some of these messages."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from waiver_exchange.application.refused import Detail
from waiver_exchange.domain.money import format_money, format_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.errors import STATUS_OF

_R = RefusalReason
Details = Mapping[str, Detail]


class Wording(NamedTuple):
    """How one refusal is said."""

    status: int
    code: int
    message: str
    extra: Mapping[str, object] = {}


_UNAUTHORIZED: Final = (HTTPStatus.UNAUTHORIZED, 40_110_000)
_MALFORMED: Final = (HTTPStatus.BAD_REQUEST, 40_010_000)
_FORBIDDEN: Final = (HTTPStatus.FORBIDDEN, 40_310_000)
_NOT_FOUND: Final = (HTTPStatus.NOT_FOUND, 40_410_000)
_INVALID: Final = (HTTPStatus.UNPROCESSABLE_ENTITY, 40_010_001)
_NOT_ALLOWED: Final = (HTTPStatus.UNPROCESSABLE_ENTITY, 42_210_000)
_TOO_MANY: Final = (HTTPStatus.TOO_MANY_REQUESTS, 42_910_000)
_UNAVAILABLE: Final = (HTTPStatus.SERVICE_UNAVAILABLE, 50_310_000)

_Template = str | Callable[[Details], str] | None
_UNSAID: Final[_Template] = None


def _insufficient_shares(details: Details) -> str:
    requested, available = (_units(details.get(name)) for name in ("required", "available"))
    return f"insufficient qty available for order (requested: {requested}, available: {available})"


def _field(details: Details) -> str:
    return f"invalid {details.get('field', 'request')}"


def _final(details: Details) -> str:
    status = str(details.get("status", "closed"))
    return f'order is already in "{ {"cancelled": "canceled"}.get(status, status) }" state'


# None says it in the words that the refusal has everywhere.
_SAID: Final[Mapping[RefusalReason, tuple[tuple[HTTPStatus, int], _Template]]] = {
    _R.credentials_are_missing: (_UNAUTHORIZED, "request is not authorized"),
    _R.credentials_are_wrong: (_UNAUTHORIZED, "request is not authorized"),
    _R.token_is_wrong: (_UNAUTHORIZED, "request is not authorized"),
    _R.scope_is_missing: (_FORBIDDEN, "this key is not authorized for this request"),
    _R.request_is_malformed: (_MALFORMED, "request body format is invalid"),
    _R.account_is_halted: (_FORBIDDEN, "account is not authorized to trade"),
    _R.trading_is_suspended_by_owner: (_FORBIDDEN, "new orders are rejected by user request"),
    _R.insufficient_cash: (_FORBIDDEN, "insufficient buying power"),
    _R.insufficient_shares: (_FORBIDDEN, _insufficient_shares),
    _R.notional_is_too_small: (_FORBIDDEN, "cost basis must be >= minimal amount of order"),
    _R.order_not_found: (_NOT_FOUND, "order not found"),
    _R.order_belongs_to_another_account: (_NOT_FOUND, "order not found"),
    _R.market_not_found: (_NOT_ALLOWED, lambda details: f'asset "{details.get("symbol", "")}" not found'),
    _R.account_not_found: (_NOT_FOUND, _UNSAID),
    _R.watchlist_not_found: (_NOT_FOUND, "watchlist not found"),
    _R.watchlist_name_is_taken: (_INVALID, "watchlist name must be unique"),
    _R.route_not_found: (_NOT_FOUND, "endpoint not found"),
    _R.method_is_not_allowed: ((HTTPStatus.METHOD_NOT_ALLOWED, 40_510_000), "method not allowed"),
    _R.request_is_too_large: ((HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 41_310_000), "request body is too large"),
    _R.content_type_is_unsupported: ((HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 41_510_000), _UNSAID),
    _R.client_order_id_used_with_other_content: (_INVALID, "client_order_id must be unique"),
    _R.client_order_id_is_invalid: (
        _INVALID,
        "client_order_id must be 1 to 128 printable characters, and no id of an order",
    ),
    _R.quantity_or_notional_is_required: (_INVALID, "qty or notional is required"),
    _R.quantity_must_be_positive: (_INVALID, "qty must be > 0"),
    _R.notional_must_be_positive: (_INVALID, "notional must be > 0"),
    _R.price_must_be_positive: (_INVALID, "limit_price must be > 0"),
    _R.stop_price_is_required: (_INVALID, "stop_price must be > 0"),
    _R.field_is_missing: (_INVALID, lambda details: f"{details.get('field', 'a field')} is required"),
    _R.field_is_unknown: (_INVALID, _field),
    _R.field_is_invalid: (_INVALID, _field),
    _R.number_is_too_large: (_INVALID, _field),
    _R.market_order_takes_no_price: (_INVALID, "market orders require no stop or limit price"),
    _R.stop_price_needs_a_stop_order: (_INVALID, "stop_price is only valid for stop and stop_limit orders"),
    _R.quantity_is_too_precise: (
        _NOT_ALLOWED,
        lambda details: f"invalid {details.get('field', 'qty')}: at most four decimal places",
    ),
    _R.amount_is_too_precise: (
        _NOT_ALLOWED,
        lambda details: f"invalid {details.get('field', 'notional')}: at most six decimal places",
    ),
    _R.price_is_off_the_tick: (
        _NOT_ALLOWED,
        lambda details: (
            f"invalid {details.get('field', 'limit_price')} {details.get('value', '')}. "
            "sub-penny increment does not fulfill minimum pricing criteria"
        ),
    ),
    _R.order_is_final: (_NOT_ALLOWED, _final),
    _R.exchange_is_halted: (_NOT_ALLOWED, "trading is halted"),
    _R.order_rate_is_too_high: (_TOO_MANY, "rate limit exceeded"),
    _R.request_rate_is_too_high: (_TOO_MANY, "rate limit exceeded"),
    _R.internal_error: ((HTTPStatus.INTERNAL_SERVER_ERROR, 50_010_000), "internal server error occurred"),
}


def wording_of(reason: RefusalReason, details: Details) -> Wording:
    """Return how a refusal is said."""
    (status, code), template = _SAID.get(reason) or (_default(reason), _UNSAID)
    message = template(details) if callable(template) else template or reason.message
    return Wording(status, code, message, _extra(reason, details))


def _default(reason: RefusalReason) -> tuple[HTTPStatus, int]:
    """Return status and code of what has no words of its own; most of that is a rule a well-formed request broke."""
    if STATUS_OF[reason] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _UNAVAILABLE
    return _TOO_MANY if STATUS_OF[reason] == HTTPStatus.TOO_MANY_REQUESTS else _NOT_ALLOWED


def _extra(reason: RefusalReason, details: Details) -> Mapping[str, object]:
    required, available = details.get("required"), details.get("available")
    if reason is RefusalReason.insufficient_cash and isinstance(required, int) and isinstance(available, int):
        return {"buying_power": format_money(available), "cost_basis": format_money(required)}
    return {}


def _units(value: Detail | None) -> str:
    return format_quantity(value) if isinstance(value, int) else "0"
