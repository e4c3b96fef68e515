"""The channels of prices over time: tickers and candles. Both are conflated: each push says how it is now."""

import asyncio
import logging
from typing import ClassVar, Final, final

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries.candles import Candle
from waiver_exchange.application.queries.intervals import Interval
from waiver_exchange.gateway.feeds.channel import ALL, Channel
from waiver_exchange.gateway.feeds.pushes import push
from waiver_exchange.gateway.rest.market_bodies import candle_body, ticker_body
from waiver_exchange.projections.state import MarketView

TICKER: Final = "ticker"
CANDLES: Final = "candles"
TICKER_SECONDS: Final = 0.1
CANDLES_SECONDS: Final = 0.25
# After this candles that could not be read are read again.
RETRY_SECONDS: Final = 1.0
_encode: Final = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


@final
class TickerChannel(Channel):
    """`ticker:SYMBOL` and `ticker:*`; of all markets the snapshot is one push for each."""

    delay_seconds: ClassVar[float] = TICKER_SECONDS

    def __init__(self, name: str, exchange: Exchange, market: MarketView | None) -> None:
        """Tell of a market, or of all."""
        super().__init__(name, key=(TICKER, ALL if market is None else market.market))
        self._exchange = exchange
        self._market = market
        self._changed: dict[int, None] = {}
        self._sequence = 0

    def mark(self, market: int) -> None:
        """Note that a market's prices changed."""
        self._changed[market] = None

    def take_pushes(self) -> list[bytes]:
        """Return a push for each market that changed."""
        changed, self._changed = self._changed, {}
        pushes = []
        for market in changed:
            self._sequence += 1
            pushes.append(self._say(b"update", self._exchange.state.markets[market]))
        return pushes

    def snapshot(self) -> list[bytes] | None:
        """Return the tickers as they are now."""
        markets = self._exchange.state.markets.values() if self._market is None else (self._market,)
        return [self._say(b"snapshot", market) for market in markets]

    def _say(self, kind: bytes, market: MarketView) -> bytes:
        now_ns = self._exchange.clock.now_ns()
        ticker = self._exchange.queries.ticker(market.symbol, now_ns=now_ns)
        if ticker is None:
            message = f"market {market.symbol} is listed and has no ticker"
            raise LookupError(message)
        return push(self.name, kind, self._sequence, _encode(ticker_body(ticker)))


@final
class CandlesChannel(Channel):
    """`candles:SYMBOL:INTERVAL`: the newest candle when it changes; when one is over, its last state, then the next.

    A candle may have to be read from the store, so it is said as soon as it was read.
    """

    delay_seconds: ClassVar[float] = CANDLES_SECONDS

    def __init__(self, name: str, exchange: Exchange, market: MarketView, interval: Interval) -> None:
        """Tell of a market's candles."""
        super().__init__(name, key=(f"{CANDLES}:{interval}", market.market))
        self._exchange = exchange
        self._symbol = market.symbol
        self._interval = interval
        self._sequence = 0
        self._is_changed = True
        self._has_read = False
        self._is_unreadable = False
        self._newest: Candle | None = None
        self._news: list[Candle] = []
        self._reading: asyncio.Task[None] | None = None

    def mark(self) -> None:
        """Note that the market traded."""
        self._is_changed = True

    def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    def take_pushes(self) -> list[bytes]:
        """Return what was read, and have the candles read again when they changed since."""
        if self._is_changed and self._reading is None:
            self._is_changed = False
            self._reading = asyncio.get_running_loop().create_task(self._read())
        news, self._news = self._news, []
        pushes = []
        for candle in news:
            self._sequence += 1
            pushes.append(self._say(b"update", candle))
        return pushes

    def snapshot(self) -> list[bytes] | None:
        """Return the newest candle, `null` when nothing traded yet; it has to be read first."""
        return [self._say(b"snapshot", self._newest)] if self._has_read else None

    def _say(self, kind: bytes, candle: Candle | None) -> bytes:
        data = b"null" if candle is None else _encode(candle_body(candle))
        return push(self.name, kind, self._sequence, data)

    async def _read(self) -> None:
        try:
            candles = await self._exchange.queries.candles(symbol=self._symbol, interval=self._interval, limit=2)
        except Exception:  # noqa: BLE001 - a task's boundary: whoever waits for a snapshot is not left waiting
            if not self._is_unreadable:
                _log.exception("candles for subscribers cannot be read; it is tried again")
            self._is_unreadable = self._is_changed = True
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self.on_ready, self)
            return
        finally:
            self._reading = None
        self._is_unreadable = False
        known = self._newest
        if candles:
            self._newest = candles[0]
            if self._has_read:
                self._news += [
                    candle
                    for candle in reversed(candles)
                    if candle != known and (known is None or candle.time_ns >= known.time_ns)
                ]
        self._has_read = True
        self.on_ready(self)
