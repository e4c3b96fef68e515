"""Names of orders: those that clients give, and the ids by which orders without one go."""

from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.ids import IdKind, from_uuid, to_text
from waiver_exchange.domain.limits import CLIENT_ORDER_ID_LENGTH_MAX
from waiver_exchange.domain.refusals import RefusalReason

# Every order with a name comes by here. Most names are shorter than a UUID, and most UUIDs begin as no id does: ids
# begin with zeros, which a spelling may leave out (then with d) or put something before.
_UUID_LENGTH_MIN: Final = 32
_FOREIGN_BEGINNINGS: Final = frozenset("123456789abcefABCEF")


def check_client_order_id(text: str) -> None:
    """Raise `RefusedError` unless the text can name an order."""
    if not (0 < len(text) <= CLIENT_ORDER_ID_LENGTH_MAX and text.isprintable()):
        raise RefusedError(RefusalReason.client_order_id_is_invalid)


def is_order_id(client_order_id: str | None) -> bool:
    """Return whether a client's name of an order has the form of the exchange's own ids, in any spelling of a UUID.

    Orders without a name go by their id, and ids can be foreseen: such a name could be, or become, another order's.
    """
    if client_order_id is None or len(client_order_id) < _UUID_LENGTH_MIN or client_order_id[0] in _FOREIGN_BEGINNINGS:
        return False
    return from_uuid(IdKind.order, client_order_id) is not None


async def refusal_of_name(exchange: Exchange, *, account: int, client_order_id: str | None) -> RefusalReason | None:
    """Return why a name cannot be a new order's, or None: the id of an own order is in use, other ids are no names."""
    if client_order_id is None or not is_order_id(client_order_id):
        return None
    order_id = from_uuid(IdKind.order, client_order_id)
    if order_id is not None and to_text(IdKind.order, order_id) == client_order_id:
        order = await exchange.queries.order(account=account, order_id=order_id)
        if order is not None:
            return RefusalReason.client_order_id_used_with_other_content
    return RefusalReason.client_order_id_is_invalid
