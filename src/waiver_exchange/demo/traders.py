"""The simulated traders' loops: look, decide, act, wait."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Final

from waiver_exchange.application.accounts import deposit_cash
from waiver_exchange.application.cancel_order import cancel_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import place_order
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.demo.decisions import Cancel, Seen, choose_symbols, decide_action
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.changes import ReadModelError

# With 20 traders: eight actions a second together.
WAIT_SECONDS_MEAN: Final = 2.5
BACKOFF_SECONDS: Final = 10.0
# A trader who has traded his cash away gets some more once a day, as his fantasy team would earn it.
ALLOWANCE_MICROS: Final = 10_000_000_000
POOR_MICROS: Final = 2_500_000_000
POPULAR_PLAYERS: Final = 40
POPULAR_WEIGHT: Final = 4

# The service's own refusals have these numbers: it is in trouble, and everybody waits longer.
SERVICE_REFUSALS: Final = range(500, 600)

_log = logging.getLogger(__name__)


class Trader:
    """Trades for one account. `run` works until it is cancelled."""

    def __init__(self, exchange: Exchange, *, account: int, symbols: Sequence[str], rng: Random) -> None:
        """Trade in `symbols`, the popular ones first."""
        self._exchange = exchange
        self._account = account
        self._symbols = symbols
        self._weights = {
            symbol: POPULAR_WEIGHT if place < POPULAR_PLAYERS else 1 for place, symbol in enumerate(symbols)
        }
        self._rng = rng

    async def run(self) -> None:
        """Act every few seconds. Refusals and failures of the store are waited out; what else is raised is a fault."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / WAIT_SECONDS_MEAN))
            try:
                await self.act()
            except RefusedError as refused:
                _log.debug("account %d: %s", self._account, refused)
                if refused.reason in SERVICE_REFUSALS:
                    await asyncio.sleep(BACKOFF_SECONDS)
            except ReadModelError:
                await asyncio.sleep(BACKOFF_SECONDS)

    async def act(self) -> None:
        """Do one thing. Raises `RefusedError`, `ReadModelError`."""
        exchange, account = self._exchange, self._account
        own = exchange.state.account_orders.get(account, {}).values()
        resting = {order.order_id: order.market for order in own if order.is_open}
        symbols = choose_symbols(self._rng, self._symbols, self._weights) + self._choose_owned()
        available = exchange.state.accounts[account].available_micros
        action = decide_action(
            self._rng,
            markets=[self._look_at(symbol, quoted_in=set(resting.values())) for symbol in symbols],
            available_micros=available,
            resting=list(resting),
        )
        if isinstance(action, Cancel):
            await self._cancel(action.order_id)
        elif action is not None:
            await place_order(exchange, account=account, request=action)
        if available < POOR_MICROS:
            await self._take_allowance()

    def _choose_owned(self) -> list[str]:
        """Return one market of his own holdings, so that he has something to sell as often as to buy."""
        holdings = self._exchange.state.holdings.get(self._account, {}).values()
        owned = [holding.market for holding in holdings if holding.available_units]
        return [self._exchange.state.markets[self._rng.choice(owned)].symbol] if owned else []

    def _look_at(self, symbol: str, *, quoted_in: set[int]) -> Seen:
        state = self._exchange.state
        market = self._exchange.market(symbol)
        book = state.books[market.market]
        holding = state.holdings.get(self._account, {}).get(market.market)
        is_open = not market.is_halted
        return Seen(
            symbol=symbol,
            best_bid_cents=book.best_bid_cents if is_open else 0,
            best_ask_cents=book.best_ask_cents if is_open else 0,
            reference_price_cents=market.reference_price_cents,
            collar_bps=state.parameters.collar_bps,
            available_units=holding.available_units if holding else 0,
            has_own_order=market.market in quoted_in,
        )

    async def _cancel(self, order_id: int) -> None:
        try:
            await cancel_order(self._exchange, account=self._account, order_id=order_id)
        except RefusedError as refused:
            if refused.reason != RefusalReason.order_is_final:
                raise

    async def _take_allowance(self) -> None:
        now = datetime.fromtimestamp(self._exchange.clock.now_ns() // NANOSECONDS_PER_SECOND, tz=self._exchange.zone)
        await deposit_cash(
            self._exchange,
            account=self._account,
            amount_micros=ALLOWANCE_MICROS,
            reference=f"demo allowance {now.date().isoformat()}",
        )
