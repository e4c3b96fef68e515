"""Orders through the official SDK, as its documentation says to use it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, OrderType, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    GetOrderByIdRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

from tests.acceptance.alpaca.conftest import Bot, MakeBot, refusal

BUY, SELL = OrderSide.BUY, OrderSide.SELL
GTC, DAY, IOC, FOK = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK


def market(side: OrderSide, *, qty: float | None = None, notional: float | None = None) -> MarketOrderRequest:
    return MarketOrderRequest(symbol="MAHOMES", qty=qty, notional=notional, side=side, time_in_force=DAY)


def orders(bot: Bot, **wanted: Any) -> list[Any]:  # noqa: ANN401 - the parameters and orders of the SDK
    found: list[Any] = bot.sdk.get_orders(GetOrdersRequest(**wanted))
    return found


def test_a_resting_order_and_every_way_to_see_it(bot: Bot) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    name = f"bot-{uuid4()}"
    placed = bot.limit("buy", 2.5, 9.5 * 2, client_order_id=name)
    assert isinstance(placed.id, UUID)
    assert placed.status is OrderStatus.NEW
    assert placed.client_order_id == name
    assert (placed.symbol, placed.side, placed.type, placed.order_type) == (
        "MAHOMES",
        BUY,
        OrderType.LIMIT,
        OrderType.LIMIT,
    )
    assert (placed.qty, placed.filled_qty, placed.limit_price, placed.notional) == ("2.5", "0", "19", None)
    assert placed.filled_avg_price is None
    assert placed.time_in_force is GTC
    assert before < placed.submitted_at < datetime.now(UTC) + timedelta(seconds=5)
    assert placed.extended_hours is False
    assert placed.legs is None
    assert bot.sdk.get_order_by_id(placed.id) == placed
    assert bot.sdk.get_order_by_id(str(placed.id), filter=GetOrderByIdRequest(nested=True)) == placed
    assert bot.sdk.get_order_by_client_id(name) == placed
    assert orders(bot) == [placed]
    assert orders(bot, status=QueryOrderStatus.OPEN, nested=True, symbols=["MAHOMES"]) == [placed]


def test_an_order_without_a_name_is_found_by_the_name_it_was_given(bot: Bot) -> None:
    placed = bot.limit("buy", 1, 19)
    assert bot.sdk.get_order_by_client_id(placed.client_order_id) == placed


def test_the_asset_uuid_stands_for_the_symbol(bot: Bot) -> None:
    asset = bot.sdk.get_asset("MAHOMES")
    placed = bot.limit("buy", 1, 19, symbol=str(asset.id))
    assert (placed.symbol, placed.asset_id) == ("MAHOMES", asset.id)


def test_market_orders_by_quantity_and_by_notional_fill_at_once(bot: Bot, seller: Bot) -> None:
    seller.limit("sell", 10, 20)
    by_quantity = bot.sdk.submit_order(market(BUY, qty=0.1234))
    assert by_quantity.status is OrderStatus.FILLED
    assert (by_quantity.qty, by_quantity.filled_qty, by_quantity.filled_avg_price) == ("0.1234", "0.1234", "20")
    assert by_quantity.filled_at is not None
    by_notional = bot.sdk.submit_order(market(BUY, notional=25.50))
    assert by_notional.status is OrderStatus.FILLED
    assert (by_notional.qty, by_notional.notional, by_notional.filled_qty) == (None, "25.5", "1.275")


@pytest.mark.parametrize("time_in_force", [DAY, GTC, IOC, FOK])
def test_a_fraction_goes_with_every_time_in_force(make_bot: MakeBot, seller: Bot, time_in_force: TimeInForce) -> None:
    seller.limit("sell", 1, 20)
    taker = make_bot()
    taken = taker.limit("buy", 0.0001, 20, time_in_force=time_in_force)
    assert (taken.status, taken.filled_qty, taken.time_in_force) == (OrderStatus.FILLED, "0.0001", time_in_force)
    assert taker.post(type="market", limit_price=None, qty=0.5, time_in_force=time_in_force).status_code == 200


def test_what_cannot_fill_at_once_is_canceled_for_ioc_and_fok(bot: Bot, seller: Bot) -> None:
    seller.limit("sell", 1, 20)
    killed = bot.limit("buy", 2, 20, time_in_force=FOK)
    assert (killed.status, killed.filled_qty) == (OrderStatus.CANCELED, "0")
    assert killed.canceled_at is not None
    partly = bot.limit("buy", 2, 20, time_in_force=IOC)
    assert (partly.status, partly.filled_qty) == (OrderStatus.CANCELED, "1")


def test_a_partly_filled_order_is_open(bot: Bot, seller: Bot) -> None:
    resting = seller.limit("sell", 3, 20)
    bot.limit("buy", 1.25, 20)
    partly = seller.sdk.get_order_by_id(resting.id)
    assert (partly.status, partly.filled_qty, partly.filled_avg_price) == (OrderStatus.PARTIALLY_FILLED, "1.25", "20")
    assert partly in orders(seller)


def test_a_stop_waits_as_new_and_sells_when_the_price_comes(make_bot: MakeBot, seller: Bot) -> None:
    maker, taker, bidder = make_bot(shares="10"), make_bot(), make_bot()
    stop = seller.sdk.submit_order(
        StopOrderRequest(symbol="MAHOMES", qty=1.5, side=SELL, time_in_force=GTC, stop_price=19.5)
    )
    limited = seller.sdk.submit_order(
        StopLimitOrderRequest(symbol="MAHOMES", qty=1, side=SELL, time_in_force=GTC, stop_price=19.4, limit_price=19.3)
    )
    assert (stop.status, stop.type, stop.stop_price, stop.limit_price) == (
        OrderStatus.NEW,
        OrderType.STOP,
        "19.5",
        None,
    )
    assert (limited.type, limited.stop_price, limited.limit_price) == (OrderType.STOP_LIMIT, "19.4", "19.3")
    assert {order.id for order in orders(seller)} >= {stop.id, limited.id}
    bidder.limit("buy", 5, 19.45)
    maker.limit("sell", 1, 19.5)
    taker.limit("buy", 1, 19.5)
    done = seller.sdk.get_order_by_id(stop.id)
    assert (done.status, done.filled_avg_price) == (OrderStatus.FILLED, "19.45")
    bidder.sdk.cancel_orders()


def test_replace_makes_a_new_order_and_links_both(bot: Bot) -> None:
    old = bot.limit("buy", 4, 19)
    name = f"new-{uuid4()}"
    new = bot.sdk.replace_order_by_id(
        old.id, ReplaceOrderRequest(qty=3, limit_price=18.75, time_in_force=DAY, client_order_id=name)
    )
    assert new.id != old.id
    assert (new.replaces, new.qty, new.limit_price, new.time_in_force, new.client_order_id, new.status) == (
        old.id,
        "3",
        "18.75",
        DAY,
        name,
        OrderStatus.NEW,
    )
    gone = bot.sdk.get_order_by_id(old.id)
    assert (gone.status, gone.replaced_by) == (OrderStatus.REPLACED, new.id)
    assert gone.replaced_at is not None
    assert orders(bot) == [new]
    with pytest.raises(APIError) as error:
        bot.sdk.replace_order_by_id(old.id, ReplaceOrderRequest(qty=2))
    assert refusal(error) == (422, 42210000, "unable to replace order in current state")


def test_what_was_filled_stays_with_the_replaced_order(bot: Bot, seller: Bot) -> None:
    resting = seller.limit("sell", 4, 20)
    bot.limit("buy", 1, 20)
    new = seller.sdk.replace_order_by_id(resting.id, ReplaceOrderRequest(qty=3))
    old = seller.sdk.get_order_by_id(resting.id)
    assert (old.filled_qty, new.filled_qty, new.qty) == ("1", "0", "2")


def test_a_fractional_replacement_comes_from_other_clients(bot: Bot) -> None:
    old = bot.limit("buy", 4, 19)
    answer = bot.http.patch(f"/v2/orders/{old.id}", json={"qty": "1.2345", "limit_price": None, "trail": ""})
    assert answer.status_code == 200, answer.text
    assert answer.json()["qty"] == "1.2345"


def test_cancel_one_then_again(bot: Bot) -> None:
    placed = bot.limit("buy", 1, 19)
    assert bot.sdk.cancel_order_by_id(placed.id) is None
    gone = bot.sdk.get_order_by_id(placed.id)
    assert gone.status is OrderStatus.CANCELED
    assert gone.canceled_at is not None
    with pytest.raises(APIError) as error:
        bot.sdk.cancel_order_by_id(placed.id)
    assert refusal(error) == (422, 42210000, 'order is already in "canceled" state')


def test_cancel_all_names_each(bot: Bot) -> None:
    assert bot.sdk.cancel_orders() == []
    placed = {bot.limit("buy", 1, price).id for price in (18, 19)}
    done = bot.sdk.cancel_orders()
    assert {(response.id, response.status) for response in done} == {(order, 200) for order in placed}
    assert orders(bot) == []


def test_the_list_filters_and_orders(bot: Bot, seller: Bot) -> None:
    first, second, third = (bot.limit("buy", 1, price) for price in (18, 18.5, 19))
    bot.sdk.cancel_order_by_id(second.id)
    assert [order.id for order in orders(bot)] == [third.id, first.id]
    assert [order.id for order in orders(bot, direction="asc")] == [first.id, third.id]
    assert [order.id for order in orders(bot, status=QueryOrderStatus.CLOSED)] == [second.id]
    assert [order.id for order in orders(bot, status=QueryOrderStatus.ALL)] == [third.id, second.id, first.id]
    assert [order.id for order in orders(bot, status=QueryOrderStatus.ALL, limit=2)] == [third.id, second.id]
    assert orders(bot, side=SELL) == []
    assert len(orders(bot, side=BUY)) == 2
    assert orders(bot, symbols=["NOBODY"]) == []
    assert [order.id for order in orders(bot, status=QueryOrderStatus.ALL, after=first.submitted_at)] == [
        third.id,
        second.id,
    ]
    assert [order.id for order in orders(bot, status=QueryOrderStatus.ALL, until=third.submitted_at)] == [
        second.id,
        first.id,
    ]
    # The client has no fields for these two; its users send them by hand.
    older = bot.get("/v2/orders", status="all", before_order_id=str(second.id))
    newer = bot.get("/v2/orders", status="all", after_order_id=str(second.id))
    assert [[order["id"] for order in page] for page in (older, newer)] == [[str(first.id)], [str(third.id)]]
    assert seller.sdk.get_orders() == []


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_paging_by_the_time_of_the_last_order_meets_each_order_once(make_bot: MakeBot, direction: str) -> None:
    bot = make_bot()
    placed = [bot.limit("buy", 1, 19).id for _ in range(7)]
    seen: list[UUID] = []
    bound: dict[str, Any] = {}
    while page := orders(bot, limit=2, direction=direction, **bound):
        seen += [order.id for order in page]
        bound = {"after" if direction == "asc" else "until": page[-1].submitted_at}
    assert seen == (placed if direction == "asc" else placed[::-1])


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_orders_that_came_together_stay_on_one_page(make_bot: MakeBot, direction: str) -> None:
    bot = make_bot()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: bot.post(), range(48)))
    placed = {UUID(answer.json()["id"]) for answer in answers}
    seen: list[UUID] = []
    bound: dict[str, Any] = {}
    # No more than eight come at once.
    while page := orders(bot, limit=8, direction=direction, **bound):
        assert len(page) <= 8
        seen += [order.id for order in page]
        bound = {"after" if direction == "asc" else "until": page[-1].submitted_at}
    assert len(seen) == len(placed) == 48
    assert set(seen) == placed
    assert seen == sorted(seen, reverse=direction == "desc")


def test_of_two_orders_with_one_name_at_once_one_is_placed(bot: Bot) -> None:
    name = str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: bot.post(client_order_id=name), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 7
    assert {answer.json().get("message") for answer in answers} == {None, "client_order_id must be unique"}
    assert len(orders(bot)) == 1


def test_a_name_is_used_once_for_ever(bot: Bot) -> None:
    name = str(uuid4())
    placed = bot.limit("buy", 1, 19, client_order_id=name)
    for price in (19, 18):  # the same order again, and another one
        with pytest.raises(APIError) as error:
            bot.limit("buy", 1, price, client_order_id=name)
        assert refusal(error) == (422, 40010001, "client_order_id must be unique")
    bot.sdk.cancel_order_by_id(placed.id)
    other = bot.limit("buy", 1, 18)
    with pytest.raises(APIError) as error:
        bot.limit("buy", 1, 19, client_order_id=name)
    assert refusal(error) == (422, 40010001, "client_order_id must be unique")
    with pytest.raises(APIError) as error:
        bot.sdk.replace_order_by_id(other.id, ReplaceOrderRequest(qty=2, client_order_id=name))
    assert refusal(error) == (422, 40010001, "client_order_id must be unique")


def test_a_name_stays_used_while_trading_is_suspended(bot: Bot) -> None:
    assert bot.post(client_order_id="before").status_code == 200
    bot.http.patch("/v2/account/configurations", json={"suspend_trade": True})
    used, fresh = bot.post(client_order_id="before"), bot.post(client_order_id="after")
    assert (used.status_code, used.json()["message"]) == (422, "client_order_id must be unique")
    assert (fresh.status_code, fresh.json()["message"]) == (403, "new orders are rejected by user request")


def test_the_id_of_an_order_is_the_name_of_no_other(bot: Bot) -> None:
    shown = bot.limit("buy", 1, 19).client_order_id
    used, other = bot.post(client_order_id=shown), bot.post(client_order_id=shown.replace("-", ""))
    assert (used.status_code, used.json()["message"]) == (422, "client_order_id must be unique")
    assert (other.status_code, other.json()["reason"]) == (422, "client_order_id_is_invalid")
    assert bot.sdk.get_order_by_client_id(shown).client_order_id == shown


def test_a_refused_order_leaves_its_name_free(bot: Bot) -> None:
    name = str(uuid4())
    with pytest.raises(APIError):
        bot.limit("buy", 1_000, 19, client_order_id=name)
    assert bot.limit("buy", 1, 19, client_order_id=name).client_order_id == name


def test_too_little_money(bot: Bot) -> None:
    with pytest.raises(APIError) as error:
        bot.limit("buy", 1_000, 19)
    assert refusal(error) == (403, 40310000, "insufficient buying power")
    answer = bot.post(qty=1_000).json()
    assert (answer["buying_power"], answer["cost_basis"]) == ("10000.00", "19000.00")


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"qty": 9_000, "limit_price": 112}, "1008000.00"),
        ({"qty": 100_000}, "1900000.00"),
        ({"qty": 1_000_000_000}, "19000000000.00"),
        ({"qty": 100_000, "type": "market", "limit_price": None}, None),
        ({"qty": None, "notional": 2_000_000, "type": "market", "limit_price": None}, "2000000.00"),
        ({"qty": 100_000, "type": "stop", "limit_price": None, "stop_price": 21}, "2205000.00"),
        ({"qty": 100_000, "type": "stop_limit", "stop_price": 21, "limit_price": 21}, "2100000.00"),
    ],
)
def test_an_order_beyond_every_limit_lacks_money_first(bot: Bot, fields: dict[str, object], cost: str | None) -> None:
    answer = bot.post(**fields)
    said = answer.json()
    assert (answer.status_code, said["code"], said["message"]) == (403, 40310000, "insufficient buying power")
    assert said["buying_power"] == "10000.00"
    assert cost in {None, said["cost_basis"]}


@pytest.mark.parametrize(
    ("fields", "requested"),
    [
        ({"qty": 100_000}, "100000"),
        ({"qty": 100_000, "type": "market", "limit_price": None}, "100000"),
        ({"qty": 9_999, "limit_price": 112}, "9999"),
    ],
)
def test_an_order_beyond_every_limit_lacks_shares_first(bot: Bot, fields: dict[str, object], requested: str) -> None:
    answer = bot.post(side="sell", **fields)
    said = answer.json()
    message = f"insufficient qty available for order (requested: {requested}, available: 0)"
    assert (answer.status_code, said["code"], said["message"]) == (403, 40310000, message)
    assert said["existing_qty"] == "0"


def test_a_replacement_beyond_every_limit_lacks_means_first(bot: Bot, seller: Bot) -> None:
    bid, ask = bot.limit("buy", 100, 19), seller.limit("sell", 90, 22)
    more = bot.http.patch(f"/v2/orders/{bid.id}", json={"qty": "100000"})
    assert (more.status_code, more.json()["message"]) == (403, "insufficient buying power")
    assert more.json()["cost_basis"] == "1900000.00"
    assert more.json()["buying_power"] == "10000.00"
    more = seller.http.patch(f"/v2/orders/{ask.id}", json={"qty": "100000"})
    message = "insufficient qty available for order (requested: 100000, available: 100)"
    assert (more.status_code, more.json()["message"]) == (403, message)


def test_who_could_pay_is_told_the_limit(make_bot: MakeBot) -> None:
    rich = make_bot(cash="9000000.00")
    answer = rich.post(qty=100_000)
    assert (answer.status_code, answer.json()["reason"]) == (422, "quantity_exceeds_supply")


def test_too_few_shares(seller: Bot, bot: Bot) -> None:
    resting = seller.limit("sell", 95, 21)
    answer = seller.post(side="sell", qty=10, limit_price=20.5)
    body = answer.json()
    assert answer.status_code == 403
    assert body["code"] == 40310000
    assert body["message"] == "insufficient qty available for order (requested: 10, available: 5)"
    assert (body["symbol"], body["available"], body["existing_qty"], body["held_for_orders"]) == (
        "MAHOMES",
        "5",
        "100",
        "95",
    )
    assert body["related_orders"] == [str(resting.id)]
    with pytest.raises(APIError) as error:
        bot.sdk.submit_order(market(SELL, qty=1))
    assert refusal(error)[:2] == (403, 40310000)


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({"qty": None}, 422, 40010001, "qty or notional is required"),
        ({"notional": 5}, 422, 40010001, "qty or notional is required"),
        ({"symbol": "NOBODY"}, 422, 42210000, 'asset "NOBODY" not found'),
        ({"limit_price": "20.123"}, 422, 42210000, "invalid limit_price 20.123. sub-penny increment does not fulfill"),
        ({"type": "market"}, 422, 40010001, "market orders require no stop or limit price"),
        ({"qty": "0.00001"}, 422, 42210000, "invalid qty"),
        ({"qty": 0}, 422, 40010001, "qty must be > 0"),
        ({"qty": -1}, 422, 40010001, "qty must be > 0"),
        ({"limit_price": None}, 422, 40010001, "limit orders require a limit price"),
        ({"type": "stop", "limit_price": None}, 422, 40010001, "stop orders require a stop price"),
        ({"symbol": None}, 422, 40010001, "symbol is required"),
        ({"side": None}, 422, 40010001, "side is required"),
        ({"side": "short"}, 422, 40010001, "invalid side"),
        ({"type": "pegged"}, 422, 40010001, "invalid type"),
        ({"time_in_force": "gtx"}, 422, 40010001, "invalid time_in_force"),
        ({"client_order_id": "x" * 129}, 422, 40010001, "client_order_id"),
        ({"limit_price": None, "qty": None, "type": "market", "notional": "0.0001"}, 403, 40310000, "cost basis must"),
        ({"limit_price": 1}, 422, 42210000, "The price is too far"),
    ],
)
def test_what_is_wrong_with_an_order(bot: Bot, fields: dict[str, object], status: int, code: int, message: str) -> None:
    answer = bot.post(**fields)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["message"].startswith(message), body


@pytest.mark.parametrize(
    "request_",
    [
        LimitOrderRequest(
            symbol="MAHOMES",
            qty=1,
            side=BUY,
            time_in_force=GTC,
            limit_price=19,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=25),
            stop_loss=StopLossRequest(stop_price=15),
        ),
        LimitOrderRequest(
            symbol="MAHOMES",
            qty=1,
            side=BUY,
            time_in_force=GTC,
            limit_price=19,
            order_class=OrderClass.OTO,
            take_profit=TakeProfitRequest(limit_price=25),
        ),
        TrailingStopOrderRequest(symbol="MAHOMES", qty=1, side=SELL, time_in_force=GTC, trail_percent=5),
        LimitOrderRequest(symbol="MAHOMES", qty=1, side=BUY, time_in_force=TimeInForce.OPG, limit_price=19),
        LimitOrderRequest(symbol="MAHOMES", qty=1, side=BUY, time_in_force=TimeInForce.CLS, limit_price=19),
    ],
)
def test_what_this_exchange_does_not_take_is_refused_and_places_nothing(bot: Bot, request_: OrderRequest) -> None:
    with pytest.raises(APIError) as error:
        bot.sdk.submit_order(request_)
    status, code, message = refusal(error)
    assert (status, code) == (422, 42210000)
    assert "not supported" in message
    assert orders(bot, status=QueryOrderStatus.ALL) == []


def test_orders_of_others_are_unknown(bot: Bot, seller: Bot) -> None:
    placed = seller.limit("sell", 1, 21)
    change = ReplaceOrderRequest(qty=2)
    acts = (
        partial(bot.sdk.get_order_by_id, placed.id),
        partial(bot.sdk.cancel_order_by_id, placed.id),
        partial(bot.sdk.replace_order_by_id, placed.id, change),
        partial(bot.sdk.get_order_by_id, uuid4()),
        partial(bot.sdk.cancel_order_by_id, uuid4()),
    )
    for act in acts:
        with pytest.raises(APIError) as error:
            act()
        assert refusal(error)[:2] == (404, 40410000)
    with pytest.raises(APIError) as error:
        bot.sdk.get_order_by_client_id("never used")
    assert refusal(error) == (404, 40410000, "order not found for never used")
