"""A small exchange to start from: the house (1), Ann (2) and Bob (3), and Mahomes listed as market 1."""

import json
from zoneinfo import ZoneInfo

from tests.support.journal_rows import EngineJournal
from waiver_exchange.application.ports import ReadModelStore
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    Command,
    DepositCash,
    GrantShares,
    ListMarket,
    OpenAccount,
    PlaceOrder,
    pack_terms,
)
from waiver_exchange.projections.changes import ReadModelChanges
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import OrderView, ReadModelState

ZONE = ZoneInfo("America/New_York")
ANN = 2
BOB = 3
MAHOMES = 1
DAY_NS = 86_400_000_000_000
FACTS = json.dumps(
    {
        "symbol": "MAHOMES",
        "name": "Patrick Mahomes",
        "position": "QB",
        "team": "KC",
        "bye_week": 10,
        "projected_points": "341.5",
    }
)
SETUP: tuple[Command, ...] = (
    OpenAccount(),
    OpenAccount(),
    DepositCash(account=ANN, amount_micros=1_000_000_000, reference="ann-1"),
    DepositCash(account=BOB, amount_micros=1_000_000_000, reference="bob-1"),
    ListMarket(supply_units=100_000_000, reference_price_cents=2_500, facts=FACTS),
    GrantShares(account=ANN, market=MAHOMES, quantity_units=1_000_000),
)


class FoldedExchange:
    """The small exchange, each command answered by the reference engine and folded."""

    def __init__(self, *commands: Command) -> None:
        self.journal = EngineJournal()
        self.projector = Projector(ReadModelState())
        self.run(*SETUP, *commands)

    @property
    def state(self) -> ReadModelState:
        return self.projector.state

    def run(self, *commands: Command, time_ns: int | None = None) -> None:
        for command in commands:
            self.projector.apply(self.journal.row(command, time_ns=time_ns))

    def place(self, order: PlaceOrder, *, time_ns: int | None = None) -> OrderView:
        """The order as the read model shows it from now on; it must be accepted or rejected."""
        known = len(self.state.orders)
        self.run(order, time_ns=time_ns)
        assert len(self.state.orders) == known + 1
        return next(reversed(self.state.orders.values()))

    def take(self) -> ReadModelChanges:
        changes = self.projector.take_changes()
        assert changes is not None
        return changes

    async def flush(self, store: ReadModelStore) -> ReadModelChanges:
        """Store what changed and drop what need not stay in memory."""
        changes = self.take()
        await store.store(changes)
        self.projector.forget_closed(changes)
        return changes


def limit_order(
    account: int, side: int, *, price: int, quantity: int, name: str = "", time_in_force: int = codes.GTC
) -> PlaceOrder:
    """An order for Mahomes, in cents and units."""
    return PlaceOrder(
        account=account,
        market=MAHOMES,
        terms=pack_terms(side=side, order_type=codes.LIMIT, time_in_force=time_in_force),
        quantity_units=quantity,
        price_cents=price,
        client_order_id=name,
    )


def buy(account: int, *, price: int, quantity: int, name: str = "") -> PlaceOrder:
    return limit_order(account, codes.BUY, price=price, quantity=quantity, name=name)


def sell(account: int, *, price: int, quantity: int, name: str = "") -> PlaceOrder:
    return limit_order(account, codes.SELL, price=price, quantity=quantity, name=name)
