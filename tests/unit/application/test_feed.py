"""Who is told what happens, and that nobody who listens can hurt the others."""

import logging

import pytest

from tests.support.trading import ANN, BOB, MAHOMES, FoldedExchange, buy, sell
from waiver_exchange.application.feed import Feed
from waiver_exchange.projections.feed_buffer import FeedBatch


class Told(FoldedExchange):
    """The small exchange with its feed."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed(self.projector)

    def tell(self) -> None:
        self.feed.publish(time_ns=9)


@pytest.fixture
def exchange() -> Told:
    return Told()


def test_listener_is_told_what_happened_since_it_subscribed(exchange: Told) -> None:
    exchange.run(buy(BOB, price=2_400, quantity=10))
    exchange.tell()
    heard: list[FeedBatch] = []
    exchange.feed.subscribe(heard.append)
    exchange.run(sell(ANN, price=2_400, quantity=4))
    exchange.tell()
    exchange.tell()

    assert [(batch.sequence, batch.time_ns, len(batch.trades)) for batch in heard] == [(exchange.state.sequence, 9, 1)]


def test_failing_listener_is_logged_once_and_hurts_nobody(exchange: Told, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[FeedBatch] = []

    def fail(_: FeedBatch) -> None:
        message = "not today"
        raise ValueError(message)

    exchange.feed.subscribe(fail)
    exchange.feed.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        for price in (2_400, 2_401):
            exchange.run(buy(BOB, price=price, quantity=10))
            exchange.tell()

    assert len(heard) == 2
    assert [record.message for record in caplog.records] == [
        "a listener of the feed failed; it is called again with the next batch"
    ]


def test_last_listener_to_leave_ends_the_collecting(exchange: Told) -> None:
    subscriptions = [exchange.feed.subscribe(lambda _: None) for _ in range(2)]
    assert exchange.projector.feed.is_collecting
    subscriptions[0].close()
    subscriptions[0].close()
    assert exchange.projector.feed.is_collecting
    subscriptions[1].close()
    assert not exchange.projector.feed.is_collecting


def test_registrations_are_counted(exchange: Told) -> None:
    heard: list[FeedBatch] = []
    exchange.feed.subscribe(heard.append)
    for _ in range(2):
        exchange.feed.watch_book(MAHOMES)
        exchange.feed.watch_account(BOB)
    exchange.feed.unwatch_book(MAHOMES)
    exchange.feed.unwatch_account(BOB)
    exchange.run(buy(BOB, price=2_400, quantity=10))
    exchange.tell()
    exchange.feed.unwatch_book(MAHOMES)
    exchange.feed.unwatch_account(BOB)
    exchange.run(buy(BOB, price=2_402, quantity=10))
    exchange.tell()

    assert [(len(batch.levels), len(batch.orders), batch.accounts) for batch in heard] == [(1, 1, {BOB}), (0, 0, set())]
