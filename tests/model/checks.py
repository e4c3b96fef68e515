"""The checks of risk that placing an order, placing a stop order and replacing share; each refuses or lets pass."""

from tests.model.limiting import take_token
from tests.model.rules import find_account, find_market, part_of, refuse
from tests.model.state import Account, Exchange, Market, Position
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.refusals import RefusalReason


def check_who_and_where(exchange: Exchange, *, account_id: int, market_id: int) -> tuple[Account, Market]:
    """Rule 1."""
    account = find_account(exchange, account_id)
    check_account_and_exchange_trade(exchange, account)
    market = find_market(exchange, market_id)
    check_market_trades(market)
    return account, market


def check_account_and_exchange_trade(exchange: Exchange, account: Account) -> None:
    if account.halted:
        refuse(RefusalReason.account_is_halted)
    if exchange.halted:
        refuse(RefusalReason.exchange_is_halted)


def check_market_trades(market: Market) -> None:
    if market.is_settled:
        refuse(RefusalReason.market_is_settled)
    if market.halt_cause:
        refuse(RefusalReason.market_is_halted)


def count_rate(exchange: Exchange, account: Account) -> None:
    """Rule 2."""
    limit = exchange.parameters.orders_per_second_max
    if limit == 0:
        return
    second = exchange.time // limits.NANOSECONDS_PER_SECOND
    if account.rate_window != second:
        account.rate_window = second
        account.rate_count = 0
    if account.rate_count + 1 > limit:
        refuse(RefusalReason.order_rate_is_too_high)
    account.rate_count += 1


def count_order(exchange: Exchange, account: Account) -> None:
    """Rules 2 and 2a."""
    count_rate(exchange, account)
    take_token(exchange, account)


def check_quantity_fits(quantity: int, market: Market) -> None:
    if quantity > market.supply:
        refuse(RefusalReason.quantity_exceeds_supply, quantity, market.supply)


def check_price_fits(price: int) -> None:
    if price > limits.PRICE_CENTS_MAX:
        refuse(RefusalReason.price_is_too_high, price, limits.PRICE_CENTS_MAX)


def check_expiry(exchange: Exchange, *, time_in_force: int, can_rest: bool, expires_at: int) -> int:
    """Rule 7. Returns the expiry that the order gets; a gtc order gets the default."""
    if not can_rest or time_in_force == codes.GTC:
        if expires_at != 0:
            refuse(RefusalReason.expiry_needs_gtd)
        return exchange.time + exchange.parameters.lifetime_ns_default if can_rest else 0
    if expires_at == 0:
        refuse(RefusalReason.expiry_is_required)
    if expires_at <= exchange.time:
        refuse(RefusalReason.expiry_is_not_in_the_future)
    if expires_at > exchange.time + exchange.parameters.lifetime_ns_max:
        refuse(RefusalReason.expiry_is_too_far)
    return expires_at


def collared(exchange: Exchange, price: int, *, side: int) -> int:
    """The price, moved by the collar in favour of a trade, within what can be quoted."""
    distance = part_of(price, bps=exchange.parameters.collar_bps)
    return min(limits.PRICE_CENTS_MAX, price + distance) if side == codes.BUY else max(1, price - distance)


def check_band(exchange: Exchange, market: Market, *, around: int, price: int) -> None:
    """Rule 9, with the band around some price, 0 when there is none."""
    band_bps = exchange.parameters.band_bps if market.band == -1 else market.band
    if band_bps == 0 or around == 0:
        return
    distance = part_of(around, bps=band_bps)
    lowest, highest = max(1, around - distance), around + distance
    if price < lowest:
        refuse(RefusalReason.price_is_outside_the_band, price, lowest)
    if price > highest:
        refuse(RefusalReason.price_is_outside_the_band, price, highest)


def check_value(exchange: Exchange, value: int) -> None:
    """Rule 10."""
    if value > exchange.parameters.order_value_micros_max:
        refuse(RefusalReason.order_value_is_too_large, value, exchange.parameters.order_value_micros_max)


def check_open_orders(exchange: Exchange, account: Account) -> None:
    """Rule 12."""
    if account.resting_orders >= exchange.parameters.open_orders_max:
        refuse(RefusalReason.too_many_open_orders, account.resting_orders, exchange.parameters.open_orders_max)


def check_position_limit(exchange: Exchange, position: Position, *, more: int) -> None:
    """Rule 13 for a buy of `more` units."""
    limit = exchange.parameters.position_units_max
    possible = position.quantity + position.resting_buys + more
    if limit != 0 and possible > limit:
        refuse(RefusalReason.position_would_be_too_large, possible, limit)


def check_cash(needed: int, *, available: int) -> None:
    """Rule 14 of a buy."""
    if needed > available:
        refuse(RefusalReason.insufficient_cash, needed, available)


def check_shares(units: int, *, available: int) -> None:
    """Rule 14 of a sell."""
    if units > available:
        refuse(RefusalReason.insufficient_shares, units, available)


def check_row_is_free(exchange: Exchange) -> None:
    """Rule 15."""
    if not exchange.row_is_free():
        refuse(RefusalReason.order_table_is_full)
