"""Every no of the exchange as HTTP: one table of statuses, one form of body."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from litestar import Response
from litestar.exceptions import HTTPException

from waiver_exchange.application.refused import Detail, RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.headers import keep_allowance, request_id_of
from waiver_exchange.gateway.rate_limits import RateRefusedError
from waiver_exchange.gateway.refusals import error_body
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.context import AnyRequest, allowed_methods_of
from waiver_exchange.projections.changes import ReadModelError

_log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS: Final = 1

_R = RefusalReason
_REASONS_BY_STATUS: Final[Mapping[HTTPStatus, tuple[RefusalReason, ...]]] = {
    HTTPStatus.BAD_REQUEST: (_R.request_is_malformed,),
    HTTPStatus.UNAUTHORIZED: (
        _R.credentials_are_missing,
        _R.credentials_are_wrong,
        _R.token_is_wrong,
        _R.connection_is_not_authenticated,
    ),
    HTTPStatus.FORBIDDEN: (
        _R.account_is_halted,
        _R.scope_is_missing,
        _R.trading_is_suspended_by_owner,
        _R.insufficient_cash,
        _R.insufficient_shares,
    ),
    HTTPStatus.NOT_FOUND: (
        _R.account_not_found,
        _R.market_not_found,
        _R.watchlist_not_found,
        _R.order_not_found,
        _R.order_belongs_to_another_account,
        _R.key_not_found,
        _R.route_not_found,
        _R.channel_not_found,
        _R.method_not_found,
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (_R.method_is_not_allowed,),
    HTTPStatus.CONFLICT: (
        _R.symbol_already_listed,
        _R.watchlist_name_is_taken,
        _R.connection_is_authenticated,
        _R.reference_used_with_other_content,
        _R.client_order_id_used_with_other_content,
        _R.order_is_final,
        _R.too_many_keys,
        _R.quantity_is_filled_already,
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (_R.request_is_too_large,),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (_R.content_type_is_unsupported,),
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        _R.fractional_trading_is_switched_off,
        _R.too_many_watchlists,
        _R.watchlist_is_full,
        _R.exchange_is_halted,
        _R.market_is_halted,
        _R.order_terms_are_invalid,
        _R.quantity_or_notional_is_required,
        _R.notional_needs_a_market_order,
        _R.quantity_must_be_positive,
        _R.quantity_exceeds_supply,
        _R.notional_must_be_positive,
        _R.price_must_be_positive,
        _R.price_is_too_high,
        _R.market_order_takes_no_price,
        _R.post_only_needs_a_resting_order,
        _R.expiry_is_required,
        _R.expiry_is_not_in_the_future,
        _R.expiry_is_too_far,
        _R.expiry_needs_gtd,
        _R.reference_price_is_missing,
        _R.price_is_outside_the_band,
        _R.order_value_is_too_large,
        _R.notional_is_too_small,
        _R.position_would_be_too_large,
        _R.too_many_open_orders,
        _R.amount_must_be_positive,
        _R.cash_issued_would_be_too_large,
        _R.supply_must_be_positive,
        _R.supply_would_be_too_large,
        _R.parameters_are_invalid,
        _R.house_cannot_be_granted_shares,
        _R.stop_price_is_required,
        _R.stop_price_needs_a_stop_order,
        _R.stop_order_needs_a_lifetime,
        _R.nothing_is_replaced,
        _R.order_has_not_expired,
        _R.post_only_would_take,
        _R.field_is_missing,
        _R.field_is_unknown,
        _R.field_is_invalid,
        _R.quantity_is_too_precise,
        _R.price_is_off_the_tick,
        _R.amount_is_too_precise,
        _R.number_is_too_large,
        _R.client_order_id_is_invalid,
        _R.symbol_is_invalid,
        _R.too_many_subscriptions,
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        _R.order_rate_is_too_high,
        _R.request_rate_is_too_high,
        _R.too_many_requests_in_flight,
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (_R.internal_error,),
    # What is nobody's mistake and passes: Retry-After says when to come back.
    HTTPStatus.SERVICE_UNAVAILABLE: (
        _R.journal_is_unavailable,
        _R.exchange_is_busy,
        _R.too_many_connections,
        _R.exchange_is_stopping,
        _R.outcome_is_unknown,
        _R.history_is_unavailable,
        _R.order_table_is_full,
    ),
}
STATUS_OF: Final = {reason: status for status, reasons in _REASONS_BY_STATUS.items() for reason in reasons}

# Whoever asks for another's order learns no more than that it is not his.
_SAID_INSTEAD: Final = {_R.order_belongs_to_another_account: _R.order_not_found}
_FRAMEWORK_REASONS: Final = {
    HTTPStatus.NOT_FOUND: _R.route_not_found,
    HTTPStatus.METHOD_NOT_ALLOWED: _R.method_is_not_allowed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _R.request_is_too_large,
}


def refusal_answer(reason: RefusalReason, details: Mapping[str, Detail] | None = None) -> Response[bytes]:
    """Return the answer that says a refusal."""
    said = _SAID_INSTEAD.get(reason, reason)
    status = STATUS_OF[said]
    headers = {}
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return answer({"error": error_body(said, details)}, status_code=status, headers=headers)


def answer_refused(request: AnyRequest, error: RefusedError) -> Response[bytes]:
    """Answer what a use case refuses."""
    response = refusal_answer(error.reason, error.details)
    if isinstance(error, RateRefusedError):
        keep_allowance(request.scope, error.allowance)
        response.headers["retry-after"] = str(error.allowance.retry_after_s)
    return response


def answer_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Say what the framework refuses in our words; it refuses nothing but routes, methods and sizes."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer_failure(request, error)
    response = refusal_answer(_FRAMEWORK_REASONS.get(HTTPStatus(error.status_code), _R.request_is_malformed))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["allow"] = allowed_methods_of(request).of(request.scope["path"])
    return response


def answer_failed_read(request: AnyRequest, error: ReadModelError) -> Response[bytes]:
    """History cannot be read; an order that was just placed or cancelled is durable all the same."""
    _log.error("request %s: %s", request_id_of(request.scope), error)
    return refusal_answer(_R.history_is_unavailable if request.method == "GET" else _R.outcome_is_unknown)


def answer_failure(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer a fault of the program."""
    request_id = request_id_of(request.scope)
    _log.error("request %s failed: %s %s", request_id, request.method, request.url.path, exc_info=error)
    return refusal_answer(_R.internal_error, {"request_id": request_id})
