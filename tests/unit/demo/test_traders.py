import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, grant_shares, halt_exchange, halt_market, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.queries import OrdersFilter
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.demo import traders as module
from waiver_exchange.demo.traders import ALLOWANCE_MICROS, POOR_MICROS, Trader
from waiver_exchange.domain.refusals import RefusalReason

SHARE = 10_000
RICH_MICROS = 100_000_000_000


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    """One player at $100.00, quoted on both sides by account 2."""
    async with running_exchange(Settings(data_dir=tmp_path)) as running:
        listing = Listing(
            symbol="P", name="P", position="QB", team="KC", supply_units=100_000_000, reference_price_cents=10_000
        )
        await list_player(running, listing)
        quoting = (await create_account(running, name="quoting", cash_micros=RICH_MICROS)).account
        await grant_shares(running, account=quoting, symbol="P", quantity_units=1_000 * SHARE)
        for side, price in (("buy", 9_900), ("sell", 10_100)):
            request = OrderRequest(
                symbol="P",
                side=side,
                order_type="limit",
                quantity_units=500 * SHARE,
                limit_price_cents=price,
            )
            await place_order(running, account=quoting, request=request)
        yield running


async def build_trader(exchange: Exchange, *, cash_micros: int) -> tuple[Trader, int]:
    account = (await create_account(exchange, name="trader", cash_micros=cash_micros)).account
    await grant_shares(exchange, account=account, symbol="P", quantity_units=20 * SHARE)
    return Trader(exchange, account=account, symbols=["P"], rng=Random(1)), account


async def act_often(trader: Trader) -> None:
    for _ in range(100):
        await trader.act()


async def test_a_trader_trades_rests_and_cancels(exchange: Exchange) -> None:
    trader, account = await build_trader(exchange, cash_micros=RICH_MICROS)
    await act_often(trader)
    page = await exchange.queries.orders_page(account=account, filter=OrdersFilter(), limit=200)
    assert {order.status for order in page.items} >= {"open", "filled", "cancelled"}
    assert exchange.market("P").trade_count > 5
    assert exchange.queries.conservation().is_conserved


async def test_a_halted_market_is_not_traded(exchange: Exchange) -> None:
    trader, account = await build_trader(exchange, cash_micros=RICH_MICROS)
    await halt_market(exchange, symbol="P")
    await act_often(trader)
    assert not exchange.state.account_orders.get(account)


async def test_a_trader_never_meets_his_own_orders(exchange: Exchange) -> None:
    trader, account = await build_trader(exchange, cash_micros=RICH_MICROS)
    await act_often(trader)
    page = await exchange.queries.orders_page(account=account, filter=OrdersFilter(), limit=200)
    assert "self_trade_prevented" not in {order.reason for order in page.items}


async def test_a_poor_trader_gets_one_allowance_a_day(exchange: Exchange) -> None:
    trader, account = await build_trader(exchange, cash_micros=POOR_MICROS // 100)
    issued = exchange.state.cash_issued_micros
    await trader.act()
    assert exchange.state.cash_issued_micros == issued + ALLOWANCE_MICROS
    await trader._take_allowance()
    assert exchange.state.cash_issued_micros == issued + ALLOWANCE_MICROS
    assert exchange.state.accounts[account].cash_micros > POOR_MICROS


async def test_a_trader_goes_on_after_refusals(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS_MEAN", 0.001)
    monkeypatch.setattr(module, "BACKOFF_SECONDS", 0.001)
    refusals = [RefusalReason.exchange_is_halted, RefusalReason.journal_is_unavailable]
    trader, account = await build_trader(exchange, cash_micros=RICH_MICROS)
    act = trader.act

    async def refused_at_first() -> None:
        if refusals:
            raise RefusedError(refusals.pop())
        await act()

    monkeypatch.setattr(trader, "act", refused_at_first)
    running = asyncio.create_task(trader.run())
    while not exchange.state.account_orders.get(account):
        assert not running.done()
        await asyncio.sleep(0.001)
    running.cancel()


async def test_a_halted_exchange_refuses_a_trader(exchange: Exchange) -> None:
    trader, _ = await build_trader(exchange, cash_micros=RICH_MICROS)
    await halt_exchange(exchange)
    with pytest.raises(RefusedError) as refused:
        await act_often(trader)
    assert refused.value.reason == RefusalReason.exchange_is_halted
