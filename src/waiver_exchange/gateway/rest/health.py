"""Whether the process lives, and whether it can take orders; when not, what is wrong and what the operator can do."""

from typing import Final, Literal

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.errors import RETRY_AFTER_SECONDS, ErrorDetail, error_detail, with_header
from waiver_exchange.gateway.rest.formats import Halt
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer

# Everybody may ask; paths and what the system said are for the log and for `waiver status`.
SAID_ELSEWHERE: Final = "The server's log and `waiver status` say why."
JOURNAL_PROBLEM: Final = f"The journal cannot be written. {SAID_ELSEWHERE}"
ENGINE_PROBLEM: Final = f"The engine's process is not reached; it is started again by itself. {SAID_ELSEWHERE}"
BEHIND_PROBLEM: Final = f"This gateway process does not keep up with the engine's. {SAID_ELSEWHERE}"
HISTORY_WARNING: Final = f"History cannot be stored, and what cannot be stored gathers in memory. {SAID_ELSEWHERE}"
IDENTITY_WARNING: Final = f"Names, keys and sessions cannot be stored; who is signed in goes on. {SAID_ELSEWHERE}"
CHECKPOINT_WARNING: Final = f"No checkpoint of the journal can be made or bound. {SAID_ELSEWHERE}"


_PROBLEMS: Final = {RefusalReason.engine_is_unavailable: ENGINE_PROBLEM}


class HealthBody(msgspec.Struct, frozen=True, kw_only=True):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class ReadinessBody(msgspec.Struct, frozen=True, kw_only=True):
    """Orders are taken; a warning says what is wrong that does not stop trading."""

    status: Literal["ready"] = "ready"
    sequence: int
    trading: Halt
    warning: str | None


class UnreadinessBody(msgspec.Struct, frozen=True, kw_only=True):
    """The journal cannot be written, or the engine's process is away; the log and `waiver status` say what to do."""

    status: Literal["unavailable"] = "unavailable"
    error: ErrorDetail


async def _show_health(_: Call) -> Answer:
    return json_answer(HealthBody())


async def _show_readiness(call: Call) -> Answer:
    exchange = call.exchange
    unready = await _unreadiness_of(exchange)
    if unready is not None:
        reason, problem = unready
        error = error_detail(reason, {"problem": problem})
        answer = json_answer(UnreadinessBody(error=error), status=503)
        return with_header(answer, b"retry-after", b"%d" % RETRY_AFTER_SECONDS)
    state = exchange.state
    trading = "halted" if state.is_halted else "open"
    warning = " ".join(filter(None, (*_warnings(exchange), call.services.limits.warning))) or None
    return json_answer(ReadinessBody(sequence=state.sequence, trading=trading, warning=warning))


async def _unreadiness_of(exchange: Exchange) -> tuple[RefusalReason, str] | None:
    """Return why no orders are taken and what is wrong, or None when they are."""
    if exchange.sequencer.failure is not None:
        reason = exchange.sequencer.refusal or RefusalReason.journal_is_unavailable
        return reason, _PROBLEMS.get(reason, JOURNAL_PROBLEM)
    if exchange.freshness is not None and exchange.freshness.is_behind:
        try:
            await exchange.freshness.wait()
        except RefusedError as error:
            return error.reason, BEHIND_PROBLEM
    return None


def _warnings(exchange: Exchange) -> list[str]:
    problems = (
        (exchange.warning, HISTORY_WARNING),
        (exchange.identity.problem, IDENTITY_WARNING),
        (exchange.checkpoints.problem, CHECKPOINT_WARNING),
    )
    return [said for problem, said in problems if problem is not None]


HEALTH_ROUTES: Final = (
    Route(
        method="GET",
        path="/healthz",
        name="getHealth",
        summary="Say that the process is alive.",
        tag="exchange",
        handler=_show_health,
        answer=HealthBody,
        access="public",
    ),
    Route(
        method="GET",
        path="/readyz",
        name="getReadiness",
        summary="Say whether orders are taken.",
        description="503 when the journal cannot be written; of several processes also when the engine's is away, or "
        "the gateway that was asked does not keep up with it. "
        "History, names and keys that cannot be stored stop no trading and are a warning.",
        tag="exchange",
        handler=_show_readiness,
        answer=ReadinessBody,
        access="public",
        unavailable=UnreadinessBody,
    ),
)
