"""How much the market maker has traded today in each market, so that one day cannot cost more than a named value."""

from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.projections.state import OrderView

# A day of UTC; more trades of one market in a day than are looked at after a restart count as not having been.
_DAY_NS: Final = 86_400 * NANOSECONDS_PER_SECOND
_TRADES_MAX: Final = 2_000


class DayBudget:
    """Counts the value of the market maker's own fills by market and day, also across a restart."""

    def __init__(self, *, exchange: Exchange, account: int) -> None:
        """Count for one account, from nothing; `load` adds what was traded earlier today."""
        self._exchange = exchange
        self._account = account
        self._day = self._today()
        self._traded: dict[int, int] = {}
        # The read model's own views, which go on showing their fills after the read model has let go of them.
        self._watched: dict[int, tuple[OrderView, int]] = {}

    async def load(self) -> None:
        """Add what this account traded today before this process. Raises `ReadModelError`."""
        for order in list(self._exchange.state.account_orders.get(self._account, {}).values()):
            self._watched[order.order_id] = (order, order.filled_value_micros)
        for view in self._exchange.queries.markets():
            trades = await self._exchange.queries.trades(symbol=view.symbol, limit=_TRADES_MAX) or []
            self._traded[view.market] = sum(
                trade.price_cents * trade.quantity_units
                for trade in trades
                if self._account in {trade.maker_account, trade.taker_account} and trade.time_ns // _DAY_NS == self._day
            )

    def watch(self, order: OrderView) -> None:
        """Count an order's fills from now on; one that is watched already stays as it is."""
        self._watched.setdefault(order.order_id, (order, 0))

    def update(self) -> None:
        """Count what was filled since the last time; a new day starts at nothing."""
        today = self._today()
        if today != self._day:
            self._day = today
            self._traded.clear()
        for order_id, (order, counted) in list(self._watched.items()):
            fresh = order.filled_value_micros - counted
            if fresh:
                self._traded[order.market] = self._traded.get(order.market, 0) + fresh
                self._watched[order_id] = (order, order.filled_value_micros)
            if not order.is_open:
                del self._watched[order_id]

    def traded_micros(self, market: int) -> int:
        """Return the value traded in a market today, as of the last `update`."""
        return self._traded.get(market, 0)

    def _today(self) -> int:
        return self._exchange.clock.now_ns() // _DAY_NS
