"""When a failed request may be sent again, and how long to wait before."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from waiver_exchange.client.errors import ApiError, ClientError, NoAnswerError, UnexpectedAnswerError
from waiver_exchange.client.refusal_codes import RefusalCode

_OF_PROXIES: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
)
_NOT_NOW: Final = frozenset(
    {
        RefusalCode.order_rate_is_too_high,
        RefusalCode.request_rate_is_too_high,
        RefusalCode.journal_is_unavailable,
        RefusalCode.exchange_is_busy,
        RefusalCode.exchange_is_stopping,
        RefusalCode.engine_is_unavailable,
        RefusalCode.history_is_unavailable,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient a client is. `attempts=1` never sends anything twice."""

    attempts: int = 4
    first_seconds: float = 0.2
    most_seconds: float = 5.0
    retry_after_seconds_max: float = 30.0

    def delay(self, failure: ClientError, *, attempt: int, is_repeatable: bool, chance: float) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        `attempt` counts from 1; `is_repeatable` says that doing the request twice is doing it once; `chance` in [0, 1)
        spreads the clients that failed together.
        """
        if attempt >= self.attempts or not _is_safe(failure, is_repeatable=is_repeatable):
            return None
        wanted = failure.retry_after_seconds if isinstance(failure, ApiError) else None
        if wanted is not None:
            return wanted if wanted <= self.retry_after_seconds_max else None
        return self.backoff(attempt, chance=chance)

    def backoff(self, attempt: int, *, chance: float) -> float:
        """Return the seconds after the given attempt: doubling, bounded, and half of them by chance."""
        whole = min(self.most_seconds, self.first_seconds * float(1 << min(attempt - 1, 16)))
        return whole * (0.5 + chance / 2)


def _is_safe(failure: ClientError, *, is_repeatable: bool) -> bool:
    match failure:
        case ApiError(code=RefusalCode.outcome_is_unknown):
            return is_repeatable
        case ApiError():
            return failure.status == HTTPStatus.TOO_MANY_REQUESTS or failure.code in _NOT_NOW
        case NoAnswerError():
            return is_repeatable or not failure.may_have_been_done
        case UnexpectedAnswerError():
            return is_repeatable and failure.status in _OF_PROXIES
        case _:
            return False
