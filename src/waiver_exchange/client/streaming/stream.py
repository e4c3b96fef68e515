"""The stream of an exchange without asyncio: the asynchronous one, run by a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Generic, Self, TypeVar, Unpack

from waiver_exchange.client.access import Access
from waiver_exchange.client.models.account import Scope
from waiver_exchange.client.models.events import AccountUpdate, OrderEvent
from waiver_exchange.client.models.markets import Candle, CandleInterval, Level, Ticker, Trade
from waiver_exchange.client.models.orders import NewOrder, Order, OrderChanges
from waiver_exchange.client.streaming.async_stream import AsyncStream
from waiver_exchange.client.streaming.book import AsyncBook
from waiver_exchange.client.streaming.subscription import QUEUE_EVENTS_MAX, AsyncSubscription

E = TypeVar("E")
T = TypeVar("T")


class Subscription(Generic[E]):
    """Events in their order; `for event in subscription` waits for each."""

    def __init__(self, subscription: AsyncSubscription[E], run: "Runner") -> None:
        """Made by a stream's methods."""
        self._subscription = subscription
        self._run = run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[E]:
        while events := self._run(_take(self._subscription)):
            yield from events

    @property
    def interruptions(self) -> int:
        """How often something may have been missed."""
        return self._subscription.interruptions

    def next(self, *, timeout_seconds: float) -> E | None:
        """Return the next event, or None when there is none in time or never will be."""
        return self._run(self._subscription.next(timeout_seconds=timeout_seconds))

    def close(self) -> None:
        """Listen no more; may be called twice."""
        self._run(self._subscription.aclose())


class Book:
    """A market's book, kept up to date by the stream's thread."""

    def __init__(self, book: AsyncBook, run: "Runner") -> None:
        """Made by a stream's `book`."""
        self._book = book
        self._run = run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_current(self) -> bool:
        """Whether nothing is missing."""
        return self._book.is_current

    @property
    def bids(self) -> list[Level]:
        """The bids, best first."""
        return self.levels()[0]

    @property
    def asks(self) -> list[Level]:
        """The asks, best first."""
        return self.levels()[1]

    @property
    def best_bid(self) -> Level | None:
        """The highest bid."""
        return next(iter(self.bids), None)

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask."""
        return next(iter(self.asks), None)

    def levels(self) -> tuple[list[Level], list[Level]]:
        """Return bids and asks of one moment, best first; two reads of `bids` and `asks` may be of two moments."""
        return self._run(_levels(self._book))

    def wait(self) -> bool:
        """Wait until the book changed and is current; False when nothing comes any more."""
        return self._run(self._book.wait())

    def close(self) -> None:
        """Follow the book no more; may be called twice."""
        self._run(self._book.aclose())


class Stream:
    """One connection for everything, opened by `with client.connect() as stream`. See `AsyncStream`."""

    def __init__(self, access: Access, *, queue_events_max: int = QUEUE_EVENTS_MAX) -> None:
        """Made by `Client.connect`."""
        self._access = access
        self._queue_events_max = queue_events_max
        self._run = Runner()

    def __enter__(self) -> Self:
        self._run.start()
        try:
            # Made in the thread, whose loop its parts belong to.
            self._stream = self._run(_open(self._access, self._queue_events_max))
        except BaseException:
            self._run.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and end every subscription; may be called twice."""
        if self._run.is_running:
            self._run(self._stream.aclose())
            self._run.stop()

    @property
    def scopes(self) -> list[Scope]:
        """What the key may do; nothing without a key."""
        return self._stream.scopes

    def place_order(self, **order: Unpack[NewOrder]) -> Order:
        """Place an order and return it as it stands after matching."""
        return self._run(self._stream.place_order(**order))

    def replace_order(self, order_id: str, **changes: Unpack[OrderChanges]) -> Order:
        """Change an open order and return the new order that took its place."""
        return self._run(self._stream.replace_order(order_id, **changes))

    def cancel_order(self, order_id: str | None = None, *, client_order_id: str | None = None) -> Order:
        """Cancel an open order, named by either, and return it."""
        return self._run(self._stream.cancel_order(order_id, client_order_id=client_order_id))

    def cancel_all(self, *, symbol: str | None = None) -> list[Order]:
        """Cancel all open orders, or those of one market, and return those that this cancelled."""
        return self._run(self._stream.cancel_all(symbol=symbol))

    def ping(self) -> None:
        """Return when the exchange has answered."""
        self._run(self._stream.ping())

    def orders(self) -> Subscription[OrderEvent]:
        """Follow the account's own orders. The first event is `Resynced`, with those that are open now."""
        return Subscription(self._run(self._stream.orders()), self._run)

    def account(self) -> Subscription[AccountUpdate]:
        """Follow the account's cash, equity and positions, from what they are now."""
        return Subscription(self._run(self._stream.account()), self._run)

    def trades(self, symbol: str = "*") -> Subscription[Trade]:
        """Follow the trades of a market, or of all, from now on."""
        return Subscription(self._run(self._stream.trades(symbol)), self._run)

    def tickers(self, symbol: str = "*") -> Subscription[Ticker]:
        """Follow the ticker of a market, or of all."""
        return Subscription(self._run(self._stream.tickers(symbol)), self._run)

    def candles(self, symbol: str, interval: CandleInterval) -> Subscription[Candle]:
        """Follow the candle that is being made, and with it each that is done."""
        return Subscription(self._run(self._stream.candles(symbol, interval)), self._run)

    def book(self, symbol: str) -> Book:
        """Follow the book of a market; it is current when this returns."""
        return Book(self._run(self._stream.book(symbol)), self._run)


class Runner:
    """A thread with an event loop; calling it runs a coroutine there and waits for its result."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="waiver-stream", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it there and return its result."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C while waiting ends what is waited for
            raise

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _open(access: Access, queue_events_max: int) -> AsyncStream:
    return await AsyncStream(access, queue_events_max=queue_events_max).__aenter__()


async def _take(subscription: AsyncSubscription[E]) -> list[E]:
    async for event in subscription:
        return [event]
    return []


async def _levels(book: AsyncBook) -> tuple[list[Level], list[Level]]:
    return book.bids, book.asks
