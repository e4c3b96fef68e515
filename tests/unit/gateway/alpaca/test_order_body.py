"""An order in Alpaca's words."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.support.trading import ANN, BOB, FoldedExchange, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CancelOrder, pack_terms
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.gateway.alpaca.order_body import order_body, price_text
from waiver_exchange.projections.state import OrderStatus, OrderView

TIME_NS = 1_795_360_000_048_384_922
TIME = "2026-11-22T15:06:40.048384922Z"


def _body(order: OrderView) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(order_body(order, symbol="MAHOMES"))
    return body


def test_a_resting_limit_order_has_every_key() -> None:
    exchange = FoldedExchange()
    order = exchange.place(buy(BOB, price=2_450, quantity=25_000, name="bot-17"), time_ns=TIME_NS)
    body = _body(order)
    assert body.pop("expires_at").endswith("Z")
    assert body == {
        "id": str(to_uuid(IdKind.order, order.order_id)),
        "client_order_id": "bot-17",
        "created_at": TIME,
        "updated_at": TIME,
        "submitted_at": TIME,
        "filled_at": None,
        "expired_at": None,
        "canceled_at": None,
        "failed_at": None,
        "replaced_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": str(to_uuid(IdKind.market, 1)),
        "symbol": "MAHOMES",
        "asset_class": "us_equity",
        "notional": None,
        "qty": "2.5",
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "order_type": "limit",
        "type": "limit",
        "side": "buy",
        "position_intent": "buy_to_open",
        "time_in_force": "gtc",
        "limit_price": "24.5",
        "stop_price": None,
        "status": "new",
        "extended_hours": False,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
    }


def test_a_cancelled_order_that_traded_tells_both() -> None:
    exchange = FoldedExchange()
    order = exchange.place(sell(ANN, price=2_500, quantity=30_000))
    exchange.run(buy(BOB, price=2_500, quantity=10_000))
    assert (_body(order)["status"], _body(order)["filled_qty"]) == ("partially_filled", "1")
    exchange.run(CancelOrder(account=ANN, order_id=order.order_id), time_ns=TIME_NS)
    body = _body(order)
    assert (body["status"], body["canceled_at"], body["filled_at"]) == ("canceled", TIME, None)
    assert (body["filled_avg_price"], body["position_intent"]) == ("25", "sell_to_close")
    assert body["client_order_id"] == body["id"]


@pytest.mark.parametrize(
    ("status", "said", "key"),
    [
        ("held", "new", None),
        ("filled", "filled", "filled_at"),
        ("expired", "expired", "expired_at"),
        ("rejected", "rejected", "failed_at"),
        ("replaced", "replaced", "replaced_at"),
    ],
)
def test_each_end_has_its_time(status: OrderStatus, said: str, key: str | None) -> None:
    terms = pack_terms(side=codes.BUY, order_type=codes.STOP_LIMIT, time_in_force=codes.GTD)
    order = OrderView(9, BOB, 1, terms, "", 10_000, 0, 2_000, TIME_NS, TIME_NS, TIME_NS, status)
    order.stop_price_cents, order.replaces, order.replaced_by = 2_100, 8, 10
    body = _body(order)
    ends = {name for name in ("filled_at", "expired_at", "canceled_at", "failed_at", "replaced_at") if body[name]}
    assert (body["status"], ends) == (said, {key} - {None})
    assert (body["type"], body["time_in_force"], body["stop_price"]) == ("stop_limit", "gtc", "21")
    assert all(UUID(body[key]) for key in ("id", "asset_id", "replaces", "replaced_by"))


def test_an_order_by_notional_has_no_quantity() -> None:
    terms = pack_terms(side=codes.BUY, order_type=codes.MARKET, time_in_force=codes.IOC)
    body = _body(OrderView(9, BOB, 1, terms, "", 0, 12_500_000, 0, 0, TIME_NS, TIME_NS))
    assert (body["qty"], body["notional"], body["limit_price"], body["expires_at"]) == (None, "12.5", None, None)


@pytest.mark.parametrize(("cents", "text"), [(0, None), (1, "0.01"), (950, "9.5"), (10_000, "100"), (1_005, "10.05")])
def test_a_price_has_no_needless_zeros(cents: int, text: str | None) -> None:
    assert price_text(cents) == text
