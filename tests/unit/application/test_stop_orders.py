"""Stop orders and replacements as use cases, on a whole exchange with a clock that stands still."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.fakes.clock import SECOND_NS, FakeClock
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.cancel_order import cancel_all_orders, cancel_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, grant_shares, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.replace_order import ReplaceRequest, replace_order
from waiver_exchange.application.verify import describe_live
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import OrderView

R = RefusalReason
ANN = 2
BOB = 3
SHARE = 10_000
STOP = OrderRequest(symbol="A", side="buy", order_type="stop", quantity_units=SHARE, stop_price_cents=2_600)
STOP_LIMIT = STOP._replace(order_type="stop_limit", limit_price_cents=2_650)
BID = OrderRequest(symbol="A", side="buy", order_type="limit", quantity_units=SHARE, limit_price_cents=2_400)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def exchange(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Exchange]:
    """Ann has shares of A and B, Bob has cash."""
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        for name in ("Ann", "Bob"):
            await create_account(exchange, name=name, cash_micros=1_000_000_000)
        for symbol in ("A", "B"):
            facts = {"name": symbol, "position": "QB", "team": "KC"}
            listing = Listing(symbol=symbol, supply_units=100_000_000, reference_price_cents=2_500, **facts)  # type: ignore[arg-type]
            await list_player(exchange, listing)
            await grant_shares(exchange, account=ANN, symbol=symbol, quantity_units=1_000_000, reference="")
        yield exchange


async def place(exchange: Exchange, request: OrderRequest, *, account: int = BOB) -> OrderView:
    return await place_order(exchange, account=account, request=request)


async def change(exchange: Exchange, order: OrderView, *, account: int = BOB, **changes: object) -> OrderView:
    request = ReplaceRequest(**changes)  # type: ignore[arg-type]
    return await replace_order(exchange, account=account, order_id=order.order_id, request=request)


async def trade_at(exchange: Exchange, price: int) -> None:
    offer = BID._replace(side="sell", quantity_units=10, limit_price_cents=price)
    await place(exchange, offer, account=ANN)
    await place(exchange, offer._replace(side="buy"))


class Facts(NamedTuple):
    """What matters of an order here."""

    status: str
    stop: int
    limit: int
    quantity: int


def facts(order: OrderView) -> Facts:
    return Facts(order.status, order.stop_price_cents, order.limit_price_cents, order.quantity_units)


async def reason_of(action: object) -> RefusalReason:
    with pytest.raises(RefusedError) as refused:
        await action  # type: ignore[misc]  # always a coroutine here
    return refused.value.reason


# Placing.


async def test_a_stop_order_is_held_until_the_last_trade_reaches_its_price(
    exchange: Exchange, clock: FakeClock
) -> None:
    stop = await place(exchange, STOP)
    assert facts(stop) == Facts("held", 2_600, 0, SHARE)
    assert (stop.time_in_force, stop.expires_at_ns) == (codes.GTC, clock.now + 7 * 86_400 * SECOND_NS)
    limited = await place(exchange, STOP_LIMIT)
    assert facts(limited) == Facts("held", 2_600, 2_650, SHARE)
    await trade_at(exchange, 2_600)
    assert (stop.status, stop.reason, stop.triggered_at_ns) == ("cancelled", "collar_reached", clock.now)
    assert facts(limited) == Facts("open", 2_600, 2_650, SHARE)
    assert exchange.state.books[1].bids == {2_650: SHARE}
    assert (await describe_live(exchange)).difference is None


async def test_a_stop_order_of_the_day_ends_with_it(exchange: Exchange, clock: FakeClock) -> None:
    order = await place(exchange, STOP._replace(time_in_force="day"))
    midnight = datetime.fromtimestamp(order.expires_at_ns // SECOND_NS, tz=exchange.zone)
    assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)
    assert 0 < order.expires_at_ns - clock.now <= 86_400 * SECOND_NS


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (STOP._replace(stop_price_cents=None), R.stop_price_is_required),
        (STOP._replace(stop_price_cents=0), R.stop_price_is_required),
        (BID._replace(stop_price_cents=2_600), R.stop_price_needs_a_stop_order),
        (STOP._replace(limit_price_cents=2_600), R.market_order_takes_no_price),
        (STOP_LIMIT._replace(limit_price_cents=None), R.price_must_be_positive),
        (STOP_LIMIT._replace(limit_price_cents=0), R.price_must_be_positive),
        (STOP._replace(quantity_units=None, notional_micros=1_000_000), R.notional_needs_a_market_order),
        (STOP._replace(quantity_units=None), R.quantity_or_notional_is_required),
        (STOP._replace(quantity_units=0), R.quantity_must_be_positive),
        (STOP._replace(time_in_force="ioc"), R.stop_order_needs_a_lifetime),
        (STOP._replace(time_in_force="fok"), R.stop_order_needs_a_lifetime),
        (STOP._replace(time_in_force="gtd"), R.expiry_is_required),
        (STOP._replace(expires_at_ns=1), R.expiry_needs_gtd),
        (STOP._replace(post_only=True), R.post_only_needs_a_resting_order),
        (STOP._replace(order_type="trailing_stop"), R.field_is_invalid),
    ],
)
async def test_a_stop_order_of_the_wrong_form_is_refused(
    exchange: Exchange, request_: OrderRequest, reason: RefusalReason
) -> None:
    assert await reason_of(place(exchange, request_)) == reason


async def test_all_open_orders_are_cancelled_the_held_ones_too(exchange: Exchange) -> None:
    held, resting = await place(exchange, STOP), await place(exchange, BID)
    other = await place(exchange, STOP_LIMIT._replace(symbol="B"))
    cancelled = await cancel_all_orders(exchange, account=BOB, symbol="A")
    assert {order.order_id for order in cancelled.orders} == {
        held.order_id,
        resting.order_id,
    }
    assert other.status == "held"
    assert await cancel_all_orders(exchange, account=BOB) == ([other], [])
    assert exchange.state.accounts[BOB].held_micros == 0
    assert await reason_of(cancel_order(exchange, account=BOB, order_id=held.order_id)) == R.order_is_final


# Replacing.


async def test_a_resting_order_gives_its_place_to_a_new_one(exchange: Exchange) -> None:
    old = await place(exchange, BID._replace(client_order_id="old"))
    new = await change(exchange, old, quantity_units=SHARE // 2, client_order_id="new")
    assert (old.status, old.replaced_by, new.replaces) == ("replaced", new.order_id, old.order_id)
    assert facts(new) == Facts("open", 0, 2_400, SHARE // 2)
    assert (new.given_client_order_id, new.expires_at_ns) == ("new", old.expires_at_ns)
    assert exchange.state.accounts[BOB].held_micros == 2_400 * (SHARE // 2)
    assert (await describe_live(exchange)).difference is None


async def test_a_held_order_is_replaced(exchange: Exchange) -> None:
    new = await change(exchange, await place(exchange, STOP_LIMIT), stop_price_cents=2_700, limit_price_cents=2_710)
    assert facts(new) == Facts("held", 2_700, 2_710, SHARE)


async def test_another_time_in_force_brings_its_expiry(exchange: Exchange, clock: FakeClock) -> None:
    order = await place(exchange, BID)
    order = await change(exchange, order, time_in_force="day")
    assert datetime.fromtimestamp(order.expires_at_ns // SECOND_NS, tz=exchange.zone).hour == 0
    assert await reason_of(change(exchange, order, expires_at_ns=clock.now + SECOND_NS)) == R.expiry_needs_gtd
    order = await change(exchange, order, time_in_force="gtd", expires_at_ns=clock.now + SECOND_NS)
    order = await change(exchange, order, expires_at_ns=clock.now + 2 * SECOND_NS)
    assert order.expires_at_ns == clock.now + 2 * SECOND_NS
    order = await change(exchange, order, time_in_force="gtc")
    assert order.expires_at_ns == clock.now + 7 * 86_400 * SECOND_NS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, R.nothing_is_replaced),
        ({"quantity_units": 0}, R.quantity_must_be_positive),
        ({"limit_price_cents": 0}, R.price_must_be_positive),
        ({"stop_price_cents": 0}, R.stop_price_is_required),
        ({"stop_price_cents": 1}, R.stop_price_needs_a_stop_order),
        ({"time_in_force": "ioc"}, R.field_is_invalid),
        ({"time_in_force": "gtd"}, R.expiry_is_required),
        ({"time_in_force": "gtc", "expires_at_ns": 1}, R.expiry_needs_gtd),
        ({"expires_at_ns": 1}, R.expiry_needs_gtd),
        ({"client_order_id": ""}, R.client_order_id_is_invalid),
        ({"quantity_units": 1_000_000}, R.insufficient_cash),
    ],
)
async def test_a_replacement_that_cannot_be_leaves_the_order(
    exchange: Exchange, changes: dict[str, Any], reason: RefusalReason
) -> None:
    order = await place(exchange, BID)
    assert await reason_of(change(exchange, order, **changes)) == reason
    assert facts(order) == Facts("open", 0, 2_400, SHARE)


async def test_what_is_not_there_or_not_open_cannot_be_replaced(exchange: Exchange) -> None:
    order = await place(exchange, BID)
    assert await reason_of(change(exchange, order, account=ANN, quantity_units=1)) == R.order_not_found
    await cancel_order(exchange, account=BOB, order_id=order.order_id)
    with pytest.raises(RefusedError) as refused:
        await change(exchange, order, quantity_units=1)
    assert (refused.value.reason, refused.value.details["status"]) == (R.order_is_final, "cancelled")


# Client order ids.


async def test_the_same_stop_order_again_is_the_first_one_also_on_another_day(
    exchange: Exchange, clock: FakeClock
) -> None:
    request = STOP._replace(client_order_id="mine", time_in_force="day")
    first = await place(exchange, request)
    clock.advance(86_400)
    assert (await place(exchange, request)).order_id == first.order_id
    for other in (request._replace(stop_price_cents=2_601), BID._replace(client_order_id="mine")):
        assert await reason_of(place(exchange, other)) == R.client_order_id_used_with_other_content


async def test_the_same_replacement_again_is_the_first_one_whatever_became_of_it(
    exchange: Exchange, clock: FakeClock
) -> None:
    order = await place(exchange, BID)
    wanted: dict[str, Any] = {"limit_price_cents": 2_410, "time_in_force": "day", "client_order_id": "new"}
    first = await change(exchange, order, **wanted)
    clock.advance(3_600)
    await cancel_order(exchange, account=BOB, order_id=first.order_id)
    again = await change(exchange, order, **wanted)
    assert (again.order_id, again.status) == (first.order_id, "cancelled")
    other = wanted | {"limit_price_cents": 2_411}
    assert await reason_of(change(exchange, order, **other)) == R.client_order_id_used_with_other_content


async def test_an_id_names_one_order_whether_placed_or_replaced(exchange: Exchange) -> None:
    order = await place(exchange, BID._replace(client_order_id="mine"))
    used = R.client_order_id_used_with_other_content
    assert await reason_of(change(exchange, order, quantity_units=1, client_order_id="mine")) == used
    new = await change(exchange, order, quantity_units=SHARE // 2, client_order_id="new")
    assert await reason_of(place(exchange, BID._replace(client_order_id="new"))) == used
    assert await reason_of(place(exchange, STOP._replace(client_order_id="new"))) == used
    # Another account's ids are its own.
    offer = BID._replace(side="sell", limit_price_cents=2_600, client_order_id="new")
    assert (await place(exchange, offer, account=ANN)).order_id != new.order_id


async def test_a_refused_replacement_leaves_its_id_free(exchange: Exchange) -> None:
    order = await place(exchange, BID)
    wanted: dict[str, Any] = {"quantity_units": 1_000_000, "client_order_id": "new"}
    assert await reason_of(change(exchange, order, **wanted)) == R.insufficient_cash
    assert (await change(exchange, order, quantity_units=SHARE - 1, client_order_id="new")).quantity_units == SHARE - 1
