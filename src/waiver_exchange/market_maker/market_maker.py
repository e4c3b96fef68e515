"""The loop that keeps the wanted quotes in the books, in small bursts and through refusals and failures."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from waiver_exchange.application.cancel_order import GONE, cancel_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.limits import BPS
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.market_maker.changes import Placement, QuoteChanges, decide_changes
from waiver_exchange.market_maker.day_budget import DayBudget
from waiver_exchange.market_maker.quoting import QuotingRules, Situation, decide_quotes
from waiver_exchange.projections.changes import ReadModelError
from waiver_exchange.projections.state import MarketView, OrderView

# Up to 50 commands a second, ten of them at once: a client's order waits for no more than those in one commit.
BURST_ACTIONS_MAX: Final = 10
STEP_SECONDS: Final = 0.2
PAUSE_SECONDS: Final = 5.0
BACKOFF_SECONDS_MIN: Final = 0.5
BACKOFF_SECONDS_MAX: Final = 10.0

# Not about one market: everything waits.
_GENERAL: Final = frozenset(
    {
        RefusalReason.account_is_halted,
        RefusalReason.exchange_is_halted,
        RefusalReason.order_rate_is_too_high,
        RefusalReason.journal_is_unavailable,
        RefusalReason.exchange_is_busy,
        RefusalReason.exchange_is_stopping,
        RefusalReason.engine_is_unavailable,
        RefusalReason.outcome_is_unknown,
        RefusalReason.internal_error,
    }
)

_log = logging.getLogger(__name__)


class MarketMaker:
    """Quotes every market that has a fair value, for one account. `run` works until it is cancelled."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        account: int,
        fair_value_cents: Callable[[str], int | None],
        rules: QuotingRules | None = None,
    ) -> None:
        """Quote around `fair_value_cents(symbol)`; None leaves a market alone, with what rests there."""
        self._exchange = exchange
        self._account = account
        self._fair_value_cents = fair_value_cents
        self._rules = rules or QuotingRules()
        self._budget = DayBudget(exchange=exchange, account=account)
        self._is_loaded = False
        self._paused_until: dict[int, float] = {}
        self._next_market = 0

    async def run(self) -> None:
        """Keep quoting. Refusals and failures of the store are waited out; what else is raised is a fault."""
        backoff = BACKOFF_SECONDS_MIN
        while True:
            trouble = await self.step()
            if trouble is None:
                backoff = BACKOFF_SECONDS_MIN
                await asyncio.sleep(STEP_SECONDS)
            else:
                _log.log(
                    logging.WARNING if backoff == BACKOFF_SECONDS_MIN else logging.DEBUG,
                    "the market maker waits: %s",
                    trouble,
                )
                await asyncio.sleep(backoff)
                backoff = min(2 * backoff, BACKOFF_SECONDS_MAX)

    async def step(self) -> str | None:
        """Do one burst of at most `BURST_ACTIONS_MAX` actions; return why everything has to wait, or None."""
        if not self._is_loaded:
            try:
                await self._budget.load()
            except ReadModelError as error:
                return str(error)
            self._is_loaded = True
        state = self._exchange.state
        if state.is_halted or state.accounts[self._account].is_halted:
            return "trading is halted"
        troubles = await asyncio.gather(*(self._act(market, changes) for market, changes in self._choose_changes()))
        return next((trouble for trouble in troubles if trouble is not None), None)

    def _choose_changes(self) -> list[tuple[MarketView, QuoteChanges]]:
        """Return what to do now, in as many markets as the burst has room for; the next call goes on behind them."""
        self._budget.update()
        own = self._own_orders()
        markets = list(self._exchange.state.markets.values())
        now = asyncio.get_running_loop().time()
        chosen: list[tuple[MarketView, QuoteChanges]] = []
        room = BURST_ACTIONS_MAX
        for _ in range(len(markets)):
            market = markets[self._next_market % len(markets)]
            changes = self._changes_in(market, own, now=now)
            if changes.commands > room:
                break
            self._next_market = (self._next_market + 1) % len(markets)
            if changes.commands:
                chosen.append((market, changes))
                room -= changes.commands
        return chosen

    def _own_orders(self) -> Mapping[int, list[OrderView]]:
        """Return the own open orders by market, oldest first; they are found again after a restart."""
        found: defaultdict[int, list[OrderView]] = defaultdict(list)
        for order in self._exchange.state.account_orders.get(self._account, {}).values():
            if order.is_open:
                found[order.market].append(order)
                self._budget.watch(order)
        return found

    def _changes_in(self, market: MarketView, own: Mapping[int, list[OrderView]], *, now: float) -> QuoteChanges:
        """Return what to do in a market, within one burst; nothing while it is halted or left alone for a while."""
        if market.is_halted or self._paused_until.get(market.market, now) > now:
            return QuoteChanges([], [])
        fair = self._fair_value_cents(market.symbol)
        if fair is None:
            return QuoteChanges([], [])
        orders = own.get(market.market, [])
        wanted = decide_quotes(self._situation(market, orders, fair_value_cents=fair), self._rules)
        changes = decide_changes(orders, wanted, self._rules)
        if changes.commands > BURST_ACTIONS_MAX:
            # So many orders of its own can only come from elsewhere; first they go, a burst at a time.
            return QuoteChanges(changes.cancels[:BURST_ACTIONS_MAX], [])
        return changes

    def _situation(self, market: MarketView, own: list[OrderView], *, fair_value_cents: int) -> Situation:
        state = self._exchange.state
        parameters = state.parameters
        holding = state.holdings.get(self._account, {}).get(market.market)
        book = state.books[market.market]
        bids = {order.limit_price_cents: order.remaining_units for order in own if order.side == codes.BUY}
        asks = {order.limit_price_cents: order.remaining_units for order in own if order.side == codes.SELL}
        cash = state.accounts[self._account].available_micros
        cash += sum(price * quantity for price, quantity in bids.items())
        fee_bps = max(parameters.maker_fee_bps, parameters.taker_fee_bps)
        return Situation(
            fair_value_cents=fair_value_cents,
            reference_price_cents=market.reference_price_cents,
            band_bps=parameters.band_bps,
            position_units=holding.quantity_units if holding else 0,
            sellable_units=holding.available_units + sum(asks.values()) if holding else 0,
            spendable_micros=cash * BPS // (BPS + fee_bps),
            budget_micros=self._rules.value_micros_per_day - self._budget.traded_micros(market.market),
            other_bid_cents=max((p for p, quantity in book.bids.items() if quantity > bids.get(p, 0)), default=0),
            other_ask_cents=min((p for p, quantity in book.asks.items() if quantity > asks.get(p, 0)), default=0),
        )

    async def _act(self, market: MarketView, changes: QuoteChanges) -> str | None:
        """Make the changes in one market, each after the one before it; return why everything has to wait, or None."""
        try:
            for order_id in changes.cancels:
                await self._cancel(order_id)
            for placement in changes.placements:
                if not await self._place(market, placement):
                    self._pause(market, "the quote would have traded at once")
        except RefusedError as refused:
            if refused.reason in _GENERAL:
                return str(refused)
            self._pause(market, str(refused))
        except ReadModelError as error:
            return str(error)
        return None

    async def _cancel(self, order_id: int) -> None:
        try:
            await cancel_order(self._exchange, account=self._account, order_id=order_id)
        except RefusedError as refused:
            # It was filled or expired in the meantime, which is as good.
            if refused.reason not in GONE:
                raise

    async def _place(self, market: MarketView, placement: Placement) -> bool:
        """Place a quote for the day, so that none is left standing for long when nobody looks after it any more."""
        request = OrderRequest(
            symbol=market.symbol,
            side="buy" if placement.side == codes.BUY else "sell",
            order_type="limit",
            time_in_force="day",
            quantity_units=placement.quote.quantity_units,
            limit_price_cents=placement.quote.price_cents,
            post_only=True,
        )
        order = await place_order(self._exchange, account=self._account, request=request)
        self._budget.watch(order)
        return order.status != "rejected"

    def _pause(self, market: MarketView, why: str) -> None:
        """Leave a market alone for a while, so that what cannot be done is not tried all the time."""
        _log.debug("the market maker leaves %s alone for %.0f s: %s", market.symbol, PAUSE_SECONDS, why)
        self._paused_until[market.market] = asyncio.get_running_loop().time() + PAUSE_SECONDS
