"""The two codecs of market data: JSON with numbers as exact decimal text, and MessagePack with Timestamp extensions.

A body is made once, of decimals and `Moment`s, and encoded by either codec. MessagePack knows no decimal numbers, so
there alone a price becomes the binary float nearest to it; nothing is ever computed with that float.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, final

import msgspec

from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.gateway.rest.bodies import format_time

_TIMESTAMP: Final = -1  # the extension type of the MessagePack specification
_SECONDS_BITS: Final = 34
_UNITS_PER_SHARE: Final = 10_000

Number = int | Decimal


@final
class Moment:
    """A time in UNIX nanoseconds: RFC 3339 text in JSON, a Timestamp in MessagePack."""

    __slots__ = ("time_ns",)

    def __init__(self, time_ns: int) -> None:
        """Keep the time."""
        self.time_ns = time_ns

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and other.time_ns == self.time_ns

    def __hash__(self) -> int:
        return hash(self.time_ns)

    def __repr__(self) -> str:
        return f"Moment({self.time_ns})"


def dollars(cents: int) -> Decimal:
    """Return a price per share as the number that is shown."""
    return Decimal(cents).scaleb(-2)


def shares(units: int) -> Number:
    """Return a quantity as the number that is shown: whole where it is whole, for clients that count in integers."""
    whole, rest = divmod(units, _UNITS_PER_SHARE)
    return Decimal(units).scaleb(-4).normalize() if rest else whole


def timestamp_bytes(time_ns: int) -> bytes:
    """Return what a Timestamp extension holds: 4 bytes for whole seconds, else 8; times are after 1970, before 2514."""
    seconds, nanoseconds = divmod(time_ns, NANOSECONDS_PER_SECOND)
    if nanoseconds == 0 and seconds < 1 << 32:
        return seconds.to_bytes(4, "big")
    return (nanoseconds << _SECONDS_BITS | seconds).to_bytes(8, "big")


def _json_value(value: object) -> object:
    if isinstance(value, Moment):
        return format_time(value.time_ns)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _msgpack_value(value: object) -> object:
    if isinstance(value, Moment):
        return msgspec.msgpack.Ext(_TIMESTAMP, timestamp_bytes(value.time_ns))
    raise TypeError(f"no MessagePack for {type(value).__name__}")


_JSON: Final = msgspec.json.Encoder(enc_hook=_json_value, decimal_format="number")
_MSGPACK: Final = msgspec.msgpack.Encoder(enc_hook=_msgpack_value, decimal_format="number")


def encode_json(body: object) -> bytes:
    """Return the JSON of a body."""
    return _JSON.encode(body)


def encode_msgpack(body: object) -> bytes:
    """Return the MessagePack of a body."""
    return _MSGPACK.encode(body)


def json_array(items: Sequence[bytes]) -> bytes:
    """Return the JSON array of encoded items."""
    return b"[" + b",".join(items) + b"]"


def msgpack_array(items: Sequence[bytes]) -> bytes:
    """Return the MessagePack array of encoded items."""
    count = len(items)
    if count < 16:  # noqa: PLR2004 - the bounds of the three array forms of the specification
        head = bytes((0x90 | count,))
    elif count < 1 << 16:
        head = b"\xdc" + count.to_bytes(2, "big")
    else:
        head = b"\xdd" + count.to_bytes(4, "big")
    return head + b"".join(items)
