"""What people look at, answered from the read model in memory and, for what has left it, from its store.

Amounts stay integers (micro-dollars, cents, units of 1/10,000 share); the gateway makes text of them. A view that is
returned is the live one unless said otherwise: format it before the next await. Imports projections and domain.

Pages hold together across memory and store in one way everywhere: what matches in memory is copied first, then the
store is asked. Memory lets go of a row only when the store has it, so what leaves memory in between is in both.
"""

from waiver_exchange.application.queries.accounts import AccountSummary, Conservation, MarketShares, Position
from waiver_exchange.application.queries.candles import Candle
from waiver_exchange.application.queries.day_changes import DayChange
from waiver_exchange.application.queries.equity import EquityPoint
from waiver_exchange.application.queries.facade import Queries
from waiver_exchange.application.queries.intervals import Interval
from waiver_exchange.application.queries.ledger import LedgerFilter, LedgerLine, LedgerPage, ledger_cursor
from waiver_exchange.application.queries.markets import ExchangeStatus
from waiver_exchange.application.queries.orders import OrdersFilter, OrdersPage, StatusFilter
from waiver_exchange.application.queries.quotes import QuotesPage
from waiver_exchange.application.queries.tickers import Ticker
from waiver_exchange.application.queries.trades import Fill, FillsFilter, FillsPage, TradesPage

__all__ = [
    "AccountSummary",
    "Candle",
    "Conservation",
    "DayChange",
    "EquityPoint",
    "ExchangeStatus",
    "Fill",
    "FillsFilter",
    "FillsPage",
    "Interval",
    "LedgerFilter",
    "LedgerLine",
    "LedgerPage",
    "MarketShares",
    "OrdersFilter",
    "OrdersPage",
    "Position",
    "Queries",
    "QuotesPage",
    "StatusFilter",
    "Ticker",
    "TradesPage",
    "ledger_cursor",
]
