"""The arithmetic of the rules and the way a check says no."""

from typing import NoReturn

from tests.model.state import Account, Exchange, Market, Order, row_of, serial_of
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.refusals import RefusalReason


class RefusedError(Exception):
    """A check failed; nothing has changed."""

    def __init__(self, reason: RefusalReason, *, required: int, available: int) -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.required = required
        self.available = available


def refuse(reason: RefusalReason, required: int = 0, available: int = 0) -> NoReturn:
    raise RefusedError(reason, required=required, available=available)


def find_account(exchange: Exchange, account: int) -> Account:
    if account not in exchange.accounts:
        refuse(RefusalReason.account_not_found)
    return exchange.accounts[account]


def find_market(exchange: Exchange, market: int) -> Market:
    if market not in exchange.markets:
        refuse(RefusalReason.market_not_found)
    return exchange.markets[market]


def find_live_market(exchange: Exchange, market: int) -> Market:
    """A market that is not settled."""
    found = find_market(exchange, market)
    if found.is_settled:
        refuse(RefusalReason.market_is_settled)
    return found


def find_order(exchange: Exchange, order_id: int) -> Order:
    """Return an order that rests or is held."""
    was_given = (
        order_id >= 1
        and 1 <= row_of(order_id) <= exchange.rows_used
        and 1 <= serial_of(order_id) < exchange.next_serial
    )
    if not was_given:
        refuse(RefusalReason.order_not_found)
    if order_id not in exchange.orders:
        refuse(RefusalReason.order_is_final)
    return exchange.orders[order_id]


def part_of(price: int, *, bps: int) -> int:
    """Basis points of a price, rounded down."""
    return price * bps // limits.BPS


def fee_of(value: int, *, bps: int, credit: int) -> int:
    """The fee of a value, rounded up, less what earlier rounding of the same order has paid too much."""
    exact = value * bps - credit
    return -(-exact // limits.BPS) if exact > 0 else 0


def reserve_of(value: int, *, bps: int, credit: int) -> int:
    """The cash that a buy of this value may need with its fee."""
    return value + fee_of(value, bps=bps, credit=credit)


def fee_terms_of(exchange: Exchange) -> tuple[int, int]:
    """The maker basis points and the reserved basis points of an order accepted now."""
    parameters = exchange.parameters
    return parameters.maker_fee_bps, max(parameters.maker_fee_bps, parameters.taker_fee_bps)


def hold_of(order: Order) -> int:
    """What a resting or held order holds: cash of a buy, shares of a sell."""
    if order.side == codes.SELL:
        return order.remaining
    return reserve_of(order.price * order.remaining, bps=order.reserved_bps, credit=order.credit)


def cost_of_part(*, cost: int, quantity: int, part: int) -> int:
    """The cost of a part of a holding."""
    return (cost // quantity) * part + (cost % quantity) * part // quantity
