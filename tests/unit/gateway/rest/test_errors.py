import json
from typing import Any

import pytest

from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.errors import STATUS_OF, refusal
from waiver_exchange.gateway.rest.route import Answer


def error_of(answer: Answer) -> Any:  # noqa: ANN401 - any JSON
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)["error"]


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_every_refusal_has_a_status_and_one_form(reason: RefusalReason) -> None:
    answer = refusal(reason, {"required": 1, "available": 0, "field": "name"})
    assert 400 <= STATUS_OF[reason] < 600
    error = error_of(answer)
    said = RefusalReason[error["code"]]
    assert error["message"] == said.message
    assert error["details"]["field"] == "name"
    assert answer.status == STATUS_OF[said]
    assert (b"retry-after" in dict(answer.headers)) == (answer.status in {429, 503})


def test_anothers_order_is_no_order() -> None:
    answered = refusal(RefusalReason.order_belongs_to_another_account)
    assert answered == refusal(RefusalReason.order_not_found)
    assert answered.status == 404


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (RefusalReason.insufficient_cash, {"required": "0.015", "available": "0.000001"}),
        (RefusalReason.insufficient_shares, {"required": "1.5", "available": "0.0001"}),
        (RefusalReason.price_is_outside_the_band, {"given": "150.00", "limit": "0.01"}),
        (RefusalReason.too_many_open_orders, {"given": 15_000, "limit": 1}),
        (RefusalReason.market_is_halted, {}),
    ],
)
def test_the_engines_numbers_become_decimals_or_go(reason: RefusalReason, expected: dict[str, object]) -> None:
    assert error_of(refusal(reason, {"required": 15_000, "available": 1}))["details"] == expected


def test_amounts_that_were_not_said_are_not_invented() -> None:
    assert error_of(refusal(RefusalReason.insufficient_cash))["details"] == {}
