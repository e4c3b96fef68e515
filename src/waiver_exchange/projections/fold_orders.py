"""How the events of orders, trades and books change the read model.

Each function takes the place where its event's header stands in the row's events; the words behind the header are
listed in `domain.codes`.
"""

from typing import Final

from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.projections.context import RowContext, read_word
from waiver_exchange.projections.feed_buffer import OrderUpdateKind
from waiver_exchange.projections.state import BookView, OrderStatus, OrderView, TradeView

_REASONS: Final = {int(reason): reason.name for reason in CancelReason}
_REFUSALS: Final = {int(reason): reason.name for reason in RefusalReason}


def fold_order_event(context: RowContext, kind: i64, at: i64) -> bool:
    """Fold an event of an order, a trade or a book; return whether it was one."""
    if kind == codes.BOOK_LEVEL_CHANGED:
        _change_level(context, at)
    elif kind == codes.ORDER_ACCEPTED:
        _tell(context, "accepted", _add_order(context, at))
    elif kind == codes.ORDER_CANCELLED:
        order = _update_order(context, at, status="cancelled")
        order.reason = _REASONS[read_word(context.events, at, 5)]
        _tell(context, "cancelled", order)
    elif kind == codes.TRADE_EXECUTED:
        _execute_trade(context, at)
    elif kind == codes.ORDER_FILLED:
        _end_with_fill(context, _update_order(context, at, status="filled"))
    elif kind == codes.ORDER_PARTIALLY_FILLED:
        _update_order(context, at, status="partially_filled")
    elif kind == codes.ORDER_REJECTED:
        order = _add_order(context, at)
        order.status = "rejected"
        order.reason = _REFUSALS[read_word(context.events, at, 9)]
        _tell(context, "rejected", order)
    elif kind == codes.ORDER_EXPIRED:
        _tell(context, "expired", _update_order(context, at, status="expired"))
    elif kind == codes.STOP_ORDER_ACCEPTED:
        _tell(context, "accepted", _hold_order(context, at))
    elif kind == codes.ORDER_TRIGGERED:
        order = _update_order(context, at, status="open")
        order.triggered_at_ns = context.time_ns
        _tell(context, "triggered", order)
    elif kind == codes.ORDER_REPLACED:
        order = _update_order(context, at, status="replaced")
        order.replaced_by = read_word(context.events, at, 4)
        context.replaced = order
        _tell(context, "replaced", order)
    else:
        return False
    return True


def _tell(context: RowContext, kind: OrderUpdateKind, order: OrderView) -> None:
    if context.feed.is_collecting:
        context.feed.add_order(kind, order, sequence=context.sequence, time_ns=context.time_ns)


def _end_with_fill(context: RowContext, order: OrderView) -> None:
    if context.feed.is_collecting:
        context.feed.fill_order(order)


def _add_order(context: RowContext, at: i64) -> OrderView:
    events = context.events
    terms = read_word(events, at, 4)
    order_type = terms >> codes.TYPE_SHIFT & codes.TERMS_FIELD_MASK
    order = OrderView(
        order_id=read_word(events, at, 1),
        account=read_word(events, at, 2),
        market=read_word(events, at, 3),
        terms=terms,
        given_client_order_id=context.command_text(),
        quantity_units=read_word(events, at, 5),
        notional_micros=read_word(events, at, 6),
        # A market order's collar is no limit that its owner gave.
        limit_price_cents=read_word(events, at, 7) if order_type != codes.MARKET else 0,
        expires_at_ns=read_word(events, at, 8),
        created_at_ns=context.time_ns,
        updated_at_ns=context.time_ns,
    )
    _take_in(context, order)
    return order


def _hold_order(context: RowContext, at: i64) -> OrderView:
    events = context.events
    order = OrderView(
        order_id=read_word(events, at, 1),
        account=read_word(events, at, 2),
        market=read_word(events, at, 3),
        terms=read_word(events, at, 4),
        given_client_order_id=context.command_text(),
        quantity_units=read_word(events, at, 5),
        notional_micros=0,
        limit_price_cents=read_word(events, at, 6),
        expires_at_ns=read_word(events, at, 7),
        created_at_ns=context.time_ns,
        updated_at_ns=context.time_ns,
        status="held",
        stop_price_cents=read_word(events, at, 8),
    )
    _take_in(context, order)
    return order


def _take_in(context: RowContext, order: OrderView) -> None:
    replaced = context.replaced
    if replaced is not None:
        context.replaced = None
        order.replaces = replaced.order_id
        if order.stop_price_cents == 0:
            # What was triggered already stays so, though its new limit stands for itself.
            order.stop_price_cents = replaced.stop_price_cents
            order.triggered_at_ns = replaced.triggered_at_ns
    context.state.add_order(order)
    context.pending.add_order(order)


def _update_order(context: RowContext, at: i64, *, status: OrderStatus) -> OrderView:
    order = context.state.orders[read_word(context.events, at, 1)]
    order.status = status
    order.updated_at_ns = context.time_ns
    context.pending.add_order(order)
    return order


def _change_level(context: RowContext, at: i64) -> None:
    events = context.events
    market = read_word(events, at, 1)
    book = context.state.books[market]
    changed_at: i64 = book.changed_at_ns
    if changed_at // NANOSECONDS_PER_SECOND != context.time_ns // NANOSECONDS_PER_SECOND:
        # The book still is as it was at the end of the second of its last change.
        _put_down_quote(context, book, market)
    book.changed_at_ns = context.time_ns
    side = read_word(events, at, 2)
    levels = book.bids if side == codes.BUY else book.asks
    price = read_word(events, at, 3)
    quantity = read_word(events, at, 4)
    if quantity != 0:
        levels[price] = quantity
    else:
        del levels[price]
    book.sequence = read_word(events, at, 5)
    context.pending.add_market(context.state.markets[market])
    if context.feed.is_collecting:
        context.feed.add_level(book, market=market, side=side, price_cents=price, quantity_units=quantity)


def _put_down_quote(context: RowContext, book: BookView, market: i64) -> None:
    quote = book.quote_change(market)
    if quote is not None:
        book.quoted_bid_cents = quote.bid_cents
        book.quoted_bid_units = quote.bid_units
        book.quoted_ask_cents = quote.ask_cents
        book.quoted_ask_units = quote.ask_units
        context.state.quotes.append(quote)
        context.pending.quotes.append(quote)


def _execute_trade(context: RowContext, at: i64) -> None:
    events = context.events
    price = read_word(events, at, 3)
    quantity = read_word(events, at, 4)
    maker = context.state.orders[read_word(events, at, 5)]
    taker = context.state.orders[read_word(events, at, 6)]
    maker_fee = read_word(events, at, 9)
    taker_fee = read_word(events, at, 10)
    _fill(maker, price, quantity, maker_fee)
    _fill(taker, price, quantity, taker_fee)
    trade = TradeView(
        trade_id=read_word(events, at, 1),
        sequence=context.sequence,
        time_ns=context.time_ns,
        market=read_word(events, at, 2),
        price_cents=price,
        quantity_units=quantity,
        taker_side=read_word(events, at, 11),
        maker_order=maker.order_id,
        taker_order=taker.order_id,
        maker_account=read_word(events, at, 7),
        taker_account=read_word(events, at, 8),
        maker_fee_micros=maker_fee,
        taker_fee_micros=taker_fee,
        maker_filled_units=maker.filled_quantity_units,
        taker_filled_units=taker.filled_quantity_units,
    )
    context.state.tape.append(trade)
    context.pending.trades.append(trade)
    if context.feed.is_collecting:
        context.feed.add_trade(trade, state=context.state)
    market = context.state.markets[trade.market]
    market.last_price_cents = market.reference_price_cents = trade.price_cents
    market.last_trade_at_ns = trade.time_ns
    market.volume_units += trade.quantity_units
    market.trade_count += 1
    context.pending.add_market(market)
    _add_to_candles(context, trade.market, price, quantity)
    _post_trade(context, trade)


def _add_to_candles(context: RowContext, market: int, price_cents: i64, quantity_units: i64) -> None:
    candles = context.state.candles[market]
    minute = candles.minute_of(context.time_ns, price_cents)
    minute.add(price_cents, quantity_units)
    context.pending.add_candle(minute)
    hour = candles.hour_of(context.time_ns, price_cents)
    hour.add(price_cents, quantity_units)
    context.pending.add_candle(hour)
    candles.count(price_cents, quantity_units)


def _fill(order: OrderView, price_cents: i64, quantity_units: i64, fee_micros: i64) -> None:
    order.filled_quantity_units += quantity_units
    order.filled_value_micros += price_cents * quantity_units
    order.fee_micros += fee_micros


def _post_trade(context: RowContext, trade: TradeView) -> None:
    maker, taker, trade_id = trade.maker_account, trade.taker_account, trade.trade_id
    buyer, seller = (taker, maker) if trade.taker_side == codes.BUY else (maker, taker)
    context.move(trade.price_cents * trade.quantity_units, "trade", 0, buyer, seller, trade_id)
    context.move(trade.quantity_units, "trade", trade.market, seller, buyer, trade_id, "", trade.price_cents)
    # The house's fee to itself moves no cash.
    if maker != codes.HOUSE_ACCOUNT:
        context.move(trade.maker_fee_micros, "fee", 0, maker, codes.HOUSE_ACCOUNT, trade_id)
    if taker != codes.HOUSE_ACCOUNT:
        context.move(trade.taker_fee_micros, "fee", 0, taker, codes.HOUSE_ACCOUNT, trade_id)
