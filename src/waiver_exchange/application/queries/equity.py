"""What an account was worth at many times, computed from its ledger and the prices of then whenever somebody asks."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from waiver_exchange.application.queries.intervals import Interval, Intervals
from waiver_exchange.application.queries.ledger import INVESTMENTS, LedgerFilter, LedgerReads
from waiver_exchange.application.queries.reads import PAGE_ITEMS_MAX
from waiver_exchange.projections.candles import KEPT_NS

# What a face shows at most, 2,100, and one on either side; of a longer range the newest are shown.
EQUITY_POINTS_MAX: Final = 2_102
# Times and what was so from then on.
_Changes = list[tuple[int, int]]


class EquityPoint(NamedTuple):
    """What an account was worth just before a time, and the cash of it, held or not.

    Shares count at the last price before that time, before the first trade at the price the market was listed with.
    `deposits_micros` is all cash that was ever deposited by then, `invested_micros` that with all shares that were
    granted, each at its price at that time: profit between two points is what their difference of equity exceeds that
    of what was invested by.
    """

    time_ns: int
    equity_micros: int
    cash_micros: int
    deposits_micros: int
    invested_micros: int


class _Market(NamedTuple):
    """What memory has of an account's shares and their price: changes in time, oldest first, over what is stored."""

    market: int
    listed_cents: int
    shares: _Changes
    prices: _Changes


class _Moment(NamedTuple):
    """What memory has as of one row; the store may already have more, which is left out."""

    sequence: int
    cash: _Changes
    markets: list[_Market]


class EquityReads(LedgerReads):
    """Reads of equity."""

    async def equity_history(
        self, *, account: int, start_ns: int, end_ns: int, interval: Interval
    ) -> list[EquityPoint]:
        """Return an account's worth at each beginning of an interval from `start_ns` to before `end_ns`, oldest first.

        Days and four hours begin by the exchange's zone. All points are of one moment, whatever is traded meanwhile.
        What is now is `account_summary`. Raises `RefusedError` when too many of the account's histories are asked for.
        """
        times = self._equity_times(start_ns, end_ns, interval)
        if not times or account not in self._state.accounts:
            return []
        async with self._turns.of(account):
            return await self._equity_at(account, times)

    async def _equity_at(self, account: int, times: Sequence[int]) -> list[EquityPoint]:
        moment = self._moment_of(account)
        cash = await self._balances(account, 0, moment.cash, times, until_sequence=moment.sequence)
        deposits, invested = await self._investments(account, times, until_sequence=moment.sequence)
        equity = list(cash)
        for of in moment.markets:
            shares = await self._balances(account, of.market, of.shares, times, until_sequence=moment.sequence)
            if any(shares):
                for at, price in enumerate(await self._prices(of, times)):
                    equity[at] += shares[at] * price
        return list(map(EquityPoint, times, equity, cash, deposits, invested))

    def _equity_times(self, start_ns: int, end_ns: int, interval: Interval) -> list[int]:
        intervals = Intervals(interval, zone=self._zone)
        times: list[int] = []
        time = intervals.start_of(end_ns - 1)
        while time >= start_ns and len(times) < EQUITY_POINTS_MAX:
            times.append(time)
            time = intervals.start_of(time - 1)
        return times[::-1]

    def _moment_of(self, account: int) -> _Moment:
        """Copy what memory has, in one go: what is awaited later must not see what comes between."""
        state = self._state
        moved: dict[int, _Changes] = {}
        for movement in state.ledger:
            if account in {movement.from_account, movement.to_account}:
                balance = movement.from_balance if movement.from_account == account else movement.to_balance
                moved.setdefault(movement.market, []).append((movement.time_ns, balance))
        markets = [
            _Market(market, state.markets[market].listed_price_cents, moved.get(market, []), self._kept_prices(market))
            for market in sorted(state.holdings.get(account, {}))
        ]
        return _Moment(state.sequence, moved.get(0, []), markets)

    def _kept_prices(self, market: int) -> _Changes:
        candles = self._state.candles[market]
        prices = [(minute.time_ns, minute.close_cents) for minute in candles.minutes_kept()]
        kept_from = candles.until_ns - KEPT_NS
        # From then on there is no trade that memory does not have, so what is stored meanwhile is not looked at.
        if not prices or prices[0][0] > kept_from:
            prices.insert(0, (kept_from, candles.close_before_cents))
        return prices

    async def _balances(
        self, account: int, market: int, recent: _Changes, times: Sequence[int], *, until_sequence: int
    ) -> list[int]:
        stored = await self._store.list_balances(
            account=account, market=market, times_ns=times, until_sequence=until_sequence
        )
        return _overlaid(stored, recent, times)

    async def _prices(self, of: _Market, times: Sequence[int]) -> list[int]:
        stored = await self._store.list_closes(market=of.market, times_ns=times)
        return [price or of.listed_cents for price in _overlaid(stored, of.prices, times)]

    async def _investments(
        self, account: int, times: Sequence[int], *, until_sequence: int
    ) -> tuple[list[int], list[int]]:
        wanted = LedgerFilter(kinds=INVESTMENTS, is_ascending=True)
        cursor, deposited, invested = None, 0, 0
        deposits: _Changes = []
        investments: _Changes = []
        while True:
            page = await self.ledger_page(account=account, filter=wanted, cursor=cursor, limit=PAGE_ITEMS_MAX)
            for line in page.items:
                if line.sequence > until_sequence:
                    break
                deposited += 0 if line.market else line.amount
                invested += line.amount * line.price_cents if line.market else line.amount
                deposits.append((line.time_ns, deposited))
                investments.append((line.time_ns, invested))
            if page.next_cursor is None:
                nothing = [0] * len(times)
                return _overlaid(nothing, deposits, times), _overlaid(nothing, investments, times)
            cursor = page.next_cursor


def _overlaid(stored: Sequence[int], recent: Sequence[tuple[int, int]], times: Sequence[int]) -> list[int]:
    """Return the stored values, each replaced by the last recent one before its time; both ascend in time."""
    values: list[int] = []
    at = 0
    for value, time_ns in zip(stored, times, strict=True):
        while at < len(recent) and recent[at][0] < time_ns:
            at += 1
        values.append(recent[at - 1][1] if at else value)
    return values
