"""Orders, trades and books as the fold shows them."""

import pytest

from tests.support.journal_rows import HandMadeJournal
from tests.support.trading import ANN, BOB, DAY_NS, MAHOMES, FoldedExchange, buy, limit_order, sell
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import (
    CancelOrder,
    ConfigureExchange,
    ExchangeParameters,
    ExpireOrder,
    OpenAccount,
    PlaceOrder,
    pack_terms,
)
from waiver_exchange.domain.events import AccountOpened, CashChanged, CashDeposited
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.projections.context import LedgerMismatchError
from waiver_exchange.projections.fold import JournalOrderError, Projector
from waiver_exchange.projections.state import ReadModelState


@pytest.fixture
def exchange() -> FoldedExchange:
    return FoldedExchange()


def test_resting_order_is_open_and_in_the_book(exchange: FoldedExchange) -> None:
    order = exchange.place(buy(BOB, price=2_400, quantity=10_000, name="bob's first"), time_ns=50_000)

    assert (order.status, order.client_order_id, order.account, order.market) == ("open", "bob's first", BOB, MAHOMES)
    assert (order.side, order.order_type, order.time_in_force) == (codes.BUY, codes.LIMIT, codes.GTC)
    assert (order.quantity_units, order.limit_price_cents, order.remaining_units) == (10_000, 2_400, 10_000)
    assert (order.created_at_ns, order.updated_at_ns) == (50_000, 50_000)
    assert order.expires_at_ns == 50_000 + 7 * DAY_NS
    assert exchange.state.books[MAHOMES].levels(5) == ([(2_400, 10_000)], [], 1)
    bob = exchange.state.accounts[BOB]
    assert (bob.held_micros, bob.available_micros) == (24_000_000, 976_000_000)


def test_order_without_a_name_is_shown_with_its_public_id(exchange: FoldedExchange) -> None:
    order = exchange.place(buy(BOB, price=2_400, quantity=10_000))

    assert order.given_client_order_id == ""
    assert order.client_order_id == str(to_uuid(IdKind.order, order.order_id))


def test_terms_are_taken_apart(exchange: FoldedExchange) -> None:
    terms = pack_terms(
        side=codes.SELL,
        order_type=codes.LIMIT,
        time_in_force=codes.GTD,
        self_trade=codes.CANCEL_BOTH,
        post_only=True,
    )
    order = exchange.place(
        PlaceOrder(account=ANN, market=MAHOMES, terms=terms, quantity_units=10, price_cents=2_600, expires_at_ns=DAY_NS)
    )

    assert (order.side, order.time_in_force, order.self_trade) == (codes.SELL, codes.GTD, codes.CANCEL_BOTH)
    assert order.post_only
    assert order.expires_at_ns == DAY_NS


def test_trade_fills_both_orders_and_moves_the_market(exchange: FoldedExchange) -> None:
    maker = exchange.place(sell(ANN, price=2_450, quantity=10_000))
    taker = exchange.place(buy(BOB, price=2_500, quantity=4_000), time_ns=90_000)

    assert (maker.status, maker.filled_quantity_units, maker.remaining_units) == ("partially_filled", 4_000, 6_000)
    assert (taker.status, taker.filled_quantity_units) == ("filled", 4_000)
    assert maker.filled_value_micros == taker.filled_value_micros == 2_450 * 4_000
    assert maker.updated_at_ns == 90_000
    market = exchange.state.markets[MAHOMES]
    assert (market.last_price_cents, market.reference_price_cents, market.last_trade_at_ns) == (2_450, 2_450, 90_000)
    assert (market.volume_units, market.trade_count) == (4_000, 1)
    assert exchange.state.books[MAHOMES].levels(5) == ([], [(2_450, 6_000)], 2)
    (trade,) = exchange.state.tape
    assert (trade.price_cents, trade.quantity_units, trade.taker_side) == (2_450, 4_000, codes.BUY)
    assert (trade.maker_account, trade.taker_account, trade.sequence) == (ANN, BOB, exchange.state.sequence)


def test_partly_filled_order_that_is_cancelled_is_cancelled(exchange: FoldedExchange) -> None:
    maker = exchange.place(sell(ANN, price=2_450, quantity=10_000))
    exchange.run(buy(BOB, price=2_450, quantity=4_000))
    exchange.run(CancelOrder(account=ANN, order_id=maker.order_id))

    assert (maker.status, maker.reason, maker.filled_quantity_units) == ("cancelled", "by_owner", 4_000)
    assert exchange.state.books[MAHOMES].asks == {}


def test_expired_order_says_so(exchange: FoldedExchange) -> None:
    order = exchange.place(buy(BOB, price=2_400, quantity=10_000))
    exchange.run(ExpireOrder(order_id=order.order_id), time_ns=30 * DAY_NS)

    assert (order.status, order.reason, order.updated_at_ns) == ("expired", "", 30 * DAY_NS)
    assert exchange.state.accounts[BOB].held_micros == 0


def test_rejected_order_says_why(exchange: FoldedExchange) -> None:
    exchange.place(sell(ANN, price=2_450, quantity=10_000))
    terms = pack_terms(side=codes.BUY, order_type=codes.LIMIT, time_in_force=codes.GTC, post_only=True)
    order = exchange.place(
        PlaceOrder(account=BOB, market=MAHOMES, terms=terms, quantity_units=10, price_cents=2_450, client_order_id="x")
    )

    assert (order.status, order.reason, order.client_order_id) == ("rejected", "post_only_would_take", "x")
    assert not order.is_open


def test_denied_order_leaves_no_order(exchange: FoldedExchange) -> None:
    exchange.run(buy(BOB, price=2_500, quantity=90_000_000))

    assert exchange.state.orders == {}
    assert exchange.state.sequence == exchange.journal.sequence


def test_market_order_by_notional_is_filled_and_shows_no_limit(exchange: FoldedExchange) -> None:
    exchange.place(sell(ANN, price=2_500, quantity=10_000))
    terms = pack_terms(side=codes.BUY, order_type=codes.MARKET, time_in_force=codes.IOC)
    order = exchange.place(PlaceOrder(account=BOB, market=MAHOMES, terms=terms, notional_micros=5_001_000))

    assert (order.status, order.limit_price_cents, order.notional_micros) == ("filled", 0, 5_001_000)
    assert (order.filled_quantity_units, order.filled_value_micros, order.remaining_units) == (2_000, 5_000_000, 0)


def test_unfilled_immediate_order_is_cancelled_with_its_reason(exchange: FoldedExchange) -> None:
    order = exchange.place(
        limit_order(BOB, codes.BUY, price=2_500, quantity=10_000, time_in_force=codes.IOC),
    )

    assert (order.status, order.reason) == ("cancelled", "immediate_or_cancel")
    assert exchange.state.books[MAHOMES].bids == {}


def test_trade_moves_cash_shares_and_fees_in_the_ledger(exchange: FoldedExchange) -> None:
    exchange.run(ConfigureExchange(parameters=ExchangeParameters(maker_fee_bps=10, taker_fee_bps=20)))
    maker = exchange.place(sell(ANN, price=2_500, quantity=10_000))
    exchange.take()
    taker = exchange.place(buy(BOB, price=2_500, quantity=10_000))

    changes = exchange.take()
    house = codes.HOUSE_ACCOUNT
    shown = [
        (m.kind, m.market, m.amount, m.from_account, m.from_balance, m.to_account, m.to_balance)
        for m in changes.movements
    ]
    assert shown == [
        ("trade", 0, 25_000_000, BOB, 975_000_000, ANN, 1_025_000_000),
        ("trade", MAHOMES, 10_000, ANN, 990_000, BOB, 10_000),
        ("fee", 0, 25_000, ANN, 1_024_975_000, house, 25_000),
        ("fee", 0, 50_000, BOB, 974_950_000, house, 75_000),
    ]
    assert [movement.line for movement in changes.movements] == [0, 1, 2, 3]
    assert {movement.trade_id for movement in changes.movements} == {1}
    assert (maker.fee_micros, taker.fee_micros) == (25_000, 50_000)


def test_cash_that_is_not_the_sum_of_the_movements_is_found() -> None:
    journal, projector = HandMadeJournal(), Projector(ReadModelState())
    projector.apply(journal.row(OpenAccount(), AccountOpened(account=2)))
    wrong = (
        CashDeposited(account=2, amount_micros=100),
        CashChanged(account=2, cash_micros=101, held_micros=0),
    )

    with pytest.raises(LedgerMismatchError, match="account 2 has 101 micros, not 100"):
        projector.apply(journal.row(OpenAccount(), *wrong))


def test_row_out_of_order_is_refused(exchange: FoldedExchange) -> None:
    exchange.journal.row(OpenAccount())

    with pytest.raises(JournalOrderError, match="row 8 was folded after row 6"):
        exchange.run(OpenAccount())


def test_unknown_event_is_refused() -> None:
    row = HandMadeJournal().row(OpenAccount())._replace(events=(0xEE | 1 << 8).to_bytes(8, "little"))

    with pytest.raises(JournalOrderError, match="kind 238"):
        Projector(ReadModelState()).apply(row)


def test_row_of_very_many_events_is_folded(exchange: FoldedExchange) -> None:
    for _ in range(200):
        exchange.run(sell(ANN, price=2_450, quantity=10))
    taker = exchange.place(buy(BOB, price=2_450, quantity=2_000))

    assert (taker.status, len(exchange.state.tape)) == ("filled", 200)
    assert exchange.state.books[MAHOMES].asks == {}
