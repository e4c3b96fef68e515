import json

import pytest

from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.errors import STATUS_OF, refusal_answer


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_every_refusal_has_a_status_and_one_form(reason: RefusalReason) -> None:
    response = refusal_answer(reason, {"required": 1, "available": 0, "field": "name"})
    assert response.status_code == STATUS_OF[reason]
    assert 400 <= STATUS_OF[reason] < 600
    error = json.loads(response.content)["error"]
    said = RefusalReason[error["code"]]
    assert error["message"] == said.message
    assert error["details"]["field"] == "name"
    assert ("retry-after" in response.headers) == (response.status_code in {429, 503})


def test_anothers_order_is_no_order() -> None:
    answered = refusal_answer(RefusalReason.order_belongs_to_another_account)
    assert answered.content == refusal_answer(RefusalReason.order_not_found).content
    assert answered.status_code == 404


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
    response = refusal_answer(reason, {"required": 15_000, "available": 1})
    assert json.loads(response.content)["error"]["details"] == expected


def test_amounts_that_were_not_said_are_not_invented() -> None:
    response = refusal_answer(RefusalReason.insufficient_cash)
    assert json.loads(response.content)["error"]["details"] == {}
