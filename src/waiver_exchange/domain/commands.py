"""Commands: what somebody asks of the exchange, and how it is written in the journal.

A command is encoded once, when the sequencer stamps its time; the engine reads the same bytes that the journal keeps.
"""

from dataclasses import astuple, dataclass, fields
from struct import Struct
from typing import Final

from waiver_exchange.domain import codes

_WORD: Final = 8
_ORDER: Final = Struct("<9q")
_ORDER_HEADER: Final = codes.PLACE_ORDER | 9 << codes.HEADER_WORDS_SHIFT
_FORMATS: Final = {count: Struct(f"<{count}q") for count in range(3, 17)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeParameters:
    """What the operator can set for the whole exchange; the order of the fields is their order in the journal.

    Basis points for rates, nanoseconds for times, micro-dollars and units for sizes; 0 switches off where
    `docs/trading-rules.md` says so.
    """

    maker_fee_bps: int = 0
    taker_fee_bps: int = 0
    collar_bps: int = 500
    band_bps: int = 3_000
    breaker_bps: int = 5_000
    breaker_window_ns: int = 300_000_000_000
    breaker_halt_ns: int = 300_000_000_000
    order_value_micros_max: int = 1_000_000_000_000
    position_units_max: int = 0
    open_orders_max: int = 10_000
    orders_per_second_max: int = 0
    lifetime_ns_default: int = 604_800_000_000_000
    lifetime_ns_max: int = 2_592_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """What an account, or every account of a role, may do; the order of the fields is their order in the journal.

    Micro-dollars, units, counts, and basis points (1/10,000). -1 inherits: an account from its role, a role from
    nobody, so it has none. 0 is no limit. What the exchange's parameters forbid stays forbidden.
    """

    order_value_micros_max: int = -1
    position_units_max: int = -1
    supply_share_bps_max: int = -1
    open_orders_max: int = -1
    orders_per_second: int = -1
    orders_burst: int = -1
    day_loss_micros_max: int = -1
    day_turnover_micros_max: int = -1
    team_bps_max: int = -1
    playing_position_bps_max: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureExchange:
    """Set the parameters of the exchange."""

    parameters: ExchangeParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount:
    """Open an account; the engine gives it the next number. The same reference twice is one account."""

    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositCash:
    """Issue play money to an account; the same reference twice is one deposit."""

    account: int
    amount_micros: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMarket:
    """List a player: its whole supply is issued to the house. `facts` is the JSON text of the player's attributes."""

    supply_units: int
    reference_price_cents: int
    facts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantShares:
    """Move shares of a market out of the house's holding to an account."""

    account: int
    market: int
    quantity_units: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueShares:
    """Raise the supply of a market; the new shares go to the house and everybody can see it."""

    market: int
    quantity_units: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltMarket:
    """Stop taking orders in a market."""

    market: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeMarket:
    """Take orders in a market again."""

    market: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltExchange:
    """Stop taking orders everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeExchange:
    """Take orders again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltAccount:
    """Stop taking orders of an account."""

    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAccount:
    """Take orders of an account again."""

    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Place an order; exactly one of quantity and notional is not zero.

    `terms` comes from `pack_terms`; `price_cents` is 0 for a market order; `expires_at_ns` is 0 unless the time in
    force is day or gtd; an empty `client_order_id` means that the exchange names the order.
    """

    account: int
    market: int
    terms: int
    quantity_units: int = 0
    notional_micros: int = 0
    price_cents: int = 0
    expires_at_ns: int = 0
    client_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStopOrder:
    """Place an order that is held until the last trade reaches its stop price.

    `terms` comes from `pack_terms` with the type stop or stop_limit; `price_cents` is the limit of a stop_limit order
    and 0 for a stop order; the rest is as for `PlaceOrder`.
    """

    account: int
    market: int
    terms: int
    quantity_units: int
    price_cents: int = 0
    expires_at_ns: int = 0
    stop_price_cents: int
    client_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceOrder:
    """Put a new order in the place of an open one; 0 keeps what the old one has.

    `quantity_units` is the new total of which what is filled already stays with the old order; `time_in_force` is a
    number of `domain.codes` plus 1. An empty `client_order_id` means that the exchange names the new order.
    """

    account: int
    order_id: int
    quantity_units: int = 0
    price_cents: int = 0
    stop_price_cents: int = 0
    expires_at_ns: int = 0
    time_in_force: int = 0
    client_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Take an order back; account 0 is the operator, who may cancel anybody's."""

    account: int
    order_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireOrder:
    """Take an order out whose time has come; only the sequencer sends it."""

    order_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAudit:
    """Put down that something happened which trading does not see: a sign-in, a decision of an operator, an export.

    `account` is whom it is about and `actor` who did it, 0 for nobody or the operator's own host; `event` is a kind of
    the audit trail, `facts` the JSON text of numbers and ids, never personal data.
    """

    account: int = codes.OPERATOR
    event: int
    actor: int = codes.OPERATOR
    facts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectCash:
    """Move cash between the house and an account, below 0 back to the house; the same reference twice is one."""

    account: int
    amount_micros: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectShares:
    """Move shares between the house and an account, below 0 back to the house; the same reference twice is one."""

    account: int
    market: int
    quantity_units: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BustTrade:
    """Reverse a trade by balancing entries; these are its facts, which the application reads and the engine keeps not.

    A trade is busted once.
    """

    trade_id: int
    market: int
    price_cents: int
    quantity_units: int
    buyer: int
    seller: int
    buyer_fee_micros: int
    seller_fee_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleMarket:
    """End a market for ever: its orders are cancelled, and every holder is paid a price (cents) for his shares."""

    market: int
    price_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRole:
    """Say what an account is to the exchange; `role` is one of `codes.ROLE_*`."""

    account: int
    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLimits:
    """Set all limits of a role or an account; `scope` is one of `codes.LIMITS_OF_*`, `number` the role or account."""

    scope: int
    number: int
    limits: AccountLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginDay:
    """Begin a trading day, which is over at `ends_at_ns`; only the sequencer sends it."""

    ends_at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyMarket:
    """Say which team and playing position a market's player counts to, as numbers; 0 is none."""

    market: int
    team: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMarketBand:
    """Give a market a price band of its own (basis points; 0 = off), or the exchange's again (-1)."""

    market: int
    band_bps: int


Command = (
    ConfigureExchange
    | OpenAccount
    | DepositCash
    | ListMarket
    | GrantShares
    | IssueShares
    | HaltMarket
    | ResumeMarket
    | HaltExchange
    | ResumeExchange
    | HaltAccount
    | ResumeAccount
    | PlaceOrder
    | PlaceStopOrder
    | ReplaceOrder
    | CancelOrder
    | ExpireOrder
    | RecordAudit
    | CorrectCash
    | CorrectShares
    | BustTrade
    | SettleMarket
    | SetRole
    | SetLimits
    | BeginDay
    | ClassifyMarket
    | SetMarketBand
)

# Of the commands that are written by their fields.
_KINDS: Final[dict[type[Command], int]] = {
    OpenAccount: codes.OPEN_ACCOUNT,
    DepositCash: codes.DEPOSIT_CASH,
    ListMarket: codes.LIST_MARKET,
    GrantShares: codes.GRANT_SHARES,
    IssueShares: codes.ISSUE_SHARES,
    HaltMarket: codes.HALT_MARKET,
    ResumeMarket: codes.RESUME_MARKET,
    HaltExchange: codes.HALT_EXCHANGE,
    ResumeExchange: codes.RESUME_EXCHANGE,
    HaltAccount: codes.HALT_ACCOUNT,
    ResumeAccount: codes.RESUME_ACCOUNT,
    RecordAudit: codes.RECORD_AUDIT,
    CorrectCash: codes.CORRECT_CASH,
    CorrectShares: codes.CORRECT_SHARES,
    BustTrade: codes.BUST_TRADE,
    SettleMarket: codes.SETTLE_MARKET,
    SetRole: codes.SET_ROLE,
    BeginDay: codes.BEGIN_DAY,
    ClassifyMarket: codes.CLASSIFY_MARKET,
    SetMarketBand: codes.SET_MARKET_BAND,
}
# The names of fields that are a command's text; a command has one at most.
_TEXTS: Final = ("reference", "facts")


def pack_terms(*, side: int, order_type: int, time_in_force: int, self_trade: int = 0, post_only: bool = False) -> int:
    """Return the terms of an order as one word; the arguments are numbers of `domain.codes`."""
    return (
        side
        | order_type << codes.TYPE_SHIFT
        | time_in_force << codes.TIME_IN_FORCE_SHIFT
        | self_trade << codes.SELF_TRADE_SHIFT
        | int(post_only) << codes.POST_ONLY_SHIFT
    )


def encode_command(command: Command, *, time_ns: int) -> bytes:
    """Return the journal's bytes of a command stamped with a time (UNIX nanoseconds)."""
    match command:
        case PlaceOrder():
            return _encode_order(command, time_ns=time_ns)
        case PlaceStopOrder() | ReplaceOrder():
            return _encode_order_with_stop(command, time_ns=time_ns)
        case CancelOrder():
            return _record(codes.CANCEL_ORDER, time_ns, command.account, command.order_id)
        case ExpireOrder():
            return _record(codes.EXPIRE_ORDER, time_ns, codes.OPERATOR, command.order_id)
        case _:
            return _encode_operator_command(command, time_ns=time_ns)


def _encode_order(command: PlaceOrder, *, time_ns: int) -> bytes:
    """Return the record of an order; written out because most commands are orders."""
    text = command.client_order_id.encode()
    return _ORDER.pack(
        _ORDER_HEADER | len(text) << codes.HEADER_TAIL_SHIFT,
        time_ns,
        command.account,
        command.market,
        command.terms,
        command.quantity_units,
        command.notional_micros,
        command.price_cents,
        command.expires_at_ns,
    ) + (text + bytes(-len(text) % _WORD) if text else b"")


def _encode_order_with_stop(command: PlaceStopOrder | ReplaceOrder, *, time_ns: int) -> bytes:
    if isinstance(command, PlaceStopOrder):
        return _record(
            codes.PLACE_STOP_ORDER,
            time_ns,
            command.account,
            command.market,
            command.terms,
            command.quantity_units,
            command.price_cents,
            command.expires_at_ns,
            command.stop_price_cents,
            tail=command.client_order_id,
        )
    return _record(
        codes.REPLACE_ORDER,
        time_ns,
        command.account,
        command.order_id,
        command.quantity_units,
        command.price_cents,
        command.stop_price_cents,
        command.expires_at_ns,
        command.time_in_force,
        tail=command.client_order_id,
    )


def _encode_operator_command(command: Command, *, time_ns: int) -> bytes:
    """Return the record of a command whose words are its fields in their order, the account first."""
    if isinstance(command, ConfigureExchange):
        return _record(codes.CONFIGURE_EXCHANGE, time_ns, codes.OPERATOR, *astuple(command.parameters))
    if isinstance(command, SetLimits):
        account = command.number if command.scope == codes.LIMITS_OF_ACCOUNT else codes.OPERATOR
        return _record(codes.SET_LIMITS, time_ns, account, command.scope, command.number, *astuple(command.limits))
    words = {field.name: getattr(command, field.name) for field in fields(command)}
    account = words.pop("account", codes.OPERATOR)
    tail = "".join([words.pop(name) for name in _TEXTS if name in words])
    return _record(_KINDS[type(command)], time_ns, account, *words.values(), tail=tail)


def _record(kind: int, time_ns: int, *words: int, tail: str = "") -> bytes:
    count = 2 + len(words)
    text = tail.encode()
    header = kind | count << codes.HEADER_WORDS_SHIFT | len(text) << codes.HEADER_TAIL_SHIFT
    padding = -len(text) % _WORD
    return _FORMATS[count].pack(header, time_ns, *words) + text + bytes(padding)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRecord:
    """A command as the journal holds it: `words` are all its words with the header, `tail` its text."""

    kind: int
    time_ns: int
    account: int
    words: tuple[int, ...]
    tail: str


def decode_command(record: bytes) -> CommandRecord:
    """Return the words and text of one journaled command. Raises `struct.error` when the record is cut short."""
    header = int.from_bytes(record[:_WORD], "little")
    count = header >> codes.HEADER_WORDS_SHIFT & 0xFFFF
    tail_bytes = header >> codes.HEADER_TAIL_SHIFT
    words = _FORMATS[count].unpack_from(record)
    start = count * _WORD
    return CommandRecord(
        kind=header & 0xFF,
        time_ns=words[1],
        account=words[2],
        words=words,
        tail=record[start : start + tail_bytes].decode(),
    )
