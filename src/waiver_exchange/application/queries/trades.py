"""Trades, as everybody sees them and as an account's fills."""

from itertools import islice

from waiver_exchange.application.queries.reads import Reads
from waiver_exchange.projections.state import TradeView


class TradeReads(Reads):
    """Reads of trades."""

    async def trades(self, *, symbol: str | None, limit: int) -> list[TradeView] | None:
        """Return the newest trades of a market, or of all, newest first; None when there is no such symbol."""
        market = None if symbol is None else self._state.symbols.get(symbol)
        if symbol is not None and market is None:
            return None
        tape = self._state.tape
        before = tape[0].trade_id if tape else None
        matching = (trade for trade in reversed(tape) if market is None or trade.market == market)
        trades = list(islice(matching, limit))
        if len(trades) < limit and before is not None:
            # The tape has no gaps, so the store has what is older than all of it.
            trades += await self._store.list_trades(market=market, before=before, limit=limit - len(trades))
        return trades
