"""What an account owns, how it came to it, and its keys."""

from decimal import Decimal
from typing import Literal

import msgspec

from waiver_exchange.client.timestamps import Timestamp

Scope = Literal["read", "trade", "admin", "audit"]
Party = Literal["account", "market", "house", "operator"]
EquityPeriod = Literal["1D", "1W", "1M", "3M", "1A", "all"]
EquityInterval = Literal["1m", "5m", "15m", "1h", "1d"]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The asking account; equity is its cash with the market value of its shares."""

    id: str
    name: str | None
    status: str
    cash: Decimal
    cash_available: Decimal
    cash_held: Decimal
    equity: Decimal


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The account's shares of one player; average cost is per share."""

    symbol: str
    quantity: Decimal
    quantity_available: Decimal
    average_cost: Decimal
    market_value: Decimal
    unrealized_profit: Decimal
    realized_profit: Decimal


class LedgerLine(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from", "destination": "to"}):
    """One line of the statement: what went from whom to whom, why, and the balance after it.

    `asset` is `USD` or the symbol of the shares; an amount that went away is negative. `source` and `destination`
    (`from` and `to` of the wire) are `account`, which is the asking one, `market`, `house` or `operator`.
    """

    sequence: int
    line: int
    time: Timestamp
    kind: str
    asset: str
    amount: Decimal
    balance: Decimal
    source: Party
    destination: Party
    trade_id: str | None
    reference: str | None


class EquityPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the account was worth at a moment; the profit is since the first point, and deposits are none."""

    time: Timestamp
    equity: Decimal
    cash: Decimal
    profit: Decimal


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """One of the account's keys, without its secret; one that is revoked opens nothing."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: Timestamp
    last_used_at: Timestamp | None
    revoked_at: Timestamp | None


class NewApiKey(ApiKey, frozen=True, kw_only=True):
    """A key that was just made; nobody can show the secret again."""

    api_key: str
    api_secret: str


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A short-lived token that stands for the key it was asked with."""

    token: str
    expires_at: Timestamp
