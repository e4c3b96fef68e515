"""What is sent again under its name is the first order, whatever holds for new orders by then; no name is an id."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.fakes.clock import FakeClock
from tests.support.trading import buy
from waiver_exchange.application.account_settings import change_settings
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order, submit_order
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.replace_order import ReplaceRequest, submit_replacement
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.events import OrderAccepted
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.refusals import RefusalReason

R = RefusalReason
ANN = 2
BOB = 3
BID = OrderRequest(symbol="A", side="buy", order_type="limit", quantity_units=15_000, limit_price_cents=2_400)
NAMED = BID._replace(client_order_id="mine")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def exchange(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Exchange]:
    """Ann and Bob have cash, and one player is listed."""
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        for name in ("Ann", "Bob"):
            await create_account(exchange, name=name, cash_micros=1_000_000_000)
        listing = Listing(
            symbol="A", name="A", position="QB", team="KC", supply_units=100_000_000, reference_price_cents=2_500
        )
        await list_player(exchange, listing)
        yield exchange


async def reason_of_placing(exchange: Exchange, request: OrderRequest) -> RefusalReason:
    with pytest.raises(RefusedError) as error:
        await place_order(exchange, account=ANN, request=request)
    return error.value.reason


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"suspend_trade": True}, R.trading_is_suspended_by_owner),
        ({"fractional_trading": False}, R.fractional_trading_is_switched_off),
    ],
)
async def test_what_was_placed_is_answered_again_when_new_orders_are_switched_off(
    exchange: Exchange, setting: dict[str, bool], reason: RefusalReason
) -> None:
    first = await submit_order(exchange, account=ANN, request=NAMED)
    await change_settings(exchange, account=ANN, changes=setting)
    again = await submit_order(exchange, account=ANN, request=NAMED)
    assert (again.order.order_id, again.is_repetition) == (first.order.order_id, True)

    other = NAMED._replace(quantity_units=25_000)
    assert await reason_of_placing(exchange, other) == R.client_order_id_used_with_other_content
    assert await reason_of_placing(exchange, BID._replace(client_order_id="new")) == reason
    assert await reason_of_placing(exchange, BID) == reason
    # What was refused did not use its name up.
    undone: dict[str, bool] = {name: not value for name, value in setting.items()}
    await change_settings(exchange, account=ANN, changes=undone)
    assert (await submit_order(exchange, account=ANN, request=BID._replace(client_order_id="new"))).order.is_open


async def test_a_replacement_is_answered_again_when_new_orders_are_switched_off(exchange: Exchange) -> None:
    order = await place_order(exchange, account=ANN, request=BID)
    change = ReplaceRequest(quantity_units=12_500, time_in_force="day", client_order_id="less")
    first = await submit_replacement(exchange, account=ANN, order_id=order.order_id, request=change)
    await change_settings(exchange, account=ANN, changes={"suspend_trade": True})
    again = await submit_replacement(exchange, account=ANN, order_id=order.order_id, request=change)
    assert (again.order.order_id, again.is_repetition) == (first.order.order_id, True)


async def test_who_follows_a_refused_order_of_its_name_is_heard_on_his_own(exchange: Exchange) -> None:
    loop = asyncio.get_running_loop()
    refused, heard = (loop.create_future(), loop.create_future())
    command = buy(ANN, price=2_400, quantity=10_000, name="mine")
    exchange.sequencer.begin(command, answer=refused, refusal=R.trading_is_suspended_by_owner)
    exchange.sequencer.begin(command, answer=heard)
    with pytest.raises(RefusedError) as error:
        await refused
    assert error.value.reason == R.trading_is_suspended_by_owner
    outcome = await heard
    assert not outcome.is_repetition
    assert isinstance(outcome.first_event(), OrderAccepted)


async def test_an_order_of_the_day_is_the_same_on_the_next_day(exchange: Exchange, clock: FakeClock) -> None:
    request = NAMED._replace(time_in_force="day")
    first = await submit_order(exchange, account=ANN, request=request)
    change = ReplaceRequest(limit_price_cents=2_300, time_in_force="day", client_order_id="lower")
    changed = await submit_replacement(exchange, account=ANN, order_id=first.order.order_id, request=change)
    clock.advance(86_400)
    again = await submit_order(exchange, account=ANN, request=request)
    assert (again.order.order_id, again.is_repetition) == (first.order.order_id, True)
    unchanged = await submit_replacement(exchange, account=ANN, order_id=first.order.order_id, request=change)
    assert (unchanged.order.order_id, unchanged.is_repetition) == (changed.order.order_id, True)


async def test_the_id_of_an_order_names_no_other(exchange: Exchange) -> None:
    unnamed = await place_order(exchange, account=ANN, request=BID)
    shown = unnamed.client_order_id
    assert shown == to_text(IdKind.order, unnamed.order_id)
    foreseen = to_text(IdKind.order, unnamed.order_id + 1)
    for name, reason in {
        shown: R.client_order_id_used_with_other_content,
        shown.upper(): R.client_order_id_is_invalid,
        shown.replace("-", ""): R.client_order_id_is_invalid,
        f"{{{shown}}}": R.client_order_id_is_invalid,
        UUID(shown).urn: R.client_order_id_is_invalid,
        "_".join(shown.replace("-", "").lstrip("0")[:8]) + shown.replace("-", "")[-17:]: R.client_order_id_is_invalid,
        foreseen: R.client_order_id_is_invalid,
    }.items():
        assert await reason_of_placing(exchange, BID._replace(client_order_id=name)) == reason
        change = ReplaceRequest(limit_price_cents=2_300, client_order_id=name)
        with pytest.raises(RefusedError) as error:
            await submit_replacement(exchange, account=ANN, order_id=unnamed.order_id, request=change)
        assert error.value.reason == reason
    with pytest.raises(RefusedError) as error:
        await place_order(exchange, account=BOB, request=BID._replace(client_order_id=shown))
    assert error.value.reason == R.client_order_id_is_invalid
    found = await exchange.queries.order_by_client_order_id(account=ANN, client_order_id=shown)
    assert found is not None
    assert found.order_id == unnamed.order_id
    # Bots name their orders by random UUIDs.
    assert (await place_order(exchange, account=ANN, request=BID._replace(client_order_id=str(uuid4())))).is_open
