"""What holdings are worth."""

import pytest

from waiver_exchange.domain.money import average_price, format_money
from waiver_exchange.projections import valuation
from waiver_exchange.projections.state import AccountView, BookView, HoldingView, MarketView

HOLDING = HoldingView(2, 1, quantity_units=30_000, cost_micros=60_000_000)


@pytest.mark.parametrize(
    ("last", "reference", "value"), [(2_500, 2_000, 75_000_000), (0, 2_000, 60_000_000), (0, 0, 0)]
)
def test_market_value_is_at_the_last_or_else_the_reference_price(last: int, reference: int, value: int) -> None:
    market = MarketView(1, "MAHOMES", last_price_cents=last, reference_price_cents=reference)

    assert valuation.market_value_micros(HOLDING, market=market) == value
    assert valuation.unrealized_micros(HOLDING, market=market) == value - 60_000_000


def test_equity_is_cash_and_the_value_of_all_holdings() -> None:
    markets = {1: MarketView(1, "A", last_price_cents=100), 2: MarketView(2, "B", reference_price_cents=3)}
    account = AccountView(2, cash_micros=50, held_micros=20)
    holdings = [HoldingView(2, 1, quantity_units=7), HoldingView(2, 2, quantity_units=11)]

    assert valuation.equity_micros(account, holdings=holdings, markets=markets) == 50 + 700 + 33


@pytest.mark.parametrize("cost", [0, 1, 2, 3, 5, 59_999_999, 60_000_001])
@pytest.mark.parametrize("quantity", [1, 3, 16, 20_000, 30_001, 80_000])
def test_average_cost_is_rounded_as_the_average_price_of_money_is(cost: int, quantity: int) -> None:
    holding = HoldingView(2, 1, quantity_units=quantity, cost_micros=cost)

    shown = format_money(valuation.average_cost_micros(holding))
    assert shown == average_price(value_micros=cost, quantity_units=quantity)


def test_average_cost_without_shares_is_zero() -> None:
    assert valuation.average_cost_micros(HoldingView(2, 1)) == 0


def test_book_shows_its_best_levels_first() -> None:
    book = BookView(bids={100: 1, 102: 3, 101: 2}, asks={110: 9, 105: 5, 107: 7}, sequence=12)

    assert book.levels(2) == ([(102, 3), (101, 2)], [(105, 5), (107, 7)], 12)
    assert book.levels(0) == ([], [], 12)
    assert (book.best_bid_cents, book.best_ask_cents) == (102, 105)
    assert (BookView().best_bid_cents, BookView().best_ask_cents) == (0, 0)
