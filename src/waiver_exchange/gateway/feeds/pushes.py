"""The messages of channels as JSON: written out, because there are many, and their parts need no escaping."""

from collections.abc import Iterable

from waiver_exchange.domain import codes
from waiver_exchange.domain.money import format_price, format_quantity
from waiver_exchange.gateway.sockets.frames import text_frame
from waiver_exchange.projections.feed_buffer import LevelChange


def push(channel: bytes, kind: bytes, sequence: int, data: bytes) -> bytes:
    """Return one push; the channel's name is plain letters, digits, dots, colons and stars."""
    return b'{"channel":"%b","type":"%b","sequence":%d,"data":%b}' % (channel, kind, sequence, data)


def frame_of(pushes: list[bytes]) -> bytes:
    """Return the message of one push, or of several as an array."""
    return text_frame(pushes[0] if len(pushes) == 1 else b"[" + b",".join(pushes) + b"]")


def level_data(change: LevelChange) -> bytes:
    """Return the data of a delta: a book with the one level that changed."""
    level = b'[["%b","%b"]]' % (
        format_price(change.price_cents).encode(),
        format_quantity(change.quantity_units).encode(),
    )
    if change.side == codes.BUY:
        return b'{"bids":%b,"asks":[],"sequence":%d}' % (level, change.book_sequence)
    return b'{"bids":[],"asks":%b,"sequence":%d}' % (level, change.book_sequence)


def array(parts: Iterable[bytes]) -> bytes:
    """Return JSON values as an array."""
    return b"[" + b",".join(parts) + b"]"
