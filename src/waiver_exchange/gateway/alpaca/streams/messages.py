"""The messages of the market data streams: a body of market data with its kind and the name it was asked for by.

A message is shared by all connections that get it, and encoded at most once for each codec and name.
"""

from typing import Final, final

import msgspec

from waiver_exchange.domain import codes
from waiver_exchange.gateway.alpaca.codec import Moment, encode_json, encode_msgpack
from waiver_exchange.gateway.alpaca.market_bodies import TAPE, LevelBody, level_bodies, quote_body, trade_body
from waiver_exchange.projections.feed_buffer import TopOfBook
from waiver_exchange.projections.state import BookLevels, MarketView, TradeView

_FIXMAP: Final = 0x80
_FIXMAP_LENGTH_MAX: Final = 15


@final
class Message:
    """One message, without the name that each reader knows its market by."""

    __slots__ = ("_body", "_encoded", "_kind")

    def __init__(self, kind: str, body: msgspec.Struct) -> None:
        """Keep a body; `kind` is what stands under `T`."""
        self._kind = kind
        self._body = body
        self._encoded: dict[tuple[str, bool], bytes] = {}

    def encoded(self, name: str, *, is_msgpack: bool) -> bytes:
        """Return the message about `name`."""
        key = name, is_msgpack
        found = self._encoded.get(key)
        if found is None:
            found = self._encoded[key] = self._packed(name) if is_msgpack else self._written(name)
        return found

    def _written(self, name: str) -> bytes:
        return b'{"T":%b,"S":%b,%b' % (encode_json(self._kind), encode_json(name), encode_json(self._body)[1:])

    def _packed(self, name: str) -> bytes:
        body = encode_msgpack(self._body)
        # A map of up to 15 pairs says their number in its first byte.
        pairs = (body[0] & _FIXMAP_LENGTH_MAX) + 2
        if body[0] & 0xF0 != _FIXMAP or pairs > _FIXMAP_LENGTH_MAX:
            raise ValueError(f"{type(self._body).__name__} has too many fields for a message")
        head = encode_msgpack("T") + encode_msgpack(self._kind) + encode_msgpack("S") + encode_msgpack(name)
        return bytes((_FIXMAP | pairs,)) + head + body[1:]


class StatusBody(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a market trades, and why it does not."""

    t: Moment
    sc: str
    sm: str
    rc: str
    rm: str
    z: str = TAPE


class BookBody(msgspec.Struct, frozen=True, kw_only=True):
    """A whole book (`r` is true), or the levels that changed, where a size of 0 removes one."""

    t: Moment
    b: list[LevelBody]
    a: list[LevelBody]
    r: bool | msgspec.UnsetType = msgspec.UNSET


def trade_message(trade: TradeView) -> Message:
    """Return that a trade happened."""
    return Message("t", trade_body(trade))


def quote_message(top: TopOfBook) -> Message:
    """Return that the best bid or ask changed."""
    return Message(
        "q",
        quote_body(
            time_ns=top.time_ns,
            bid_cents=top.bid_cents,
            bid_units=top.bid_units,
            ask_cents=top.ask_cents,
            ask_units=top.ask_units,
        ),
    )


def book_message(levels: BookLevels, *, time_ns: int) -> Message:
    """Return a whole book."""
    body = BookBody(t=Moment(time_ns), b=level_bodies(levels.bids), a=level_bodies(levels.asks), r=True)
    return Message("o", body)


def book_change_message(changes: dict[tuple[int, int], int], *, time_ns: int) -> Message:
    """Return the levels of a book, by side and price in cents, that have another quantity now."""
    bids = [(price, units) for (side, price), units in changes.items() if side == codes.BUY]
    asks = [(price, units) for (side, price), units in changes.items() if side == codes.SELL]
    return Message("o", BookBody(t=Moment(time_ns), b=level_bodies(bids), a=level_bodies(asks)))


def status_message(market: MarketView, *, is_exchange_halted: bool, time_ns: int) -> Message:
    """Return whether a market trades now."""
    moment = Moment(time_ns)
    if is_exchange_halted or market.halt_cause in {codes.HALT_BY_OPERATOR, codes.HALT_BY_SETTLEMENT}:
        return Message("s", StatusBody(t=moment, sc="H", sm="Trading Halt", rc="O1", rm="Operations Halt"))
    if market.halt_cause == codes.HALT_BY_CIRCUIT_BREAKER:
        return Message("s", StatusBody(t=moment, sc="H", sm="Trading Halt", rc="LUDP", rm="Volatility Trading Pause"))
    return Message("s", StatusBody(t=moment, sc="T", sm="Trading Resumption", rc="", rm=""))
