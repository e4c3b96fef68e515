"""The engine's face: journal records of commands in, their events out."""

from dataclasses import astuple
from typing import Final, final

from librt.strings import read_i64_le
from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import ExchangeParameters
from waiver_exchange.engine.account_limits import set_limits, set_role
from waiver_exchange.engine.cancelling import cancel, expire
from waiver_exchange.engine.correcting import bust_trade, correct_cash, correct_shares
from waiver_exchange.engine.event_buffer import EventBuffer
from waiver_exchange.engine.expiry import due_orders, next_expiry
from waiver_exchange.engine.holding import place_stop, read_stop_order
from waiver_exchange.engine.incoming import IncomingOrder
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.operating import (
    classify_market,
    configure,
    deposit_cash,
    grant_shares,
    halt_account,
    halt_exchange,
    halt_market,
    issue_shares,
    list_market,
    open_account,
    resume_market,
    set_market_band,
    set_parameters,
)
from waiver_exchange.engine.placing import place, read_order
from waiver_exchange.engine.read_ahead import read_ahead, record_length
from waiver_exchange.engine.replacing import read_replacement, replace
from waiver_exchange.engine.season_end import settle_market
from waiver_exchange.engine.settlement import check_cash, check_market
from waiver_exchange.engine.tables import HALTED_UNTIL, LIMITS_WIDTH, MARKET_WIDTH, Tables
from waiver_exchange.engine.triggering import trigger, trigger_everywhere
from waiver_exchange.engine.worth import begin_day

_PARAMETERS: Final = 13


@final
class Engine:
    """One exchange. Every method is deterministic; a broken invariant raises `InvariantError` and ends its use."""

    def __init__(self) -> None:
        """Make an exchange with the house account, no cash, no markets, and the default parameters."""
        self.tables = Tables()
        self.events = EventBuffer()
        self._incoming = IncomingOrder()
        set_parameters(self.tables, list(astuple(ExchangeParameters())))

    def execute(self, command: bytes) -> i64:
        """Execute one record and check that cash is conserved; return 0 or the number of the refusal."""
        outcome: i64 = self._execute_at(command, 0)
        check_cash(self.tables)
        return outcome

    def execute_batch(self, commands: bytes) -> i64:
        """Execute records that lie one behind another, then check all totals; return how many there were.

        Raises `IndexError` when the last record is cut short: then the engine must not be used any more.
        """
        size: i64 = len(commands)
        at: i64 = 0
        count: i64 = 0
        ahead: i64 = 0
        while at < size:
            if at == ahead:
                ahead = read_ahead(self.tables, commands, at)
            self._execute_at(commands, at)
            at += record_length(read_i64_le(commands, at))
            count += 1
        self.check_conservation()
        return count

    def take_ends(self) -> list[int]:
        """Return the byte offset in the events after each command since the last take; call it before `take_events`."""
        return self.events.take_ends()

    def take_events(self) -> bytes:
        """Return the events since the last take, as the journal keeps them."""
        return self.events.take()

    def discard_events(self) -> None:
        """Drop the events since the last take."""
        self.events.discard()

    def due_orders(self, time_ns: int, limit: int) -> list[int]:
        """Return up to `limit` open orders that expire by a time; each is returned once, so expire them all."""
        return due_orders(self.tables, time_ns, limit)

    def next_expiry(self) -> int:
        """Return the earliest time (UNIX nanoseconds) at which an order may be due, or 0."""
        return next_expiry(self.tables)

    def due_resumes(self, time_ns: int) -> list[int]:
        """Return the markets whose halt by the circuit breaker is over by a time."""
        due: list[int] = []
        t = self.tables
        market: i64 = 1
        while market <= t.market_count:
            until: i64 = t.markets[market * MARKET_WIDTH + HALTED_UNTIL]
            if until != 0 and until <= time_ns:
                due.append(int(market))
            market += 1
        return due

    def has_accounts(self) -> bool:
        """Say whether there is an account besides the house."""
        return self.tables.account_count > codes.HOUSE_ACCOUNT

    def day_ends_at(self) -> int:
        """Return when the trading day that was begun last ends (UNIX nanoseconds), or 0 when none was begun."""
        return int(self.tables.day_ends_at)

    def check_conservation(self) -> None:
        """Raise `InvariantError` unless cash held is cash issued and every market's shares are its supply."""
        check_cash(self.tables)
        market: i64 = 1
        while market <= self.tables.market_count:
            check_market(self.tables, market)
            market += 1

    def _execute_at(self, record: bytes, at: i64) -> i64:
        t = self.tables
        out = self.events
        out.make_room()
        kind: i64 = read_i64_le(record, at) & 0xFF
        t.last_time = read_i64_le(record, at + 8)
        outcome: i64
        if kind == codes.PLACE_ORDER:
            read_order(self._incoming, record, at)
            outcome = place(t, self._incoming, out)
        elif kind == codes.CANCEL_ORDER:
            outcome = cancel(t, read_i64_le(record, at + 16), read_i64_le(record, at + 24), out)
        elif kind == codes.EXPIRE_ORDER:
            outcome = expire(t, t.last_time, read_i64_le(record, at + 24), out)
        elif kind == codes.REPLACE_ORDER:
            read_replacement(self._incoming, record, at)
            outcome = replace(t, self._incoming, out)
        elif kind == codes.PLACE_STOP_ORDER:
            read_stop_order(self._incoming, record, at)
            outcome = place_stop(t, self._incoming, out)
        else:
            outcome = self._operate(kind, record, at)
        out.mark_end()
        return outcome

    def _operate(self, kind: i64, record: bytes, at: i64) -> i64:
        t = self.tables
        out = self.events
        account: i64 = read_i64_le(record, at + 16)
        if kind == codes.OPEN_ACCOUNT:
            return open_account(t, out)
        if kind == codes.HALT_EXCHANGE:
            return halt_exchange(t, out, 1)
        if kind == codes.RESUME_EXCHANGE:
            halt_exchange(t, out, 0)
            trigger_everywhere(t, self._incoming, out)
            return 0
        if kind == codes.HALT_ACCOUNT:
            return halt_account(t, account, out, 1)
        if kind == codes.RESUME_ACCOUNT:
            return halt_account(t, account, out, 0)
        first: i64 = read_i64_le(record, at + 24)
        if kind == codes.DEPOSIT_CASH:
            return deposit_cash(t, account, first, out)
        if kind == codes.BEGIN_DAY:
            return begin_day(t, first, out)
        if kind == codes.CORRECT_CASH:
            return correct_cash(t, account, first, out)
        if kind == codes.SET_ROLE:
            return set_role(t, account, first, out)
        if kind == codes.HALT_MARKET:
            return halt_market(t, first, out)
        if kind == codes.RESUME_MARKET:
            refusal: i64 = resume_market(t, first, out)
            if refusal == 0:
                trigger(t, self._incoming, out, first)
            return refusal
        second: i64 = read_i64_le(record, at + 32)
        if kind == codes.RECORD_AUDIT:
            # Only put down: nothing of the state depends on it, and the account need not exist.
            out.emit3(codes.AUDIT_RECORDED, account, first, second)
            return 0
        if kind == codes.CORRECT_SHARES:
            return correct_shares(t, account, first, second, out)
        if kind == codes.SETTLE_MARKET:
            return settle_market(t, first, second, out)
        if kind == codes.BUST_TRADE:
            return _bust_trade(t, record, at, out)
        if kind == codes.LIST_MARKET:
            return list_market(t, first, second, out)
        if kind == codes.GRANT_SHARES:
            return grant_shares(t, account, first, second, out)
        if kind == codes.ISSUE_SHARES:
            return issue_shares(t, first, second, out)
        if kind == codes.CONFIGURE_EXCHANGE:
            return configure(t, _words(record, at + 24, _PARAMETERS), out)
        if kind == codes.SET_LIMITS:
            return set_limits(t, first, second, _words(record, at + 40, LIMITS_WIDTH), out)
        if kind == codes.SET_MARKET_BAND:
            return set_market_band(t, first, second, out)
        if kind == codes.CLASSIFY_MARKET:
            return classify_market(t, first, second, read_i64_le(record, at + 40), out)
        raise InvariantError("every journaled command has a known kind")


def _words(record: bytes, at: i64, count: i64) -> list[int]:
    words: list[int] = []
    while count > 0:
        words.append(int(read_i64_le(record, at)))
        at += 8
        count -= 1
    return words


def _bust_trade(t: Tables, record: bytes, at: i64, out: EventBuffer) -> i64:
    return bust_trade(
        t,
        out,
        read_i64_le(record, at + 24),
        read_i64_le(record, at + 32),
        read_i64_le(record, at + 40),
        read_i64_le(record, at + 48),
        read_i64_le(record, at + 56),
        read_i64_le(record, at + 64),
        read_i64_le(record, at + 72),
        read_i64_le(record, at + 80),
    )
