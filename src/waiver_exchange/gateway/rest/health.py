"""Whether the process lives, and whether it can take orders; when not, what is wrong and what the operator can do."""

from typing import Final

from litestar import Response, get

from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.refusals import error_body
from waiver_exchange.gateway.rest.answers import answer
from waiver_exchange.gateway.rest.context import AnyRequest, exchange_of
from waiver_exchange.gateway.rest.errors import RETRY_AFTER_SECONDS


@get("/healthz")
async def show_health(request: AnyRequest) -> Response[bytes]:
    """Answer, which is all that is asked."""
    del request
    return answer({"status": "ok"})


@get("/readyz")
async def show_readiness(request: AnyRequest) -> Response[bytes]:
    """Answer 200 when orders are taken and 503 when the journal cannot be written.

    History that cannot be stored stops no trading: the answer is 200 then too, with a `warning`.
    """
    exchange = exchange_of(request)
    failure = exchange.sequencer.failure
    if failure is not None:
        error = error_body(RefusalReason.journal_is_unavailable, {"problem": failure})
        headers = {"retry-after": str(RETRY_AFTER_SECONDS)}
        return answer({"status": "unavailable", "error": error}, status_code=503, headers=headers)
    state = exchange.state
    trading = "halted" if state.is_halted else "open"
    body = {"status": "ready", "sequence": state.sequence, "trading": trading, "warning": exchange.warning}
    return answer(body)


HEALTH_HANDLERS: Final = (show_health, show_readiness)
