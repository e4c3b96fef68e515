"""The book: the look of fill-or-kill, the loop over resting orders, the settlement of a trade."""

from tests.model.limiting import count_turnover
from tests.model.open_orders import leave
from tests.model.removing import cancel_open
from tests.model.reports import cash_changed, holding_changed, level_changed
from tests.model.rules import cost_of_part, fee_of, hold_of
from tests.model.state import Exchange, Market, Order
from tests.model.taking import Taker, crosses
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.events import (
    Event,
    MarketHalted,
    OrderFilled,
    OrderPartiallyFilled,
    TradeExecuted,
)
from waiver_exchange.domain.refusals import CancelReason


def match(exchange: Exchange, taker: Taker, market: Market) -> list[Event]:
    """Rules 18 and 19: trade with the opposite side until something stops the taker."""
    if taker.terms.time_in_force == codes.FOK and not _could_fill(exchange, taker, market):
        taker.stopped_by = CancelReason.fill_or_kill
        return []
    events: list[Event] = []
    while taker.something_remains and not taker.is_done and taker.stopped_by is None:
        maker = market.sides[taker.opposite_side].best_order()
        if maker is None or not crosses(taker, maker.price):
            break
        if maker.account == taker.account:
            events += _prevent_self_trade(exchange, taker, maker)
        elif _stop_by_size(taker, maker.price):
            break
        elif _breaker_trips(exchange, market, price=maker.price):
            events.append(_halt_by_breaker(exchange, market))
            taker.stopped_by = CancelReason.market_was_halted
        else:
            events += _trade(exchange, taker, maker, market)
    return events


def _could_fill(exchange: Exchange, taker: Taker, market: Market) -> bool:
    """Rule 18: whether the taker would fill whole; nothing changes."""
    quantity_left, value_left = taker.quantity, taker.notional
    units_held = taker.hold if taker.terms.side == codes.SELL else None
    anchor_price = _anchor_in_force(exchange, market)
    something_traded = False
    for maker in market.sides[taker.opposite_side].orders():
        if not crosses(taker, maker.price):
            return False
        if maker.account == taker.account:
            if taker.terms.self_trade != codes.CANCEL_OLDEST:
                return False
            continue
        if taker.by_notional and value_left < maker.price:
            return something_traded
        if taker.by_notional and units_held == 0:
            return False
        anchor_price = anchor_price or maker.price
        if _is_too_far(exchange, price=maker.price, anchor_price=anchor_price):
            return False
        quantity = min(maker.remaining, value_left // maker.price if taker.by_notional else quantity_left)
        if units_held is not None:
            quantity = min(quantity, units_held)
            units_held -= quantity
        quantity_left -= quantity
        value_left -= quantity * maker.price
        something_traded = True
        if (value_left if taker.by_notional else quantity_left) == 0:
            return True
    return False


def _prevent_self_trade(exchange: Exchange, taker: Taker, maker: Order) -> list[Event]:
    """Rule 19a."""
    if taker.terms.self_trade != codes.CANCEL_OLDEST:
        taker.stopped_by = CancelReason.self_trade_prevented
    if taker.terms.self_trade == codes.CANCEL_NEWEST:
        return []
    return cancel_open(exchange, maker, CancelReason.self_trade_prevented)


def _stop_by_size(taker: Taker, price: int) -> bool:
    """Rule 19b: whether an order by notional is too small, or its shares too few, to go on."""
    if not taker.by_notional:
        return False
    if taker.notional - taker.value_traded < price:
        if taker.units_traded:
            taker.is_done = True
        else:
            taker.stopped_by = CancelReason.collar_reached
        return True
    if taker.terms.side == codes.SELL and taker.units_traded == taker.hold:
        taker.stopped_by = CancelReason.shares_ran_out
        return True
    return False


def _breaker_trips(exchange: Exchange, market: Market, *, price: int) -> bool:
    """Rule 19c: measure the next trade against the anchor; set the anchor when there is none or it is too old."""
    if exchange.parameters.breaker_bps == 0:
        return False
    anchor_price = _anchor_in_force(exchange, market)
    if anchor_price == 0:
        market.anchor_price, market.anchor_time = price, exchange.time
        return False
    return _is_too_far(exchange, price=price, anchor_price=anchor_price)


def _anchor_in_force(exchange: Exchange, market: Market) -> int:
    """The anchor's price; 0 when there is none or it is too old."""
    is_too_old = exchange.time - market.anchor_time > exchange.parameters.breaker_window_ns
    return 0 if is_too_old else market.anchor_price


def _is_too_far(exchange: Exchange, *, price: int, anchor_price: int) -> bool:
    breaker_bps = exchange.parameters.breaker_bps
    return breaker_bps != 0 and abs(price - anchor_price) * limits.BPS > breaker_bps * anchor_price


def _halt_by_breaker(exchange: Exchange, market: Market) -> Event:
    halt_ns = exchange.parameters.breaker_halt_ns
    market.halt_cause = codes.HALT_BY_CIRCUIT_BREAKER
    market.halted_until = exchange.time + halt_ns if halt_ns else 0
    market.anchor_price = market.anchor_time = 0
    return MarketHalted(market.id, market.halt_cause, market.halted_until)


def _trade(exchange: Exchange, taker: Taker, maker: Order, market: Market) -> list[Event]:
    """Rules 19d and 19e: one trade at the resting order's price, settled at once."""
    price = maker.price
    quantity = min(maker.remaining, _units_wanted(taker, price))
    value = price * quantity
    maker_fee = fee_of(value, bps=maker.maker_bps, credit=maker.credit)
    taker_fee = fee_of(value, bps=taker.taker_bps, credit=taker.credit)

    held_before = hold_of(maker)
    maker.credit += maker_fee * limits.BPS - value * maker.maker_bps
    maker.remaining -= quantity
    maker.filled += quantity
    released = held_before - hold_of(maker)
    taker.credit += taker_fee * limits.BPS - value * taker.taker_bps
    taker.units_traded += quantity
    taker.value_traded += value
    taker.fees_taken += maker_fee + taker_fee

    if maker.side == codes.BUY:
        exchange.accounts[maker.account].held -= released
        exchange.position(account=maker.account, market=market.id).resting_buys -= quantity
        _buy(exchange, market, account_id=maker.account, quantity=quantity, value=value, fee=maker_fee)
        _sell(exchange, market, account_id=taker.account, quantity=quantity, value=value, fee=taker_fee)
    else:
        exchange.position(account=maker.account, market=market.id).held -= released
        _sell(exchange, market, account_id=maker.account, quantity=quantity, value=value, fee=maker_fee)
        _buy(exchange, market, account_id=taker.account, quantity=quantity, value=value, fee=taker_fee)
    exchange.house.cash += maker_fee + taker_fee
    for account in (maker.account, taker.account):
        count_turnover(exchange.accounts[account], value)
    market.reference = market.last = price

    trade = TradeExecuted(
        exchange.next_trade,
        market.id,
        price,
        quantity,
        maker.id,
        taker.order_id,
        maker.account,
        taker.account,
        maker_fee,
        taker_fee,
        taker.terms.side,
    )
    exchange.next_trade += 1
    return [trade, *_report_maker(exchange, maker, market)]


def _units_wanted(taker: Taker, price: int) -> int:
    if not taker.by_notional:
        return taker.quantity - taker.units_traded
    units = (taker.notional - taker.value_traded) // price
    if taker.terms.side == codes.SELL:
        return min(units, taker.hold - taker.units_traded)
    return units


def _buy(exchange: Exchange, market: Market, *, account_id: int, quantity: int, value: int, fee: int) -> None:
    exchange.accounts[account_id].cash -= value + fee
    position = exchange.position(account=account_id, market=market.id)
    position.quantity += quantity
    position.cost += value + fee


def _sell(exchange: Exchange, market: Market, *, account_id: int, quantity: int, value: int, fee: int) -> None:
    exchange.accounts[account_id].cash += value - fee
    position = exchange.position(account=account_id, market=market.id)
    cost = cost_of_part(cost=position.cost, quantity=position.quantity, part=quantity)
    position.quantity -= quantity
    position.cost -= cost
    position.realized += value - fee - cost


def _report_maker(exchange: Exchange, maker: Order, market: Market) -> list[Event]:
    filled: Event = OrderPartiallyFilled(maker.id, maker.account, maker.remaining)
    if maker.remaining == 0:
        filled = OrderFilled(maker.id, maker.account)
        leave(exchange, maker)
        exchange.give_row_back(maker.id)
    return [
        filled,
        level_changed(market, side=maker.side, price=maker.price),
        cash_changed(exchange.accounts[maker.account]),
        holding_changed(exchange.position(account=maker.account, market=market.id)),
    ]
