"""What becomes of an exception: the answer in the form of the face that was asked, decided by the path."""

from collections.abc import Callable
from typing import Any, Final

from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from waiver_exchange.application.ports import JournalError, PreferencesError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.gateway.alpaca import errors as alpaca
from waiver_exchange.gateway.page import answer_missing
from waiver_exchange.gateway.rest import errors as rest
from waiver_exchange.gateway.rest.context import AnyRequest
from waiver_exchange.projections.changes import ReadModelError

_Answer = Callable[[AnyRequest, Any], Response[bytes]]


def _by_path(*, native: _Answer, alpaca_like: _Answer) -> _Answer:
    def answer(request: AnyRequest, error: Exception) -> Response[bytes]:
        chosen = alpaca_like if alpaca.is_alpaca_path(request.scope["path"]) else native
        return chosen(request, error)

    return answer


EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    RefusedError: _by_path(native=rest.answer_failure, alpaca_like=alpaca.answer_refused),
    HTTPException: _by_path(native=answer_missing, alpaca_like=alpaca.answer_framework),
    JournalError: _by_path(native=rest.answer_failure, alpaca_like=alpaca.answer_failed_store),
    ReadModelError: _by_path(native=rest.answer_failure, alpaca_like=alpaca.answer_failed_store),
    Exception: _by_path(native=rest.answer_failure, alpaca_like=alpaca.answer_failure),
    alpaca.AlpacaError: alpaca.answer_alpaca,
    PreferencesError: alpaca.answer_failed_store,
}
