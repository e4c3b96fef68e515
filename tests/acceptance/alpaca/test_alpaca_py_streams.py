"""The streams as the official SDK reads them: whatever it cannot parse would raise in its own code."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alpaca.data.enums import DataFeed
from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.data.models import Orderbook, Quote, Trade, TradingStatus
from alpaca.trading.models import TradeUpdate
from alpaca.trading.stream import TradingStream

from tests.acceptance.conftest import Server, Trader

RECEIVE_SECONDS = 20
STOP_SECONDS = 20


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    ann = server.create_account("Ann")
    server.grant(ann, "1000")
    return ann


@pytest.fixture(scope="module")
def bob(server: Server) -> Trader:
    return server.create_account("Bob", cash="100000.00")


class Heard:
    """What a stream gave to its handler, in order."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Any] = queue.Queue()

    async def take(self, message: Any) -> None:  # noqa: ANN401 - any model
        self._queue.put(message)

    def next(self) -> Any:  # noqa: ANN401 - any model
        return self._queue.get(timeout=RECEIVE_SECONDS)


@contextmanager
def running(stream: Any) -> Iterator[None]:  # noqa: ANN401 - the SDK's streams have no common type
    """Run a stream in a thread of its own, as a bot would, until the block ends."""
    is_subscribed = threading.Event()
    consume = stream._consume

    async def consume_noticed() -> Any:  # noqa: ANN401 - as what it stands for
        is_subscribed.set()
        return await consume()

    stream._consume = consume_noticed
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    assert is_subscribed.wait(RECEIVE_SECONDS)
    try:
        yield
    finally:
        stream.stop()
        thread.join(STOP_SECONDS)
        assert not thread.is_alive()


def _websocket(server: Server, path: str) -> str:
    return server.url.replace("http", "ws", 1) + path


def _is_recent(moment: datetime) -> bool:
    return abs(moment - datetime.now(UTC)) < timedelta(minutes=2)


def test_stock_data_stream(server: Server, ann: Trader, bob: Trader) -> None:
    stream = StockDataStream(ann.api_key, ann.api_secret, feed=DataFeed.IEX, url_override=_websocket(server, "/v2/iex"))
    trades, quotes, statuses, unused = Heard(), Heard(), Heard(), Heard()
    stream.subscribe_trades(trades.take, "MAHOMES")
    stream.subscribe_quotes(quotes.take, "*")
    stream.subscribe_trading_statuses(statuses.take, "MAHOMES")
    for subscribe in (stream.subscribe_bars, stream.subscribe_updated_bars, stream.subscribe_daily_bars):
        subscribe(unused.take, "*")
    with running(stream):
        bob.place(quantity="1", limit_price="20.00")
        quote = quotes.next()
        assert isinstance(quote, Quote)
        assert (quote.symbol, quote.bid_price, quote.bid_size, quote.ask_price) == ("MAHOMES", 20, 1, 0)
        ann.place(side="sell", quantity="0.5", limit_price="20.00")
        trade = trades.next()
        assert isinstance(trade, Trade)
        assert (trade.symbol, trade.price, trade.size) == ("MAHOMES", 20, 0.5)
        assert _is_recent(trade.timestamp)
        server.waiver("market", "halt", "--reason", "test", "--symbol", "MAHOMES")
        server.waiver("market", "resume", "--reason", "test", "--symbol", "MAHOMES")
        told = [statuses.next(), statuses.next()]
        assert all(isinstance(status, TradingStatus) for status in told)
        assert [status.status_code for status in told] == ["H", "T"]
    bob.http.delete("/api/v1/orders")


def test_crypto_data_stream(server: Server, ann: Trader, bob: Trader) -> None:
    url = _websocket(server, "/v1beta3/crypto/us")
    stream = CryptoDataStream(ann.api_key, ann.api_secret, url_override=url)
    books = Heard()
    stream.subscribe_orderbooks(books.take, "MAHOMES")
    with running(stream):
        whole = books.next()
        assert isinstance(whole, Orderbook)
        assert whole.reset
        bob.place(quantity="2", limit_price="18.00")
        change = books.next()
        assert not change.reset
        assert [(level.price, level.size) for level in change.bids] == [(18, 2)]
        bob.http.delete("/api/v1/orders")
        assert [(level.price, level.size) for level in books.next().bids] == [(18, 0)]


def test_trading_stream(server: Server, ann: Trader, bob: Trader) -> None:
    stream = TradingStream(bob.api_key, bob.api_secret, url_override=_websocket(server, "/stream"))
    updates = Heard()
    stream.subscribe_trade_updates(updates.take)
    with running(stream):
        # The answer to `listen` comes through the same loop as the updates.
        order = bob.place(quantity="2", limit_price="20.00", client_order_id="streamed")
        new = updates.next()
        assert isinstance(new, TradeUpdate)
        assert (new.event, new.order.client_order_id, str(new.order.id)) == ("new", "streamed", order["id"])
        ann.place(side="sell", quantity="0.5", limit_price="20.00")
        partial = updates.next()
        assert (partial.event, partial.price, partial.qty) == ("partial_fill", 20, 0.5)
        assert _is_recent(partial.timestamp)
        bob.http.delete("/api/v1/orders")
        cancelled = updates.next()
        assert (cancelled.event, cancelled.order.status, cancelled.order.filled_qty) == ("canceled", "canceled", "0.5")
