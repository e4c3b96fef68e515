"""What a take hands to the store, and what may be forgotten after it."""

from tests.support.trading import ANN, BOB, MAHOMES, FoldedExchange, buy, sell
from waiver_exchange.domain.commands import CancelOrder, HaltMarket
from waiver_exchange.projections.state import MARKET_COLUMNS, OrderView, TradeView


def test_take_holds_everything_since_the_last_one_and_only_that() -> None:
    exchange = FoldedExchange()
    order = exchange.place(buy(BOB, price=2_400, quantity=100))
    first = exchange.take()
    assert (first.after_sequence, first.sequence) == (0, 7)
    assert [row[0] for row in first.orders] == [order.order_id]
    assert {row[0] for row in first.accounts} == {ANN, BOB}
    # Behind the market's own columns stands the book's sequence.
    assert [(row[0], row[len(MARKET_COLUMNS)]) for row in first.markets] == [(MAHOMES, 1)]
    assert len(first.movements) == 4

    exchange.run(CancelOrder(account=BOB, order_id=order.order_id))
    second = exchange.take()
    assert (second.after_sequence, second.sequence) == (7, 8)
    assert [OrderView(*row).status for row in second.orders] == ["cancelled"]  # type: ignore[arg-type]
    assert [row[0] for row in second.accounts] == [BOB]
    assert (second.trades, second.movements, second.holdings) == ((), (), ())


def test_nothing_to_take_without_new_rows() -> None:
    exchange = FoldedExchange()
    exchange.take()

    assert exchange.projector.pending_count == 0
    assert exchange.projector.take_changes() is None


def test_row_that_changed_nothing_still_moves_the_checkpoint() -> None:
    exchange = FoldedExchange()
    exchange.take()
    exchange.run(HaltMarket(market=99))

    assert exchange.take().sequence == 7


def test_take_is_out_of_reach_of_later_rows() -> None:
    exchange = FoldedExchange()
    order = exchange.place(sell(ANN, price=2_500, quantity=100))
    changes = exchange.take()
    exchange.run(buy(BOB, price=2_500, quantity=100))

    assert order.status == "filled"
    assert OrderView(*changes.orders[0]).status == "open"  # type: ignore[arg-type]
    assert changes.trades == ()


def test_order_that_changed_often_is_taken_once() -> None:
    exchange = FoldedExchange()
    exchange.place(sell(ANN, price=2_500, quantity=100))
    for _ in range(3):
        exchange.run(buy(BOB, price=2_500, quantity=10))

    assert exchange.projector.pending_count > 8
    assert len(exchange.take().orders) == 4


def test_closed_order_is_forgotten_when_the_store_has_it() -> None:
    exchange = FoldedExchange()
    resting = exchange.place(sell(ANN, price=2_500, quantity=100))
    closed = exchange.place(buy(BOB, price=2_500, quantity=10))
    changes = exchange.take()
    assert set(exchange.state.orders) == {resting.order_id, closed.order_id}

    exchange.projector.forget_closed(changes)
    assert set(exchange.state.orders) == {resting.order_id}
    assert exchange.state.account_orders[BOB] == {}
    exchange.projector.forget_closed(changes)  # once more does no harm


def test_order_that_closed_after_the_take_stays_until_its_own_take_is_stored() -> None:
    exchange = FoldedExchange()
    order = exchange.place(sell(ANN, price=2_500, quantity=100))
    before = exchange.take()
    exchange.run(CancelOrder(account=ANN, order_id=order.order_id))
    after = exchange.take()

    exchange.projector.forget_closed(before)
    assert order.order_id in exchange.state.orders
    exchange.projector.forget_closed(after)
    assert order.order_id not in exchange.state.orders


def test_tape_keeps_the_newest_trades_and_those_that_are_not_stored() -> None:
    exchange = FoldedExchange(sell(ANN, price=2_500, quantity=1_000))
    exchange.state.tape_trades_max = 3
    exchange.run(*[buy(BOB, price=2_500, quantity=10)] * 5)
    changes = exchange.take()
    exchange.run(*[buy(BOB, price=2_500, quantity=10)] * 4)
    assert len(exchange.state.tape) == 9

    exchange.projector.forget_closed(changes)
    assert [trade.trade_id for trade in exchange.state.tape] == [6, 7, 8, 9]
    exchange.projector.forget_closed(exchange.take())
    assert [trade.trade_id for trade in exchange.state.tape] == [7, 8, 9]
    assert all(isinstance(trade, TradeView) for trade in exchange.state.tape)
