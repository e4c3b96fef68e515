"""Markets and their books, as they are now."""

from waiver_exchange.application.queries.reads import Reads
from waiver_exchange.projections.state import BookLevels, BookView, MarketView


class MarketReads(Reads):
    """Reads of markets and books."""

    def markets(self) -> list[MarketView]:
        """Return all markets in the order of their listing."""
        return list(self._state.markets.values())

    def market(self, symbol: str) -> MarketView | None:
        """Return a market by its symbol."""
        number = self._state.symbols.get(symbol)
        return None if number is None else self._state.markets[number]

    def book(self, symbol: str, *, depth: int) -> BookLevels | None:
        """Return the best `depth` levels of each side of a market's book, or None when there is no such symbol."""
        book = self.book_of(symbol)
        return None if book is None else book.levels(depth)

    def book_of(self, symbol: str) -> BookView | None:
        """Return a market's whole book, whose best prices cost less than its levels."""
        number = self._state.symbols.get(symbol)
        return None if number is None else self._state.books[number]
