"""Who is subscribed to what; what is told, and when."""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeVar, cast, final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.feeds.channel import ALL, FRAME_SECONDS, Channel, Subscriber
from waiver_exchange.gateway.feeds.directory import open_channel
from waiver_exchange.gateway.feeds.market_channels import BOOK, TRADES, BookChannel, TradesChannel
from waiver_exchange.gateway.feeds.newest_trades import NewestTrades
from waiver_exchange.gateway.feeds.price_channels import CANDLES, TICKER, CandlesChannel, TickerChannel
from waiver_exchange.gateway.feeds.private_channels import ACCOUNT, ORDERS, AccountChannel, OrdersChannel
from waiver_exchange.projections.feed_buffer import FeedBatch

if TYPE_CHECKING:
    from waiver_exchange.application.feed import Subscription

SUBSCRIPTIONS_MAX: Final = 250
# After this a channel that could not speak is asked again.
RETRY_SECONDS: Final = 1.0
_C = TypeVar("_C", bound=Channel)

_log = logging.getLogger(__name__)


@final
class Hub:
    """The channels of one exchange. It listens to the feed only while somebody is subscribed."""

    def __init__(self, exchange: Exchange) -> None:
        """Tell of an exchange."""
        self._exchange = exchange
        self._channels: dict[str, dict[int, Channel]] = {}
        self._by_subscriber: dict[Subscriber, dict[str, Channel]] = {}
        self._listening: Subscription | None = None
        self._newest_trades = NewestTrades(exchange.state)
        # What has something to say, by the delay after which it does, and the timers of these.
        self._dirty: dict[float, dict[Channel, None]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def has_subscriptions(self, subscriber: Subscriber) -> bool:
        """Return whether somebody is subscribed to anything."""
        return subscriber in self._by_subscriber

    def subscribe(self, subscriber: Subscriber, names: Iterable[str], *, account: int | None) -> None:
        """Begin with a snapshot of each channel, also when it was subscribed to; all of them or none.

        Raises `RefusedError`: too many, no such channel, or one that needs an account.
        """
        own = self._by_subscriber.get(subscriber, {})
        wanted = {name: own.get(name) or self._find(name, account=account) for name in names}
        if len(own.keys() | wanted.keys()) > SUBSCRIPTIONS_MAX:
            raise RefusedError(RefusalReason.too_many_subscriptions, limit=SUBSCRIPTIONS_MAX)
        if not wanted:
            return
        own = self._by_subscriber.setdefault(subscriber, own)
        if self._listening is None:
            self._listening = self._exchange.feed.subscribe(self._take)
            self._newest_trades.start()
        for name, channel in wanted.items():
            if channel.is_empty:
                self._open(channel)
            channel.add(subscriber)
            own[name] = channel
            self._note(channel, FRAME_SECONDS)

    def unsubscribe(self, subscriber: Subscriber, names: Iterable[str]) -> None:
        """End channels; those that are not subscribed to are passed over."""
        own = self._by_subscriber.get(subscriber)
        if own is None:
            return
        for name in names:
            channel = own.pop(name, None)
            if channel is not None:
                self._leave(channel, subscriber)
        if not own:
            del self._by_subscriber[subscriber]
        if not self._by_subscriber and self._listening is not None:
            self._listening.close()
            self._listening = None

    def unsubscribe_private(self, subscriber: Subscriber) -> None:
        """End the channels of an account."""
        own = self._by_subscriber.get(subscriber, {})
        self.unsubscribe(subscriber, [name for name, channel in own.items() if channel.is_private])

    def forget(self, subscriber: Subscriber) -> None:
        """End everything of a subscriber."""
        self.unsubscribe(subscriber, list(self._by_subscriber.get(subscriber, ())))

    def drained(self, subscriber: Subscriber) -> None:
        """A subscriber that read too slowly has caught up: it gets what it missed as snapshots."""
        for channel in self._by_subscriber.get(subscriber, {}).values():
            if subscriber in channel.stale:
                self._note(channel, FRAME_SECONDS)

    def _find(self, name: str, *, account: int | None) -> Channel:
        channel = open_channel(name, self._exchange, account=account)
        kind, number = channel.key
        return self._channels.get(kind, {}).get(number, channel)

    def _open(self, channel: Channel) -> None:
        kind, number = channel.key
        self._channels.setdefault(kind, {})[number] = channel
        channel.on_ready = self._note_ready
        if isinstance(channel, TradesChannel):
            channel.newest = self._newest_trades
        channel.open()

    def _leave(self, channel: Channel, subscriber: Subscriber) -> None:
        channel.discard(subscriber)
        if not channel.is_empty:
            return
        channel.close()
        kind, number = channel.key
        del self._channels[kind][number]
        if not self._channels[kind]:
            del self._channels[kind]
        for dirty in self._dirty.values():
            dirty.pop(channel, None)

    def _take(self, batch: FeedBatch) -> None:
        """Have the channels put aside what concerns them, and say at once what does not wait."""
        if batch.levels:
            self._take_levels(batch)
        if batch.trades:
            self._take_trades(batch)
        if TICKER in self._channels:
            self._take_tickers(batch)
        if batch.accounts:
            accounts = self._of(ACCOUNT, AccountChannel)
            for account in batch.accounts & accounts.keys():
                accounts[account].mark()
                self._note(accounts[account])
        if batch.orders:
            self._take_orders(batch)

    def _take_levels(self, batch: FeedBatch) -> None:
        books = self._of(BOOK, BookChannel)
        for change in batch.levels:
            channel = books.get(change.market)
            if channel is not None:
                channel.put(change)
                self._note(channel)

    def _take_trades(self, batch: FeedBatch) -> None:
        channels = self._of(TRADES, TradesChannel)
        of_all = channels.get(ALL)
        candle_kinds = [kind for kind in self._channels if kind.startswith(CANDLES)]
        for trade in batch.trades:
            self._newest_trades.put(trade)
            for channel in (channels.get(trade.market), of_all):
                if channel is not None:
                    channel.put(trade)
                    self._note(channel)
            for kind in candle_kinds:
                candles = self._of(kind, CandlesChannel).get(trade.market)
                if candles is not None:
                    candles.mark()
                    self._note(candles)

    def _take_tickers(self, batch: FeedBatch) -> None:
        tickers = self._of(TICKER, TickerChannel)
        of_all = tickers.get(ALL)
        for market in {top.market for top in batch.tops} | {trade.market for trade in batch.trades} | batch.markets:
            for channel in (tickers.get(market), of_all):
                if channel is not None:
                    channel.mark(market)
                    self._note(channel)

    def _take_orders(self, batch: FeedBatch) -> None:
        channels = self._of(ORDERS, OrdersChannel)
        told: dict[Channel, None] = {}
        for update in batch.orders:
            channel = channels.get(update.order.account)
            if channel is not None:
                channel.put(update)
                told[channel] = None
        self._speak(told)

    def _of(self, kind: str, channel_type: type[_C]) -> dict[int, _C]:
        del channel_type
        return cast("dict[int, _C]", self._channels.get(kind, {}))

    def _note_ready(self, channel: Channel) -> None:
        if not channel.is_empty:
            self._note(channel, FRAME_SECONDS)

    def _note(self, channel: Channel, delay: float | None = None) -> None:
        """Have a channel speak after its own delay, or after another."""
        delay = channel.delay_seconds if delay is None else delay
        self._dirty.setdefault(delay, {})[channel] = None
        if delay not in self._timers:
            self._timers[delay] = asyncio.get_running_loop().call_later(delay, self._speak_after, delay)

    def _speak_after(self, delay: float) -> None:
        del self._timers[delay]
        self._speak(self._dirty.pop(delay, {}))

    def _speak(self, channels: Iterable[Channel]) -> None:
        """Have channels speak, each for itself: one that fails keeps no other from it."""
        out: dict[Subscriber, list[bytes]] = {}
        for channel in channels:
            try:
                channel.speak(out)
            except Exception:  # noqa: BLE001 - a channel's boundary: the others are told whatever it does
                self._note_failure(channel)
            else:
                channel.is_failing = False
        for subscriber, frames in out.items():
            subscriber.send(frames[0] if len(frames) == 1 else b"".join(frames))

    def _note_failure(self, channel: Channel) -> None:
        """Have a channel that failed begin anew with everybody, after a while: what it took aside may be lost."""
        if not channel.is_failing:
            _log.exception("the channel %s failed; it begins again with a snapshot", channel.name.decode())
        channel.is_failing = True
        channel.begin_again()
        if not channel.is_empty:
            self._note(channel, RETRY_SECONDS)
