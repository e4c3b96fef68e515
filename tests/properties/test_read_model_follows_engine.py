"""The read model, folded from events alone, shows what the reference engine's state holds."""

from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.journal import FakeJournal
from tests.model.state import Exchange, Order
from tests.model.workload import commands
from tests.support.journal_rows import EngineJournal
from tests.support.memory_read_model import MemoryReadModel
from tests.support.trading import ZONE
from waiver_exchange.application.queries import Queries
from waiver_exchange.domain import codes
from waiver_exchange.projections.changes import ReadModelChanges
from waiver_exchange.projections.fold import Projector
from waiver_exchange.projections.state import OrderView, ReadModelState


@given(seed=st.integers(0, 2**32), flush_every=st.sampled_from((1, 13, 400, 5_000)))
@settings(max_examples=12)
def test_read_model_shows_the_engines_state(seed: int, flush_every: int) -> None:
    journal, projector = EngineJournal(), Projector(ReadModelState())
    balances: Counter[tuple[int, int]] = Counter()
    for row in journal.rows(commands(seed=seed, count=2_000)):
        projector.apply(row)
        if row.sequence % flush_every == 0:
            changes = projector.take_changes()
            assert changes is not None
            projector.forget_closed(changes)
            count(balances, changes)
    count(balances, projector.take_changes())

    exchange, state = journal.engine.exchange, projector.state
    assert_accounts_agree(exchange, state)
    assert_markets_agree(exchange, state)
    assert_orders_agree(exchange, state)
    assert_ledger_agrees(balances, state)
    assert Queries(state=state, store=MemoryReadModel(), journal=FakeJournal(), zone=ZONE).conservation().is_conserved


def count(balances: Counter[tuple[int, int]], changes: ReadModelChanges | None) -> None:
    """Add up what moved by account and market (0 = cash); each line says the balance that this leads to."""
    for moved in changes.movements if changes is not None else ():
        balances[moved.from_account, moved.market] -= moved.amount
        balances[moved.to_account, moved.market] += moved.amount
        assert moved.from_balance == balances[moved.from_account, moved.market]
        assert moved.to_balance == balances[moved.to_account, moved.market]


def assert_ledger_agrees(balances: Counter[tuple[int, int]], state: ReadModelState) -> None:
    cash = {(account, 0): view.cash_micros for account, view in state.accounts.items()}
    shares = {
        (account, market): view.quantity_units
        for account, own in state.holdings.items()
        for market, view in own.items()
    }
    issued = {(codes.OPERATOR, market): -view.supply_units for market, view in state.markets.items()}
    issued[codes.OPERATOR, 0] = -state.cash_issued_micros
    everything = {**cash, **shares, **issued}
    assert {key: value for key, value in everything.items() if value} == {k: v for k, v in balances.items() if v}


def facts_of(order: Order) -> tuple[int | bool, ...]:
    """What the engine knows of an open order; the protection price of a held stop is no limit that its owner gave."""
    limit = 0 if order.is_held and order.type == codes.STOP else order.price
    facts = (order.account, order.market, order.terms, limit, order.remaining, order.filled, order.expires_at)
    return (*facts, order.is_held, order.stop_price)


def facts_shown(order: OrderView) -> tuple[int | bool, ...]:
    facts = (order.account, order.market, order.terms, order.limit_price_cents, order.remaining_units)
    is_held = order.status == "held"
    stop_price = order.stop_price_cents if is_held else 0
    return (*facts, order.filled_quantity_units, order.expires_at_ns, is_held, stop_price)


def assert_accounts_agree(exchange: Exchange, state: ReadModelState) -> None:
    assert {view.account: (view.cash_micros, view.held_micros, view.is_halted) for view in state.accounts.values()} == {
        account.id: (account.cash, account.held, account.halted) for account in exchange.accounts.values()
    }
    # A position that only a resting buy made is one without shares, which no event tells of.
    shown = {
        (view.account, view.market): (view.quantity_units, view.held_units, view.cost_micros, view.realized_micros)
        for own in state.holdings.values()
        for view in own.values()
    }
    held = {
        key: (position.quantity, position.held, position.cost, position.realized)
        for key, position in exchange.positions.items()
    }
    assert {key: held[key] for key in shown} == shown
    assert {values for key, values in held.items() if key not in shown} <= {(0, 0, 0, 0)}
    assert (state.cash_issued_micros, state.is_halted) == (exchange.cash_issued, exchange.halted)
    assert state.parameters == exchange.parameters


def assert_markets_agree(exchange: Exchange, state: ReadModelState) -> None:
    assert {
        view.market: (
            view.supply_units,
            view.reference_price_cents,
            view.last_price_cents,
            view.halt_cause,
            view.halted_until_ns,
        )
        for view in state.markets.values()
    } == {
        market.id: (market.supply, market.reference, market.last, market.halt_cause, market.halted_until)
        for market in exchange.markets.values()
    }
    for market in exchange.markets.values():
        book = state.books[market.id]
        bids, asks = ({price: side.quantity_at(price) for price in side.prices} for side in market.sides)
        assert (book.bids, book.asks, book.sequence) == (bids, asks, market.book_sequence)


def assert_orders_agree(exchange: Exchange, state: ReadModelState) -> None:
    shown = {order.order_id: order for order in state.orders.values() if order.is_open}
    assert {number: facts_shown(order) for number, order in shown.items()} == {
        order.id: facts_of(order) for order in exchange.orders.values()
    }
    for order in state.orders.values():
        if order.replaces in state.orders:
            replaced = state.orders[order.replaces]
            assert (replaced.status, replaced.replaced_by) == ("replaced", order.order_id)
    by_account: defaultdict[int, list[int]] = defaultdict(list)
    for order in state.orders.values():
        by_account[order.account].append(order.order_id)
    assert by_account == {account: list(own) for account, own in state.account_orders.items() if own}
    assert list(state.orders) == sorted(state.orders)
