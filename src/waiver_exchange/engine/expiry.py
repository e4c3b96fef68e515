"""Which resting orders are due: a binary heap of expiry times, kept small by dropping dead entries."""

from typing import Final

from librt.vecs import append, vec
from mypy_extensions import i64

from waiver_exchange.engine.orders import row_of
from waiver_exchange.engine.tables import ID, ORDER_WIDTH, Tables

# Below this many entries it does not pay to look for dead ones.
_ENTRIES_MIN: Final = 4_096


def watch_expiry(t: Tables, expires_at: i64, order_id: i64) -> None:
    """Remember when a resting order expires (UNIX nanoseconds)."""
    count: i64 = t.expiry_count
    if count > _ENTRIES_MIN and count > 2 * t.open_orders:
        count = _drop_dead(t)
    heap = t.expiries
    if count * 2 == i64(len(heap)):
        heap = append(append(heap, 0), 0)
        t.expiries = heap
    t.expiry_count = count + 1
    _sift_up(heap, count, expires_at, order_id)


def _sift_up(heap: vec[i64], place: i64, expires_at: i64, order_id: i64) -> None:
    """Write an entry at a place of the heap, or above it when it is due before what stands there."""
    while place > 0:
        parent: i64 = (place - 1) >> 1
        if heap[parent * 2] <= expires_at:
            break
        heap[place * 2] = heap[parent * 2]
        heap[place * 2 + 1] = heap[parent * 2 + 1]
        place = parent
    heap[place * 2] = expires_at
    heap[place * 2 + 1] = order_id


def _pop(t: Tables) -> None:
    heap = t.expiries
    count: i64 = t.expiry_count - 1
    t.expiry_count = count
    moved_time: i64 = heap[count * 2]
    moved_id: i64 = heap[count * 2 + 1]
    place: i64 = 0
    while True:
        child: i64 = place * 2 + 1
        if child >= count:
            break
        if child + 1 < count and heap[child * 2 + 2] < heap[child * 2]:
            child += 1
        if heap[child * 2] >= moved_time:
            break
        heap[place * 2] = heap[child * 2]
        heap[place * 2 + 1] = heap[child * 2 + 1]
        place = child
    heap[place * 2] = moved_time
    heap[place * 2 + 1] = moved_id


def _drop_dead(t: Tables) -> i64:
    """Keep the entries of orders that still rest; return how many they are."""
    heap = t.expiries
    orders = t.orders
    count: i64 = t.expiry_count
    kept: i64 = 0
    place: i64 = 0
    while place < count:
        order_id: i64 = heap[place * 2 + 1]
        if orders[row_of(order_id) * ORDER_WIDTH + ID] == order_id:
            # What was kept before is a heap already, and never longer than what was read.
            _sift_up(heap, kept, heap[place * 2], order_id)
            kept += 1
        place += 1
    t.expiry_count = kept
    return kept


def due_orders(t: Tables, time: i64, limit: i64) -> list[int]:
    """Return up to `limit` ids of resting orders that expire at or before a time, and stop watching them.

    The caller must then send the commands that expire them: the engine's state is not changed here.
    """
    due: list[int] = []
    while t.expiry_count > 0 and t.expiries[0] <= time and i64(len(due)) < limit:
        order_id: i64 = t.expiries[1]
        _pop(t)
        if t.orders[row_of(order_id) * ORDER_WIDTH + ID] == order_id:
            due.append(int(order_id))
    return due


def next_expiry(t: Tables) -> int:
    """Return the earliest time at which an order may be due, or 0."""
    return int(t.expiries[0]) if t.expiry_count > 0 else 0
