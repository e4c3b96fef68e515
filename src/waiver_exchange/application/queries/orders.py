"""Orders: one by its id or by its owner's name of it, and pages of them."""

import heapq
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple

from waiver_exchange.application.command_keys import order_key
from waiver_exchange.application.queries.reads import PAGE_ITEMS_MAX, Reads
from waiver_exchange.application.selections import OrderSelection
from waiver_exchange.domain.events import OrderAccepted, OrderRejected, StopOrderAccepted, decode_events
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.projections.state import OrderView, copy_order

StatusFilter = Literal["open", "closed", "all"]
_NEW_ORDERS = OrderAccepted | OrderRejected | StopOrderAccepted


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersFilter:
    """Which of an account's orders a page shows, and from which end; every bound excludes the value itself.

    `symbols` None means all markets, `side` (`codes.BUY`, `codes.SELL`) None both. `after_ns` and `until_ns` bound the
    time of acceptance, `after_order` and `before_order` the order's id, which grows with that time. A page goes on
    from the last one with its `next_cursor` as `before_order`, or as `after_order` when ascending.
    """

    status: StatusFilter = "all"
    symbols: tuple[str, ...] | None = None
    side: int | None = None
    after_ns: int | None = None
    until_ns: int | None = None
    before_order: int | None = None
    after_order: int | None = None
    is_ascending: bool = False


class OrdersPage(NamedTuple):
    """Orders, as they were when the page was asked for; `next_cursor` is None on the last page."""

    items: list[OrderView]
    next_cursor: int | None


class OrderReads(Reads):
    """Reads of orders."""

    async def order(self, *, account: int, order_id: int) -> OrderView | None:
        """Return an account's order, or None when there is none or it is another account's."""
        # Memory lets go of an order only when the store has it, so looking in this order misses none.
        order = self._state.orders.get(order_id) or await self._store.find_order(order_id)
        return order if order is not None and order.account == account else None

    async def order_of_anybody(self, order_id: int) -> OrderView | None:
        """Return an order, whoever it belongs to, or None: for those who may see all."""
        return self._state.orders.get(order_id) or await self._store.find_order(order_id)

    async def order_by_client_order_id(self, *, account: int, client_order_id: str) -> OrderView | None:
        """Return the account's order of that name; one that its owner did not name goes by its UUID's text.

        Raises `JournalError`: the journal's own key, by which a name is used once for ever, is what is looked up.
        """
        key = order_key(account, client_order_id)
        row = (await self._journal.find([key])).get(key)
        if row is not None:
            accepted = next((event for event in decode_events(row.events) if isinstance(event, _NEW_ORDERS)), None)
            return None if accepted is None else await self.order(account=account, order_id=accepted.order_id)
        order_id = from_uuid(IdKind.order, client_order_id)
        order = None if order_id is None else await self.order(account=account, order_id=order_id)
        return order if order is not None and order.client_order_id == client_order_id else None

    async def orders_page(self, *, account: int | None, filter: OrdersFilter, limit: int) -> OrdersPage:  # noqa: A002
        """Return up to `limit` of an account's orders, or of all accounts', newest first or ascending.

        An order is on exactly one page of a walk from cursor to cursor, whatever opens, closes or is stored meanwhile;
        only one that came to match the filter after its place was passed is left out.
        """
        limit = min(limit, PAGE_ITEMS_MAX)
        selection = self._selection(account, filter)
        # The views are copied before the await, so that a page shows one moment.
        wanted = limit + 1
        found = {order.order_id: copy_order(order) for order in self._recent_orders(selection, wanted)}
        # Every open order is in memory. Of the rest, memory wins because the store may still have it as it was.
        if filter.status != "open":
            for order in await self._store.list_orders(selection, limit=wanted):
                found.setdefault(order.order_id, order)
        first = heapq.nsmallest if filter.is_ascending else heapq.nlargest
        items = first(wanted, found.values(), key=_order_id)
        has_more = len(items) > limit
        return OrdersPage(items=items[:limit], next_cursor=items[limit - 1].order_id if has_more else None)

    def _selection(self, account: int | None, given: OrdersFilter) -> OrderSelection:
        symbols = self._state.symbols
        return OrderSelection(
            account=account,
            is_open=None if given.status == "all" else given.status == "open",
            markets=(
                None
                if given.symbols is None
                else tuple(sorted({symbols[symbol] for symbol in given.symbols if symbol in symbols}))
            ),
            side=given.side,
            after_ns=given.after_ns,
            until_ns=given.until_ns,
            before_order=given.before_order,
            after_order=given.after_order,
            is_ascending=given.is_ascending,
        )

    def _recent_orders(self, selection: OrderSelection, limit: int) -> list[OrderView]:
        state = self._state
        own = (state.orders if selection.account is None else state.account_orders.get(selection.account, {})).values()
        ordered = own if selection.is_ascending else reversed(own)
        return list(islice(filter(selection.includes, ordered), limit))


def _order_id(order: OrderView) -> int:
    return order.order_id
