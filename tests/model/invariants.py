"""What is true of the state after every command; `check_invariants` asserts it of the reference model."""

from collections import Counter

from tests.model.rules import hold_of
from tests.model.state import Exchange, Market, row_of
from waiver_exchange.domain import codes


def check_invariants(exchange: Exchange) -> None:
    """Cash and shares are conserved, holds are what open orders need, books and held orders are in order."""
    _check_money(exchange)
    _check_shares(exchange)
    _check_holds(exchange)
    _check_orders(exchange)
    for market in exchange.markets.values():
        _check_book(market)
        _check_held(market, is_open=not exchange.halted and not market.halt_cause)


def _check_money(exchange: Exchange) -> None:
    assert sum(account.cash for account in exchange.accounts.values()) == exchange.cash_issued
    for account in exchange.accounts.values():
        assert 0 <= account.held <= account.cash


def _check_shares(exchange: Exchange) -> None:
    quantities: Counter[int] = Counter()
    for position in exchange.positions.values():
        assert 0 <= position.held <= position.quantity
        assert position.cost >= 0
        assert position.cost == 0 or position.quantity > 0
        quantities[position.market] += position.quantity
    assert quantities == {market.id: market.supply for market in exchange.markets.values()}


def _check_holds(exchange: Exchange) -> None:
    cash: Counter[int] = Counter()
    shares: Counter[tuple[int, int]] = Counter()
    buys: Counter[tuple[int, int]] = Counter()
    counts: Counter[int] = Counter()
    for order in exchange.orders.values():
        counts[order.account] += 1
        if order.side == codes.BUY:
            cash[order.account] += hold_of(order)
            buys[order.account, order.market] += order.remaining
        else:
            shares[order.account, order.market] += order.remaining
    for account in exchange.accounts.values():
        assert account.held == cash[account.id]
        assert account.resting_orders == counts[account.id]
    for key, position in exchange.positions.items():
        assert position.held == shares[key]
        assert position.resting_buys == buys[key]


def _check_orders(exchange: Exchange) -> None:
    in_books = [order.id for market in exchange.markets.values() for side in market.sides for order in side.orders()]
    held = [order.id for market in exchange.markets.values() for side in market.held for order in side.orders]
    assert sorted(in_books + held) == sorted(exchange.orders)
    assert {order.id for order in exchange.orders.values() if order.is_held} == set(held)
    assert all(order.remaining > 0 for order in exchange.orders.values())
    rows = [row_of(order_id) for order_id in exchange.orders] + exchange.free_rows
    assert sorted(rows) == list(range(1, exchange.rows_used + 1))


def _check_book(market: Market) -> None:
    bids, asks = ([order.price for order in side.orders()] for side in market.sides)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert not bids or not asks or bids[0] < asks[0]


def _check_held(market: Market, *, is_open: bool) -> None:
    """No held order whose stop price the last trade has reached stays held while its market is open."""
    buys, sells = ([order.stop_price for order in side.orders] for side in market.held)
    assert buys == sorted(buys)
    assert sells == sorted(sells, reverse=True)
    if is_open and market.last:
        assert not buys or buys[0] > market.last
        assert not sells or sells[0] < market.last
