"""What readers of the market data stream get, in which order, and by which name."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from tests.fakes.clock import FakeClock
from tests.support.trading import ANN, BOB, FACTS, MAHOMES, FoldedExchange, buy, sell
from waiver_exchange.application.feed import Feed
from waiver_exchange.domain.commands import (
    HaltExchange,
    HaltMarket,
    ListMarket,
    ResumeExchange,
    ResumeMarket,
)
from waiver_exchange.gateway.alpaca.codec import Moment, dollars
from waiver_exchange.gateway.alpaca.market_bodies import BarBody
from waiver_exchange.gateway.alpaca.streams.market_stream import MarketStream
from waiver_exchange.gateway.alpaca.streams.minutes import MINUTE_NS
from waiver_exchange.gateway.alpaca.streams.subscriptions import Channel, Place

if TYPE_CHECKING:
    from waiver_exchange.application.exchange import Exchange


class FakeReader:
    """Keeps what it is given."""

    def __init__(self, *, is_msgpack: bool = False) -> None:
        self.is_msgpack = is_msgpack
        self.items: list[bytes] = []

    def put(self, item: bytes) -> None:
        self.items.append(item)

    def take(self) -> list[dict[str, Any]]:
        """What came since the last take."""
        decode = msgspec.msgpack.decode if self.is_msgpack else msgspec.json.decode
        taken = [decode(item) for item in self.items]
        self.items.clear()
        return taken


class World(FoldedExchange):
    """The small exchange, its feed, its stream and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed(self.projector)
        self.clock = FakeClock(MINUTE_NS * 29_833_333)
        exchange = SimpleNamespace(state=self.state, feed=self.feed, clock=self.clock)
        self.stream = MarketStream(
            cast("Exchange", exchange), read_minute=self._read_minute, read_day=self._read_minute
        )

    async def _read_minute(self, symbol: str, time_ns: int) -> BarBody | None:
        assert symbol == "MAHOMES"
        price = dollars(2_500)
        return BarBody(t=Moment(time_ns), o=price, h=price, l=price, c=price, v=1, n=1, vw=price)

    def do(self, *commands: Any) -> None:  # noqa: ANN401 - any command
        self.run(*commands, time_ns=self.clock.now)
        self.feed.publish(time_ns=self.clock.now)

    def connect(self, *places: tuple[Channel, str], is_msgpack: bool = False) -> FakeReader:
        reader = FakeReader(is_msgpack=is_msgpack)
        self.stream.join(reader)
        self.stream.subscribe(reader, [Place(*place) for place in places])
        return reader


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    world.stream._minutes.stop()
    await asyncio.sleep(0)


async def test_a_trade_comes_before_the_quote_that_it_leads_to(world: World) -> None:
    reader = world.connect(("quotes", "*"), ("trades", "MAHOMES"))
    world.do(buy(BOB, price=2_400, quantity=20_000))
    world.do(sell(ANN, price=2_400, quantity=5_000))
    first, trade, second = reader.take()
    assert (first["T"], first["S"], first["bp"], first["bs"], first["ap"], first["as"]) == ("q", "MAHOMES", 24, 2, 0, 0)
    assert (trade["T"], trade["S"], trade["p"], trade["s"], trade["tks"]) == ("t", "MAHOMES", 24, 0.5, "S")
    assert (second["T"], second["bs"]) == ("q", 1.5)


async def test_each_codec_has_the_same_message(world: World) -> None:
    readers = [world.connect(("quotes", "MAHOMES"), is_msgpack=is_msgpack) for is_msgpack in (False, True)]
    world.do(buy(BOB, price=2_400, quantity=1))
    (written,), (packed,) = (reader.take() for reader in readers)
    assert packed.pop("t").timestamp() == world.clock.now / 1e9
    assert written.pop("t").endswith("Z")
    assert written == packed


async def test_a_market_is_called_what_its_reader_calls_it(world: World) -> None:
    pair = world.connect(("quotes", "MAHOMES/USD"), ("quotes", "*"))
    plain = world.connect(("quotes", "MAHOMES"), ("quotes", "*"))
    others = world.connect(("quotes", "NOBODY"), ("trades", "*"))
    world.do(buy(BOB, price=2_400, quantity=1))
    assert [message["S"] for message in pair.take()] == ["MAHOMES/USD"]
    assert [message["S"] for message in plain.take()] == ["MAHOMES"]
    assert others.take() == []


async def test_a_book_begins_whole_and_goes_on_with_changes(world: World) -> None:
    world.do(buy(BOB, price=2_400, quantity=20_000), buy(BOB, price=2_399, quantity=10_000))
    reader = world.connect(("orderbooks", "MAHOMES/USD"))
    (book,) = reader.take()
    assert (book["T"], book["S"], book["r"]) == ("o", "MAHOMES/USD", True)
    assert (book["b"], book["a"]) == ([{"p": 24, "s": 2}, {"p": 23.99, "s": 1}], [])
    world.do(sell(ANN, price=2_400, quantity=20_000), sell(ANN, price=2_600, quantity=1))
    (change,) = reader.take()
    assert (change["b"], change["a"]) == ([{"p": 24, "s": 0}], [{"p": 26, "s": 0.0001}])
    assert "r" not in change


async def test_a_book_is_made_once_for_all_that_ask_until_it_changes(world: World) -> None:
    world.do(buy(BOB, price=2_400, quantity=20_000))
    first, second = (world.connect(("orderbooks", "*")) for _ in range(2))
    assert first.items[0] is second.items[0]
    world.do(buy(BOB, price=2_399, quantity=10_000))
    third = world.connect(("orderbooks", "*"))
    assert [level["p"] for level in third.take()[0]["b"]] == [24, 23.99]


async def test_books_are_collected_while_somebody_reads_them(world: World) -> None:
    reader = world.connect(("orderbooks", "*"))
    assert [message["S"] for message in reader.take()] == ["MAHOMES"]
    assert world.projector.feed.watched_books == {MAHOMES: 1}
    world.stream.unsubscribe(reader, [Place("orderbooks", "*")])
    assert world.projector.feed.watched_books == {}
    world.do(buy(BOB, price=2_400, quantity=1))
    assert reader.take() == []


async def test_a_book_asked_for_before_its_listing_begins_with_it(world: World) -> None:
    readers = [world.connect(("orderbooks", name)) for name in ("KELCE/USD", "*")]
    readers[1].take()
    facts = FACTS.replace("MAHOMES", "KELCE")
    world.do(ListMarket(supply_units=100, reference_price_cents=100, facts=facts))
    for reader, name in zip(readers, ("KELCE/USD", "KELCE"), strict=True):
        assert [(message["S"], message["r"]) for message in reader.take()] == [(name, True)]


async def test_halts_are_told_once_with_their_reason(world: World) -> None:
    reader = world.connect(("statuses", "*"))
    world.do(HaltMarket(market=MAHOMES))
    world.do(HaltMarket(market=MAHOMES), HaltExchange())
    world.do(ResumeMarket(market=MAHOMES))
    world.do(ResumeExchange())
    told = reader.take()
    assert [(message["T"], message["S"], message["sc"], message["rc"]) for message in told] == [
        ("s", "MAHOMES", "H", "O1"),
        ("s", "MAHOMES", "T", ""),
    ]
    assert all(isinstance(message[key], str) for message in told for key in ("sc", "sm", "rc", "rm", "z", "t"))


async def test_a_bar_is_told_when_its_minute_is_over(world: World) -> None:
    reader = world.connect(("bars", "*"), ("dailyBars", "MAHOMES"), ("updatedBars", "MAHOMES"))
    minutes = world.stream._minutes
    world.do(buy(BOB, price=2_400, quantity=2), sell(ANN, price=2_400, quantity=1))
    began = world.clock.now
    for seconds in (30, 30.4):
        world.clock.advance(seconds)
        await minutes.tell_what_is_over()
    assert reader.take() == []
    world.clock.advance(0.1)
    await minutes.tell_what_is_over()
    assert [(message["T"], message["S"]) for message in reader.take()] == [("b", "MAHOMES"), ("d", "MAHOMES")]
    world.clock.advance(60)
    await minutes.tell_what_is_over()
    assert reader.take() == []
    assert world.clock.now - began > MINUTE_NS


async def test_a_bar_that_changes_later_is_told_as_updated(world: World) -> None:
    reader = world.connect(("bars", "*"), ("updatedBars", "*"))
    minutes = world.stream._minutes
    stamped_ns = world.clock.now
    world.clock.advance(61)
    await minutes.tell_what_is_over()
    world.run(buy(BOB, price=2_400, quantity=1), sell(ANN, price=2_400, quantity=1), time_ns=stamped_ns)
    world.feed.publish(time_ns=stamped_ns)
    await minutes.tell_what_is_over()
    assert [message["T"] for message in reader.take()] == ["u"]


async def test_the_minute_in_which_the_first_reader_comes_is_told_whole(world: World) -> None:
    world.do(buy(BOB, price=2_400, quantity=1), sell(ANN, price=2_400, quantity=1))
    world.clock.advance(30)
    reader = world.connect(("bars", "MAHOMES"))
    world.clock.advance(31)
    await world.stream._minutes.tell_what_is_over()
    assert [message["T"] for message in reader.take()] == ["b"]


async def test_nothing_is_collected_while_nobody_is_connected(world: World) -> None:
    places = [Place("orderbooks", "MAHOMES"), Place("trades", "*")]
    reader = world.connect(*places)
    assert world.projector.feed.is_collecting
    world.stream.leave(reader, places)
    assert (world.stream.readers, world.projector.feed.is_collecting) == (0, False)
    assert world.projector.feed.watched_books == {}
