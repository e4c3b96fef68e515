"""What the fold collects for the feeds, and that it collects nothing else."""

import pytest

from tests.support.trading import ANN, BOB, MAHOMES, FoldedExchange, buy, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    ExpireOrder,
    HaltAccount,
    HaltExchange,
    HaltMarket,
    PlaceOrder,
    ResumeMarket,
    pack_terms,
)
from waiver_exchange.projections.feed_buffer import FeedBatch, LevelChange, TopOfBook


class Listening(FoldedExchange):
    """The small exchange with a buffer that watches Ann, Bob and the book of Mahomes."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = self.projector.feed
        self.buffer.watched_accounts = {ANN: 1, BOB: 1}
        self.buffer.watched_books = {MAHOMES: 1}
        self.buffer.start()

    def batch(self) -> FeedBatch:
        batch = self.buffer.take(sequence=self.state.sequence, time_ns=0)
        assert batch is not None
        return batch


@pytest.fixture
def exchange() -> Listening:
    return Listening()


def test_nothing_is_collected_while_nobody_listens() -> None:
    exchange = Listening()
    exchange.buffer.stop()
    exchange.run(buy(BOB, price=2_400, quantity=10_000), sell(ANN, price=2_400, quantity=10_000))

    assert exchange.buffer.take(sequence=1, time_ns=0) is None


def test_what_nobody_watches_is_not_collected(exchange: Listening) -> None:
    exchange.buffer.watched_accounts = {}
    exchange.buffer.watched_books = {}
    exchange.run(buy(BOB, price=2_400, quantity=10_000), sell(ANN, price=2_400, quantity=5_000))
    batch = exchange.batch()

    assert (batch.levels, batch.orders, batch.accounts) == ([], [], set())
    assert len(batch.trades) == 1
    assert [top.bid_units for top in batch.tops] == [10_000, 5_000]


def test_levels_carry_the_consecutive_sequence_of_their_book(exchange: Listening) -> None:
    exchange.run(buy(BOB, price=2_400, quantity=10_000), buy(BOB, price=2_300, quantity=20_000))
    exchange.run(sell(ANN, price=2_400, quantity=10_000))

    assert exchange.batch().levels == [
        LevelChange(MAHOMES, codes.BUY, 2_400, 10_000, 1),
        LevelChange(MAHOMES, codes.BUY, 2_300, 20_000, 2),
        LevelChange(MAHOMES, codes.BUY, 2_400, 0, 3),
    ]


def test_top_is_told_when_its_price_or_quantity_changes_and_not_for_deeper_levels(exchange: Listening) -> None:
    exchange.run(buy(BOB, price=2_400, quantity=10_000), time_ns=50)
    exchange.run(buy(BOB, price=2_300, quantity=10_000), sell(ANN, price=2_600, quantity=7))
    exchange.run(buy(BOB, price=2_400, quantity=5), sell(ANN, price=2_400, quantity=10_005))

    assert [top[2:] for top in exchange.batch().tops] == [
        (2_400, 10_000, 0, 0),
        (2_400, 10_000, 2_600, 7),
        (2_400, 10_005, 2_600, 7),
        (2_300, 10_000, 2_600, 7),
    ]


def test_top_known_before_a_pause_is_told_again(exchange: Listening) -> None:
    exchange.run(buy(BOB, price=2_400, quantity=10_000), time_ns=50)
    exchange.buffer.stop()
    exchange.buffer.start()
    exchange.run(buy(BOB, price=2_300, quantity=10_000), time_ns=60)

    assert exchange.batch().tops == [TopOfBook(MAHOMES, 60, 2_400, 10_000, 0, 0)]


def test_both_sides_of_each_trade_are_told_as_of_that_trade(exchange: Listening) -> None:
    exchange.run(sell(ANN, price=2_400, quantity=100), sell(ANN, price=2_410, quantity=200))
    exchange.batch()
    exchange.run(buy(BOB, price=2_410, quantity=250), time_ns=70)
    updates = exchange.batch().orders

    assert [
        (update.kind, update.order.account, update.order.filled_quantity_units, update.position_units)
        for update in updates
    ] == [
        ("accepted", BOB, 0, None),
        ("filled", ANN, 100, 999_900),
        ("partially_filled", BOB, 100, 100),
        ("partially_filled", ANN, 150, 999_750),
        ("filled", BOB, 250, 250),
    ]
    assert [update.order.status for update in updates] == [
        "open",
        "filled",
        "partially_filled",
        "partially_filled",
        "filled",
    ]
    assert {update.order.updated_at_ns for update in updates} == {70}
    assert [update.trade.trade_id for update in updates if update.trade is not None] == [1, 1, 2, 2]


def test_order_by_notional_is_filled_by_its_last_trade(exchange: Listening) -> None:
    exchange.run(sell(ANN, price=2_500, quantity=100), sell(ANN, price=2_510, quantity=200))
    exchange.batch()
    terms = pack_terms(side=codes.BUY, order_type=codes.MARKET, time_in_force=codes.IOC)
    exchange.run(PlaceOrder(account=BOB, market=MAHOMES, terms=terms, notional_micros=400_000))
    own = [update for update in exchange.batch().orders if update.order.account == BOB]

    assert [(update.kind, update.position_units) for update in own] == [
        ("accepted", None),
        ("partially_filled", 100),
        ("filled", 159),
    ]


def test_end_of_an_order_is_told_with_its_reason(exchange: Listening) -> None:
    first = exchange.place(buy(BOB, price=2_400, quantity=10), time_ns=50)
    second = exchange.place(buy(BOB, price=2_400, quantity=10), time_ns=50)
    exchange.batch()
    exchange.run(CancelOrder(account=BOB, order_id=first.order_id))
    exchange.run(ExpireOrder(order_id=second.order_id), time_ns=second.expires_at_ns)
    batch = exchange.batch()

    assert [(update.kind, update.order.reason) for update in batch.orders] == [
        ("cancelled", "by_owner"),
        ("expired", ""),
    ]
    assert batch.accounts == {BOB}


def test_rejected_order_is_told_as_rejected_only(exchange: Listening) -> None:
    exchange.run(sell(ANN, price=2_400, quantity=100))
    exchange.batch()
    terms = pack_terms(side=codes.BUY, order_type=codes.LIMIT, time_in_force=codes.GTC, post_only=True)
    exchange.run(PlaceOrder(account=BOB, market=MAHOMES, terms=terms, quantity_units=1, price_cents=2_400))

    assert [(update.kind, update.order.status) for update in exchange.batch().orders] == [("rejected", "rejected")]


def test_copies_stay_as_they_were(exchange: Listening) -> None:
    order = exchange.place(buy(BOB, price=2_400, quantity=10))
    accepted = exchange.batch().orders[0]
    exchange.run(CancelOrder(account=BOB, order_id=order.order_id))

    assert (accepted.order.status, order.status) == ("open", "cancelled")


def test_status_changes_name_the_market_or_the_exchange(exchange: Listening) -> None:
    exchange.run(HaltMarket(market=MAHOMES), ResumeMarket(market=MAHOMES))
    batch = exchange.batch()
    assert (batch.markets, batch.is_exchange_changed) == ({MAHOMES}, False)
    exchange.run(HaltExchange(), HaltAccount(account=BOB))
    batch = exchange.batch()
    assert (batch.markets, batch.is_exchange_changed, batch.accounts) == (set(), True, {BOB})
