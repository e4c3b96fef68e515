"""The parameters of the methods, and how their text becomes the exchange's integers."""

import re
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.money import InvalidAmountError
from waiver_exchange.domain.refusals import RefusalReason

HOUSE: Final = "house"
DEFAULT: Final = "default"
# The reason of what begins an exchange, unless another one is given; with an operator it has begun.
SET_UP: Final = "set up"
RATE_MAX: Final = 1_000_000
_RATE: Final = re.compile(r"[0-9]{1,7}", re.ASCII)
ACCOUNTS_PAGE_MAX: Final = 1_000


class _Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields are decimal text where they are amounts, UUIDs (or `house`) where they are accounts."""


class NoParams(_Params, frozen=True, kw_only=True):
    """A method without parameters."""


class Reasoned(_Params, frozen=True, kw_only=True):
    """A method with a reason that is no action of the table: it is about names and keys alone."""

    reason: str = ""


class Change(_Params, frozen=True, kw_only=True):
    """A method that changes something: why, and under which id it is done once; without one it is given one."""

    reason: str = ""
    action_id: str = ""


class NoMore(Change, frozen=True, kw_only=True):
    """A change without parameters of its own."""


class CreateAccount(Change, frozen=True, kw_only=True):
    """A new account and the cash it starts with."""

    name: str
    cash: str = "0"


class ExportedRows(Reasoned, frozen=True, kw_only=True):
    """Rows of the journal that are exported, `first` to `last` with both."""

    first: int
    last: int


class NextAuditKey(_Params, frozen=True, kw_only=True):
    """The public half, as 64 hexadecimal digits, of the key that signs checkpoints next, and why it does."""

    public_key: str
    reason: str


class OneAccount(_Params, frozen=True, kw_only=True):
    """An account."""

    account: str


class ChangedAccount(Change, frozen=True, kw_only=True):
    """An account to change."""

    account: str


class RoleParams(Change, frozen=True, kw_only=True):
    """A role for an account: its name."""

    account: str
    role: str


class CancelParams(Change, frozen=True, kw_only=True):
    """Open orders of an account to cancel: one, or those of a market, or all."""

    account: str
    order: str = ""
    symbol: str = ""


class ActionsParams(_Params, frozen=True, kw_only=True):
    """Actions of operators behind the cursor of the page before: proposed, unfinished or all."""

    which: str = "all"
    cursor: int | None = None
    limit: int = 100


class OneAction(_Params, frozen=True, kw_only=True):
    """An action of an operator."""

    action_id: str


class Decision(_Params, frozen=True, kw_only=True):
    """A second operator's decision, with its reason."""

    action_id: str
    reason: str = ""


class CorrectionOfCash(Change, frozen=True, kw_only=True):
    """Cash from the house to an account, or back below zero."""

    account: str
    amount: str


class CorrectionOfShares(Change, frozen=True, kw_only=True):
    """Shares from the house to an account, or back below zero."""

    account: str
    symbol: str
    quantity: str


class OneTrade(Change, frozen=True, kw_only=True):
    """A trade."""

    trade: str


class SettledMarket(Change, frozen=True, kw_only=True):
    """A market and what its shares are worth at the end."""

    symbol: str
    price: str


class BandParams(Change, frozen=True, kw_only=True):
    """A market's own price band: basis points, or `default`."""

    symbol: str
    bps: str


class KillSwitchParams(Change, frozen=True, kw_only=True):
    """Whether all open orders are taken back too."""

    cancel_orders: bool = False


class RiskLimitsParams(Change, frozen=True, kw_only=True):
    """Limits of an account or a role to set; those that are not given stay."""

    account: str = ""
    role: str = ""
    limits: dict[str, int] = {}


class NoteParams(Change, frozen=True, kw_only=True):
    """A note about an account."""

    account: str
    text: str


class SessionParams(Change, frozen=True, kw_only=True):
    """A session of an account to end; all without one."""

    account: str
    session: str = ""


class NewKeyParams(Change, frozen=True, kw_only=True):
    """A key to make; scopes are separated by commas, none means all."""

    account: str
    name: str = ""
    scopes: str = ""


class OneKey(Change, frozen=True, kw_only=True):
    """A key of an account."""

    account: str
    key: str


class LimitsParams(Change, frozen=True, kw_only=True):
    """Requests per second and key, and of all keys; `default` is what everybody has, empty leaves it as it is."""

    account: str
    orders: str = ""
    reads: str = ""
    all_orders: str = ""
    all_reads: str = ""


class AccountsPage(_Params, frozen=True, kw_only=True):
    """Accounts behind the cursor of the page before."""

    cursor: int = 0
    limit: int = ACCOUNTS_PAGE_MAX


class ListPlayer(Change, frozen=True, kw_only=True):
    """A player to list; a reference price of 0 means none yet."""

    symbol: str
    name: str
    position: str
    team: str
    supply: str
    reference_price: str = "0"
    bye_week: int = 0
    projected_points: str = ""


class OneMarket(_Params, frozen=True, kw_only=True):
    """A market."""

    symbol: str


class ChangedMarket(Change, frozen=True, kw_only=True):
    """A market to change."""

    symbol: str


class GrantOfShares(Change, frozen=True, kw_only=True):
    """Shares from the house to an account; the same reference twice is one grant."""

    account: str
    symbol: str
    quantity: str
    reference: str = ""


class IssueOfShares(Change, frozen=True, kw_only=True):
    """New shares to the house; the same reference twice is one issue."""

    symbol: str
    quantity: str
    reference: str = ""


class Deposit(Change, frozen=True, kw_only=True):
    """New cash to an account; the same reference twice is one deposit."""

    account: str
    amount: str
    reference: str


def parse_account(text: str) -> int:
    """Return the number of an account's UUID, or of `house`. Raises `RefusedError`."""
    account = codes.HOUSE_ACCOUNT if text == HOUSE else from_uuid(IdKind.account, text)
    if account is None:
        raise RefusedError(RefusalReason.field_is_invalid, field="account")
    return account


def parse_rate(text: str, *, field: str) -> int | None:
    """Return requests per second, or None for `default`. Raises `RefusedError`."""
    if text == DEFAULT:
        return None
    if not _RATE.fullmatch(text) or int(text) > RATE_MAX:
        raise RefusedError(RefusalReason.field_is_invalid, field=field, expected=f"default, or 0 to {RATE_MAX}")
    return int(text)


def parse_amount(parse: Callable[[str], int], text: str, *, field: str) -> int:
    """Return an amount by one of the parsers of `domain.money`. Raises `RefusedError` naming the field."""
    try:
        return parse(text)
    except InvalidAmountError as error:
        raise RefusedError(error.reason, field=field) from error
