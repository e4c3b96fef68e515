"""The newest trades of each market and of all, kept while somebody listens, and encoded once for everybody."""

from collections import deque
from collections.abc import Container
from typing import Final, final

import msgspec

from waiver_exchange.gateway.feeds.channel import ALL
from waiver_exchange.gateway.feeds.pushes import array
from waiver_exchange.gateway.rest.bodies import trade_body
from waiver_exchange.projections.state import ReadModelState, TradeView

SNAPSHOT_TRADES: Final = 50
_encode: Final = msgspec.json.Encoder().encode


class _Kept:
    """A trade, encoded when it is asked for first."""

    __slots__ = ("_data", "_symbol", "_trade")

    def __init__(self, trade: TradeView, *, symbol: str) -> None:
        self._trade = trade
        self._symbol = symbol
        self._data: bytes | None = None

    def data(self, busts: Container[int]) -> bytes:
        if self._data is None:
            is_busted = self._trade.trade_id in busts
            self._data = _encode(trade_body(self._trade, symbol=self._symbol, is_busted=is_busted))
        return self._data

    def forget(self) -> None:
        self._data = None


@final
class NewestTrades:
    """Asking again and again for what has not changed costs a look-up: anybody may ask, for every market at once."""

    def __init__(self, state: ReadModelState) -> None:
        """Keep none before `start`."""
        self._state = state
        self._newest: dict[int, deque[_Kept]] = {}
        self._arrays: dict[int, bytes] = {}
        self._last_trade_id = 0
        self._bust_count = 0

    def start(self) -> None:
        """Begin with what the tape has; from here on `put` tells of every trade."""
        self._newest.clear()
        self._arrays.clear()
        self._last_trade_id = 0
        for trade in self._state.tape:
            self.put(trade)

    def put(self, trade: TradeView) -> None:
        """Keep a trade, unless the tape had it."""
        if trade.trade_id <= self._last_trade_id:
            return
        self._last_trade_id = trade.trade_id
        kept = _Kept(trade, symbol=self._state.markets[trade.market].symbol)
        for number in (trade.market, ALL):
            self._newest.setdefault(number, deque(maxlen=SNAPSHOT_TRADES)).append(kept)
            self._arrays.pop(number, None)

    def of(self, market: int) -> bytes:
        """Return the newest trades of a market, or of `ALL`, as JSON, newest first."""
        busts = self._state.busts
        if len(busts) != self._bust_count:
            self._bust_count = len(busts)
            self._forget_encoded()
        found = self._arrays.get(market)
        if found is None:
            found = self._arrays[market] = array(kept.data(busts) for kept in reversed(self._newest.get(market, ())))
        return found

    def _forget_encoded(self) -> None:
        """A trade was busted, which is rare: all are encoded anew."""
        self._arrays.clear()
        for trades in self._newest.values():
            for kept in trades:
                kept.forget()
