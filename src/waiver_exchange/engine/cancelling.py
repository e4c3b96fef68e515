"""Taking open orders out, resting or held: by their owner, by the operator, or because their time has come."""

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from waiver_exchange.domain.codes import COMMAND_REFUSED, OPERATOR, ORDER_CANCELLED, ORDER_EXPIRED
from waiver_exchange.domain.limits import ORDER_ROW_BITS
from waiver_exchange.domain.refusals import CancelReason, RefusalReason
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.matching import remove_order
from waiver_exchange.engine.orders import row_of
from waiver_exchange.engine.settlement import check_account, check_position
from waiver_exchange.engine.tables import EXPIRES_AT, ID, ORDER_WIDTH, OWNER, POSITION, Tables, is_account

# Read once: a member of an enumeration is a Python object.
_BY_OWNER: Final[i64] = CancelReason.by_owner.value
_BY_OPERATOR: Final[i64] = CancelReason.by_operator.value


def cancel(t: Tables, account: i64, order_id: i64, out: EventBuffer) -> i64:
    """Cancel an open order for its owner, or for the operator (account 0); return 0 or the refusal's number."""
    if account != OPERATOR and not is_account(t, account):
        return _refuse(out, RefusalReason.account_not_found)
    orders = t.orders
    reason: i64 = refusal_of_id(t, orders, order_id)
    if reason != 0:
        return _refuse(out, reason)
    row: i64 = row_of(order_id)
    if account != OPERATOR and orders[row * ORDER_WIDTH + OWNER] != account:
        return _refuse(out, RefusalReason.order_belongs_to_another_account)
    remove_order(t, out, orders, row, ORDER_CANCELLED, _BY_OPERATOR if account == OPERATOR else _BY_OWNER)
    _check_owner(t, orders, row)
    return 0


def expire(t: Tables, time: i64, order_id: i64, out: EventBuffer) -> i64:
    """Take out an order that is due; return 0 or the refusal's number."""
    orders = t.orders
    reason: i64 = refusal_of_id(t, orders, order_id)
    if reason != 0:
        return _refuse(out, reason)
    row: i64 = row_of(order_id)
    if orders[row * ORDER_WIDTH + EXPIRES_AT] > time:
        return _refuse(out, RefusalReason.order_has_not_expired)
    remove_order(t, out, orders, row, ORDER_EXPIRED, 0)
    _check_owner(t, orders, row)
    return 0


def _check_owner(t: Tables, orders: vec[i64], row: i64) -> None:
    # A row that was just freed still says whose it was.
    check_account(t.accounts, orders[row * ORDER_WIDTH + OWNER])
    check_position(t.positions, orders[row * ORDER_WIDTH + POSITION])


def _refuse(out: EventBuffer, reason: i64) -> i64:
    out.emit3(COMMAND_REFUSED, reason, 0, 0)
    return reason


def refusal_of_id(t: Tables, orders: vec[i64], order_id: i64) -> i64:
    """Return 0 when an open order has this id, else the refusal's number."""
    row: i64 = row_of(order_id)
    serial: i64 = order_id >> ORDER_ROW_BITS
    if row < 1 or row > t.order_rows or serial < 1 or serial >= t.next_serial:
        return RefusalReason.order_not_found
    if orders[row * ORDER_WIDTH + ID] != order_id:
        return RefusalReason.order_is_final
    return 0
