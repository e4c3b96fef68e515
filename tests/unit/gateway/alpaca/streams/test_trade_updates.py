"""Which updates of orders are told to whom, and what they say."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from tests.support.trading import ANN, BOB, FoldedExchange, buy, sell
from waiver_exchange.application.feed import Feed
from waiver_exchange.domain.commands import CancelOrder
from waiver_exchange.gateway.alpaca.streams.trade_updates import TradeUpdates

if TYPE_CHECKING:
    from waiver_exchange.application.exchange import Exchange


class FakeListener:
    """Keeps what it is told."""

    def __init__(self, *, is_msgpack: bool = False) -> None:
        self.is_msgpack = is_msgpack
        self.messages: list[bytes] = []

    def tell(self, message: bytes) -> None:
        self.messages.append(message)

    def take(self) -> list[dict[str, Any]]:
        """The updates since the last take."""
        decode = msgspec.msgpack.decode if self.is_msgpack else msgspec.json.decode
        told = [decode(message) for message in self.messages]
        self.messages.clear()
        assert all(message["stream"] == "trade_updates" for message in told)
        return [message["data"] for message in told]


class World(FoldedExchange):
    """The small exchange with its updates."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed(self.projector)
        self.updates = TradeUpdates(cast("Exchange", SimpleNamespace(state=self.state, feed=self.feed)))

    def do(self, *commands: Any) -> None:  # noqa: ANN401 - any command
        self.run(*commands)
        self.feed.publish(time_ns=1)

    def listen(self, account: int, *, is_msgpack: bool = False) -> FakeListener:
        listener = FakeListener(is_msgpack=is_msgpack)
        self.updates.join(listener, account=account)
        return listener


@pytest.fixture
def world() -> World:
    return World()


def _events(told: list[dict[str, Any]]) -> list[str]:
    return [data["event"] for data in told]


def test_each_side_is_told_of_its_own_order(world: World) -> None:
    ann, bob = world.listen(ANN), world.listen(BOB)
    world.do(sell(ANN, price=2_500, quantity=30_000))
    assert _events(ann.take()) == ["new"]
    world.do(buy(BOB, price=2_500, quantity=10_000, name="mine"))
    (maker,), taker = ann.take(), bob.take()
    assert _events([maker, *taker]) == ["partial_fill", "new", "fill"]
    assert (maker["price"], maker["qty"], maker["position_qty"]) == ("25", "1", "99")
    assert (taker[1]["price"], taker[1]["qty"], taker[1]["position_qty"]) == ("25", "1", "1")
    assert maker["execution_id"] == taker[1]["execution_id"]
    assert (taker[0]["order"]["status"], taker[1]["order"]["status"]) == ("new", "filled")
    assert (taker[1]["order"]["client_order_id"], taker[1]["order"]["filled_avg_price"]) == ("mine", "25")


def test_several_trades_of_one_order_are_told_one_by_one(world: World) -> None:
    bob = world.listen(BOB)
    world.do(sell(ANN, price=2_500, quantity=10_000), sell(ANN, price=2_501, quantity=10_000))
    world.do(buy(BOB, price=2_501, quantity=20_000))
    told = bob.take()
    assert _events(told) == ["new", "partial_fill", "fill"]
    assert [data.get("position_qty") for data in told] == [None, "1", "2"]
    assert [data["order"]["filled_qty"] for data in told] == ["0", "1", "2"]


def test_every_update_has_a_time_and_a_whole_order(world: World) -> None:
    ann = world.listen(ANN)
    world.do(sell(ANN, price=2_500, quantity=30_000))
    order_id = next(iter(world.state.account_orders[ANN]))
    world.do(CancelOrder(account=ANN, order_id=order_id))
    told = ann.take()
    assert _events(told) == ["new", "canceled"]
    assert all(data["timestamp"].endswith("Z") for data in told)
    assert told[1]["order"]["status"] == "canceled"
    assert not {"price", "qty", "position_qty", "execution_id"} & told[1].keys()


def test_a_refused_order_is_not_told(world: World) -> None:
    bob = world.listen(BOB)
    world.do(sell(BOB, price=2_500, quantity=1))
    assert bob.take() == []


def test_both_codecs_say_the_same(world: World) -> None:
    listeners = [world.listen(ANN, is_msgpack=is_msgpack) for is_msgpack in (False, True)]
    world.do(sell(ANN, price=2_500, quantity=30_000))
    assert listeners[0].take() == listeners[1].take()


def test_who_left_is_told_nothing_and_nothing_is_collected(world: World) -> None:
    ann = world.listen(ANN)
    world.updates.join(ann, account=ANN)
    world.updates.leave(ann, account=BOB)
    world.updates.leave(ann, account=ANN)
    world.updates.leave(ann, account=ANN)
    world.do(sell(ANN, price=2_500, quantity=1))
    assert ann.take() == []
    assert (world.projector.feed.watched_accounts, world.projector.feed.is_collecting) == ({}, False)
