"""Books as JSON: many ask for the same book, and between two changes it is the same text."""

from typing import Final, NamedTuple

import msgspec

from waiver_exchange.gateway.rest.bodies import book_body
from waiver_exchange.projections.state import ReadModelState

BOOKS_MAX: Final = 1_024


class _Encoded(NamedTuple):
    sequence: int
    content: bytes


class EncodedBooks:
    """The books that were asked for last; a book's sequence tells whether it changed."""

    def __init__(self, state: ReadModelState, *, books_max: int = BOOKS_MAX) -> None:
        """Start with nothing encoded; of market and depth together at most so many are kept."""
        self._state = state
        self._books_max = books_max
        self._kept: dict[tuple[int, int], _Encoded] = {}

    def best(self, market: int, *, depth: int) -> bytes:
        """Return the best `depth` levels of each side of a market's book."""
        book = self._state.books[market]
        key = (market, depth)
        kept = self._kept.get(key)
        if kept is not None and kept.sequence == book.sequence:
            return kept.content
        content = msgspec.json.encode(book_body(book.levels(depth)))
        if kept is None and len(self._kept) >= self._books_max:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = _Encoded(book.sequence, content)
        return content
