"""Every no of the exchange in the form that Alpaca's clients read: `{"code": integer, "message": text, ...}`."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import Scope

from waiver_exchange.application.ports import JournalError, PreferencesError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.request_counts import Allowance
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.skipped import reason_of
from waiver_exchange.gateway.alpaca.wording import wording_of
from waiver_exchange.gateway.headers import keep_allowance, request_id_of
from waiver_exchange.gateway.rate_limits import RateRefusedError
from waiver_exchange.gateway.refusals import details_of
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.context import AnyRequest, allowed_methods_of
from waiver_exchange.projections.changes import ReadModelError

_log = logging.getLogger(__name__)

INVALID: Final = 40_010_001
NOT_ALLOWED: Final = 42_210_000
NOT_FOUND: Final = 40_410_000
RETRY_AFTER_SECONDS: Final = 1
_SECONDS_PER_MINUTE: Final = 60

# The paths that answer in this form, also where nothing is routed.
_ROOTS: Final = frozenset({"v1", "v2", "v3", "v1beta1", "v1beta2", "v1beta3", "v2beta1", "stream"})
_TRANSIENT: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_FRAMEWORK: Final = {
    HTTPStatus.NOT_FOUND: RefusalReason.route_not_found,
    HTTPStatus.METHOD_NOT_ALLOWED: RefusalReason.method_is_not_allowed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: RefusalReason.request_is_too_large,
}


class AlpacaError(Exception):
    """A no in Alpaca's words; `extra` are further keys of the body."""

    def __init__(self, status: int, code: int, message: str, extra: Mapping[str, object] | None = None) -> None:
        """Keep what the answer says."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra or {}

    def body(self) -> dict[str, object]:
        """Return the body of the answer."""
        said: dict[str, object] = {"code": self.code, "message": self.message}
        return said | dict(self.extra) | said


def invalid(message: str) -> AlpacaError:
    """Return the no to a parameter that is missing, of the wrong form, or contradicts another."""
    return AlpacaError(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, message)


def not_allowed(message: str) -> AlpacaError:
    """Return the no to a well-formed request that this exchange does not take."""
    return AlpacaError(HTTPStatus.UNPROCESSABLE_ENTITY, NOT_ALLOWED, message)


def not_found(message: str) -> AlpacaError:
    """Return the no to an id that names nothing of the asking account's."""
    return AlpacaError(HTTPStatus.NOT_FOUND, NOT_FOUND, message)


def is_alpaca_path(path: str) -> bool:
    """Return whether a path is answered in this form."""
    return path.lstrip("/").partition("/")[0].partition(":")[0] in _ROOTS


def error_of(refused: RefusedError) -> AlpacaError:
    """Return a refusal of a use case in Alpaca's words; `reason` keeps the name it has everywhere else."""
    said = wording_of(refused.reason, refused.details)
    extra = details_of(refused.reason, refused.details) | dict(said.extra) | {"reason": refused.reason.name}
    return AlpacaError(said.status, said.code, said.message, extra)


def error_answer(error: AlpacaError) -> Response[bytes]:
    """Return the answer that says a no."""
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if error.status in _TRANSIENT else None
    return answer(error.body(), status_code=error.status, headers=headers)


def answer_alpaca(_: AnyRequest, error: AlpacaError) -> Response[bytes]:
    """Answer what a handler refuses."""
    return error_answer(error)


def answer_refused(request: AnyRequest, refused: RefusedError) -> Response[bytes]:
    """Answer what a use case refuses."""
    response = error_answer(error_of(refused))
    if isinstance(refused, RateRefusedError):
        keep_allowance_per_minute(request.scope, refused.allowance)
        response.headers["retry-after"] = str(refused.allowance.retry_after_s)
    return response


def keep_allowance_per_minute(scope: Scope, allowance: Allowance | None) -> None:
    """Keep what is left of a limit for the answer's headers, which Alpaca's clients read as requests per minute."""
    keep_allowance(scope, allowance, times=_SECONDS_PER_MINUTE)


def answer_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer what the framework refuses: routes, methods, sizes."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer_failure(request, error)
    reason = _FRAMEWORK.get(HTTPStatus(error.status_code), RefusalReason.request_is_malformed)
    said = error_of(RefusedError(reason))
    if reason is RefusalReason.route_not_found:
        said.message = reason_of(request.scope["path"])
    response = error_answer(said)
    if reason is RefusalReason.method_is_not_allowed:
        response.headers["allow"] = allowed_methods_of(request).of(request.scope["path"])
    return response


def answer_failed_store(
    request: AnyRequest, error: JournalError | PreferencesError | ReadModelError
) -> Response[bytes]:
    """Answer that a store cannot be used now; an order that was just placed or cancelled is durable all the same."""
    _log.error("request %s: %s", request_id_of(request.scope), error)
    is_unknown = request.method != "GET" and not isinstance(error, PreferencesError)
    reason = RefusalReason.outcome_is_unknown if is_unknown else RefusalReason.history_is_unavailable
    return error_answer(error_of(RefusedError(reason)))


def answer_failure(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer a fault of the program."""
    request_id = request_id_of(request.scope)
    _log.error("request %s failed: %s %s", request_id, request.method, request.url.path, exc_info=error)
    return error_answer(error_of(RefusedError(RefusalReason.internal_error, request_id=request_id)))
