"""Events that tell an absolute value, built from the state as it is now, and the journal's bytes of events."""

import struct
from collections.abc import Iterable

from tests.model.state import Account, Market, Position
from waiver_exchange.domain import codes
from waiver_exchange.domain.events import EVENT_TYPES, BookLevelChanged, CashChanged, Event, HoldingChanged

_KINDS = {event_type: kind for kind, event_type in EVENT_TYPES.items()}


def cash_changed(account: Account) -> CashChanged:
    return CashChanged(account.id, account.cash, account.held)


def holding_changed(position: Position) -> HoldingChanged:
    return HoldingChanged(
        position.account, position.market, position.quantity, position.held, position.cost, position.realized
    )


def level_changed(market: Market, *, side: int, price: int) -> BookLevelChanged:
    """Count the change of a level and tell what is there now."""
    market.book_sequence += 1
    quantity = market.sides[side].quantity_at(price)
    return BookLevelChanged(market.id, side, price, quantity, market.book_sequence)


def encode_events(events: Iterable[Event]) -> bytes:
    """The words of events as the journal holds them."""
    words: list[int] = []
    for event in events:
        words.append(_KINDS[type(event)] | (1 + len(event)) << codes.HEADER_WORDS_SHIFT)
        words += event
    return struct.pack(f"<{len(words)}q", *words)
