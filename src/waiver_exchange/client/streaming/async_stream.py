"""The stream of an exchange, for asyncio: requests and subscriptions over a connection that mends itself."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar, Unpack

from waiver_exchange.client.access import Access
from waiver_exchange.client.async_transport import AsyncPages, AsyncTransport
from waiver_exchange.client.call import Page, get, new_client_order_id, segment
from waiver_exchange.client.errors import ApiError, ClientError, NoAnswerError
from waiver_exchange.client.models.account import Scope
from waiver_exchange.client.models.events import AccountUpdate, OrderEvent
from waiver_exchange.client.models.markets import Candle, CandleInterval, Ticker, Trade
from waiver_exchange.client.models.orders import NewOrder, Order, OrderChanges
from waiver_exchange.client.refusal_codes import RefusalCode
from waiver_exchange.client.streaming.book import AsyncBook
from waiver_exchange.client.streaming.channels import Channels
from waiver_exchange.client.streaming.follower import Follower
from waiver_exchange.client.streaming.frames import Frame
from waiver_exchange.client.streaming.link import Link
from waiver_exchange.client.streaming.readers import OrdersReader, Reader, StateReader, TradesReader
from waiver_exchange.client.streaming.subscription import QUEUE_EVENTS_MAX, AsyncSubscription
from waiver_exchange.client.wire import decode, plain

T = TypeVar("T")
E = TypeVar("E")
Callback = Callable[[E], None] | None
_log = logging.getLogger(__name__)


class AsyncStream:
    """One connection for everything, opened by `async with client.connect() as stream`.

    A broken connection is opened again, with growing pauses, and subscriptions begin anew from a snapshot: books are
    right again, readers of `orders` get `Resynced`, and trades that were missed are told as far as they are known. A
    request that met the break is sent again where that is safe.
    """

    def __init__(self, access: Access, *, queue_events_max: int = QUEUE_EVENTS_MAX) -> None:
        """Made by `AsyncClient.connect`."""
        self._access = access
        self._queue_events_max = queue_events_max
        self._rest = AsyncTransport.of(access)
        self._channels = Channels()
        self._link: Link | None = None
        self._is_connected = asyncio.Event()
        self._failure: ClientError | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        try:
            self._link = await Link.open(self._access, on_push=self._on_push)
        except BaseException:
            await self._rest.aclose()
            raise
        self._is_connected.set()
        self._keeper = asyncio.create_task(self._keep_connected(self._link))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection and end every subscription."""
        tasks = [task for task in (self._keeper, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._end(NoAnswerError("the stream is closed", may_have_been_done=False), tell=None)
        if self._link is not None:
            await self._link.close()
        await self._rest.aclose()

    @property
    def scopes(self) -> list[Scope]:
        """What the key may do; nothing without a key."""
        return [] if self._link is None else self._link.scopes

    # Requests

    async def place_order(self, **order: Unpack[NewOrder]) -> Order:
        """Place an order and return it as it stands after matching."""
        return await self._request("order.place", {"client_order_id": new_client_order_id(), **plain(order)}, Order)

    async def replace_order(self, order_id: str, **changes: Unpack[OrderChanges]) -> Order:
        """Change an open order and return the new order that took its place."""
        params = {"client_order_id": new_client_order_id(), **plain(changes), "id": order_id}
        return await self._request("order.replace", params, Order)

    async def cancel_order(self, order_id: str | None = None, *, client_order_id: str | None = None) -> Order:
        """Cancel an open order, named by either, and return it. Refused with `order_is_final` when it is not open."""
        params = plain({"id": order_id, "client_order_id": client_order_id})
        try:
            return await self._request("order.cancel", params, Order)
        except ApiError as refusal:
            if refusal.code == RefusalCode.order_is_final and refusal.attempts > 1:
                order = await self._find(order_id, client_order_id=client_order_id)
                if order is not None and order.status == "cancelled":
                    return order  # by the first attempt, whose answer was lost
            raise

    async def cancel_all(self, *, symbol: str | None = None) -> list[Order]:
        """Cancel all open orders, or those of one market, and return those that this cancelled."""
        return await self._request("order.cancel_all", plain({"symbol": symbol}), list[Order])

    async def ping(self) -> None:
        """Return when the exchange has answered."""
        await self._request("ping", {}, dict[str, Any])

    # Subscriptions

    async def orders(self, *, callback: Callback[OrderEvent] = None) -> AsyncSubscription[OrderEvent]:
        """Follow the account's own orders. The first event is `Resynced`, with those that are open now."""
        reader = OrdersReader(lambda: self._start(self._read_open_orders(subscription, reader)))
        subscription = self._subscription("orders", reader, callback)
        await self._follow("orders", subscription)
        return subscription

    async def account(self, *, callback: Callback[AccountUpdate] = None) -> AsyncSubscription[AccountUpdate]:
        """Follow the account's cash, equity and positions, from what they are now."""
        return await self._subscribe("account", StateReader(AccountUpdate), callback)

    async def trades(self, symbol: str = "*", *, callback: Callback[Trade] = None) -> AsyncSubscription[Trade]:
        """Follow the trades of a market, or of all, from now on."""
        return await self._subscribe(f"trades:{symbol}", TradesReader(), callback)

    async def tickers(self, symbol: str = "*", *, callback: Callback[Ticker] = None) -> AsyncSubscription[Ticker]:
        """Follow the ticker of a market, or of all."""
        return await self._subscribe(f"ticker:{symbol}", StateReader(Ticker), callback)

    async def candles(
        self, symbol: str, interval: CandleInterval, *, callback: Callback[Candle] = None
    ) -> AsyncSubscription[Candle]:
        """Follow the candle that is being made, and with it each that is done."""
        return await self._subscribe(f"candles:{symbol}:{interval}", StateReader(Candle), callback)

    async def book(self, symbol: str) -> AsyncBook:
        """Follow the book of a market; it is current when this returns."""
        channel = f"book:{symbol}"
        book = AsyncBook(symbol, restart=lambda: self._restart(channel), close=self._unfollow)
        await self._follow(channel, book)
        await book.wait()  # what it began with is no change
        return book

    async def _subscribe(self, channel: str, reader: Reader[E], callback: Callback[E]) -> AsyncSubscription[E]:
        subscription = self._subscription(channel, reader, callback)
        await self._follow(channel, subscription)
        return subscription

    def _subscription(self, channel: str, reader: Reader[E], callback: Callback[E]) -> AsyncSubscription[E]:
        return AsyncSubscription(
            reader=reader,
            restart=lambda: self._restart(channel),
            close=self._unfollow,
            callback=callback,
            queue_events_max=self._queue_events_max,
        )

    async def _follow(self, channel: str, follower: Follower) -> None:
        self._channels.add(channel, follower)
        try:
            await self._request("subscribe", {"channels": [channel]}, Any)
            async with asyncio.timeout(self._access.timeout_seconds):
                await follower.begin()
        except TimeoutError as error:
            await follower.aclose()
            raise NoAnswerError(f"{channel} did not begin", may_have_been_done=True) from error
        except BaseException:
            self._channels.remove(follower)
            raise

    async def _unfollow(self, follower: Follower) -> None:
        channel = self._channels.remove(follower)
        if channel is not None and self._is_connected.is_set() and self._failure is None:
            try:
                await self._request("unsubscribe", {"channels": [channel]}, Any)
            except NoAnswerError:
                _log.debug("%s was not unsubscribed: the connection is gone, and with it the subscription", channel)

    def _restart(self, channel: str) -> None:
        self._start(self._resubscribe(channel))

    async def _resubscribe(self, channel: str) -> None:
        """Have a channel begin anew with a snapshot, which subscribing again does."""
        try:
            await self._request("subscribe", {"channels": [channel]}, Any)
        except ClientError as failure:
            for follower in self._channels.of(channel):
                follower.end(failure)

    async def _read_open_orders(self, subscription: AsyncSubscription[OrderEvent], reader: OrdersReader) -> None:
        try:
            open_orders = await AsyncPages(self._rest, get("/orders", Page[Order], status="open")).all()
        except ClientError as failure:
            subscription.end(failure)
        else:
            subscription.put(reader.resynced(open_orders))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_push(self, push: Frame) -> None:
        for follower in self._channels.of(push.channel or ""):
            try:
                follower.take(push)
            except ClientError as failure:
                follower.end(failure)

    # The connection

    async def _request(self, method: str, params: dict[str, Any], kind: type[T]) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                link = await self._connected()
                return decode(await link.request(method, params), kind)
            except ClientError as failure:
                failure.attempts = attempt
                delay = self._delay(failure, attempt=attempt)
                if delay is None or self._failure is not None:
                    raise
            await asyncio.sleep(delay)

    async def _connected(self) -> Link:
        try:
            async with asyncio.timeout(self._access.timeout_seconds):
                await self._is_connected.wait()
        except TimeoutError as error:
            raise NoAnswerError("there is no connection", may_have_been_done=False) from error
        if self._failure is not None:
            raise self._failure
        if self._link is None:
            raise NoAnswerError("the stream was not opened", may_have_been_done=False)
        return self._link

    async def _keep_connected(self, link: Link) -> None:
        while True:
            await link.wait_closed()
            self._is_connected.clear()
            for follower in self._channels.followers:
                follower.lost()
            try:
                link = await self._reconnect()
            except ClientError as failure:
                _log.error("the stream has ended: %s", failure)
                self._end(failure, tell=failure)
                return

    async def _reconnect(self) -> Link:
        """Return a new connection on which everything has begun anew. Raises what no patience mends."""
        attempt = 0
        while True:
            attempt += 1
            await asyncio.sleep(self._access.retry.backoff(attempt, chance=random.random()))  # noqa: S311 - spreads clients
            link: Link | None = None
            try:
                link = await Link.open(self._access, on_push=self._on_push)
                if self._channels.names:
                    await link.request("subscribe", {"channels": self._channels.names})
            except ClientError as failure:
                if link is not None:
                    await link.close()
                if self._delay(failure, attempt=1) is None:
                    raise
            else:
                self._link = link
                self._is_connected.set()
                return link

    async def _find(self, order_id: str | None, *, client_order_id: str | None) -> Order | None:
        if order_id is not None:
            return await self._rest.send(get(f"/orders/{segment(order_id)}", Order))
        found = await self._rest.send(get("/orders", Page[Order], client_order_id=client_order_id))
        return found.items[0] if found.items else None

    def _delay(self, failure: ClientError, *, attempt: int) -> float | None:
        chance = random.random()  # noqa: S311 - spreads clients, guards nothing
        return self._access.retry.delay(failure, attempt=attempt, is_repeatable=True, chance=chance)

    def _end(self, failure: ClientError, *, tell: ClientError | None) -> None:
        self._failure = failure
        self._is_connected.set()  # whoever waits for a connection learns that there will be none
        for follower in self._channels.followers:
            follower.end(tell)
