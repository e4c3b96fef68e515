"""Candles and tickers against a plain recount of every trade."""

from collections.abc import Iterable
from itertools import groupby
from random import Random
from typing import get_args

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.journal_rows import HandMadeJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ANN, BOB, FACTS, MAHOMES, ZONE
from waiver_exchange.application.queries import Candle, Interval, Queries
from waiver_exchange.application.queries.intervals import Intervals
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import ListMarket, OpenAccount, pack_terms
from waiver_exchange.domain.events import (
    AccountOpened,
    CashChanged,
    Event,
    HoldingChanged,
    MarketListed,
    OrderAccepted,
    TradeExecuted,
)
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import ReadModelState, TradeView

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# The night in which New York sets its clocks back, 1 November 2026, is in the middle of it.
START = 1_793_404_800 * SECOND
MAKER, TAKER = 1 << 28 | 1, 2 << 28 | 2
SYMBOL = "MAHOMES"
INTERVALS: tuple[Interval, ...] = get_args(Interval)


class Tape:
    """Trades at chosen times and prices, folded, some stored, and counted again by hand."""

    def __init__(self) -> None:
        self.journal = HandMadeJournal()
        self.store = MemoryReadModel()
        self.projector = Projector(ReadModelState())
        self.trades: list[TradeView] = []
        self.cash = self.shares = 0
        self.connect()
        self.run(MarketListed(MAHOMES, 10**8, 2_500), time_ns=START)
        for account in (ANN, BOB):
            self.run(AccountOpened(account), time_ns=START)
        terms = pack_terms(side=codes.SELL, order_type=codes.LIMIT, time_in_force=codes.GTC)
        for order, account in ((MAKER, ANN), (TAKER, BOB)):
            self.run(OrderAccepted(order, account, MAHOMES, terms, 10**9, 0, 1, 0), time_ns=START)

    def connect(self) -> None:
        self.queries = Queries(state=self.projector.state, store=self.store, journal=FakeJournal(), zone=ZONE)

    def run(self, *events: Event, time_ns: int) -> None:
        command: ListMarket | OpenAccount = OpenAccount()
        if isinstance(events[0], MarketListed):
            command = ListMarket(supply_units=10**8, reference_price_cents=2_500, facts=FACTS)
        self.projector.apply(self.journal.row(command, *events, time_ns=time_ns))

    def trade(self, *, time_ns: int, price: int, quantity: int) -> None:
        number = len(self.trades) + 1
        trade = TradeExecuted(number, MAHOMES, price, quantity, MAKER, TAKER, ANN, BOB, 0, 0, codes.BUY)
        value, self.shares = price * quantity, self.shares + quantity
        self.cash += value
        self.run(
            trade,
            CashChanged(ANN, self.cash, 0),
            HoldingChanged(ANN, MAHOMES, -self.shares, 0, 0, 0),
            CashChanged(BOB, -self.cash, 0),
            HoldingChanged(BOB, MAHOMES, self.shares, 0, 0, 0),
            time_ns=time_ns,
        )
        self.trades.append(self.projector.state.tape[-1])

    async def flush(self) -> None:
        changes = self.projector.take_changes()
        if changes is not None:
            await self.store.store(changes)
            self.projector.forget_closed(changes)

    async def restart(self) -> None:
        await self.flush()
        self.projector = Projector(await self.store.load())
        self.connect()

    async def run_for(self, days: float, random: Random) -> None:
        """Trades now and then, with quiet hours between, stored and restarted by chance."""
        time = START
        price = 2_500
        while time < START + int(days * DAY):
            time += random.choice((1, SECOND, 20 * SECOND, MINUTE, 7 * MINUTE, HOUR, 5 * HOUR))
            price = max(1, price + random.randint(-30, 30))
            self.trade(time_ns=time, price=price, quantity=random.randint(1, 50_000))
            chance = random.random()
            if chance < 0.1:
                await self.flush()
            elif chance < 0.12:
                await self.restart()

    def candles(self, interval: Interval) -> list[Candle]:
        """All candles, counted from the trades alone."""
        intervals = Intervals(interval, zone=ZONE)
        buckets = groupby(self.trades, key=lambda trade: intervals.start_of(trade.time_ns))
        return [recount(start, trades) for start, trades in buckets]


def recount(start: int, trades: Iterable[TradeView]) -> Candle:
    own = list(trades)
    prices = [trade.price_cents for trade in own]
    return Candle(
        time_ns=start,
        open_cents=prices[0],
        high_cents=max(prices),
        low_cents=min(prices),
        close_cents=prices[-1],
        volume_units=sum(trade.quantity_units for trade in own),
        value_micros=sum(trade.price_cents * trade.quantity_units for trade in own),
        trades=len(own),
    )


@pytest.fixture
async def tape(seed: int) -> Tape:
    tape = Tape()
    await tape.run_for(6, Random(seed))
    return tape


@pytest.mark.parametrize("interval", INTERVALS)
async def test_candles_are_a_recount_of_the_trades(tape: Tape, interval: Interval) -> None:
    expected = tape.candles(interval)
    assert len(expected) >= 6

    newest_first = await tape.queries.candles(symbol=SYMBOL, interval=interval, limit=10_000)
    assert newest_first == expected[::-1]
    assert await tape.queries.candles(symbol=SYMBOL, interval=interval, limit=10_000, is_ascending=True) == expected
    total = sum(trade.quantity_units for trade in tape.trades)
    assert sum(candle.volume_units for candle in expected) == total == tape.queries.markets()[0].volume_units


@pytest.mark.parametrize("interval", INTERVALS)
async def test_candles_of_any_range_and_limit_are_a_part_of_all(tape: Tape, interval: Interval, seed: int) -> None:
    random = Random(seed)
    everything = tape.candles(interval)
    for _ in range(30):
        start, end = (START + random.randrange(7 * DAY) for _ in range(2))
        limit = random.choice((1, 2, 5, 10_000))
        is_ascending = random.random() < 0.5
        expected = [candle for candle in everything if start <= candle.time_ns < end]
        expected = expected[:limit] if is_ascending else expected[::-1][:limit]
        found = await tape.queries.candles(
            symbol=SYMBOL, interval=interval, start_ns=start, end_ns=end, limit=limit, is_ascending=is_ascending
        )
        assert found == expected


@pytest.mark.parametrize("interval", INTERVALS)
async def test_empty_intervals_are_filled_with_the_close_before_them(tape: Tape, interval: Interval, seed: int) -> None:
    random = Random(seed)
    intervals = Intervals(interval, zone=ZONE)
    traded = {candle.time_ns: candle for candle in tape.candles(interval)}
    time, close = min(traded), 0
    everything = []
    while time < START + 7 * DAY:
        candle = traded.get(time) or Candle(time, close, close, close, close, 0, 0, 0)
        close = candle.close_cents
        everything.append(candle)
        time = intervals.next_after(time)
    assert len(everything) > len(traded) or interval == "1d"
    for _ in range(20):
        start, end = (START - DAY + random.randrange(8 * DAY) for _ in range(2))
        limit = random.choice((1, 3, 50))
        is_ascending = random.random() < 0.5
        expected = [candle for candle in everything if start <= candle.time_ns < end]
        expected = expected[:limit] if is_ascending else expected[::-1][:limit]
        found = await tape.queries.candles(
            symbol=SYMBOL,
            interval=interval,
            start_ns=start,
            end_ns=end,
            limit=limit,
            is_ascending=is_ascending,
            fill=True,
        )
        assert found == expected


async def test_current_candle_is_shown_and_no_trade_is_counted_twice() -> None:
    tape = Tape()
    tape.trade(time_ns=START + 1, price=2_500, quantity=100)
    for flush in (tape.flush, tape.restart):
        await flush()
        (candle,) = await tape.queries.candles(symbol=SYMBOL, interval="1h", limit=5) or []
        assert (candle.volume_units, candle.trades) == (100 * candle.trades, len(tape.trades))
        tape.trade(time_ns=START + 2, price=2_600, quantity=100)
        (candle,) = await tape.queries.candles(symbol=SYMBOL, interval="1m", limit=5) or []
        assert (candle.volume_units, candle.trades) == (100 * len(tape.trades), len(tape.trades))


async def test_market_without_trades_has_no_candles_and_nobody_has_none() -> None:
    tape = Tape()

    for fill in (False, True):
        assert await tape.queries.candles(symbol=SYMBOL, interval="1m", limit=5, fill=fill) == []
        assert await tape.queries.candles(symbol="NOBODY", interval="1m", limit=5, fill=fill) is None


async def test_ticker_is_a_recount_of_the_last_day_as_time_passes(seed: int) -> None:
    random = Random(seed)
    tape = Tape()
    time, price = START, 2_500
    for _ in range(400):
        time += random.choice((1, SECOND, MINUTE, 10 * MINUTE, HOUR, 9 * HOUR))
        if random.random() < 0.8:
            price = max(1, price + random.randint(-30, 30))
            tape.trade(time_ns=time, price=price, quantity=random.randint(1, 50_000))
        if random.random() < 0.05:
            await tape.restart()
        if tape.trades and random.random() < 0.4:
            check_ticker(tape, now_ns=time)


def check_ticker(tape: Tape, *, now_ns: int) -> None:
    ticker = tape.queries.ticker(SYMBOL, now_ns=now_ns)
    assert ticker is not None
    assert [ticker] == tape.queries.tickers(now_ns=now_ns)
    first_ns = now_ns - now_ns % MINUTE - DAY + MINUTE
    own = [trade for trade in tape.trades if trade.time_ns >= first_ns]
    before = [trade for trade in tape.trades if trade.time_ns < first_ns]
    prices = [trade.price_cents for trade in own]
    assert (ticker.high_cents, ticker.low_cents) == (max(prices, default=0), min(prices, default=0))
    assert ticker.volume_units == sum(trade.quantity_units for trade in own)
    assert ticker.value_micros == sum(trade.quantity_units * trade.price_cents for trade in own)
    assert ticker.trades == len(own)
    opened = before[-1].price_cents if before else prices[0]
    last = tape.trades[-1]
    assert (ticker.open_cents, ticker.last_cents, ticker.time_ns) == (opened, last.price_cents, last.time_ns)
    assert ticker.change_cents == last.price_cents - opened
    assert abs(ticker.change_bps * opened - 10_000 * ticker.change_cents) <= opened / 2


def test_ticker_of_a_market_without_trades_is_empty() -> None:
    tape = Tape()
    tape.projector.state.books[MAHOMES].bids[2_400] = 7

    ticker = tape.queries.ticker(SYMBOL, now_ns=START)
    assert ticker == (MAHOMES, SYMBOL, 0, 0, 2_400, 7, *[0] * 10)
    assert tape.queries.ticker("NOBODY", now_ns=START) is None
