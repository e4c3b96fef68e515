"""Events: the facts that commands led to, as frozen records decoded from the journal's words.

Field order is the order of the words in `domain.codes`. Balances and holdings are absolute values after the event.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from waiver_exchange.domain import codes


class ExchangeConfigured(NamedTuple):
    """The parameters of the exchange are now these; see `domain.commands.ExchangeParameters` for units."""

    maker_fee_bps: int
    taker_fee_bps: int
    collar_bps: int
    band_bps: int
    breaker_bps: int
    breaker_window_ns: int
    breaker_halt_ns: int
    order_value_micros_max: int
    position_units_max: int
    open_orders_max: int
    orders_per_second_max: int
    lifetime_ns_default: int
    lifetime_ns_max: int


class AccountOpened(NamedTuple):
    """An account exists from now on."""

    account: int


class CashDeposited(NamedTuple):
    """Play money was issued to an account."""

    account: int
    amount_micros: int


class CashChanged(NamedTuple):
    """An account's cash and the part of it that open buy orders hold."""

    account: int
    cash_micros: int
    held_micros: int


class MarketListed(NamedTuple):
    """A player's market exists; its supply was issued to the house. A reference price of 0 means none yet."""

    market: int
    supply_units: int
    reference_price_cents: int


class SharesIssued(NamedTuple):
    """Shares were issued to the house; `supply_units` is the supply after it."""

    market: int
    quantity_units: int
    supply_units: int


class SharesGranted(NamedTuple):
    """Shares moved from the house to an account."""

    account: int
    market: int
    quantity_units: int


class HoldingChanged(NamedTuple):
    """An account's holding in a market: quantity, the part held by open sells, total cost, profit realized so far."""

    account: int
    market: int
    quantity_units: int
    held_units: int
    cost_micros: int
    realized_micros: int


class MarketHalted(NamedTuple):
    """A market takes no orders; `until_ns` is 0 when only the operator resumes it."""

    market: int
    cause: int
    until_ns: int


class MarketResumed(NamedTuple):
    """A market takes orders again."""

    market: int


class ExchangeHalted(NamedTuple):
    """No market takes orders."""


class ExchangeResumed(NamedTuple):
    """Markets that are not halted themselves take orders again."""


class AccountHalted(NamedTuple):
    """An account may not place orders."""

    account: int


class AccountResumed(NamedTuple):
    """An account may place orders again."""

    account: int


class OrderAccepted(NamedTuple):
    """An order passed risk. `price_cents` is its limit, or its collar; `expires_at_ns` is 0 when it cannot rest."""

    order_id: int
    account: int
    market: int
    terms: int
    quantity_units: int
    notional_micros: int
    price_cents: int
    expires_at_ns: int


class OrderDenied(NamedTuple):
    """Risk stopped an order before the book; no order exists. `reason` is a number of `RefusalReason`."""

    reason: int
    required: int
    available: int


class OrderRejected(NamedTuple):
    """The book refused an order; it exists with the status rejected."""

    order_id: int
    account: int
    market: int
    terms: int
    quantity_units: int
    notional_micros: int
    price_cents: int
    expires_at_ns: int
    reason: int


class CommandRefused(NamedTuple):
    """A command that is not an order was refused."""

    reason: int
    required: int
    available: int


class TradeExecuted(NamedTuple):
    """Two orders met at the resting order's price; fees in micro-dollars."""

    trade_id: int
    market: int
    price_cents: int
    quantity_units: int
    maker_order: int
    taker_order: int
    maker_account: int
    taker_account: int
    maker_fee_micros: int
    taker_fee_micros: int
    taker_side: int


class OrderPartiallyFilled(NamedTuple):
    """A part of an order is filled; `remaining_units` is 0 for an order by notional."""

    order_id: int
    account: int
    remaining_units: int


class OrderFilled(NamedTuple):
    """Nothing of the order remains."""

    order_id: int
    account: int


class OrderCancelled(NamedTuple):
    """What remained of an order was taken out; `reason` is a number of `CancelReason`."""

    order_id: int
    account: int
    market: int
    remaining_units: int
    reason: int


class OrderExpired(NamedTuple):
    """What remained of an order was taken out because its time had come."""

    order_id: int
    account: int
    market: int
    remaining_units: int


class BookLevelChanged(NamedTuple):
    """The total at one price of a book; 0 means that the level is gone."""

    market: int
    side: int
    price_cents: int
    quantity_units: int
    book_sequence: int


class StopOrderAccepted(NamedTuple):
    """A stop or stop_limit order is held until the last trade reaches its stop price; `price_cents` is 0 for a stop."""

    order_id: int
    account: int
    market: int
    terms: int
    quantity_units: int
    price_cents: int
    expires_at_ns: int
    stop_price_cents: int


class OrderTriggered(NamedTuple):
    """The last trade reached a held order's stop price; it goes to the book now with this limit."""

    order_id: int
    account: int
    price_cents: int


class OrderReplaced(NamedTuple):
    """An open order gave its place to a new one; `remaining_units` is what it had left."""

    order_id: int
    account: int
    market: int
    new_order_id: int
    remaining_units: int


class AuditRecorded(NamedTuple):
    """Something happened that changes nothing in the exchange; the facts are in the command's text."""

    account: int
    event: int
    actor: int


class CashCorrected(NamedTuple):
    """The operator moved cash between the house and an account; below 0 it went to the house."""

    account: int
    amount_micros: int


class SharesCorrected(NamedTuple):
    """The operator moved shares between the house and an account; below 0 they went to the house."""

    account: int
    market: int
    quantity_units: int


class TradeBusted(NamedTuple):
    """A trade was reversed: shares went back to the seller, cash to the buyer, fees (micro-dollars) to both."""

    trade_id: int
    market: int
    price_cents: int
    quantity_units: int
    buyer: int
    seller: int
    buyer_fee_micros: int
    seller_fee_micros: int


class MarketSettled(NamedTuple):
    """A market is over: all shares that others than the house had go to the house for `paid_micros` in all."""

    market: int
    price_cents: int
    quantity_units: int
    paid_micros: int


class SharesSettled(NamedTuple):
    """All of an account's shares of a settled market went to the house for this price each."""

    account: int
    market: int
    quantity_units: int
    price_cents: int


class RoleChanged(NamedTuple):
    """An account is this to the exchange now; `role` is one of `codes.ROLE_*`."""

    account: int
    role: int


class LimitsChanged(NamedTuple):
    """A role or an account has these limits now; see `domain.commands.AccountLimits` for units."""

    scope: int
    number: int
    order_value_micros_max: int
    position_units_max: int
    supply_share_bps_max: int
    open_orders_max: int
    orders_per_second: int
    orders_burst: int
    day_loss_micros_max: int
    day_turnover_micros_max: int
    team_bps_max: int
    playing_position_bps_max: int


class DayBegun(NamedTuple):
    """A trading day began; losses and turnover of the day are counted from here until `ends_at_ns`."""

    ends_at_ns: int


class MarketClassified(NamedTuple):
    """A market's player counts to this team and this playing position."""

    market: int
    team: int
    position: int


class MarketBandChanged(NamedTuple):
    """A market has a price band of its own, 0 for none; -1: it has the exchange's again."""

    market: int
    band_bps: int


Event = (
    ExchangeConfigured
    | AccountOpened
    | CashDeposited
    | CashChanged
    | MarketListed
    | SharesIssued
    | SharesGranted
    | HoldingChanged
    | MarketHalted
    | MarketResumed
    | ExchangeHalted
    | ExchangeResumed
    | AccountHalted
    | AccountResumed
    | OrderAccepted
    | OrderDenied
    | OrderRejected
    | CommandRefused
    | TradeExecuted
    | OrderPartiallyFilled
    | OrderFilled
    | OrderCancelled
    | OrderExpired
    | BookLevelChanged
    | StopOrderAccepted
    | OrderTriggered
    | OrderReplaced
    | AuditRecorded
    | CashCorrected
    | SharesCorrected
    | TradeBusted
    | MarketSettled
    | SharesSettled
    | RoleChanged
    | LimitsChanged
    | DayBegun
    | MarketClassified
    | MarketBandChanged
)

EVENT_TYPES: Final[dict[int, Callable[..., Event]]] = {
    codes.EXCHANGE_CONFIGURED: ExchangeConfigured,
    codes.ACCOUNT_OPENED: AccountOpened,
    codes.CASH_DEPOSITED: CashDeposited,
    codes.CASH_CHANGED: CashChanged,
    codes.MARKET_LISTED: MarketListed,
    codes.SHARES_ISSUED: SharesIssued,
    codes.SHARES_GRANTED: SharesGranted,
    codes.HOLDING_CHANGED: HoldingChanged,
    codes.MARKET_HALTED: MarketHalted,
    codes.MARKET_RESUMED: MarketResumed,
    codes.EXCHANGE_HALTED: ExchangeHalted,
    codes.EXCHANGE_RESUMED: ExchangeResumed,
    codes.ACCOUNT_HALTED: AccountHalted,
    codes.ACCOUNT_RESUMED: AccountResumed,
    codes.ORDER_ACCEPTED: OrderAccepted,
    codes.ORDER_DENIED: OrderDenied,
    codes.ORDER_REJECTED: OrderRejected,
    codes.COMMAND_REFUSED: CommandRefused,
    codes.TRADE_EXECUTED: TradeExecuted,
    codes.ORDER_PARTIALLY_FILLED: OrderPartiallyFilled,
    codes.ORDER_FILLED: OrderFilled,
    codes.ORDER_CANCELLED: OrderCancelled,
    codes.ORDER_EXPIRED: OrderExpired,
    codes.BOOK_LEVEL_CHANGED: BookLevelChanged,
    codes.STOP_ORDER_ACCEPTED: StopOrderAccepted,
    codes.ORDER_TRIGGERED: OrderTriggered,
    codes.ORDER_REPLACED: OrderReplaced,
    codes.AUDIT_RECORDED: AuditRecorded,
    codes.CASH_CORRECTED: CashCorrected,
    codes.SHARES_CORRECTED: SharesCorrected,
    codes.TRADE_BUSTED: TradeBusted,
    codes.MARKET_SETTLED: MarketSettled,
    codes.SHARES_SETTLED: SharesSettled,
    codes.ROLE_CHANGED: RoleChanged,
    codes.LIMITS_CHANGED: LimitsChanged,
    codes.DAY_BEGUN: DayBegun,
    codes.MARKET_CLASSIFIED: MarketClassified,
    codes.MARKET_BAND_CHANGED: MarketBandChanged,
}


def decode_events(record: bytes) -> Iterator[Event]:
    """Yield the events of a row in order. Raises `KeyError` on an unknown kind, `struct.error` on a torn row."""
    words = struct.unpack(f"<{len(record) // 8}q", record)
    at = 0
    while at < len(words):
        header = words[at]
        end = at + (header >> codes.HEADER_WORDS_SHIFT)
        yield EVENT_TYPES[header & 0xFF](*words[at + 1 : end])
        at = end
