"""The clock jumps back an hour, while the exchange runs and between two runs: trading goes on, time never goes back."""

from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.support.faults import furnish
from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.verify import describe_live
from waiver_exchange.bootstrap import running_exchange, verify_data_directory
from waiver_exchange.config import Settings
from waiver_exchange.projections.state import OrderView

HOUR_SECONDS = 3_600
BUYER, SELLER = 2, 3


async def place(exchange: Exchange, account: int, side: str) -> OrderView:
    request = OrderRequest(
        symbol="MAHOMES", side=side, order_type="limit", quantity_units=10_000, limit_price_cents=2_000
    )
    return await place_order(exchange, account=account, request=request)


async def trade(exchange: Exchange) -> list[OrderView]:
    """A sale that rests and a purchase that takes it."""
    return [await place(exchange, SELLER, "sell"), await place(exchange, BUYER, "buy")]


async def test_trading_goes_on_and_created_at_never_goes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(data_dir=tmp_path / "exchange")
    clock = FakeClock()
    orders: list[OrderView] = []
    with DataDirectory(settings.data_dir).acquire_lock():
        async with running_exchange(settings, clock=clock) as exchange:
            await furnish(exchange)
            for seconds in (60, -HOUR_SECONDS, 60, -HOUR_SECONDS, 3 * HOUR_SECONDS):
                clock.advance(seconds)
                orders += await trade(exchange)
            newest = orders[-1].created_at_ns
            assert newest == clock.now
        clock.advance(-HOUR_SECONDS)
        async with running_exchange(settings, clock=clock) as exchange:
            orders += await trade(exchange)
            assert orders[-1].created_at_ns == newest
            live = await describe_live(exchange)
            assert (live.sequence, live.difference) == (exchange.state.sequence, None)
        found = await verify_data_directory(settings, ask_live=None, report=lambda _: None)
    assert found.difference is None
    times = [order.created_at_ns for order in orders]
    assert times == sorted(times)
    assert all(order.status == "filled" for order in orders[1::2])
    assert caplog.text.count("behind the journal; its time stands still until the clock has caught up") == 2
