"""What accounts own, and that all of it together is what was issued."""

from typing import NamedTuple

from waiver_exchange.application.queries.markets import MarketReads
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.projections import valuation
from waiver_exchange.projections.state import HoldingView


class AccountSummary(NamedTuple):
    """What an account owns; equity is its cash, held or not, with the market value of its shares."""

    account: int
    cash_micros: int
    held_micros: int
    available_micros: int
    equity_micros: int
    is_halted: bool


class Position(NamedTuple):
    """An account's shares of one market and their worth; `average_cost_micros` is per share and for display only.

    `price_cents` is what one share counts as now; `previous_close_cents` is what it counted as when the day began, at
    midnight of the exchange's zone; what changed since then is `day_changes`.
    """

    market: int
    symbol: str
    quantity_units: int
    available_units: int
    cost_micros: int
    average_cost_micros: int
    market_value_micros: int
    unrealized_micros: int
    realized_micros: int
    price_cents: int
    previous_close_cents: int


class MarketShares(NamedTuple):
    """The shares issued of a market, the shares that accounts hold, and those of them that are the house's."""

    market: int
    symbol: str
    issued_units: int
    held_units: int
    house_units: int = 0

    @property
    def owed_units(self) -> int:
        """The shares that are the customers'."""
        return self.held_units - self.house_units


class Conservation(NamedTuple):
    """The totals that must agree: cash issued and cash that accounts have, and the same of each market's shares."""

    sequence: int
    cash_issued_micros: int
    cash_total_micros: int
    markets: list[MarketShares]
    cash_house_micros: int = 0

    @property
    def cash_owed_micros(self) -> int:
        """The cash that is the customers'."""
        return self.cash_total_micros - self.cash_house_micros

    @property
    def is_conserved(self) -> bool:
        """Whether nothing appeared and nothing vanished."""
        return self.cash_issued_micros == self.cash_total_micros and all(
            market.issued_units == market.held_units for market in self.markets
        )


class AccountReads(MarketReads):
    """Reads of accounts."""

    def account_summary(self, account: int) -> AccountSummary | None:
        """Return what an account owns, or None when there is no such account."""
        view = self._state.accounts.get(account)
        if view is None:
            return None
        holdings = self._state.holdings.get(account, {}).values()
        return AccountSummary(
            account=account,
            cash_micros=view.cash_micros,
            held_micros=view.held_micros,
            available_micros=view.available_micros,
            equity_micros=valuation.equity_micros(view, holdings=holdings, markets=self._state.markets),
            is_halted=view.is_halted,
        )

    def positions(self, account: int, *, now_ns: int | None = None) -> list[Position]:
        """Return an account's holdings of more than zero shares, by symbol.

        The day is that of `now_ns`, or of the last row.
        """
        held = [view for view in self._state.holdings.get(account, {}).values() if view.quantity_units]
        now_ns = self._state.time_ns if now_ns is None else now_ns
        return sorted([self._position(holding, now_ns) for holding in held], key=_symbol)

    def _position(self, holding: HoldingView, now_ns: int) -> Position:
        market = self._state.markets[holding.market]
        price = valuation.price_cents(market)
        close = self.previous_close_cents(holding.market, now_ns=now_ns)
        return Position(
            market=holding.market,
            symbol=market.symbol,
            quantity_units=holding.quantity_units,
            available_units=holding.available_units,
            cost_micros=holding.cost_micros,
            average_cost_micros=valuation.average_cost_micros(holding),
            market_value_micros=valuation.market_value_micros(holding, market=market),
            unrealized_micros=valuation.unrealized_micros(holding, market=market),
            realized_micros=holding.realized_micros,
            price_cents=price,
            previous_close_cents=close,
        )

    def conservation(self) -> Conservation:
        """Return the totals of cash and of every market's shares, which the fold keeps: it costs one line per market.

        `waiver verify` counts every account anew.
        """
        state = self._state
        held = state.shares_total_units
        own = state.holdings.get(HOUSE_ACCOUNT, {})
        house = state.accounts.get(HOUSE_ACCOUNT)
        return Conservation(
            sequence=state.sequence,
            cash_issued_micros=state.cash_issued_micros,
            cash_total_micros=state.cash_total_micros,
            markets=[
                MarketShares(
                    view.market,
                    view.symbol,
                    view.supply_units,
                    held.get(view.market, 0),
                    own[view.market].quantity_units if view.market in own else 0,
                )
                for view in state.markets.values()
            ],
            cash_house_micros=0 if house is None else house.cash_micros,
        )


def _symbol(position: Position) -> str:
    return position.symbol
