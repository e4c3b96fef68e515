"""The reference engine: one command in, its events out."""

from collections.abc import Callable

from tests.model import correcting, limiting, operating
from tests.model.placing import place_order
from tests.model.removing import cancel_order, expire_order
from tests.model.replacing import replace_order
from tests.model.rules import RefusedError
from tests.model.state import Exchange
from tests.model.stopping import place_stop_order
from tests.model.triggering import trigger_after
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import CommandRecord, decode_command
from waiver_exchange.domain.events import CommandRefused, Event, OrderDenied

_EXECUTE: dict[int, Callable[[Exchange, CommandRecord], list[Event]]] = {
    codes.CONFIGURE_EXCHANGE: operating.configure_exchange,
    codes.OPEN_ACCOUNT: operating.open_account,
    codes.DEPOSIT_CASH: operating.deposit_cash,
    codes.LIST_MARKET: operating.list_market,
    codes.GRANT_SHARES: operating.grant_shares,
    codes.ISSUE_SHARES: operating.issue_shares,
    codes.HALT_MARKET: operating.halt_market,
    codes.RESUME_MARKET: operating.resume_market,
    codes.HALT_EXCHANGE: operating.halt_exchange,
    codes.RESUME_EXCHANGE: operating.resume_exchange,
    codes.HALT_ACCOUNT: operating.halt_account,
    codes.RESUME_ACCOUNT: operating.resume_account,
    codes.PLACE_ORDER: place_order,
    codes.CANCEL_ORDER: cancel_order,
    codes.EXPIRE_ORDER: expire_order,
    codes.PLACE_STOP_ORDER: place_stop_order,
    codes.REPLACE_ORDER: replace_order,
    codes.RECORD_AUDIT: operating.record_audit,
    codes.CORRECT_CASH: correcting.correct_cash,
    codes.CORRECT_SHARES: correcting.correct_shares,
    codes.BUST_TRADE: correcting.bust_trade,
    codes.SETTLE_MARKET: correcting.settle_market,
    codes.SET_ROLE: limiting.set_role,
    codes.SET_LIMITS: limiting.set_limits,
    codes.BEGIN_DAY: limiting.begin_day,
    codes.CLASSIFY_MARKET: limiting.classify_market,
    codes.SET_MARKET_BAND: limiting.set_market_band,
}
_DENIED = (codes.PLACE_ORDER, codes.PLACE_STOP_ORDER)


class ReferenceEngine:
    """The rules of `docs/trading-rules.md`, as plainly as they can be written down."""

    def __init__(self) -> None:
        self.exchange = Exchange()

    def execute(self, command: bytes) -> tuple[Event, ...]:
        """Execute one command as `domain.commands.encode_command` makes it and return its events in order."""
        record = decode_command(command)
        self.exchange.time = record.time_ns
        try:
            events = _EXECUTE[record.kind](self.exchange, record)
        except RefusedError as refused:
            answer = OrderDenied if record.kind in _DENIED else CommandRefused
            return (answer(int(refused.reason), refused.required, refused.available),)
        return (*events, *trigger_after(self.exchange, events))

    def state_bytes(self) -> bytes:
        """The canonical state; see `tests.model.state.Exchange.state_bytes`."""
        return self.exchange.state_bytes()
