"""All reads of the exchange, on one object."""

from typing import final

from waiver_exchange.application.queries.audit import AuditReads
from waiver_exchange.application.queries.candles import CandleReads
from waiver_exchange.application.queries.day_changes import DayChangeReads
from waiver_exchange.application.queries.equity import EquityReads
from waiver_exchange.application.queries.orders import OrderReads
from waiver_exchange.application.queries.quotes import QuoteReads
from waiver_exchange.application.queries.tickers import TickerReads
from waiver_exchange.application.queries.trades import TradeReads


@final
class Queries(AuditReads, DayChangeReads, CandleReads, EquityReads, OrderReads, QuoteReads, TickerReads, TradeReads):
    """The reads of the exchange. Those that ask the store raise `projections.changes.ReadModelError`."""
