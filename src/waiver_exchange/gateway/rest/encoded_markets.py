"""The list of markets as JSON; everybody's page asks for it each second, so only what changed is encoded again."""

import msgspec

from waiver_exchange.gateway.rest.bodies import market_body
from waiver_exchange.projections.state import MarketView, ReadModelState, Row, market_row


class EncodedMarkets:
    """The encoded markets of a state; what is returned is as of the state's sequence."""

    def __init__(self, state: ReadModelState) -> None:
        """Start with nothing encoded."""
        self._state = state
        self._sequence = -1
        self._whole = b"[]"
        self._parts: dict[int, tuple[Row, bytes]] = {}

    def whole(self) -> bytes:
        """Return the array of all markets in the order of their listing."""
        state = self._state
        if state.sequence != self._sequence:
            self._whole = b"[" + b",".join(map(self.one, state.markets.values())) + b"]"
            self._sequence = state.sequence
        return self._whole

    def one(self, market: MarketView) -> bytes:
        """Return one market."""
        state = self._state
        book = state.books[market.market]
        # All that its body is made of: the book's sequence stands for its levels.
        made_of: Row = (*market_row(market), book.sequence, state.is_halted)
        known = self._parts.get(market.market)
        if known is not None and known[0] == made_of:
            return known[1]
        encoded = msgspec.json.encode(market_body(market, book=book, is_exchange_halted=state.is_halted))
        self._parts[market.market] = (made_of, encoded)
        return encoded
