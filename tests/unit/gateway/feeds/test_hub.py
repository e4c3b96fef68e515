"""What subscribers are told, in which order, and what one who reads slowly gets instead of a backlog."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from tests.support.trading import ANN, BOB, MAHOMES, FoldedExchange, buy, sell
from tests.support.virtual_time import run_in_virtual_time
from waiver_exchange.application.feed import Feed
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.commands import CancelOrder
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.feeds import hub, market_channels, newest_trades, price_channels
from waiver_exchange.gateway.feeds.hub import Hub
from waiver_exchange.gateway.rest.bodies import book_body, trade_body
from waiver_exchange.projections.state import MarketView

if TYPE_CHECKING:
    from waiver_exchange.application.exchange import Exchange

FRAME = 0.02
Json = Any


class Desk(FoldedExchange):
    """The small exchange with a hub; it stands for the exchange as far as the hub looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed(self.projector)
        self.hub = Hub(cast("Exchange", self))
        self.queries: BrokenCandles | None = None

    def market(self, symbol: str) -> MarketView:
        number = self.state.symbols.get(symbol)
        if number is None:
            raise RefusedError(RefusalReason.market_not_found)
        return self.state.markets[number]

    def tell(self) -> None:
        self.feed.publish(time_ns=0)

    def is_listening(self) -> bool:
        return self.projector.feed.is_collecting


class Reader:
    """A subscriber that reads everything, unless it is congested."""

    def __init__(self) -> None:
        self.is_congested = False
        self.is_signed_in = True
        self.writes: list[bytes] = []

    def may_read(self) -> bool:
        return self.is_signed_in

    def send(self, frames: bytes) -> None:
        self.writes.append(frames)

    def pushes(self) -> list[Json]:
        found: list[Json] = []
        for data in self.writes:
            at = 0
            while at < len(data):
                length, start = data[at + 1], at + 2
                if length == 126:
                    length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
                elif length == 127:
                    length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
                message = json.loads(data[start : start + length])
                found += message if isinstance(message, list) else [message]
                at = start + length
        self.writes.clear()
        return found


class Push(NamedTuple):
    kind: str
    sequence: int


def shapes(pushes: list[Json]) -> list[Push]:
    return [Push(push["type"], push["sequence"]) for push in pushes]


def virtually(test: Callable[[Desk], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test's body in virtual time on a desk of its own."""

    def run() -> None:
        run_in_virtual_time(test(Desk()))

    run.__name__ = test.__name__
    return run


class Counting:
    """A function that counts its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.calls = 0

    def __call__(self, *args: object, **named: object) -> object:
        self.calls += 1
        return self._function(*args, **named)


class BrokenCandles:
    """Queries whose candles cannot be read for a while, for a reason that nobody foresaw."""

    def __init__(self) -> None:
        self.is_broken = True
        self.asked = 0

    async def candles(self, **_: object) -> list[object]:
        self.asked += 1
        if self.is_broken:
            raise LookupError("nobody foresaw this")
        return []


def _fail(*_: object) -> list[bytes]:
    raise ValueError("the channel is broken")


@virtually
async def test_book_starts_with_a_snapshot_and_goes_on_without_a_gap(desk: Desk) -> None:
    reader = Reader()
    desk.run(buy(BOB, price=2_400, quantity=10_000), buy(BOB, price=2_390, quantity=5_000))
    desk.hub.subscribe(reader, ["book:MAHOMES"], account=None)
    await asyncio.sleep(FRAME)
    desk.run(buy(BOB, price=2_400, quantity=5_000), sell(ANN, price=2_600, quantity=1))
    desk.tell()
    await asyncio.sleep(FRAME)

    assert reader.pushes() == [
        {
            "channel": "book:MAHOMES",
            "type": "snapshot",
            "sequence": 2,
            "data": {"bids": [["24.00", "1"], ["23.90", "0.5"]], "asks": [], "sequence": 2},
        },
        {
            "channel": "book:MAHOMES",
            "type": "delta",
            "sequence": 3,
            "data": {"bids": [["24.00", "1.5"]], "asks": [], "sequence": 3},
        },
        {
            "channel": "book:MAHOMES",
            "type": "delta",
            "sequence": 4,
            "data": {"bids": [], "asks": [["26.00", "0.0001"]], "sequence": 4},
        },
    ]


@virtually
async def test_removed_level_has_quantity_zero(desk: Desk) -> None:
    reader = Reader()
    order = desk.place(buy(BOB, price=2_400, quantity=10_000))
    desk.hub.subscribe(reader, ["book:MAHOMES"], account=None)
    await asyncio.sleep(FRAME)
    desk.run(CancelOrder(account=BOB, order_id=order.order_id))
    desk.tell()
    await asyncio.sleep(FRAME)

    assert reader.pushes()[-1]["data"] == {"bids": [["24.00", "0"]], "asks": [], "sequence": 2}


@virtually
async def test_late_subscriber_gets_nothing_twice(desk: Desk) -> None:
    early, late = Reader(), Reader()
    desk.hub.subscribe(early, ["book:MAHOMES"], account=None)
    await asyncio.sleep(FRAME)
    desk.run(buy(BOB, price=2_400, quantity=10_000))
    desk.tell()
    desk.hub.subscribe(late, ["book:MAHOMES"], account=None)
    await asyncio.sleep(FRAME)
    desk.run(buy(BOB, price=2_300, quantity=10_000))
    desk.tell()
    await asyncio.sleep(FRAME)

    assert shapes(early.pushes()) == [("snapshot", 0), ("delta", 1), ("delta", 2)]
    assert shapes(late.pushes()) == [("snapshot", 1), ("delta", 2)]


@virtually
async def test_frame_is_encoded_once_for_everybody(desk: Desk) -> None:
    readers = [Reader() for _ in range(3)]
    for reader in readers:
        desk.hub.subscribe(reader, ["book:MAHOMES"], account=None)
    await asyncio.sleep(FRAME)
    desk.run(*(buy(BOB, price=2_400 + number, quantity=1) for number in range(5)))
    desk.tell()
    await asyncio.sleep(FRAME)

    frames = [reader.writes[-1] for reader in readers]
    assert frames[0] is frames[1] is frames[2]
    assert shapes(readers[0].pushes())[1:] == [("delta", number) for number in range(1, 6)]


@virtually
async def test_slow_reader_gets_a_fresh_snapshot_instead_of_a_backlog(desk: Desk) -> None:
    slow, quick = Reader(), Reader()
    for reader in (slow, quick):
        desk.hub.subscribe(reader, ["book:MAHOMES", "trades:*"], account=None)
    await asyncio.sleep(FRAME)
    slow.pushes()
    slow.is_congested = True
    for price in range(2_300, 2_400):
        desk.run(buy(BOB, price=price, quantity=10))
        desk.tell()
        await asyncio.sleep(FRAME)
    assert slow.writes == []
    slow.is_congested = False
    desk.hub.drained(slow)
    await asyncio.sleep(FRAME)
    (book,) = slow.pushes()

    assert (book["type"], book["sequence"], len(book["data"]["bids"])) == ("snapshot", 100, 100)
    assert shapes(quick.pushes())[2:] == [("delta", number) for number in range(1, 101)]


@virtually
async def test_very_many_changes_of_a_frame_become_a_snapshot(desk: Desk) -> None:
    reader = Reader()
    desk.hub.subscribe(reader, ["book:MAHOMES"], account=None)
    await asyncio.sleep(FRAME)
    count = market_channels.DELTAS_MAX + 1
    desk.run(*(buy(BOB, price=2_400, quantity=1) for _ in range(count)))
    desk.tell()
    await asyncio.sleep(FRAME)
    desk.run(buy(BOB, price=2_400, quantity=1))
    desk.tell()
    await asyncio.sleep(FRAME)

    assert shapes(reader.pushes()) == [("snapshot", 0), ("snapshot", count), ("delta", count + 1)]


@virtually
async def test_trades_are_counted_by_market_and_over_all(desk: Desk) -> None:
    reader = Reader()
    desk.run(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=10))
    desk.tell()
    desk.hub.subscribe(reader, ["trades:MAHOMES", "trades:*"], account=None)
    await asyncio.sleep(FRAME)
    first = reader.pushes()
    desk.run(buy(BOB, price=2_500, quantity=20), buy(BOB, price=2_500, quantity=30))
    desk.tell()
    await asyncio.sleep(FRAME)
    pushes = reader.pushes()

    assert [(push["channel"], push["type"], push["sequence"], len(push["data"])) for push in first] == [
        ("trades:MAHOMES", "snapshot", 1, 1),
        ("trades:*", "snapshot", 1, 1),
    ]
    for channel in ("trades:MAHOMES", "trades:*"):
        own = [push for push in pushes if push["channel"] == channel]
        assert shapes(own) == [("trade", 2), ("trade", 3)]
        assert [push["data"]["quantity"] for push in own] == ["0.002", "0.003"]


@virtually
async def test_trades_are_encoded_once_however_often_they_are_asked_for(desk: Desk) -> None:
    reader = Reader()
    desk.run(sell(ANN, price=2_500, quantity=100), *(buy(BOB, price=2_500, quantity=1) for _ in range(60)))
    desk.tell()
    desk.hub.subscribe(reader, ["book:MAHOMES"], account=None)
    encode = Counting(trade_body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(newest_trades, "trade_body", encode)
        for _ in range(5):
            desk.hub.subscribe(reader, ["trades:MAHOMES", "trades:*"], account=None)
            await asyncio.sleep(FRAME)
            desk.hub.unsubscribe(reader, ["trades:MAHOMES", "trades:*"])
        desk.run(buy(BOB, price=2_500, quantity=2))
        desk.tell()
        desk.hub.subscribe(reader, ["trades:MAHOMES"], account=None)
        await asyncio.sleep(FRAME)
    pushes = [push for push in reader.pushes() if push["channel"] != "book:MAHOMES"]

    assert encode.calls == newest_trades.SNAPSHOT_TRADES + 1
    assert {len(push["data"]) for push in pushes} == {newest_trades.SNAPSHOT_TRADES}
    assert [push["data"][0]["quantity"] for push in pushes] == ["0.0001"] * 10 + ["0.0002"]


@virtually
async def test_one_channel_that_fails_takes_no_other_ones_turn(desk: Desk) -> None:
    readers = [Reader(), Reader()]
    for reader in readers:
        desk.hub.subscribe(reader, ["trades:MAHOMES", "book:MAHOMES"], account=None)
    await asyncio.sleep(FRAME)
    for reader in readers:
        reader.pushes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market_channels.TradesChannel, "take_pushes", _fail)
        desk.run(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=10))
        desk.tell()
        await asyncio.sleep(FRAME)
        heard = [reader.pushes() for reader in readers]
    assert [{push["channel"] for push in pushes} for pushes in heard] == [{"book:MAHOMES"}] * 2

    await asyncio.sleep(hub.RETRY_SECONDS)
    assert [shapes(reader.pushes()) for reader in readers] == [[("snapshot", 1)]] * 2


@virtually
async def test_candles_that_cannot_be_read_are_read_again(desk: Desk) -> None:
    reader, queries = Reader(), BrokenCandles()
    desk.queries = queries
    desk.hub.subscribe(reader, ["candles:MAHOMES:1m"], account=None)
    await asyncio.sleep(FRAME)
    assert (reader.pushes(), queries.asked) == ([], 1)
    queries.is_broken = False
    await asyncio.sleep(price_channels.RETRY_SECONDS + FRAME * 2)

    assert [push["data"] for push in reader.pushes()] == [None]


@virtually
async def test_own_order_events_are_told_at_once(desk: Desk) -> None:
    reader, other = Reader(), Reader()
    desk.hub.subscribe(reader, ["orders"], account=BOB)
    desk.hub.subscribe(other, ["orders"], account=ANN)
    await asyncio.sleep(FRAME)
    desk.run(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=40))
    desk.tell()
    pushes = reader.pushes()

    assert shapes(pushes) == [("snapshot", 0), ("accepted", 1), ("filled", 2)]
    assert pushes[-1]["data"]["position"] == "0.004"
    assert pushes[-1]["data"]["trade"]["price"] == "25.00"
    assert shapes(other.pushes()) == [("snapshot", 0), ("accepted", 1), ("partially_filled", 2)]


@virtually
async def test_who_may_no_longer_read_is_told_nothing_private(desk: Desk) -> None:
    revoked, other = Reader(), Reader()
    for reader in (revoked, other):
        desk.hub.subscribe(reader, ["orders", "trades:*"], account=BOB)
    await asyncio.sleep(FRAME)
    for reader in (revoked, other):
        reader.pushes()
    revoked.is_signed_in = False
    desk.run(sell(ANN, price=2_500, quantity=100), buy(BOB, price=2_500, quantity=40))
    desk.tell()
    await asyncio.sleep(FRAME)

    assert {push["channel"] for push in revoked.pushes()} == {"trades:*"}
    assert {push["channel"] for push in other.pushes()} == {"trades:*", "orders"}
    desk.hub.forget(revoked)
    desk.hub.forget(other)
    assert not desk.is_listening()


@virtually
async def test_snapshot_of_orders_has_the_open_ones(desk: Desk) -> None:
    reader = Reader()
    desk.place(buy(BOB, price=2_400, quantity=10, name="stays"))
    gone = desk.place(buy(BOB, price=2_400, quantity=10, name="goes"))
    desk.run(CancelOrder(account=BOB, order_id=gone.order_id))
    desk.hub.subscribe(reader, ["orders"], account=BOB)
    await asyncio.sleep(FRAME)
    (push,) = reader.pushes()

    assert [order["client_order_id"] for order in push["data"]["orders"]] == ["stays"]
    assert push["data"]["is_complete"] is True


@virtually
async def test_subscribing_again_gives_a_snapshot_again(desk: Desk) -> None:
    reader = Reader()
    for _ in range(2):
        desk.hub.subscribe(reader, ["book:MAHOMES"], account=None)
        await asyncio.sleep(FRAME)

    assert shapes(reader.pushes()) == [("snapshot", 0), ("snapshot", 0)]


@virtually
async def test_nothing_is_collected_when_the_last_one_has_left(desk: Desk) -> None:
    readers = [Reader(), Reader()]
    for reader in readers:
        desk.hub.subscribe(reader, ["book:MAHOMES", "orders"], account=BOB)
    desk.hub.unsubscribe(readers[0], ["book:MAHOMES", "orders", "trades:*"])
    assert desk.is_listening()
    desk.hub.forget(readers[1])

    assert not desk.is_listening()
    assert desk.projector.feed.watched_books == {}
    assert desk.projector.feed.watched_accounts == {}
    assert not desk.hub.has_subscriptions(readers[0])
    await asyncio.sleep(FRAME)
    assert readers[0].writes == []


@virtually
async def test_unknown_channels_are_refused_and_subscribe_to_nothing(desk: Desk) -> None:
    reader = Reader()
    for name, reason in (
        ("book:NOBODY", RefusalReason.market_not_found),
        ("book:*", RefusalReason.market_not_found),
        ("books:MAHOMES", RefusalReason.channel_not_found),
        ("", RefusalReason.channel_not_found),
        ("orders", RefusalReason.connection_is_not_authenticated),
    ):
        with pytest.raises(RefusedError) as refused:
            desk.hub.subscribe(reader, ["book:MAHOMES", name], account=None)
        assert refused.value.reason is reason
    assert not desk.hub.has_subscriptions(reader)
    assert not desk.is_listening()


@virtually
async def test_book_rebuilt_from_pushes_is_the_book(desk: Desk) -> None:
    reader = Reader()
    desk.hub.subscribe(reader, ["book:MAHOMES"], account=None)
    sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
    for number in range(200):
        price = 2_450 + number * 37 % 100
        order = (buy if number % 2 else sell)((BOB, ANN)[number % 2 == 0], price=price, quantity=number + 1)
        desk.run(order)
        desk.tell()
        if number % 7 == 0:
            await asyncio.sleep(FRAME)
    await asyncio.sleep(FRAME)
    for push in reader.pushes():
        if push["type"] == "snapshot":
            sides = {"bids": {}, "asks": {}}
        for side in ("bids", "asks"):
            for price_text, quantity in push["data"][side]:
                sides[side][price_text] = quantity
                if quantity == "0":
                    del sides[side][price_text]

    book = book_body(desk.state.books[MAHOMES].levels(1_000))
    assert sides == {"bids": dict(book.bids), "asks": dict(book.asks)}
