"""The exchange as a whole: its state, the totals that must agree, its fees and its limits."""

from decimal import Decimal
from typing import Literal

import msgspec

from waiver_exchange.client.timestamps import Timestamp


class ExchangeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange now; the sequence counts the rows of its journal."""

    status: Literal["open", "halted"]
    sequence: int
    time: Timestamp
    markets: int
    markets_halted: int
    accounts: int


class IssuedShares(msgspec.Struct, frozen=True, kw_only=True):
    """The shares of a player that were issued, and those that accounts hold: the house, and the customers."""

    symbol: str
    issued: Decimal
    held: Decimal
    house: Decimal
    owed: Decimal


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest signed checkpoint of the journal says; hashes in hex."""

    number: int
    sequence: int
    time: Timestamp
    chain: str
    state_hash: str


class Conservation(msgspec.Struct, frozen=True, kw_only=True):
    """The totals that must agree: no cash and no share appears or vanishes. What is owed is the customers'."""

    sequence: int
    time: Timestamp
    chain: str
    is_conserved: bool
    cash_issued: Decimal
    cash_held: Decimal
    cash_house: Decimal
    cash_owed: Decimal
    verified: Verified | None
    problem: str | None
    shares: list[IssuedShares]


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """What a trade costs, in basis points of its value."""

    maker_fee_bps: int
    taker_fee_bps: int


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an order and an account may be at most; None is no limit."""

    price_max: Decimal
    tick_size: Decimal
    quantity_step: Decimal
    order_value_max: Decimal
    position_max: Decimal | None
    open_orders_max: int
    orders_per_second_max: int | None
    collar_bps: int
    band_bps: int
    breaker_bps: int
    breaker_window_seconds: int
    breaker_halt_seconds: int
    lifetime_seconds_default: int
    lifetime_seconds_max: int
    page_limit_max: int


class AccountLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests each key of the account may send in a second; None is no limit."""

    orders_per_second: int | None
    reads_per_second: int | None
    account_orders_per_second: int | None
    account_reads_per_second: int | None
