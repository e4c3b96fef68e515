"""What the asking account traded: each trade as its own order saw it."""

from typing import Final

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries import Fill, FillsFilter
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.money import format_money, format_price, format_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.bodies import SIDE_NAMES, format_time
from waiver_exchange.gateway.rest.cursors import encode_cursor
from waiver_exchange.gateway.rest.formats import Id, Liquidity, Money, Price, Quantity, Side, Symbol, Time
from waiver_exchange.gateway.rest.parameters import DIRECTION, END, START, SYMBOL
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer

_R = RefusalReason
_CURSOR: Final = "fill"
_LIMIT: Final = parameters.limit()
_PAGE: Final = parameters.cursor(_CURSOR)
_ORDER: Final = parameters.order_id_query("Only fills of this order.")


class FillBody(msgspec.Struct, frozen=True, kw_only=True):
    """A trade of the asking account: the side and the fee are its own, the maker's order was there first.

    One that was busted was reversed later, as the statement shows.
    """

    id: Id
    order_id: Id
    client_order_id: str
    symbol: Symbol
    side: Side
    price: Price
    quantity: Quantity
    fee: Money
    liquidity: Liquidity
    time: Time
    busted: bool = False


class FillsPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Fills and what the next page is asked for by; null on the last one."""

    items: list[FillBody]
    next_cursor: str | None


async def _list_fills(call: Call) -> Answer:
    symbol, start, cursor = call[SYMBOL], call[START], call[_PAGE]
    fills_filter = FillsFilter(
        symbol=None if symbol is None else call.exchange.market(symbol).symbol,
        order_id=call[_ORDER],
        after_ns=None if start is None else start - 1,
        until_ns=call[END],
        is_ascending=call[DIRECTION] == "asc",
    )
    page = await call.exchange.queries.fills_page(
        account=call.account, filter=fills_filter, cursor=cursor[0] if cursor else None, limit=call[_LIMIT]
    )
    following = None if page.next_cursor is None else encode_cursor(_CURSOR, page.next_cursor)
    items = [_fill_body(call.exchange, fill) for fill in page.items]
    return json_answer(FillsPageBody(items=items, next_cursor=following))


def _fill_body(exchange: Exchange, fill: Fill) -> FillBody:
    trade = fill.trade
    return FillBody(
        id=to_text(IdKind.trade, trade.trade_id),
        order_id=to_text(IdKind.order, fill.order.order_id),
        client_order_id=fill.order.client_order_id,
        symbol=exchange.state.markets[trade.market].symbol,
        side=SIDE_NAMES[fill.side],
        price=format_price(trade.price_cents),
        quantity=format_quantity(trade.quantity_units),
        fee=format_money(fill.fee_micros),
        liquidity="maker" if fill.is_maker else "taker",
        time=format_time(trade.time_ns),
        busted=trade.trade_id in exchange.state.busts,
    )


FILL_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/fills",
        name="listFills",
        summary="List the account's fills by pages.",
        tag="account",
        handler=_list_fills,
        answer=FillsPageBody,
        parameters=(SYMBOL, _ORDER, START, END, DIRECTION, _LIMIT, _PAGE),
        refusals=(_R.market_not_found, _R.history_is_unavailable),
    ),
)
