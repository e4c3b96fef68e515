"""What the reads ask of the read model's store; the same conditions hold for what is still in memory."""

from dataclasses import dataclass

from waiver_exchange.projections.audit_trail import AuditView
from waiver_exchange.projections.candles import CandleView
from waiver_exchange.projections.state import LedgerMovement, MovementKind, OrderView, QuoteView, TradeView


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSelection:
    """Some orders, newest first or ascending; a bound that is None does not bind, all exclude the value.

    An order's id grows with the time of its acceptance. Without an account they are those of all.
    """

    account: int | None
    is_open: bool | None = None
    markets: tuple[int, ...] | None = None
    side: int | None = None
    after_ns: int | None = None
    until_ns: int | None = None
    before_order: int | None = None
    after_order: int | None = None
    is_ascending: bool = False

    def includes(self, order: OrderView) -> bool:
        """Return whether an order is one of them."""
        return (
            (self.account is None or order.account == self.account)
            and (self.is_open is None or order.is_open == self.is_open)
            and (self.markets is None or order.market in self.markets)
            and (self.side is None or order.side == self.side)
            and (self.after_ns is None or order.created_at_ns > self.after_ns)
            and (self.until_ns is None or order.created_at_ns < self.until_ns)
            and (self.before_order is None or order.order_id < self.before_order)
            and (self.after_order is None or order.order_id > self.after_order)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSelection:
    """Some trades of a market or of all, newest first or ascending; a bound that is None does not bind.

    `start_ns` is included; `end_ns`, `before_trade` and `after_trade` are not. A trade's id grows with its time.
    """

    market: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    before_trade: int | None = None
    after_trade: int | None = None
    is_ascending: bool = False

    def includes(self, trade: TradeView) -> bool:
        """Return whether a trade is one of them."""
        return (
            (self.market is None or trade.market == self.market)
            and (self.start_ns is None or trade.time_ns >= self.start_ns)
            and (self.end_ns is None or trade.time_ns < self.end_ns)
            and (self.before_trade is None or trade.trade_id < self.before_trade)
            and (self.after_trade is None or trade.trade_id > self.after_trade)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSelection:
    """Those trades of a selection in which an account took part, or one order of the account."""

    trades: TradeSelection
    account: int
    order_id: int | None = None

    def includes(self, trade: TradeView) -> bool:
        """Return whether a trade is one of them."""
        is_maker = self._is_side(trade.maker_account, trade.maker_order)
        return (is_maker or self._is_side(trade.taker_account, trade.taker_order)) and self.trades.includes(trade)

    def _is_side(self, account: int, order_id: int) -> bool:
        return account == self.account and self.order_id in {None, order_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleSelection:
    """Some candles of one market, of one minute or of 60, newest first or ascending.

    They begin at or after `start_ns` and before `end_ns`; a bound that is None does not bind.
    """

    market: int
    minutes: int
    start_ns: int | None = None
    end_ns: int | None = None
    is_ascending: bool = False

    def includes(self, candle: CandleView) -> bool:
        """Return whether a candle of the market and the length is one of them."""
        return (self.start_ns is None or candle.time_ns >= self.start_ns) and (
            self.end_ns is None or candle.time_ns < self.end_ns
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSelection:
    """What went from one account and what came to it, newest first or ascending; a bound that is None does not bind.

    `start_ns` is included; `end_ns` and the places (sequence, line) `before` and `after` are not.
    """

    account: int
    kinds: tuple[MovementKind, ...]
    start_ns: int | None = None
    end_ns: int | None = None
    before: tuple[int, int] | None = None
    after: tuple[int, int] | None = None
    is_ascending: bool = False

    def includes(self, movement: LedgerMovement) -> bool:
        """Return whether a movement is one of them."""
        place = (movement.sequence, movement.line)
        return (
            self.account in {movement.from_account, movement.to_account}
            and movement.kind in self.kinds
            and (self.start_ns is None or movement.time_ns >= self.start_ns)
            and (self.end_ns is None or movement.time_ns < self.end_ns)
            and (self.before is None or place < self.before)
            and (self.after is None or place > self.after)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteSelection:
    """The quotes of one market from `start_ns` to before `end_ns`, newest first or ascending."""

    market: int
    start_ns: int
    end_ns: int
    is_ascending: bool = False

    def includes(self, quote: QuoteView) -> bool:
        """Return whether a quote is one of them."""
        return quote.market == self.market and self.start_ns <= quote.time_ns < self.end_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSelection:
    """Some audit events, newest first or ascending; a bound that is None does not bind.

    `start_ns` is included; `end_ns`, `before_sequence` and `after_sequence` are not.
    """

    event: int | None = None
    account: int | None = None
    actor: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    before_sequence: int | None = None
    after_sequence: int | None = None
    is_ascending: bool = False

    def includes(self, event: AuditView) -> bool:
        """Return whether an audit event is one of them."""
        return (
            (self.event is None or event.event == self.event)
            and (self.account is None or event.account == self.account)
            and (self.actor is None or event.actor == self.actor)
            and (self.start_ns is None or event.time_ns >= self.start_ns)
            and (self.end_ns is None or event.time_ns < self.end_ns)
            and (self.before_sequence is None or event.sequence < self.before_sequence)
            and (self.after_sequence is None or event.sequence > self.after_sequence)
        )
