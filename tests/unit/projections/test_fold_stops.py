"""Stop orders, their triggering, and orders that take another's place, as the fold shows them."""

import pytest

from tests.support.journal_rows import HandMadeJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ANN, BOB, FACTS, MAHOMES
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    ListMarket,
    OpenAccount,
    PlaceOrder,
    PlaceStopOrder,
    ReplaceOrder,
    pack_terms,
)
from waiver_exchange.domain.events import (
    AccountOpened,
    BookLevelChanged,
    Event,
    MarketListed,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderPartiallyFilled,
    OrderReplaced,
    OrderTriggered,
    StopOrderAccepted,
    TradeExecuted,
)
from waiver_exchange.domain.refusals import CancelReason
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import OrderView, ReadModelState

STOP = 1 << 28 | 1
OTHER = 2 << 28 | 2
NEXT = 3 << 28 | 1


class Desk:
    """Rows whose events are written out, folded."""

    def __init__(self) -> None:
        self.journal = HandMadeJournal()
        self.projector = Projector(ReadModelState())
        self.orders = self.projector.state.orders
        for account in (ANN, BOB):
            self.projector.apply(self.journal.row(OpenAccount(), AccountOpened(account)))
        self.projector.apply(
            self.journal.row(
                ListMarket(supply_units=10**8, reference_price_cents=2_500, facts=FACTS),
                MarketListed(MAHOMES, 10**8, 2_500),
            )
        )

    def place_stop(self, *, order_type: int = codes.STOP, price: int = 0, name: str = "") -> OrderView:
        terms = pack_terms(side=codes.BUY, order_type=order_type, time_in_force=codes.GTC)
        command = PlaceStopOrder(
            account=BOB,
            market=MAHOMES,
            terms=terms,
            quantity_units=100,
            price_cents=price,
            stop_price_cents=2_600,
            client_order_id=name,
        )
        self.run(StopOrderAccepted(STOP, BOB, MAHOMES, terms, 100, price, 9_999, 2_600), command=command)
        return self.orders[STOP]

    def run(self, *events: Event, command: PlaceStopOrder | ReplaceOrder | PlaceOrder | None = None) -> None:
        command = command or PlaceOrder(account=ANN, market=MAHOMES, terms=0, quantity_units=1, price_cents=2_600)
        self.projector.apply(self.journal.row(command, *events))

    def accepted(self, order_id: int, account: int, side: int, quantity: int, price: int) -> OrderAccepted:
        terms = pack_terms(side=side, order_type=codes.LIMIT, time_in_force=codes.GTC)
        return OrderAccepted(order_id, account, MAHOMES, terms, quantity, 0, price, 9_999)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def trade(quantity: int, *, maker: int, taker: int, trade_id: int = 1) -> TradeExecuted:
    return TradeExecuted(trade_id, MAHOMES, 2_600, quantity, maker, taker, ANN, ANN, 0, 0, codes.BUY)


def test_stop_order_is_held_open_and_in_no_book(desk: Desk) -> None:
    order = desk.place_stop(order_type=codes.STOP_LIMIT, price=2_650, name="guard")

    assert (order.status, order.is_open, order.client_order_id) == ("held", True, "guard")
    assert (order.order_type, order.limit_price_cents, order.stop_price_cents) == (codes.STOP_LIMIT, 2_650, 2_600)
    assert (order.quantity_units, order.expires_at_ns, order.triggered_at_ns) == (100, 9_999, 0)
    assert desk.projector.state.books[MAHOMES].levels(5) == ([], [], 0)


async def test_held_order_is_loaded_into_no_book(desk: Desk) -> None:
    order = desk.place_stop()
    store = MemoryReadModel()
    changes = desk.projector.take_changes()
    assert changes is not None
    await store.store(changes)
    desk.projector.forget_closed(changes)
    assert desk.orders == {STOP: order}

    loaded = await store.load()
    assert loaded.orders == {STOP: order}
    assert loaded.books[MAHOMES].levels(5) == ([], [], 0)


def test_triggered_stop_is_filled_like_a_taker(desk: Desk) -> None:
    order = desk.place_stop()
    desk.run(desk.accepted(OTHER, ANN, codes.SELL, 100, 2_600), BookLevelChanged(MAHOMES, codes.SELL, 2_600, 100, 1))
    desk.run(
        OrderTriggered(STOP, BOB, 2_625),
        trade(100, maker=OTHER, taker=STOP),
        OrderFilled(OTHER, ANN),
        BookLevelChanged(MAHOMES, codes.SELL, 2_600, 0, 2),
        OrderFilled(STOP, BOB),
    )

    assert (order.status, order.triggered_at_ns, order.limit_price_cents) == ("filled", 6_000, 0)
    assert order.filled_quantity_units == 100


def test_triggered_stop_limit_rests_as_open_and_a_stop_without_a_match_is_cancelled(desk: Desk) -> None:
    order = desk.place_stop(order_type=codes.STOP_LIMIT, price=2_650)
    desk.run(OrderTriggered(STOP, BOB, 2_650), BookLevelChanged(MAHOMES, codes.BUY, 2_650, 100, 1))
    assert (order.status, order.triggered_at_ns) == ("open", 5_000)

    other = Desk()
    order = other.place_stop()
    other.run(
        OrderTriggered(STOP, BOB, 2_625),
        OrderCancelled(STOP, BOB, MAHOMES, 100, CancelReason.collar_reached),
    )
    assert (order.status, order.reason, order.triggered_at_ns) == ("cancelled", "collar_reached", 5_000)


def test_replaced_order_and_the_one_in_its_place_name_each_other(desk: Desk) -> None:
    desk.run(desk.accepted(OTHER, ANN, codes.SELL, 100, 2_600), BookLevelChanged(MAHOMES, codes.SELL, 2_600, 100, 1))
    desk.run(
        OrderReplaced(OTHER, ANN, MAHOMES, NEXT, 100),
        desk.accepted(NEXT, ANN, codes.SELL, 40, 2_600),
        BookLevelChanged(MAHOMES, codes.SELL, 2_600, 40, 2),
        command=ReplaceOrder(account=ANN, order_id=OTHER, quantity_units=40, client_order_id="smaller"),
    )

    old, new = desk.orders[OTHER], desk.orders[NEXT]
    assert (old.status, old.is_open, old.replaced_by, old.replaces) == ("replaced", False, NEXT, 0)
    assert old.updated_at_ns == new.created_at_ns == 5_000
    assert (new.status, new.replaces, new.replaced_by, new.client_order_id) == ("open", OTHER, 0, "smaller")
    assert (new.quantity_units, new.stop_price_cents, new.triggered_at_ns) == (40, 0, 0)
    desk.run(desk.accepted(4 << 28 | 4, ANN, codes.SELL, 1, 2_600))
    assert desk.orders[4 << 28 | 4].replaces == 0


def test_replaced_held_order_is_held_and_a_triggered_one_stays_triggered(desk: Desk) -> None:
    old = desk.place_stop(order_type=codes.STOP_LIMIT, price=2_650)
    replaced = OrderReplaced(STOP, BOB, MAHOMES, NEXT, 100)
    desk.run(replaced, StopOrderAccepted(NEXT, BOB, MAHOMES, old.terms, 100, 2_650, 9_999, 2_610))
    new = desk.orders[NEXT]
    assert (old.status, new.status, new.stop_price_cents, new.triggered_at_ns) == ("replaced", "held", 2_610, 0)
    assert (new.replaces, old.replaced_by) == (STOP, NEXT)

    desk.run(OrderTriggered(NEXT, BOB, 2_650))
    last = 4 << 28 | 1
    desk.run(
        OrderReplaced(NEXT, BOB, MAHOMES, last, 100),
        OrderAccepted(last, BOB, MAHOMES, old.terms, 50, 0, 2_640, 9_999),
    )
    order = desk.orders[last]
    assert (order.status, order.limit_price_cents) == ("open", 2_640)
    assert (order.stop_price_cents, order.triggered_at_ns) == (2_610, 6_000)


def test_trades_say_how_much_of_each_order_is_filled_by_then(desk: Desk) -> None:
    desk.run(desk.accepted(OTHER, ANN, codes.SELL, 100, 2_600), BookLevelChanged(MAHOMES, codes.SELL, 2_600, 100, 1))
    desk.run(desk.accepted(NEXT, ANN, codes.BUY, 30, 2_600), trade(30, maker=OTHER, taker=NEXT))
    taker = 4 << 28 | 4
    desk.run(
        desk.accepted(taker, ANN, codes.BUY, 90, 2_600),
        trade(20, maker=OTHER, taker=taker, trade_id=2),
        OrderPartiallyFilled(OTHER, ANN, 50),
        trade(50, maker=OTHER, taker=taker, trade_id=3),
    )

    filled = [(view.maker_filled_units, view.taker_filled_units) for view in desk.projector.state.tape]
    assert filled == [(30, 30), (50, 20), (100, 70)]
