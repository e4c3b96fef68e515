"""The demo as a whole: seeded, quoted, traded, stopped and continued."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.demo import run_demo as demo_module
from waiver_exchange.demo import traders
from waiver_exchange.demo.run_demo import run_demo
from waiver_exchange.demo.seeding import MARKET_MAKER_NAME, TRADERS
from waiver_exchange.market_maker import market_maker

PLAYERS = 250


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_maker, "STEP_SECONDS", 0.01)
    monkeypatch.setattr(traders, "WAIT_SECONDS_MEAN", 0.2)


@asynccontextmanager
async def running_demo(exchange: Exchange, *, seed: int) -> AsyncIterator["asyncio.Task[None]"]:
    demo = asyncio.create_task(run_demo(exchange, seed=seed))
    try:
        yield demo
    finally:
        demo.cancel()
        (outcome,) = await asyncio.gather(demo, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError), outcome


def quoted_markets(exchange: Exchange) -> int:
    """In how many markets the market maker has exactly one quote on either side."""
    account = exchange.identity.find_account(MARKET_MAKER_NAME)
    own = exchange.state.account_orders.get(account or 0, {}).values()
    sides = sorted((order.market, order.side) for order in own if order.is_open)
    assert len(sides) == len(set(sides)), "a side is quoted twice"
    return sum((market, 1) in sides for market, side in sides if side == 0)


def trades_done(exchange: Exchange) -> int:
    return sum(market.trade_count for market in exchange.state.markets.values())


async def test_the_market_moves_and_continues_after_a_restart(tmp_path: Path, seed: int) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running_exchange(settings) as exchange, running_demo(exchange, seed=seed) as demo:
        while quoted_markets(exchange) < PLAYERS - TRADERS or trades_done(exchange) < 100:
            assert not demo.done()
            await asyncio.sleep(0.05)
        accounts, issued = len(exchange.state.accounts), exchange.state.cash_issued_micros
    done = trades_done(exchange)
    async with running_exchange(settings) as exchange, running_demo(exchange, seed=seed) as demo:
        assert trades_done(exchange) == done
        while trades_done(exchange) < done + 50:
            assert not demo.done()
            await asyncio.sleep(0.05)
        assert len(exchange.state.markets) == PLAYERS
        assert len(exchange.state.accounts) == accounts == TRADERS + 2
        assert exchange.state.cash_issued_micros == issued
        assert quoted_markets(exchange) > PLAYERS - TRADERS
        assert exchange.queries.conservation().is_conserved


async def test_seeding_waits_for_a_journal_that_fails(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "RETRY_SECONDS", 0.01)
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        exchange.writer.failure = "the disk is full"
        async with running_demo(exchange, seed=seed) as demo:
            await asyncio.sleep(0.05)
            assert not demo.done()
            assert exchange.state.markets == {}
            exchange.writer.failure = None
            while trades_done(exchange) < 1:
                assert not demo.done()
                await asyncio.sleep(0.05)


async def test_who_buys_at_the_market_can_sell_at_the_market(tmp_path: Path, seed: int) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange, running_demo(exchange, seed=seed) as demo:
        while quoted_markets(exchange) < PLAYERS - TRADERS:
            assert not demo.done()
            await asyncio.sleep(0.05)
        new = await create_account(exchange, name="newcomer", cash_micros=10_000_000_000)
        bought = sold = 0
        symbols = sorted(exchange.state.symbols)[::10]
        for symbol in symbols:
            order = OrderRequest(symbol=symbol, side="buy", order_type="market", quantity_units=10_000)
            if (await place_order(exchange, account=new.account, request=order)).status == "filled":
                bought += 1
                order = OrderRequest(symbol=symbol, side="sell", order_type="market", quantity_units=10_000)
                sold += (await place_order(exchange, account=new.account, request=order)).status == "filled"
        # A quote may just be on its way when it is asked for.
        assert bought >= len(symbols) - 5
        assert sold >= bought - 3
