import pytest

from waiver_exchange.client.errors import ApiError, ClientError, NoAnswerError, UnexpectedAnswerError
from waiver_exchange.client.retry import RetryPolicy

POLICY = RetryPolicy(attempts=3, first_seconds=1, most_seconds=4, retry_after_seconds_max=10)
UNKNOWN = ApiError("outcome_is_unknown", "?", status=503)
BUSY = ApiError("exchange_is_busy", "?", status=503, retry_after_seconds=1)
RATE = ApiError("request_rate_is_too_high", "?", status=429, retry_after_seconds=7)
PATIENCE = ApiError("request_rate_is_too_high", "?", status=429, retry_after_seconds=11)
NOT_SENT = NoAnswerError("refused", may_have_been_done=False)
LOST = NoAnswerError("reset", may_have_been_done=True)


def delay(failure: ClientError, *, attempt: int = 1, is_repeatable: bool = True) -> float | None:
    return POLICY.delay(failure, attempt=attempt, is_repeatable=is_repeatable, chance=0.5)


@pytest.mark.parametrize("failure", [UNKNOWN, LOST, UnexpectedAnswerError("Bad Gateway", status=502)])
def test_where_it_may_have_been_done_only_the_repeatable_is_repeated(failure: ClientError) -> None:
    assert delay(failure) == 0.75
    assert delay(failure, is_repeatable=False) is None


@pytest.mark.parametrize("failure", [BUSY, RATE, NOT_SENT])
def test_what_was_not_done_is_sent_again(failure: ClientError) -> None:
    assert delay(failure, is_repeatable=False) is not None


@pytest.mark.parametrize(
    "failure",
    [
        ApiError("insufficient_cash", "?", status=403),
        ApiError("internal_error", "?", status=500),
        UnexpectedAnswerError("what is this", status=200),
    ],
)
def test_what_would_only_fail_again_is_not_sent_again(failure: ClientError) -> None:
    assert delay(failure) is None


def test_the_server_says_how_long_to_wait_within_reason() -> None:
    assert delay(RATE) == 7
    assert delay(PATIENCE) is None


def test_patience_ends_and_waits_grow() -> None:
    assert delay(LOST, attempt=2) == 1.5
    assert delay(LOST, attempt=3) is None
    assert POLICY.backoff(9, chance=0.0) == 2
