"""Trades, as everybody sees them and as an account's fills."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from waiver_exchange.application.queries.reads import PAGE_ITEMS_MAX, Reads
from waiver_exchange.application.selections import FillSelection, TradeSelection
from waiver_exchange.domain import codes
from waiver_exchange.projections.state import OrderView, TradeView


class TradesPage(NamedTuple):
    """Trades; `next_cursor` is None on the last page."""

    items: list[TradeView]
    next_cursor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsFilter:
    """Which of an account's fills a page shows, and from which end; `after_ns` and `until_ns` exclude that time."""

    symbol: str | None = None
    order_id: int | None = None
    after_ns: int | None = None
    until_ns: int | None = None
    is_ascending: bool = False


class Fill(NamedTuple):
    """A trade as one of its two orders saw it; the order is as it is now, all else as of the trade.

    `cumulative_units` is all that was filled of the order, this trade included, and `leaves_units` what it had left
    then; 0 for an order by notional. `side` is the order's.
    """

    trade: TradeView
    order: OrderView
    side: int
    is_maker: bool
    fee_micros: int
    cumulative_units: int
    leaves_units: int


class FillsPage(NamedTuple):
    """Fills; `next_cursor` is None on the last page."""

    items: list[Fill]
    next_cursor: int | None


class TradeReads(Reads):
    """Reads of trades."""

    async def trades(self, *, symbol: str | None, limit: int) -> list[TradeView] | None:
        """Return the newest trades of a market, or of all, newest first; None when there is no such symbol."""
        page = await self.trades_page(symbol=symbol, limit=limit)
        return None if page is None else page.items

    async def trade(self, trade_id: int) -> TradeView | None:
        """Return one trade, or None."""
        just_this = TradeSelection(after_trade=trade_id - 1, before_trade=trade_id + 1)
        for trade in reversed(self._state.tape):
            if trade.trade_id <= trade_id:
                if trade.trade_id == trade_id:
                    return trade
                break
        found = await self._store.list_trades(just_this, limit=1)
        return found[0] if found else None

    async def trades_page(
        self,
        *,
        symbol: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        cursor: int | None = None,
        limit: int,
        is_ascending: bool = False,
    ) -> TradesPage | None:
        """Return trades of a market, or of all, newest first or ascending; None when there is no such symbol.

        `start_ns` is included, `end_ns` is not. `cursor` is the `next_cursor` of the page before.
        """
        market = None if symbol is None else self._state.symbols.get(symbol)
        if symbol is not None and market is None:
            return None
        selection = TradeSelection(
            market=market,
            start_ns=start_ns,
            end_ns=end_ns,
            before_trade=None if is_ascending else cursor,
            after_trade=cursor if is_ascending else None,
            is_ascending=is_ascending,
        )
        limit = min(limit, PAGE_ITEMS_MAX)
        found = self._recent_trades(selection, selection.includes, limit + 1)
        if self._may_be_older(selection, found=len(found), wanted=limit + 1):
            found = _together(found, await self._older_trades(selection, limit=limit + 1), selection)
        return TradesPage(found[:limit], found[limit - 1].trade_id if len(found) > limit else None)

    async def fills_page(
        self,
        *,
        account: int,
        filter: FillsFilter,  # noqa: A002 - the word for it
        cursor: int | None = None,
        limit: int,
    ) -> FillsPage:
        """Return an account's fills, newest first or ascending; `cursor` is the `next_cursor` of the page before."""
        market = None if filter.symbol is None else self._state.symbols.get(filter.symbol)
        if filter.symbol is not None and market is None:
            return FillsPage([], None)
        trades = TradeSelection(
            market=market,
            start_ns=None if filter.after_ns is None else filter.after_ns + 1,
            end_ns=filter.until_ns,
            before_trade=None if filter.is_ascending else cursor,
            after_trade=cursor if filter.is_ascending else None,
            is_ascending=filter.is_ascending,
        )
        selection = FillSelection(trades=trades, account=account, order_id=filter.order_id)
        limit = min(limit, PAGE_ITEMS_MAX)
        found = self._recent_trades(trades, selection.includes, limit + 1)
        if self._may_be_older(trades, found=len(found), wanted=limit + 1):
            found = _together(found, await self._store.list_fills(selection, limit=limit + 1), trades)
        fills = await self._fills(account, found[:limit])
        return FillsPage(fills, found[limit - 1].trade_id if len(found) > limit else None)

    def _recent_trades(
        self, selection: TradeSelection, includes: Callable[[TradeView], bool], limit: int
    ) -> list[TradeView]:
        tape = self._state.tape
        return list(islice(filter(includes, tape if selection.is_ascending else reversed(tape)), limit))

    async def _older_trades(self, selection: TradeSelection, *, limit: int) -> list[TradeView]:
        """Return trades of a selection that were before those in memory."""
        tape = self._state.tape
        oldest, market, before = tape[0], selection.market, selection.before_trade
        is_bounded = before is not None and before <= oldest.trade_id
        is_over = selection.end_ns is not None and selection.end_ns <= oldest.time_ns
        version = 0
        if not is_bounded and not is_over:
            selection = replace(selection, before_trade=oldest.trade_id)
            version = oldest.trade_id
            if market is not None:
                # How many trades of the market are older than those in memory says which they are.
                remembered = sum(1 for trade in tape if trade.market == market)
                version = 1 + self._state.markets[market].trade_count - remembered
        return await self.settled.list_trades(selection, limit=limit, version=version, after_sequence=oldest.sequence)

    def _may_be_older(self, selection: TradeSelection, *, found: int, wanted: int) -> bool:
        """Return whether the store may have trades of the page that memory has not; the tape ends with the newest."""
        tape = self._state.tape
        if not tape:
            return False
        oldest = tape[0]
        if selection.is_ascending:
            is_behind = selection.after_trade is not None and selection.after_trade >= oldest.trade_id
            is_later = selection.start_ns is not None and selection.start_ns > oldest.time_ns
            return not (is_behind or is_later)
        return found < wanted and oldest.trade_id > 1

    async def _fills(self, account: int, trades: list[TradeView]) -> list[Fill]:
        ids = {_own_order(trade, account) for trade in trades}
        live = self._state.orders
        orders = {order_id: live[order_id] for order_id in ids if order_id in live}
        missing = ids - orders.keys()
        if missing:
            orders |= {order.order_id: order for order in await self._store.find_orders(sorted(missing))}
        return [_fill(trade, orders[_own_order(trade, account)]) for trade in trades]


def _together(recent: list[TradeView], stored: list[TradeView], selection: TradeSelection) -> list[TradeView]:
    found = {trade.trade_id: trade for trade in (*stored, *recent)}
    return [found[trade_id] for trade_id in sorted(found, reverse=not selection.is_ascending)]


def _own_order(trade: TradeView, account: int) -> int:
    return trade.maker_order if trade.maker_account == account else trade.taker_order


def _fill(trade: TradeView, order: OrderView) -> Fill:
    is_maker = trade.maker_order == order.order_id
    cumulative = trade.maker_filled_units if is_maker else trade.taker_filled_units
    return Fill(
        trade=trade,
        order=order,
        side=codes.BUY if (trade.taker_side == codes.BUY) != is_maker else codes.SELL,
        is_maker=is_maker,
        fee_micros=trade.maker_fee_micros if is_maker else trade.taker_fee_micros,
        cumulative_units=cumulative,
        leaves_units=max(0, order.quantity_units - cumulative),
    )
