"""Candles of any interval, made of the stored minutes and hours when somebody asks."""

from collections.abc import AsyncIterator, Iterator
from typing import Final, NamedTuple

from waiver_exchange.application.queries.intervals import Interval, Intervals
from waiver_exchange.application.queries.reads import PAGE_ITEMS_MAX, Reads
from waiver_exchange.application.selections import CandleSelection
from waiver_exchange.projections.candles import CandleView, candle_row

# Rows of one look into the store; others get their turn between two.
_SOURCE_ROWS: Final = 5_000


class Candle(NamedTuple):
    """The trades of one market in the interval that began at `time_ns`; the volume-weighted price is value / volume.

    One without trades was asked for: all its prices are the close before it.
    """

    time_ns: int
    open_cents: int
    high_cents: int
    low_cents: int
    close_cents: int
    volume_units: int
    value_micros: int
    trades: int


class CandleReads(Reads):
    """Reads of candles."""

    async def candles(
        self,
        *,
        symbol: str,
        interval: Interval,
        start_ns: int | None = None,
        end_ns: int | None = None,
        limit: int,
        is_ascending: bool = False,
        fill: bool = False,
    ) -> list[Candle] | None:
        """Return up to `limit` candles that begin at or after `start_ns` and before `end_ns`; None for no such symbol.

        The candle that is not over yet is one of them. Intervals without a trade are left out, or with `fill` shown
        from the market's first trade on; then `end_ns` should be no later than now. Without one it is the time of the
        last row. Newest first, or ascending; the next page starts or ends where this one stopped.
        """
        market = self._state.symbols.get(symbol)
        if market is None:
            return None
        limit = min(limit, PAGE_ITEMS_MAX)
        intervals = Intervals(interval, zone=self._zone)
        end = intervals.first_from(self._state.time_ns + 1 if end_ns is None else end_ns)
        start = 0 if start_ns is None else intervals.first_from(start_ns)
        if start >= end or limit < 1:
            return []
        if fill:
            return await self._filled(market, intervals, start, end, limit=limit, is_ascending=is_ascending)
        return await self._aggregated(market, intervals, start, end, limit=limit, is_ascending=is_ascending)

    async def _filled(
        self, market: int, intervals: Intervals, start: int, end: int, *, limit: int, is_ascending: bool
    ) -> list[Candle]:
        first = await self._aggregated(market, intervals, 0, end, limit=1, is_ascending=True)
        if not first:
            return []
        times = list(
            _bucket_times(intervals, max(start, first[0].time_ns), end, limit=limit, is_ascending=is_ascending)
        )
        if not times:
            return []
        low, high = min(times), max(times)
        traded = await self._aggregated(
            market, intervals, low, intervals.next_after(high), limit=len(times), is_ascending=True
        )
        found = {candle.time_ns: candle for candle in traded}
        before = [] if low in found else await self._aggregated(market, intervals, 0, low, limit=1, is_ascending=False)
        close = before[0].close_cents if before else 0
        filled = []
        for time in sorted(times):
            candle = found.get(time) or Candle(time, close, close, close, close, 0, 0, 0)
            close = candle.close_cents
            filled.append(candle)
        return filled if is_ascending else filled[::-1]

    async def _aggregated(
        self, market: int, intervals: Intervals, start: int, end: int, *, limit: int, is_ascending: bool
    ) -> list[Candle]:
        minutes = intervals.source_minutes(start_ns=max(start, self._listed_ns(market)), end_ns=end)
        selection = CandleSelection(
            market=market, minutes=minutes, start_ns=start, end_ns=end, is_ascending=is_ascending
        )
        candles: list[Candle] = []
        bucket_start = bucket_end = -1
        async for source in self._sources(selection):
            if not bucket_start <= source.time_ns < bucket_end:
                if len(candles) == limit:
                    break
                bucket_start = intervals.start_of(source.time_ns)
                bucket_end = intervals.next_after(bucket_start)
                candles.append(Candle(bucket_start, *source[1:]))
            else:
                earlier, later = (candles[-1], source) if is_ascending else (source, candles[-1])
                candles[-1] = _joined(bucket_start, earlier, later)
        return candles

    async def _sources(self, selection: CandleSelection) -> AsyncIterator[Candle]:
        """Yield stored or remembered candles in the selection's order.

        Memory has all from its first one on, so the store is asked for those before it. They are copied first.
        """
        candles = self._state.candles[selection.market]
        kept = candles.minutes_kept() if selection.minutes == 1 else list(candles.hours)
        recent = [_candle(view) for view in kept if selection.includes(view)]
        # Behind the last trade there is nothing either way; so the end is always one that will not move by itself.
        known_from = kept[0].time_ns if kept else self._state.markets[selection.market].last_trade_at_ns + 1
        stored_end = known_from if selection.end_ns is None else min(selection.end_ns, known_from)
        older = CandleSelection(
            market=selection.market,
            minutes=selection.minutes,
            start_ns=selection.start_ns,
            end_ns=stored_end,
            is_ascending=selection.is_ascending,
        )
        if not selection.is_ascending:
            for candle in reversed(recent):
                yield candle
        async for candle in self._stored(older):
            yield candle
        if selection.is_ascending:
            for candle in recent:
                yield candle

    async def _stored(self, selection: CandleSelection) -> AsyncIterator[Candle]:
        start, end = selection.start_ns, selection.end_ns
        while True:
            part = CandleSelection(
                market=selection.market,
                minutes=selection.minutes,
                start_ns=start,
                end_ns=end,
                is_ascending=selection.is_ascending,
            )
            rows = await self.settled.list_candles(part, limit=_SOURCE_ROWS)
            for row in rows:
                yield _candle(row)
            if len(rows) < _SOURCE_ROWS:
                return
            if selection.is_ascending:
                start = rows[-1].time_ns + 1
            else:
                end = rows[-1].time_ns

    def _listed_ns(self, market: int) -> int:
        return self._state.markets[market].listed_at_ns


def _candle(view: CandleView) -> Candle:
    return Candle(*candle_row(view)[2:])


def _joined(time_ns: int, earlier: Candle, later: Candle) -> Candle:
    return Candle(
        time_ns=time_ns,
        open_cents=earlier.open_cents,
        high_cents=max(earlier.high_cents, later.high_cents),
        low_cents=min(earlier.low_cents, later.low_cents),
        close_cents=later.close_cents,
        volume_units=earlier.volume_units + later.volume_units,
        value_micros=earlier.value_micros + later.value_micros,
        trades=earlier.trades + later.trades,
    )


def _bucket_times(intervals: Intervals, start: int, end: int, *, limit: int, is_ascending: bool) -> Iterator[int]:
    """Yield when up to `limit` buckets begin, from the first at `start` on or back from the last before `end`."""
    time = start if is_ascending else intervals.start_of(end - 1)
    for _ in range(limit):
        if not start <= time < end:
            return
        yield time
        time = intervals.next_after(time) if is_ascending else intervals.start_of(time - 1)
