"""What holdings are worth, computed when somebody looks: prices move far more often than people read."""

from collections.abc import Iterable

from waiver_exchange.projections.state import AccountView, HoldingView, MarketView

_MICROS_PER_CENT = 10_000


def market_value_micros(holding: HoldingView, *, market: MarketView) -> int:
    """Return quantity x last price; x reference price when nothing traded yet, 0 when there is neither."""
    return holding.quantity_units * price_cents(market)


def price_cents(market: MarketView) -> int:
    """Return what one share counts as: the last price, or the reference price before any trade, 0 for neither."""
    return market.last_price_cents or market.reference_price_cents


def unrealized_micros(holding: HoldingView, *, market: MarketView) -> int:
    """Return market value less cost, in micro-dollars; below 0 is a loss."""
    return market_value_micros(holding, market=market) - holding.cost_micros


def average_cost_micros(holding: HoldingView) -> int:
    """Return the cost of one share in micro-dollars, rounded half even, for display only; 0 without shares."""
    quantity = holding.quantity_units
    if quantity == 0:
        return 0
    # Cost / quantity is cents per share, and a cent is 10,000 micro-dollars.
    whole, rest = divmod(holding.cost_micros * _MICROS_PER_CENT, quantity)
    return whole + (2 * rest > quantity or (2 * rest == quantity and whole % 2 == 1))


def equity_micros(account: AccountView, *, holdings: Iterable[HoldingView], markets: dict[int, MarketView]) -> int:
    """Return cash (held or not) plus the market value of all holdings, in micro-dollars."""
    return account.cash_micros + sum(
        market_value_micros(holding, market=markets[holding.market]) for holding in holdings
    )
