"""The parameters of admin actions: accounts, markets and orders by the exchange's own numbers, amounts as integers.

Micro-dollars, cents per share, units of 1/10,000 share, basis points, UNIX nanoseconds.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneAccount:
    """An account."""

    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to open; its name is not for the journal."""

    name: str
    cash_micros: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to make; its scopes with commas between them. Its name is its owner's and not for the journal."""

    account: int
    name: str = ""
    scopes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneKey:
    """A key of an account; without one, all of them."""

    account: int
    key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSession:
    """A session of an account; without one, all of them."""

    account: int
    session_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """An account's own requests per second, of each key and of all; -1 is what everybody has, 0 no limit.

    What is not given stays as it is when the action is carried out.
    """

    account: int
    orders_per_second: int | None = None
    reads_per_second: int | None = None
    account_orders_per_second: int | None = None
    account_reads_per_second: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role for an account: its name."""

    account: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeLimits:
    """Fields of `AccountLimits`; what is not given stays as it is when the action is carried out."""

    order_value_micros_max: int | None = None
    position_units_max: int | None = None
    supply_share_bps_max: int | None = None
    open_orders_max: int | None = None
    orders_per_second: int | None = None
    orders_burst: int | None = None
    day_loss_micros_max: int | None = None
    day_turnover_micros_max: int | None = None
    team_bps_max: int | None = None
    playing_position_bps_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOfAccount(SomeLimits):
    """Limits of an account; the others stay."""

    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOfRole(SomeLimits):
    """Limits of the accounts of a role: its name."""

    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNote:
    """A note about an account; its text is not for the journal."""

    account: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Cash to issue; the same reference twice is one deposit."""

    account: int
    amount_micros: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CashCorrection:
    """Cash to move from the house to an account, or back when it is less than zero."""

    account: int
    amount_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareCorrection:
    """Shares to move from the house to an account, or back when it is less than zero."""

    account: int
    symbol: str
    quantity_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Shares to move from the house to an account; the same reference twice is one grant."""

    account: int
    symbol: str
    quantity_units: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """New shares for the house; the same reference twice is one issue."""

    symbol: str
    quantity_units: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A player to list."""

    symbol: str
    name: str
    position: str
    team: str
    supply_units: int
    reference_price_cents: int = 0
    bye_week: int = 0
    projected_points: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneMarket:
    """A market."""

    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A market's own price band; 0 is none, -1 the exchange's."""

    symbol: str
    band_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a share of a market is worth at the end."""

    symbol: str
    price_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTrade:
    """A trade."""

    trade_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOrder:
    """An open order, whoever it belongs to."""

    order_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrders:
    """The open orders of an account, in one market or, without a symbol, in all."""

    account: int
    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSwitch:
    """Whether all open orders are taken back too: 1 or 0."""

    cancels_orders: int = 0
