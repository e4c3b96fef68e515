"""What happened, told to those who listen, after it is durable and readable and before it is answered.

A listener is called in the sequencer's own step, so it does little: it puts what it needs aside and returns. Whatever
it raises is logged and reaches nobody else.
"""

import logging
from collections.abc import Callable
from typing import final

from waiver_exchange.projections.feed_buffer import FeedBatch
from waiver_exchange.projections.fold import Projector

Listener = Callable[[FeedBatch], None]

_log = logging.getLogger(__name__)


@final
class Subscription:
    """One listener's place; `close` gives it up and may be called twice."""

    def __init__(self, feed: "Feed", listener: Listener) -> None:
        """Made by `Feed.subscribe`."""
        self._feed = feed
        self._listener = listener
        self._is_failing = False

    def close(self) -> None:
        """Listen no more."""
        self._feed._remove(self)  # noqa: SLF001 - the two are one mechanism

    def _tell(self, batch: FeedBatch) -> None:
        try:
            self._listener(batch)
        except Exception:  # noqa: BLE001 - a listener's boundary: trading goes on whatever it does
            if not self._is_failing:
                _log.exception("a listener of the feed failed; it is called again with the next batch")
            self._is_failing = True
        else:
            self._is_failing = False


@final
class Feed:
    """The listeners of one exchange; the sequencer publishes to them after it has projected a group of rows.

    Nothing is collected while nobody listens. Registrations of books and accounts are counted: each `watch_*` has its
    own `unwatch_*`.
    """

    def __init__(self, projector: Projector) -> None:
        """Tell what this projector folds from now on."""
        self._state = projector.state
        self._buffer = projector.feed
        self._subscriptions: tuple[Subscription, ...] = ()

    def subscribe(self, listener: Listener) -> Subscription:
        """Have a listener called with every batch from the next one on, in order."""
        if not self._subscriptions:
            self._buffer.start()
        subscription = Subscription(self, listener)
        self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def watch_book(self, market: int) -> None:
        """Have the level changes of a market's book collected."""
        _count_up(self._buffer.watched_books, market)

    def unwatch_book(self, market: int) -> None:
        """Take one `watch_book` back."""
        _count_down(self._buffer.watched_books, market)

    def watch_account(self, account: int) -> None:
        """Have the updates of an account's orders, cash and holdings collected."""
        _count_up(self._buffer.watched_accounts, account)

    def unwatch_account(self, account: int) -> None:
        """Take one `watch_account` back."""
        _count_down(self._buffer.watched_accounts, account)

    def publish(self, *, time_ns: int) -> None:
        """Tell what the rows folded since the last call changed. Never raises what a listener raises."""
        if not self._subscriptions:
            return
        batch = self._buffer.take(sequence=self._state.sequence, time_ns=time_ns)
        if batch is not None:
            for subscription in self._subscriptions:
                subscription._tell(batch)  # noqa: SLF001 - the two are one mechanism

    def _remove(self, subscription: Subscription) -> None:
        had_any = bool(self._subscriptions)
        self._subscriptions = tuple(other for other in self._subscriptions if other is not subscription)
        if had_any and not self._subscriptions:
            self._buffer.stop()


def _count_up(counts: dict[int, int], number: int) -> None:
    counts[number] = counts.get(number, 0) + 1


def _count_down(counts: dict[int, int], number: int) -> None:
    left = counts[number] - 1
    if left:
        counts[number] = left
    else:
        del counts[number]
