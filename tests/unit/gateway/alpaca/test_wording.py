"""Every refusal has a status, a code and words on the Alpaca-compatible face too."""

import pytest

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.errors import AlpacaError, error_of, is_alpaca_path
from waiver_exchange.gateway.alpaca.skipped import reason_of
from waiver_exchange.gateway.rest.errors import STATUS_OF

SERVER_FAULT = 500


@pytest.mark.parametrize("reason", RefusalReason, ids=lambda reason: reason.name)
def test_the_code_begins_with_the_status(reason: RefusalReason) -> None:
    error = error_of(RefusedError(reason))
    # Alpaca says 400 and 422 with codes that begin with 400.
    assert error.code // 100_000 in {error.status, 400 if error.status == 422 else error.status}
    assert error.message
    assert error.body()["reason"] == reason.name
    assert list(error.body())[:2] == ["code", "message"]


@pytest.mark.parametrize("reason", RefusalReason, ids=lambda reason: reason.name)
def test_whose_fault_it_is_does_not_depend_on_the_face(reason: RefusalReason) -> None:
    error = error_of(RefusedError(reason))
    assert (error.status >= SERVER_FAULT) == (STATUS_OF[reason] >= SERVER_FAULT)
    # Both official SDKs send an order again after these two: neither may follow an order that was taken.
    assert (error.status == 429) == (STATUS_OF[reason] == 429)
    assert error.status != 504


def test_details_never_hide_the_code_or_the_message() -> None:
    error = AlpacaError(422, 42_210_000, "no", {"code": "x", "message": "y", "status": "filled"})
    assert error.body() == {"code": 42_210_000, "message": "no", "status": "filled"}


def test_numbers_that_bots_look_for() -> None:
    poor = error_of(RefusedError(RefusalReason.insufficient_cash, required=95_000_000, available=1_500_000))
    assert (poor.body()["cost_basis"], poor.body()["buying_power"]) == ("95.00", "1.50")
    short = error_of(RefusedError(RefusalReason.insufficient_shares, required=100_000, available=5_000))
    assert short.message == "insufficient qty available for order (requested: 10, available: 0.5)"
    final = error_of(RefusedError(RefusalReason.order_is_final, status="cancelled"))
    assert final.message == 'order is already in "canceled" state'


@pytest.mark.parametrize(
    ("path", "is_theirs"),
    [
        ("/v2/orders", True),
        ("//v2/orders", True),
        ("/v2", True),
        ("/v2/orders:by_client_order_id", True),
        ("/v1beta3/crypto/us/bars", True),
        ("/v1/locates", True),
        ("/stream", True),
        ("/api/v1/orders", False),
        ("/", False),
        ("/v20", False),
        ("/healthz", False),
    ],
)
def test_which_paths_answer_in_this_form(path: str, *, is_theirs: bool) -> None:
    assert is_alpaca_path(path) is is_theirs


def test_what_is_missing_says_why() -> None:
    assert reason_of("/v2/options/contracts") == "options are not traded on this exchange"
    assert reason_of("//v2/options/contracts") == "options are not traded on this exchange"
    assert reason_of("/v2/nope") == "endpoint not found"
