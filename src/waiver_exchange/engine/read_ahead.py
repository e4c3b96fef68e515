"""Reading ahead in a batch: what the coming commands will need is brought near before the first of them runs.

With many orders at rest a command waits for memory several times, one wait after the other. The reads made here do not
depend on one another from command to command, so that the processor waits for many commands at once: a sixth less time
per command with 1,000,000 orders at rest. Nothing is decided or changed here.
"""

from typing import Final

from librt.strings import read_i64_le
from mypy_extensions import i64

from waiver_exchange.domain.codes import (
    CANCEL_ORDER,
    HEADER_TAIL_SHIFT,
    HEADER_WORDS_SHIFT,
    PLACE_ORDER,
    PLACE_STOP_ORDER,
    REPLACE_ORDER,
)
from waiver_exchange.engine.orders import row_of
from waiver_exchange.engine.tables import (
    COST,
    LEVEL,
    NEXT,
    ORDER_WIDTH,
    POSITION,
    POSITION_WIDTH,
    PREVIOUS,
    TAIL,
    Tables,
    find_position,
)

# So many commands that their waits overlap, so few that what was read is still near when its command comes.
_COMMANDS: Final = 64


def read_ahead(t: Tables, commands: bytes, at: i64) -> i64:
    """Read what the commands from a byte offset on will need; return the offset up to which that is done."""
    size: i64 = len(commands)
    count: i64 = 0
    seen: i64 = 0
    while at < size and count < _COMMANDS:
        header: i64 = read_i64_le(commands, at)
        kind: i64 = header & 0xFF
        if kind in (PLACE_ORDER, PLACE_STOP_ORDER):
            position: i64 = find_position(t, read_i64_le(commands, at + 16), read_i64_le(commands, at + 24))
            seen += t.positions[position * POSITION_WIDTH + COST]
        elif kind in (CANCEL_ORDER, REPLACE_ORDER):
            seen += _read_order(t, row_of(read_i64_le(commands, at + 24)))
        at += record_length(header)
        count += 1
    # Kept, or else the compiler would leave out the reads.
    t.seen_ahead = seen
    return at


def _read_order(t: Tables, row: i64) -> i64:
    """Read an order, its level, its neighbours there and its position."""
    if row > t.order_rows:
        return 0
    orders = t.orders
    order: i64 = row * ORDER_WIDTH
    return (
        t.leaves[orders[order + LEVEL] + TAIL]
        + orders[orders[order + NEXT] * ORDER_WIDTH]
        + orders[orders[order + PREVIOUS] * ORDER_WIDTH]
        + t.positions[orders[order + POSITION] * POSITION_WIDTH + COST]
    )


def record_length(header: i64) -> i64:
    """Return the length (bytes) of a record from its first word."""
    tail: i64 = header >> HEADER_TAIL_SHIFT
    return ((header >> HEADER_WORDS_SHIFT) & 0xFFFF) * 8 + ((tail + 7) & -8)
