"""The bars of the minutes as they end: one for each market that traded in the minute, read once it is over.

A minute is over half a second after its end, because what was stamped in it becomes durable a moment later. What comes
even later makes the bar be told again, as updated.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.gateway.alpaca.market_bodies import BarBody
from waiver_exchange.gateway.alpaca.streams.messages import Message
from waiver_exchange.gateway.alpaca.streams.readers import Readers
from waiver_exchange.gateway.alpaca.streams.subscriptions import Channel
from waiver_exchange.projections.changes import ReadModelError
from waiver_exchange.projections.state import TradeView

MINUTE_NS: Final = 60 * NANOSECONDS_PER_SECOND
SETTLING_NS: Final = NANOSECONDS_PER_SECOND // 2
_KINDS: Final[dict[Channel, str]] = {"bars": "b", "updatedBars": "u", "dailyBars": "d"}

# Returns the bar of a symbol that holds a time, in UNIX nanoseconds: of its minute, or of its day.
ReadBar = Callable[[str, int], Awaitable[BarBody | None]]

_log = logging.getLogger(__name__)


@final
class Minutes:
    """Which markets traded in which minute, from `start` to `stop`, and the telling of their bars."""

    def __init__(self, exchange: Exchange, readers: Readers, *, read_minute: ReadBar, read_day: ReadBar) -> None:
        """Tell these readers what `read_minute` and `read_day` return."""
        self._read_minute = read_minute
        self._read_day = read_day
        self._exchange = exchange
        self._readers = readers
        self._traded: dict[int, set[int]] = {}
        self._over = 0
        self._telling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with the minute that is going on, the part that has passed included."""
        self._over = self._last_over()
        for trade in reversed(self._exchange.state.tape):
            if trade.time_ns // MINUTE_NS <= self._over:
                break
            self.note(trade)
        self._telling = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Forget everything."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        self._traded.clear()

    def note(self, trade: TradeView) -> None:
        """Remember that a market traded."""
        self._traded.setdefault(trade.time_ns // MINUTE_NS, set()).add(trade.market)

    async def tell_what_is_over(self) -> None:
        """Tell the bars of all minutes that are over: new ones, or updated ones where their minute was told before."""
        told, self._over = self._over, self._last_over()
        for minute in sorted(number for number in self._traded if number <= self._over):
            markets = self._traded.pop(minute)
            await self._tell(minute, sorted(markets), channel="bars" if minute > told else "updatedBars")

    async def _run(self) -> None:
        while True:
            now_ns = self._exchange.clock.now_ns()
            await asyncio.sleep((MINUTE_NS - (now_ns - SETTLING_NS) % MINUTE_NS) / NANOSECONDS_PER_SECOND)
            try:
                await self.tell_what_is_over()
            except ReadModelError:
                _log.warning("the bars of a minute cannot be read and are not told", exc_info=True)
            except Exception:  # noqa: BLE001 - a worker's boundary: said, and gone on with
                _log.exception("the bars of a minute could not be told")

    def _last_over(self) -> int:
        return (self._exchange.clock.now_ns() - SETTLING_NS) // MINUTE_NS - 1

    async def _tell(self, minute: int, markets: Iterable[int], *, channel: Channel) -> None:
        for market in markets:
            symbol = self._exchange.state.markets[market].symbol
            await self._tell_bar(channel, symbol, read=self._read_minute, time_ns=minute * MINUTE_NS)
            await self._tell_bar("dailyBars", symbol, read=self._read_day, time_ns=minute * MINUTE_NS)

    async def _tell_bar(self, channel: Channel, symbol: str, *, read: ReadBar, time_ns: int) -> None:
        if not self._readers.has_reader(channel, symbol):
            return
        bar = await read(symbol, time_ns)
        if bar is not None:
            self._readers.tell(channel, symbol, partial(Message, _KINDS[channel], bar))
