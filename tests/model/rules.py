"""The arithmetic of the rules and the way a check says no."""

from typing import NoReturn

from tests.model.state import Account, Exchange, Market, Order
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


def hold_of(order: Order) -> int:
    """What a resting order holds: cash of a buy, shares of a sell."""
    if order.side == codes.SELL:
        return order.remaining
    return reserve_of(order.price * order.remaining, bps=order.reserved_bps, credit=order.credit)


def cost_of_part(*, cost: int, quantity: int, part: int) -> int:
    """The cost of a part of a holding."""
    return (cost // quantity) * part + (cost % quantity) * part // quantity
