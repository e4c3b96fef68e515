"""Every no of the exchange as HTTP: one table of statuses, one form of body."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import HTTPScope

from waiver_exchange.application.ports import IdentityError, JournalError
from waiver_exchange.application.refused import Detail, RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.headers import keep_allowance, request_id_of
from waiver_exchange.gateway.rate_limits import RateRefusedError
from waiver_exchange.gateway.refusals import error_body, said_instead
from waiver_exchange.gateway.rest.context import AnyRequest, allowed_methods_of
from waiver_exchange.gateway.rest.route import JSON, Answer, json_answer
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
        _R.refresh_token_is_wrong,
        _R.connection_is_not_authenticated,
    ),
    HTTPStatus.FORBIDDEN: (
        _R.account_is_halted,
        _R.account_is_erased,
        _R.scope_is_missing,
        _R.own_proposal,
        _R.csrf_token_is_wrong,
        _R.origin_is_foreign,
        _R.sign_in_is_unknown,
        _R.provider_refused,
        _R.sign_up_is_closed,
        _R.invitation_is_wrong,
        _R.email_domain_is_not_allowed,
        _R.session_is_required,
        _R.step_up_is_required,
        _R.passkey_is_wrong,
        _R.recent_sign_in_is_required,
        _R.trading_is_suspended_by_owner,
        _R.insufficient_cash,
        _R.insufficient_shares,
        _R.house_lacks_cash,
    ),
    HTTPStatus.NOT_FOUND: (
        _R.account_not_found,
        _R.market_not_found,
        _R.watchlist_not_found,
        _R.order_not_found,
        _R.trade_not_found,
        _R.order_belongs_to_another_account,
        _R.key_not_found,
        _R.proposal_not_found,
        _R.session_not_found,
        _R.passkey_not_found,
        _R.provider_not_found,
        _R.demo_sign_in_is_off,
        _R.position_not_found,
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
        _R.proposal_is_decided,
        _R.proposal_has_expired,
        _R.action_id_used_with_other_content,
        _R.action_is_not_repeatable,
        _R.too_many_proposals,
        _R.too_many_passkeys,
        _R.quantity_is_filled_already,
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (_R.request_is_too_large,),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (_R.content_type_is_unsupported,),
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        _R.return_to_is_not_ours,
        _R.fractional_trading_is_switched_off,
        _R.reason_is_missing,
        _R.too_many_watchlists,
        _R.watchlist_is_full,
        _R.audit_facts_look_personal,
        _R.audit_facts_are_too_long,
        _R.audit_range_is_wrong,
        _R.exchange_is_halted,
        _R.market_is_halted,
        _R.market_is_settled,
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
        _R.house_cannot_be_erased,
        _R.house_needs_no_correction,
        _R.correction_moves_nothing,
        _R.correction_is_too_large,
        _R.trade_facts_are_invalid,
        _R.settlement_price_is_negative,
        _R.reference_is_reserved,
        _R.stop_price_is_required,
        _R.stop_price_needs_a_stop_order,
        _R.stop_order_needs_a_lifetime,
        _R.nothing_is_replaced,
        _R.role_is_unknown,
        _R.limits_are_invalid,
        _R.account_order_value_is_too_large,
        _R.account_has_too_many_open_orders,
        _R.account_position_would_be_too_large,
        _R.supply_share_would_be_too_large,
        _R.day_loss_limit_is_reached,
        _R.day_turnover_would_be_too_large,
        _R.team_share_would_be_too_large,
        _R.playing_position_share_would_be_too_large,
        _R.band_is_invalid,
        _R.classification_is_invalid,
        _R.trading_day_is_invalid,
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
        _R.account_order_rate_is_too_high,
        _R.request_rate_is_too_high,
        _R.too_many_requests_in_flight,
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (_R.internal_error,),
    HTTPStatus.BAD_GATEWAY: (_R.provider_answer_is_wrong,),
    # What is nobody's mistake and passes: Retry-After says when to come back.
    HTTPStatus.SERVICE_UNAVAILABLE: (
        _R.journal_is_unavailable,
        _R.exchange_is_busy,
        _R.too_many_connections,
        _R.exchange_is_stopping,
        _R.engine_is_unavailable,
        _R.outcome_is_unknown,
        _R.history_is_unavailable,
        _R.identity_is_unavailable,
        _R.provider_is_unavailable,
        _R.order_table_is_full,
    ),
}
STATUS_OF: Final = {reason: status for status, reasons in _REASONS_BY_STATUS.items() for reason in reasons}

_FRAMEWORK_REASONS: Final = {
    HTTPStatus.NOT_FOUND: _R.route_not_found,
    HTTPStatus.METHOD_NOT_ALLOWED: _R.method_is_not_allowed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _R.request_is_too_large,
}


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Why the answer is no: a code that never changes, a sentence for people, and what helps to do better."""

    code: Annotated[str, msgspec.Meta(extra_json_schema={"enum": [reason.name for reason in RefusalReason]})]
    message: str
    details: dict[str, Any]


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """Every answer that is a no."""

    error: ErrorDetail


def refusal(reason: RefusalReason, details: Mapping[str, Detail] | None = None) -> Answer:
    """Return the answer that says a refusal."""
    said = said_instead(reason)
    status = STATUS_OF[said]
    answer = json_answer({"error": error_body(said, details)}, status=status)
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        answer = with_header(answer, b"retry-after", b"%d" % RETRY_AFTER_SECONDS)
    return answer


def with_header(answer: Answer, name: bytes, value: bytes) -> Answer:
    """Return an answer with a header set."""
    others = tuple(header for header in answer.headers if header[0] != name)
    return answer._replace(headers=(*others, (name, value)))


def error_detail(reason: RefusalReason, details: Mapping[str, Detail] | None = None) -> ErrorDetail:
    """Return what stands under `error`."""
    return msgspec.convert(error_body(reason, details), ErrorDetail)


def answer_of_failure(error: Exception, scope: HTTPScope) -> Answer:
    """Return the answer to a request that ended with an exception; what nobody foresaw is logged, not told."""
    match error:
        case RateRefusedError():
            keep_allowance(scope, error.allowance)
            return with_header(
                refusal(error.reason, error.details), b"retry-after", b"%d" % error.allowance.retry_after_s
            )
        case RefusedError():
            return refusal(error.reason, error.details)
        case IdentityError():
            _log.error("request %s: %s", request_id_of(scope), error)
            return refusal(_R.identity_is_unavailable)
        case ReadModelError() | JournalError():
            # History cannot be read; an order that was just placed or cancelled is durable all the same.
            _log.error("request %s: %s", request_id_of(scope), error)
            is_read = scope["method"] in {"GET", "HEAD"}
            return refusal(_R.history_is_unavailable if is_read else _R.outcome_is_unknown)
    request_id = request_id_of(scope)
    _log.error("request %s failed: %s %s", request_id, scope["method"], scope["path"], exc_info=error)
    return refusal(_R.internal_error, {"request_id": request_id})


def answer_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Say what the framework refuses in our words; it refuses nothing but routes, methods and sizes."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer_failure(request, error)
    said = refusal(_FRAMEWORK_REASONS.get(HTTPStatus(error.status_code), _R.request_is_malformed))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        said = with_header(said, b"allow", allowed_methods_of(request).of(request.scope["path"]).encode())
    return response_of(said)


def answer_failure(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer a request to the framework that ended with an exception, a refusal or a fault of the program."""
    return response_of(answer_of_failure(error, request.scope))


def response_of(answer: Answer) -> Response[bytes]:
    """Return the same answer for the framework to send."""
    headers = {name.decode(): value.decode() for name, value in answer.headers if name != b"content-type"}
    assert isinstance(answer.body, bytes)  # noqa: S101 - a refusal is never streamed
    return Response(answer.body, media_type=JSON, status_code=answer.status, headers=headers)
