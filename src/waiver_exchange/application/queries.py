"""What people look at, answered from the read model in memory and, for what has left it, from its store.

Amounts stay integers (micro-dollars, cents, units of 1/10,000 share); the gateway makes text of them. A view that is
returned is the live one unless said otherwise: format it before the next await.
"""

import heapq
from itertools import islice
from typing import Literal, NamedTuple

from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.projections import valuation
from waiver_exchange.projections.state import (
    BookLevels,
    BookView,
    MarketView,
    OrderView,
    ReadModelState,
    TradeView,
    copy_order,
)

OrderFilter = Literal["open", "closed", "all"]


class OrdersPage(NamedTuple):
    """Orders, newest first, as they were when the page was asked for; `next_cursor` is None on the last page."""

    items: list[OrderView]
    next_cursor: int | None


class AccountSummary(NamedTuple):
    """What an account owns; equity is its cash, held or not, with the market value of its shares."""

    account: int
    cash_micros: int
    held_micros: int
    available_micros: int
    equity_micros: int
    is_halted: bool


class Position(NamedTuple):
    """An account's shares of one market and their worth; `average_cost_micros` is per share and for display only."""

    market: int
    symbol: str
    quantity_units: int
    available_units: int
    cost_micros: int
    average_cost_micros: int
    market_value_micros: int
    unrealized_micros: int
    realized_micros: int


class MarketShares(NamedTuple):
    """The shares issued of a market and the shares that accounts hold."""

    market: int
    symbol: str
    issued_units: int
    held_units: int


class Conservation(NamedTuple):
    """The totals that must agree: cash issued and cash that accounts have, and the same of each market's shares."""

    sequence: int
    cash_issued_micros: int
    cash_total_micros: int
    markets: list[MarketShares]

    @property
    def is_conserved(self) -> bool:
        """Whether nothing appeared and nothing vanished."""
        return self.cash_issued_micros == self.cash_total_micros and all(
            market.issued_units == market.held_units for market in self.markets
        )


class Queries:
    """The reads of the exchange. Those that ask the store raise `projections.changes.ReadModelError`."""

    def __init__(self, *, state: ReadModelState, store: ReadModelStore) -> None:
        """Read the state that a projector keeps current, and the store that its changes go to."""
        self._state = state
        self._store = store

    async def order(self, *, account: int, order_id: int) -> OrderView | None:
        """Return an account's order, or None when there is none or it is another account's."""
        # Memory lets go of an order only when the store has it, so looking in this order misses none.
        order = self._state.orders.get(order_id) or await self._store.find_order(order_id)
        return order if order is not None and order.account == account else None

    async def orders_page(self, *, account: int, status: OrderFilter, cursor: int | None, limit: int) -> OrdersPage:
        """Return up to `limit` of an account's orders with an id below `cursor`, newest first.

        An order is on exactly one page of a walk from cursor to cursor, whatever opens, closes or is stored meanwhile;
        only one that came to match the filter after its place was passed is left out.
        """
        # The views are copied before the await, so that a page shows one moment.
        wanted = limit + 1
        found = {order.order_id: copy_order(order) for order in self._recent_orders(account, status, cursor, wanted)}
        # Every open order is in memory. For the rest the store is asked after memory: what leaves memory in between is
        # in both, and memory wins because the store may still have it as it was.
        if status != "open":
            is_open = False if status == "closed" else None
            stored = await self._store.list_orders(account=account, is_open=is_open, before=cursor, limit=wanted)
            for order in stored:
                found.setdefault(order.order_id, order)
        items = heapq.nlargest(wanted, found.values(), key=_order_id)
        has_more = len(items) > limit
        return OrdersPage(items=items[:limit], next_cursor=items[limit - 1].order_id if has_more else None)

    def _recent_orders(self, account: int, status: OrderFilter, cursor: int | None, limit: int) -> list[OrderView]:
        own = self._state.account_orders.get(account, {})
        matching = (
            order
            for order in reversed(own.values())
            if (cursor is None or order.order_id < cursor) and (status == "all" or order.is_open == (status == "open"))
        )
        return list(islice(matching, limit))

    def account_summary(self, account: int) -> AccountSummary | None:
        """Return what an account owns, or None when there is no such account."""
        view = self._state.accounts.get(account)
        if view is None:
            return None
        holdings = self._state.holdings.get(account, {}).values()
        return AccountSummary(
            account=account,
            cash_micros=view.cash_micros,
            held_micros=view.held_micros,
            available_micros=view.available_micros,
            equity_micros=valuation.equity_micros(view, holdings=holdings, markets=self._state.markets),
            is_halted=view.is_halted,
        )

    def positions(self, account: int) -> list[Position]:
        """Return an account's holdings of more than zero shares, by symbol."""
        markets = self._state.markets
        held = [view for view in self._state.holdings.get(account, {}).values() if view.quantity_units]
        positions = [
            Position(
                market=holding.market,
                symbol=markets[holding.market].symbol,
                quantity_units=holding.quantity_units,
                available_units=holding.available_units,
                cost_micros=holding.cost_micros,
                average_cost_micros=valuation.average_cost_micros(holding),
                market_value_micros=valuation.market_value_micros(holding, market=markets[holding.market]),
                unrealized_micros=valuation.unrealized_micros(holding, market=markets[holding.market]),
                realized_micros=holding.realized_micros,
            )
            for holding in held
        ]
        return sorted(positions, key=_symbol)

    def markets(self) -> list[MarketView]:
        """Return all markets in the order of their listing."""
        return list(self._state.markets.values())

    def market(self, symbol: str) -> MarketView | None:
        """Return a market by its symbol."""
        number = self._state.symbols.get(symbol)
        return None if number is None else self._state.markets[number]

    def book(self, symbol: str, *, depth: int) -> BookLevels | None:
        """Return the best `depth` levels of each side of a market's book, or None when there is no such symbol."""
        book = self.book_of(symbol)
        return None if book is None else book.levels(depth)

    def book_of(self, symbol: str) -> BookView | None:
        """Return a market's whole book, whose best prices cost less than its levels."""
        number = self._state.symbols.get(symbol)
        return None if number is None else self._state.books[number]

    async def trades(self, *, symbol: str | None, limit: int) -> list[TradeView] | None:
        """Return the newest trades of a market, or of all, newest first; None when there is no such symbol."""
        market = None if symbol is None else self._state.symbols.get(symbol)
        if symbol is not None and market is None:
            return None
        tape = self._state.tape
        before = tape[0].trade_id if tape else None
        matching = (trade for trade in reversed(tape) if market is None or trade.market == market)
        trades = list(islice(matching, limit))
        if len(trades) < limit and before is not None:
            # The tape has no gaps, so the store has what is older than all of it.
            trades += await self._store.list_trades(market=market, before=before, limit=limit - len(trades))
        return trades

    def conservation(self) -> Conservation:
        """Return the totals of cash and of every market's shares."""
        state = self._state
        held = dict.fromkeys(state.markets, 0)
        for holdings in state.holdings.values():
            for market, holding in holdings.items():
                held[market] += holding.quantity_units
        return Conservation(
            sequence=state.sequence,
            cash_issued_micros=state.cash_issued_micros,
            cash_total_micros=sum(account.cash_micros for account in state.accounts.values()),
            markets=[
                MarketShares(view.market, view.symbol, view.supply_units, held[view.market])
                for view in state.markets.values()
            ],
        )


def _order_id(order: OrderView) -> int:
    return order.order_id


def _symbol(position: Position) -> str:
    return position.symbol
