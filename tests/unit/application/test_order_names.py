"""Orders by their owner's name of them."""

from tests.fakes.journal import FakeJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ANN, BOB, ZONE, FoldedExchange, buy
from waiver_exchange.application.command_keys import order_key
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.queries import Queries
from waiver_exchange.domain.commands import CancelOrder, PlaceOrder
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.projections.state import OrderView


class Desk:
    """The small exchange, whose orders of a name are in a journal under their key."""

    def __init__(self) -> None:
        self.exchange = FoldedExchange()
        self.journal = FakeJournal()
        self.store = MemoryReadModel()
        self.queries = Queries(state=self.exchange.state, store=self.store, journal=self.journal, zone=ZONE)

    def place(self, order: PlaceOrder) -> OrderView:
        row = self.exchange.journal.row(order)
        self.exchange.projector.apply(row)
        key = order_key(order.account, order.client_order_id) if order.client_order_id else None
        self.journal.rows.append(
            JournalRow(row.sequence, row.time_ns, order.account, key, row.command, row.events, b"")
        )
        return next(reversed(self.exchange.state.orders.values()))

    async def find(self, account: int, name: str) -> OrderView | None:
        return await self.queries.order_by_client_order_id(account=account, client_order_id=name)


async def test_order_is_found_by_its_owners_name_open_and_long_closed() -> None:
    desk = Desk()
    order = desk.place(buy(BOB, price=2_400, quantity=100, name="mine"))
    desk.place(buy(BOB, price=2_400, quantity=100, name="other"))
    assert await desk.find(BOB, "mine") == order

    desk.exchange.run(CancelOrder(account=BOB, order_id=order.order_id))
    await desk.exchange.flush(desk.store)
    assert order.order_id not in desk.exchange.state.orders
    found = await desk.find(BOB, "mine")
    assert found is not None
    assert (found.order_id, found.status) == (order.order_id, "cancelled")


async def test_name_belongs_to_its_account() -> None:
    desk = Desk()
    desk.place(buy(BOB, price=2_400, quantity=100, name="mine"))

    assert await desk.find(ANN, "mine") is None
    assert await desk.find(BOB, "Mine") is None
    assert await desk.find(BOB, "") is None


async def test_order_without_a_name_goes_by_its_uuid_and_a_named_one_does_not() -> None:
    desk = Desk()
    nameless = desk.place(buy(BOB, price=2_400, quantity=100))
    named = desk.place(buy(BOB, price=2_400, quantity=100, name="mine"))
    uuid = str(to_uuid(IdKind.order, nameless.order_id))

    assert await desk.find(BOB, uuid) == nameless
    assert await desk.find(BOB, uuid.upper()) is None
    assert await desk.find(ANN, uuid) is None
    assert await desk.find(BOB, str(to_uuid(IdKind.order, named.order_id))) is None
