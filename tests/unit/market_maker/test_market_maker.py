import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.unit.market_maker.world import MICROS, SHARE, SYMBOLS, World, build_world
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application.accounts import create_account, halt_account, resume_account
from waiver_exchange.application.markets import (
    halt_exchange,
    halt_market,
    resume_exchange,
    resume_market,
)
from waiver_exchange.application.ports import JournalError, JournalRow
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.market_maker import market_maker as module
from waiver_exchange.market_maker.market_maker import BURST_ACTIONS_MAX
from waiver_exchange.market_maker.quoting import QuotingRules
from waiver_exchange.projections.changes import ReadModelError


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        yield await build_world(exchange)


async def test_every_market_gets_a_bid_and_an_ask(world: World) -> None:
    await world.settle()
    assert world.quotes() == [(symbol, price, 100 * SHARE) for symbol in SYMBOLS for price in (9_600, 10_400)]
    assert {order.time_in_force for order in world.open_orders()} == {codes.DAY}
    assert all(order.post_only for order in world.open_orders())


async def test_a_step_is_a_small_burst(world: World) -> None:
    before = world.exchange.state.sequence
    assert await world.maker.step() is None
    assert world.exchange.state.sequence - before == BURST_ACTIONS_MAX


async def test_a_filled_quote_is_placed_again(world: World) -> None:
    await world.settle()
    bought = await world.trade("buy", price=10_400, shares=100)
    assert bought.status == "filled"
    assert [price for _, price, _ in world.quotes("P0")] == [9_600]
    await world.settle()
    quotes = world.quotes("P0")
    assert len(quotes) == 2
    assert all(quantity == 100 * SHARE for _, _, quantity in quotes)


async def test_a_quote_with_little_left_is_filled_up_and_one_with_much_left_keeps_its_place(world: World) -> None:
    await world.settle()
    (ask,) = [order for order in world.open_orders() if order.side == codes.SELL and world.symbol_of(order) == "P0"]
    await world.trade("buy", price=10_400, shares=50)
    await world.settle()
    assert ask.is_open
    await world.trade("buy", price=10_400, shares=1)
    await world.settle()
    assert ask.status == "cancelled"
    assert [quantity for _, _, quantity in world.quotes("P0")] == [100 * SHARE, 100 * SHARE]


async def test_the_quotes_follow_the_fair_value(world: World) -> None:
    await world.settle()
    world.values["P0"] = 10_050
    await world.settle()
    assert [price for _, price, _ in world.quotes("P0")] == [9_600, 10_400]
    world.values["P0"] = 11_000
    await world.settle()
    assert [price for _, price, _ in world.quotes("P0")] == [10_560, 11_440]
    assert len(world.quotes()) == 2 * len(SYMBOLS)


async def test_a_restart_finds_the_quotes_that_rest(world: World) -> None:
    await world.settle()
    sequence, quotes = world.exchange.state.sequence, world.quotes()
    await world.settle(world.restarted())
    assert world.exchange.state.sequence == sequence
    assert world.quotes() == quotes


async def test_a_restart_of_the_exchange_makes_no_second_quotes(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        world = await build_world(exchange)
        assert await world.maker.step() is None
        assert 0 < len(world.quotes()) < 2 * len(SYMBOLS)
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        again = World(exchange, account=world.account, client=world.client)
        await again.settle()
        assert len(again.quotes()) == 2 * len(SYMBOLS)


async def test_second_quotes_from_elsewhere_are_taken_back(world: World) -> None:
    await world.settle()
    own = World(world.exchange, account=world.account, client=world.account)
    for _ in range(2 * BURST_ACTIONS_MAX):
        await own.trade("buy", price=9_600, shares=1, time_in_force="gtc")
    await world.settle()
    assert [price for _, price, _ in world.quotes("P0")] == [9_600, 10_400]


async def test_a_halted_market_waits_and_the_others_go_on(world: World) -> None:
    await halt_market(world.exchange, symbol="P0")
    await world.settle()
    assert world.quotes("P0") == []
    assert len(world.quotes()) == 2 * (len(SYMBOLS) - 1)
    await resume_market(world.exchange, symbol="P0")
    await world.settle()
    assert len(world.quotes()) == 2 * len(SYMBOLS)


async def test_a_halt_that_comes_between_decision_and_order_pauses_the_market(world: World) -> None:
    halt = asyncio.create_task(halt_market(world.exchange, symbol="P0"))
    await asyncio.sleep(0)
    assert await world.maker.step() is None
    await halt
    await world.settle()
    assert world.quotes("P0") == []
    await resume_market(world.exchange, symbol="P0")
    await world.settle()
    assert world.quotes("P0") == []
    world.maker._paused_until.clear()  # five seconds later
    await world.settle()
    assert len(world.quotes("P0")) == 2


async def test_everything_waits_while_the_exchange_or_the_account_is_halted(world: World) -> None:
    await halt_exchange(world.exchange)
    assert await world.maker.step() == "trading is halted"
    await resume_exchange(world.exchange)
    await halt_account(world.exchange, account=world.account)
    assert await world.maker.step() == "trading is halted"
    await resume_account(world.exchange, account=world.account)
    await world.settle()
    assert len(world.quotes()) == 2 * len(SYMBOLS)


async def test_a_halt_of_everything_that_comes_in_between_is_waited_out(world: World) -> None:
    halt = asyncio.create_task(halt_exchange(world.exchange))
    await asyncio.sleep(0)
    trouble = await world.maker.step()
    await halt
    assert trouble is not None
    assert "exchange_is_halted" in trouble


async def test_without_shares_only_bids_are_placed(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        built = await build_world(exchange)
        poor = (await create_account(exchange, name="poor", cash_micros=1_000_000 * MICROS)).account
        world = World(exchange, account=poor, client=built.client)
        await world.settle()
        assert [price for _, price, _ in world.quotes("P0")] == [9_700]
        await world.trade("sell", price=9_700, shares=100)
        await world.settle()
        assert [price for _, price, _ in world.quotes("P0")] == [9_696, 10_496]


async def test_quotes_do_not_trade_with_what_others_offer(world: World) -> None:
    await world.trade("buy", price=10_450, shares=1, time_in_force="gtc")
    await world.settle()
    assert [price for _, price, _ in world.quotes("P0")] == [9_600, 10_451]
    assert world.exchange.state.markets[world.exchange.state.symbols["P0"]].trade_count == 0


async def test_a_quote_that_would_trade_after_all_pauses_the_market(world: World) -> None:
    bid = asyncio.create_task(world.trade("buy", price=10_450, shares=1, time_in_force="gtc"))
    await asyncio.sleep(0)
    assert await world.maker.step() is None
    await bid
    assert [price for _, price, _ in world.quotes("P0")] == [9_600]
    assert world.exchange.state.symbols["P0"] in world.maker._paused_until


async def test_a_days_value_is_never_exceeded_even_across_a_restart(world: World) -> None:
    rules = QuotingRules(value_micros_per_day=20_000 * MICROS)
    maker = world.restarted(rules)
    await world.settle(maker)
    for _ in range(20):
        maker = world.restarted(rules)
        await world.settle(maker)
        await world.trade("buy", price=10_600, shares=30)
        await world.settle(maker)
        await world.trade("sell", price=9_400, shares=30)
    await world.settle(maker)
    trades = await world.exchange.queries.trades(symbol="P0", limit=1_000) or []
    traded = sum(trade.price_cents * trade.quantity_units for trade in trades)
    assert 19_000 * MICROS < traded <= 20_000 * MICROS
    assert world.quotes("P0") == []
    assert len(world.quotes("P1")) == 2


async def test_a_new_day_starts_at_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    maker = world.restarted(QuotingRules(value_micros_per_day=10_000 * MICROS))
    await world.settle(maker)
    market = world.exchange.state.symbols["P0"]
    while world.quotes("P0"):
        await world.trade("buy", price=10_600, shares=100)
        await world.settle(maker)
        await world.trade("sell", price=9_400, shares=100)
        await world.settle(maker)
    assert maker._budget.traded_micros(market) > 9_000 * MICROS
    monkeypatch.setattr(maker._budget, "_today", lambda: 0)
    await world.settle(maker)
    assert maker._budget.traded_micros(market) == 0
    assert len(world.quotes("P0")) == 2


async def test_a_journal_that_fails_is_waited_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP_SECONDS", 0.001)
    monkeypatch.setattr(module, "BACKOFF_SECONDS_MIN", 0.01)
    failures = 2
    append = SqliteJournal.append

    async def fail_at_first(journal: SqliteJournal, rows: Sequence[JournalRow]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise JournalError("the disk is full")
        await append(journal, rows)

    monkeypatch.setattr(SqliteJournal, "append", fail_at_first)
    running = asyncio.create_task(world.maker.run())
    while len(world.quotes()) < 2 * len(SYMBOLS):
        assert not running.done()
        await asyncio.sleep(0.01)
    assert failures == 0
    await asyncio.sleep(0.05)
    running.cancel()
    assert len(world.quotes()) == 2 * len(SYMBOLS)


async def test_a_stopping_exchange_is_no_fault(world: World) -> None:
    world.exchange.stop()
    trouble = await world.maker.step()
    assert trouble is not None
    assert "exchange_is_stopping" in trouble


async def test_a_store_that_cannot_be_read_at_the_start_is_waited_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(**_: object) -> None:
        raise ReadModelError("the store is locked")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.exchange.queries), "trades", staticmethod(fail))
        assert await world.maker.step() == "the store is locked"
    await world.settle()
    assert len(world.quotes()) == 2 * len(SYMBOLS)


async def test_a_market_without_a_fair_value_is_left_alone(world: World) -> None:
    del world.values["P0"]
    await world.settle()
    assert world.quotes("P0") == []
