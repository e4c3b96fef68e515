"""How the events of orders, trades and books change the read model.

Each function takes the words of a row and the place where its event's header stands; the words behind the header are
listed in `domain.codes`.
"""

from typing import Final

from waiver_exchange.domain import codes
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.projections.context import RowContext
from waiver_exchange.projections.state import OrderView, TradeView

_REASONS: Final = {int(reason): reason.name for reason in CancelReason}
_REFUSALS: Final = {int(reason): reason.name for reason in RefusalReason}
_TYPE_BITS: Final = codes.TERMS_FIELD_MASK << codes.TYPE_SHIFT


def _add_order(context: RowContext, words: tuple[int, ...], at: int) -> OrderView:
    _, order_id, account, market, terms, quantity, notional, price, expires_at = words[at : at + 9]
    now = context.time_ns
    order = OrderView(
        order_id,
        account,
        market,
        terms,
        context.command_text(),
        quantity,
        notional,
        0 if terms & _TYPE_BITS else price,  # a market order's collar is no limit that its owner gave
        expires_at,
        now,
        now,
    )
    # As `ReadModelState.add_order`, written out because every order comes by here.
    state = context.state
    state.orders[order_id] = order
    own = state.account_orders.get(account)
    if own is None:
        own = state.account_orders[account] = {}
    own[order_id] = order
    context.pending.orders[order_id] = order
    return order


def _accept_order(context: RowContext, words: tuple[int, ...], at: int) -> None:
    _add_order(context, words, at)


def _reject_order(context: RowContext, words: tuple[int, ...], at: int) -> None:
    order = _add_order(context, words, at)
    order.status = "rejected"
    order.reason = _REFUSALS[words[at + 9]]


def _change_level(context: RowContext, words: tuple[int, ...], at: int) -> None:
    _, market, side, price, quantity, sequence = words[at : at + 6]
    state = context.state
    book = state.books[market]
    levels = book.bids if side == codes.BUY else book.asks
    if quantity:
        levels[price] = quantity
    else:
        del levels[price]
    book.sequence = sequence
    context.pending.markets[market] = state.markets[market]


def _execute_trade(context: RowContext, words: tuple[int, ...], at: int) -> None:
    (_, trade_id, market_id, price, quantity, maker_order, taker_order, maker, taker, maker_fee, taker_fee, side) = (
        words[at : at + 12]
    )
    state, pending, now = context.state, context.pending, context.time_ns
    trade = TradeView(
        trade_id,
        context.sequence,
        now,
        market_id,
        price,
        quantity,
        side,
        maker_order,
        taker_order,
        maker,
        taker,
        maker_fee,
        taker_fee,
    )
    state.tape.append(trade)
    pending.trades.append(trade)
    value = price * quantity
    for order_id, fee in ((maker_order, maker_fee), (taker_order, taker_fee)):
        order = state.orders[order_id]
        order.filled_quantity_units += quantity
        order.filled_value_micros += value
        order.fee_micros += fee
    market = state.markets[market_id]
    market.last_price_cents = market.reference_price_cents = price
    market.last_trade_at_ns = now
    market.volume_units += quantity
    market.trade_count += 1
    pending.markets[market_id] = market
    buyer, seller = (taker, maker) if side == codes.BUY else (maker, taker)
    context.post(buyer, -value, kind="trade", counterpart=seller, trade_id=trade_id)
    context.post(seller, value, kind="trade", counterpart=buyer, trade_id=trade_id)
    if maker_fee:
        _post_fee(context, payer=maker, fee_micros=maker_fee, trade_id=trade_id)
    if taker_fee:
        _post_fee(context, payer=taker, fee_micros=taker_fee, trade_id=trade_id)


def _post_fee(context: RowContext, *, payer: int, fee_micros: int, trade_id: int) -> None:
    """The house's fee to itself moves no cash."""
    house = codes.HOUSE_ACCOUNT
    if payer != house:
        context.post(payer, -fee_micros, kind="fee", counterpart=house, trade_id=trade_id)
        context.post(house, fee_micros, kind="fee", counterpart=payer, trade_id=trade_id)


def _fill_part(context: RowContext, words: tuple[int, ...], at: int) -> None:
    order = context.state.orders[words[at + 1]]
    order.status = "partially_filled"
    order.updated_at_ns = context.time_ns
    context.pending.orders[order.order_id] = order


def _fill_whole(context: RowContext, words: tuple[int, ...], at: int) -> None:
    order = context.state.orders[words[at + 1]]
    order.status = "filled"
    order.updated_at_ns = context.time_ns
    context.pending.orders[order.order_id] = order


def _cancel_order(context: RowContext, words: tuple[int, ...], at: int) -> None:
    order = context.state.orders[words[at + 1]]
    order.status = "cancelled"
    order.reason = _REASONS[words[at + 5]]
    order.updated_at_ns = context.time_ns
    context.pending.orders[order.order_id] = order


def _expire_order(context: RowContext, words: tuple[int, ...], at: int) -> None:
    order = context.state.orders[words[at + 1]]
    order.status = "expired"
    order.updated_at_ns = context.time_ns
    context.pending.orders[order.order_id] = order


HANDLERS: Final = {
    codes.ORDER_ACCEPTED: _accept_order,
    codes.ORDER_REJECTED: _reject_order,
    codes.TRADE_EXECUTED: _execute_trade,
    codes.ORDER_PARTIALLY_FILLED: _fill_part,
    codes.ORDER_FILLED: _fill_whole,
    codes.ORDER_CANCELLED: _cancel_order,
    codes.ORDER_EXPIRED: _expire_order,
    codes.BOOK_LEVEL_CHANGED: _change_level,
}
