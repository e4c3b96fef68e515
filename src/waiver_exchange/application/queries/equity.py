"""What an account was worth at many times, computed from its ledger and the prices of then whenever somebody asks."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from waiver_exchange.application.queries.intervals import Interval, Intervals
from waiver_exchange.application.queries.ledger import DEPOSITS, LedgerFilter, LedgerReads
from waiver_exchange.application.queries.reads import PAGE_ITEMS_MAX

# A week of minutes; of a longer range the newest are shown.
EQUITY_POINTS_MAX: Final = 10_080


class EquityPoint(NamedTuple):
    """What an account was worth just before a time, and the cash of it, held or not.

    Shares count at the last price before that time, before the first trade at the price the market was listed with.
    `deposits_micros` is all cash that was ever deposited by then: profit between two points is what their difference
    of equity exceeds that of deposits by.
    """

    time_ns: int
    equity_micros: int
    cash_micros: int
    deposits_micros: int


class EquityReads(LedgerReads):
    """Reads of equity."""

    async def equity_history(
        self, *, account: int, start_ns: int, end_ns: int, interval: Interval
    ) -> list[EquityPoint]:
        """Return an account's worth at each beginning of an interval from `start_ns` to before `end_ns`, oldest first.

        Days and four hours begin by the exchange's zone. What is now is `account_summary`.
        """
        times = self._equity_times(start_ns, end_ns, interval)
        if not times or account not in self._state.accounts:
            return []
        cash = await self._balances(account, 0, times)
        deposits = await self._deposits(account, times)
        equity = list(cash)
        for market in sorted(self._state.holdings.get(account, {})):
            shares = await self._balances(account, market, times)
            if any(shares):
                for at, price in enumerate(await self._prices(market, times)):
                    equity[at] += shares[at] * price
        return list(map(EquityPoint, times, equity, cash, deposits))

    def _equity_times(self, start_ns: int, end_ns: int, interval: Interval) -> list[int]:
        intervals = Intervals(interval, zone=self._zone)
        times: list[int] = []
        time = intervals.start_of(end_ns - 1)
        while time >= start_ns and len(times) < EQUITY_POINTS_MAX:
            times.append(time)
            time = intervals.start_of(time - 1)
        return times[::-1]

    async def _balances(self, account: int, market: int, times: Sequence[int]) -> list[int]:
        recent = [
            (moved.time_ns, moved.from_balance if moved.from_account == account else moved.to_balance)
            for moved in self._state.ledger
            if moved.market == market and account in {moved.from_account, moved.to_account}
        ]
        stored = await self._store.list_balances(account=account, market=market, times_ns=times)
        return _overlaid(stored, recent, times)

    async def _prices(self, market: int, times: Sequence[int]) -> list[int]:
        kept = self._state.candles[market].minutes_kept()
        recent = [(minute.time_ns, minute.close_cents) for minute in kept]
        listed = self._state.markets[market].listed_price_cents
        stored = await self._store.list_closes(market=market, times_ns=times)
        return [price or listed for price in _overlaid(stored, recent, times)]

    async def _deposits(self, account: int, times: Sequence[int]) -> list[int]:
        wanted = LedgerFilter(kinds=DEPOSITS, is_ascending=True)
        cursor, total = None, 0
        deposits: list[tuple[int, int]] = []
        while True:
            page = await self.ledger_page(account=account, filter=wanted, cursor=cursor, limit=PAGE_ITEMS_MAX)
            for line in page.items:
                total += line.amount
                deposits.append((line.time_ns, total))
            cursor = page.next_cursor
            if cursor is None:
                return _overlaid([0] * len(times), deposits, times)


def _overlaid(stored: Sequence[int], recent: Sequence[tuple[int, int]], times: Sequence[int]) -> list[int]:
    """Return the stored values, each replaced by the last recent one before its time; both ascend in time."""
    values: list[int] = []
    at = 0
    for value, time_ns in zip(stored, times, strict=True):
        while at < len(recent) and recent[at][0] < time_ns:
            at += 1
        values.append(recent[at - 1][1] if at else value)
    return values
