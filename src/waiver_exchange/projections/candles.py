"""Candles of one market: what its trades were in each minute and each hour (UTC), and in the last 24 hours.

The newest minutes stay in memory, so that a ticker is known without asking anybody; all of them go to the store.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, final

from mypy_extensions import i64

MINUTE_NS: Final = 60_000_000_000
HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 86_400_000_000_000
# A day's first moment lies up to 25 hours back, when clocks are set back.
KEPT_NS: Final = 93_600_000_000_000


def quotes_kept_from(now_ns: int) -> int:
    """Return the time from which quotes are kept: 24 hours before the minute of a time."""
    return now_ns - now_ns % MINUTE_NS - DAY_NS


@final
@dataclass(init=False)
class CandleView:
    """The trades of one market in one minute or one hour, which began at `time_ns`; it has at least one trade."""

    minutes: int
    market: int
    time_ns: int
    open_cents: int
    high_cents: int
    low_cents: int
    close_cents: int
    volume_units: int
    value_micros: int
    trades: int
    is_pending: bool = field(repr=False, compare=False)

    # Written out, because mypyc leaves a dataclass's own to the interpreter.
    def __init__(  # noqa: PLR0917 -- a stored row is its arguments
        self,
        minutes: int,
        market: int,
        time_ns: int,
        open_cents: int,
        high_cents: int,
        low_cents: int,
        close_cents: int,
        volume_units: int,
        value_micros: int,
        trades: int,
    ) -> None:
        """Make a candle that nothing waits to be stored of."""
        self.minutes = minutes
        self.market = market
        self.time_ns = time_ns
        self.open_cents = open_cents
        self.high_cents = high_cents
        self.low_cents = low_cents
        self.close_cents = close_cents
        self.volume_units = volume_units
        self.value_micros = value_micros
        self.trades = trades
        self.is_pending = False

    def add(self, price_cents: i64, quantity_units: i64) -> None:
        """Add the next trade."""
        self.high_cents = max(self.high_cents, price_cents)
        self.low_cents = min(self.low_cents, price_cents)
        self.close_cents = price_cents
        self.volume_units += quantity_units
        self.value_micros += price_cents * quantity_units
        self.trades += 1


def candle_row(candle: CandleView) -> tuple[int, ...]:
    """Return a candle's columns."""
    return (
        candle.minutes,
        candle.market,
        candle.time_ns,
        candle.open_cents,
        candle.high_cents,
        candle.low_cents,
        candle.close_cents,
        candle.volume_units,
        candle.value_micros,
        candle.trades,
    )


@final
@dataclass
class MarketCandles:
    """The newest candles of one market, and the sums of its last 24 hours, kept as trades come and time passes.

    `day` holds the minutes of the last 24 hours (the current one and the 1,439 before it), `older` those before them
    up to `KEPT_NS`, `close_before_cents` the last price before all of these, 0 for none. `hours` ends with the newest;
    the others are not stored yet.
    """

    market: int
    hours: deque[CandleView] = field(default_factory=deque)
    older: deque[CandleView] = field(default_factory=deque)
    day: deque[CandleView] = field(default_factory=deque)
    close_before_cents: int = 0
    volume_units: int = 0
    value_micros: int = 0
    trades: int = 0
    until_ns: int = 0
    _high_cents: int = field(default=0, compare=False)
    _low_cents: int = field(default=0, compare=False)
    _is_range_known: bool = field(default=True, compare=False)

    def minute_of(self, time_ns: i64, price_cents: i64) -> CandleView:
        """Return the candle of a trade's minute, opened at its price when it is the first."""
        start = time_ns - time_ns % MINUTE_NS
        if len(self.day) != 0:
            newest = self.day[-1]
            if newest.time_ns == start:
                return newest
        self.advance(time_ns)
        candle = CandleView(1, self.market, start, price_cents, price_cents, price_cents, price_cents, 0, 0, 0)
        self.day.append(candle)
        return candle

    def hour_of(self, time_ns: i64, price_cents: i64) -> CandleView:
        """Return the candle of a trade's hour, opened at its price when it is the first."""
        start = time_ns - time_ns % HOUR_NS
        if len(self.hours) != 0:
            newest = self.hours[-1]
            if newest.time_ns == start:
                return newest
        candle = CandleView(60, self.market, start, price_cents, price_cents, price_cents, price_cents, 0, 0, 0)
        self.hours.append(candle)
        return candle

    def count(self, price_cents: i64, quantity_units: i64) -> None:
        """Count a trade, which its minute has already, into the last 24 hours."""
        self.trades += 1
        self.volume_units += quantity_units
        self.value_micros += price_cents * quantity_units
        if self.trades == 1:
            self._high_cents = price_cents
            self._low_cents = price_cents
            self._is_range_known = True
            return
        self._high_cents = max(self._high_cents, price_cents)
        self._low_cents = min(self._low_cents, price_cents)

    def advance(self, now_ns: int) -> None:
        """Let time pass: what is older than 24 hours is counted no more. An earlier time changes nothing."""
        now_ns -= now_ns % MINUTE_NS
        if now_ns <= self.until_ns:
            return
        self.until_ns = now_ns
        day, older = self.day, self.older
        while day and day[0].time_ns <= now_ns - DAY_NS:
            gone = day.popleft()
            older.append(gone)
            self.trades -= gone.trades
            self.volume_units -= gone.volume_units
            self.value_micros -= gone.value_micros
            # The range is looked for again when somebody asks: most minutes that go take no extreme with them.
            if gone.high_cents == self._high_cents or gone.low_cents == self._low_cents:
                self._is_range_known = False
        while older and older[0].time_ns < now_ns - KEPT_NS and not older[0].is_pending:
            self.close_before_cents = older.popleft().close_cents

    def range_cents(self) -> tuple[int, int]:
        """Return the highest and the lowest price of the last 24 hours, 0 for none."""
        if not self.day:
            return 0, 0
        if not self._is_range_known:
            self._high_cents = max([candle.high_cents for candle in self.day])
            self._low_cents = min([candle.low_cents for candle in self.day])
            self._is_range_known = True
        return self._high_cents, self._low_cents

    def open_cents(self) -> int:
        """Return the price 24 hours ago; of a market that did not trade by then its first, 0 when it never traded."""
        before = self.older[-1].close_cents if self.older else self.close_before_cents
        if before != 0 or not self.day:
            return before
        return self.day[0].open_cents

    def price_before(self, time_ns: int) -> int:
        """Return the price of the last trade before the beginning of a minute within the kept time, 0 for none."""
        for candle in reversed(self.day):
            if candle.time_ns < time_ns:
                return candle.close_cents
        for candle in reversed(self.older):
            if candle.time_ns < time_ns:
                return candle.close_cents
        return self.close_before_cents

    def minutes_kept(self) -> list[CandleView]:
        """Return the kept minutes, oldest first; there is no trade between or behind them that they do not have."""
        return [*self.older, *self.day]

    def forget_stored(self) -> None:
        """Drop the hours that the store has; the newest stays, because it may still change."""
        hours = self.hours
        while len(hours) > 1 and not hours[0].is_pending:
            hours.popleft()

    def restore(self, minutes: list[CandleView], *, hour: CandleView | None, close_before_cents: int) -> None:
        """Continue from what the store has: the kept minutes, oldest first, and the newest hour."""
        self.close_before_cents = close_before_cents
        if hour is not None:
            self.hours.append(hour)
        for candle in minutes:
            self.day.append(candle)
            self.trades += candle.trades
            self.volume_units += candle.volume_units
            self.value_micros += candle.value_micros
        self._is_range_known = False
