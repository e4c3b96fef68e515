"""What accounts were worth when the day began, kept for the day: bots ask for their account every second."""

from collections import OrderedDict
from typing import Final

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.place_order import end_of_day_ns
from waiver_exchange.gateway.alpaca.times import local_time, parse_time
from waiver_exchange.gateway.rest.context import AnyRequest

KEPT_MAX: Final = 10_000


def start_of_day_ns(exchange: Exchange) -> int:
    """Return the last midnight in the exchange's zone."""
    today = local_time(exchange.clock.now_ns(), zone=exchange.zone).date()
    return parse_time(today.isoformat(), zone=exchange.zone) or 0


class LastEquities:
    """The worth of accounts at the last midnight and of what was given to them since: what they have more is profit."""

    def __init__(self, exchange: Exchange) -> None:
        """Start with nothing known."""
        self._exchange = exchange
        self._known: OrderedDict[int, tuple[tuple[int, int], int]] = OrderedDict()

    async def of(self, account: int) -> int:
        """Return an account's worth in micro-dollars."""
        exchange = self._exchange
        # Whoever was given something, all are counted anew after it.
        as_of = (start_of_day_ns(exchange), exchange.state.invested_at_sequence)
        known = self._known.get(account)
        if known is not None and known[0] == as_of:
            return known[1]
        # The second point lies in the future: of it only what was invested is looked at.
        tomorrow_ns = end_of_day_ns(exchange.clock.now_ns(), zone=exchange.zone)
        points = await exchange.queries.equity_history(
            account=account, start_ns=as_of[0], end_ns=tomorrow_ns + 1, interval="1d"
        )
        if not points:
            return 0
        equity = points[0].equity_micros + points[-1].invested_micros - points[0].invested_micros
        self._known[account] = (as_of, equity)
        self._known.move_to_end(account)
        if len(self._known) > KEPT_MAX:
            self._known.popitem(last=False)
        return equity


def last_equities_of(request: AnyRequest) -> LastEquities:
    """Return what the application keeps."""
    last_equities: LastEquities = request.app.state.last_equities
    return last_equities
