"""Quotes: the top of a book, second by second, of the last 24 hours."""

from itertools import chain
from typing import NamedTuple

from waiver_exchange.application.queries.reads import PAGE_ITEMS_MAX, Reads
from waiver_exchange.application.selections import QuoteSelection
from waiver_exchange.projections.candles import quotes_kept_from
from waiver_exchange.projections.state import QuoteView


class QuotesPage(NamedTuple):
    """Quotes; `next_cursor` is None on the last page."""

    items: list[QuoteView]
    next_cursor: int | None


class QuoteReads(Reads):
    """Reads of quotes."""

    async def quotes_page(
        self,
        *,
        symbol: str,
        start_ns: int | None = None,
        end_ns: int | None = None,
        cursor: int | None = None,
        limit: int,
        is_ascending: bool = False,
    ) -> QuotesPage | None:
        """Return the quotes of a market, newest first or ascending; None when there is no such symbol.

        A quote is the top of the book at the end of a second, when it was not as it had been quoted before, with the
        time of the book's last change. The second of the last change counts as ended. `start_ns` is included, `end_ns`
        is not.
        """
        market = self._state.symbols.get(symbol)
        if market is None:
            return None
        start = max(start_ns or 0, quotes_kept_from(self._state.time_ns))
        end = self._state.time_ns + 1 if end_ns is None else end_ns
        if cursor is not None:
            start, end = (max(start, cursor + 1), end) if is_ascending else (start, min(end, cursor))
        selection = QuoteSelection(market=market, start_ns=start, end_ns=end, is_ascending=is_ascending)
        limit = min(limit, PAGE_ITEMS_MAX)
        newest = self._state.books[market].quote_change(market)
        recent = [*self._state.quotes, *([] if newest is None else [newest])]
        stored = await self._store.list_quotes(selection, limit=limit + 1)
        found = {quote.time_ns: quote for quote in chain(stored, filter(selection.includes, recent))}
        items = [found[time_ns] for time_ns in sorted(found, reverse=not is_ascending)]
        return QuotesPage(items[:limit], items[limit - 1].time_ns if len(items) > limit else None)
