"""The operator's corrections, the busting of trades, and the settlement of a market."""

from tests.model.limiting import put_in
from tests.model.removing import cancel_open
from tests.model.reports import cash_changed, holding_changed
from tests.model.rules import cost_of_part, find_account, find_live_market, refuse
from tests.model.state import Account, Exchange, Market, Position
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import CommandRecord
from waiver_exchange.domain.events import (
    CashCorrected,
    CashDeposited,
    Event,
    MarketSettled,
    SharesCorrected,
    SharesSettled,
    TradeBusted,
)
from waiver_exchange.domain.refusals import CancelReason, RefusalReason


def correct_cash(exchange: Exchange, command: CommandRecord) -> list[Event]:
    account = find_account(exchange, command.account)
    (amount,) = command.words[3:]
    _check_correction(account, amount, largest=limits.CASH_MICROS_MAX)
    house = exchange.house
    if amount > _available(house):
        refuse(RefusalReason.house_lacks_cash, amount, _available(house))
    if -amount > _available(account):
        refuse(RefusalReason.insufficient_cash, -amount, _available(account))
    house.cash -= amount
    account.cash += amount
    put_in(house, -amount)
    put_in(account, amount)
    return [CashCorrected(account.id, amount), cash_changed(house), cash_changed(account)]


def correct_shares(exchange: Exchange, command: CommandRecord) -> list[Event]:
    account = find_account(exchange, command.account)
    market_id, quantity = command.words[3:]
    _check_correction(account, quantity, largest=limits.QUANTITY_UNITS_MAX)
    market = find_live_market(exchange, market_id)
    giver_id = codes.HOUSE_ACCOUNT if quantity > 0 else account.id
    giver = exchange.look_at_position(account=giver_id, market=market.id)
    if abs(quantity) > giver.quantity - giver.held:
        refuse(RefusalReason.insufficient_shares, abs(quantity), giver.quantity - giver.held)
    house = exchange.position(account=codes.HOUSE_ACCOUNT, market=market.id)
    position = exchange.position(account=account.id, market=market.id)
    giver = house if quantity > 0 else position
    cost = cost_of_part(cost=giver.cost, quantity=giver.quantity, part=abs(quantity))
    giver.cost -= cost
    if quantity > 0:
        house.realized -= cost
        position.cost += market.reference * quantity
    house.quantity -= quantity
    position.quantity += quantity
    put_in(exchange.house, -quantity * market.reference)
    put_in(account, quantity * market.reference)
    return [SharesCorrected(account.id, market.id, quantity), holding_changed(house), holding_changed(position)]


def _check_correction(account: Account, amount: int, *, largest: int) -> None:
    if account.id == codes.HOUSE_ACCOUNT:
        refuse(RefusalReason.house_needs_no_correction)
    if amount == 0:
        refuse(RefusalReason.correction_moves_nothing)
    if abs(amount) > largest:
        refuse(RefusalReason.correction_is_too_large)


def _available(account: Account) -> int:
    return account.cash - account.held


def bust_trade(exchange: Exchange, command: CommandRecord) -> list[Event]:
    trade = TradeBusted(*command.words[3:])
    _check_facts(exchange, trade)
    value = trade.price_cents * trade.quantity_units
    moves = {
        trade.buyer: value + trade.buyer_fee_micros,
        trade.seller: trade.seller_fee_micros - value,
    }
    fees = trade.buyer_fee_micros + trade.seller_fee_micros
    moves[codes.HOUSE_ACCOUNT] = moves.get(codes.HOUSE_ACCOUNT, 0) - fees
    _check_means(exchange, trade, moves)
    for account, amount in moves.items():
        exchange.accounts[account].cash += amount
    buyer = exchange.position(account=trade.buyer, market=trade.market)
    seller = exchange.position(account=trade.seller, market=trade.market)
    _give_back(buyer, trade.quantity_units, paid=value + trade.buyer_fee_micros)
    _take_back(seller, trade.quantity_units, proceeds=value - trade.seller_fee_micros)
    events: list[Event] = [trade]
    for account, position in ((trade.buyer, buyer), (trade.seller, seller)):
        events += [cash_changed(exchange.accounts[account]), holding_changed(position)]
    if fees and codes.HOUSE_ACCOUNT not in {trade.buyer, trade.seller}:
        events.append(cash_changed(exchange.house))
    return events


def _check_facts(exchange: Exchange, trade: TradeBusted) -> None:
    if not 1 <= trade.trade_id < exchange.next_trade:
        refuse(RefusalReason.trade_not_found)
    find_live_market(exchange, trade.market)
    find_account(exchange, trade.buyer)
    find_account(exchange, trade.seller)
    value = trade.price_cents * trade.quantity_units
    is_possible = (
        1 <= trade.price_cents <= limits.PRICE_CENTS_MAX
        and 1 <= trade.quantity_units <= limits.QUANTITY_UNITS_MAX
        and trade.buyer != trade.seller
        and 0 <= trade.buyer_fee_micros <= value
        and 0 <= trade.seller_fee_micros <= value
    )
    if not is_possible:
        refuse(RefusalReason.trade_facts_are_invalid)


def _check_means(exchange: Exchange, trade: TradeBusted, moves: dict[int, int]) -> None:
    position = exchange.look_at_position(account=trade.buyer, market=trade.market)
    if trade.quantity_units > position.quantity - position.held:
        refuse(RefusalReason.insufficient_shares, trade.quantity_units, position.quantity - position.held)
    for account, lack in ((trade.seller, "insufficient_cash"), (codes.HOUSE_ACCOUNT, "house_lacks_cash")):
        is_seller = lack == "insufficient_cash"
        available = _available(exchange.accounts[account])
        if -moves[account] > available and not (is_seller and account == codes.HOUSE_ACCOUNT):
            refuse(RefusalReason[lack], -moves[account], available)


def _give_back(position: Position, quantity: int, *, paid: int) -> None:
    """What the trade had added to the cost leaves it, as far as it is there; the rest is profit."""
    taken = position.cost if quantity == position.quantity else min(paid, position.cost)
    position.quantity -= quantity
    position.cost -= taken
    position.realized += paid - taken


def _take_back(position: Position, quantity: int, *, proceeds: int) -> None:
    """The shares come back at the average cost of the others, or at what is paid back for them."""
    cost = proceeds
    if position.quantity:
        per_unit, rest = divmod(position.cost, position.quantity)
        cost = min(per_unit, limits.PRICE_CENTS_MAX) * quantity + rest * quantity // position.quantity
    position.quantity += quantity
    position.cost += cost
    position.realized -= proceeds - cost


def settle_market(exchange: Exchange, command: CommandRecord) -> list[Event]:
    market_id, price = command.words[3:]
    market = find_live_market(exchange, market_id)
    if price < 0:
        refuse(RefusalReason.price_must_be_positive)
    if price > limits.PRICE_CENTS_MAX:
        refuse(RefusalReason.price_is_too_high, price, limits.PRICE_CENTS_MAX)
    house = exchange.position(account=codes.HOUSE_ACCOUNT, market=market.id)
    holders = [
        position
        for position in exchange.positions.values()
        if position.market == market.id and position.quantity and position is not house
    ]
    quantity = sum(position.quantity for position in holders)
    if exchange.cash_issued + quantity * price > limits.CASH_MICROS_MAX:
        refuse(RefusalReason.cash_issued_would_be_too_large)
    events = _cancel_orders(exchange, market)
    lack = quantity * price - _available(exchange.house)
    if lack > 0:
        exchange.cash_issued += lack
        exchange.house.cash += lack
        put_in(exchange.house, lack)
        events.append(CashDeposited(codes.HOUSE_ACCOUNT, lack))
    market.halt_cause = codes.HALT_BY_SETTLEMENT
    market.halted_until = market.anchor_price = market.anchor_time = 0
    events.append(MarketSettled(market.id, price, quantity, quantity * price))
    for position in holders:
        events += _pay(exchange, position, house, price)
    return [*events, cash_changed(exchange.house), holding_changed(house)]


def _cancel_orders(exchange: Exchange, market: Market) -> list[Event]:
    """Resting orders, then held ones, in the order of the canonical state."""
    orders = [order for side in market.sides for order in side.orders()]
    orders += [order for held in market.held for order in held.orders]
    return [event for order in orders for event in cancel_open(exchange, order, CancelReason.market_was_settled)]


def _pay(exchange: Exchange, position: Position, house: Position, price: int) -> list[Event]:
    quantity, value = position.quantity, position.quantity * price
    account = exchange.accounts[position.account]
    house.quantity += quantity
    house.cost += value
    position.realized += value - position.cost
    position.quantity = position.cost = 0
    exchange.house.cash -= value
    account.cash += value
    return [
        SharesSettled(account.id, position.market, quantity, price),
        cash_changed(account),
        holding_changed(position),
    ]
