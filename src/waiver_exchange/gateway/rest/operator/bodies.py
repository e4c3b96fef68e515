"""The bodies of the operator console: actions, accounts, orders and trades of everybody."""

import json
from typing import Annotated, Any, Final

import msgspec

from waiver_exchange.application.authority import ROLE_NAMES, ROLES, role_of
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating.decide import status_of
from waiver_exchange.application.ports import RequestRates
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import AccountLimits
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.money import format_money, format_price, format_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.bodies import SIDE_NAMES, OrderBody, format_time, order_body, time_or_none
from waiver_exchange.gateway.rest.formats import Halt, Id, Money, Price, Quantity, Side, Symbol, Time, one_of
from waiver_exchange.projections.actions import PROPOSAL_NS, PROPOSED, ActionView
from waiver_exchange.projections.state import OrderView, TradeView

HOST: Final = "host"
_STATUSES: Final = ("proposed", "requested", "approved", "done", "refused", "rejected", "expired")
Actor = Annotated[str, msgspec.Meta(description="An account's id, or `host`.")]
ActionStatus = Annotated[str, one_of(_STATUSES)]
RoleName = Annotated[str, one_of(ROLES)]


class ActionBody(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's action, as the journal has it.

    `proposed` waits for a second operator until `expires_at`; `requested` and `approved` are to be carried out: under
    way, or cut short by a stop of the exchange. `refusal` is why the exchange refused it. The parameters are the
    exchange's own numbers: accounts, micro-dollars, cents, units of 1/10,000 share, basis points.
    """

    action_id: str
    action: str
    status: ActionStatus
    account_id: Id | None
    parameters: dict[str, Any]
    reason: str
    requested_by: Actor
    requested_at: Time
    expires_at: Time | None
    decided_by: Actor | None
    decided_at: Time | None
    decision_reason: str | None
    done_by: Actor | None
    done_at: Time | None
    refusal: str | None
    facts: dict[str, Any]
    sequence: int


class NewSecretBody(ActionBody, frozen=True, kw_only=True):
    """An action that made an API key, whose secret is shown this once; null when it was done before."""

    api_key: str | None
    api_secret: str | None


class ActionsPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Actions, newest first, and what the next page is asked for by; null on the last one."""

    items: list[ActionBody]
    next_cursor: str | None


class RiskLimitsBody(msgspec.Struct, frozen=True, kw_only=True):
    """What was set for an account or a role: micro-dollars, units, counts, basis points. -1 inherits, 0 is no limit."""

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


class OperatedAccountBody(msgspec.Struct, frozen=True, kw_only=True):
    """An account as operators and auditors see it in a list."""

    id: Id
    name: str | None
    role: RoleName
    status: Halt
    opened_at: Time | None
    cash: Money
    cash_available: Money
    cash_held: Money
    equity: Money


class OperatedAccountsPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts in the order of their opening, and what the next page is asked for by; null on the last one."""

    items: list[OperatedAccountBody]
    next_cursor: str | None


class OperatedKeyBody(msgspec.Struct, frozen=True, kw_only=True):
    """An API key of an account, without its secret."""

    id: str
    name: str
    scopes: list[str]
    created_at: Time
    last_used_at: Time | None
    revoked_at: Time | None


class OperatedSessionBody(msgspec.Struct, frozen=True, kw_only=True):
    """A session of an account's owner."""

    id: str
    provider: str
    device: str
    address: str
    created_at: Time
    last_used_at: Time | None
    expires_at: Time
    revoked_at: Time | None


class OperatedPositionBody(msgspec.Struct, frozen=True, kw_only=True):
    """An account's shares of one player."""

    symbol: Symbol
    quantity: Quantity
    quantity_available: Quantity
    market_value: Money


class AccountFileBody(OperatedAccountBody, frozen=True, kw_only=True):
    """All that operators and auditors may see of an account; request rates of null are those of everybody."""

    limits: RiskLimitsBody
    orders_per_second: int | None
    reads_per_second: int | None
    account_orders_per_second: int | None
    account_reads_per_second: int | None
    positions: list[OperatedPositionBody]
    keys: list[OperatedKeyBody]
    sessions: list[OperatedSessionBody]


class NoteBody(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator wrote down about an account."""

    id: str
    author: Actor
    created_at: Time
    text: str


class AccountOrderBody(OrderBody, frozen=True, kw_only=True):
    """An order with the account that it belongs to."""

    account_id: Id


class AccountOrdersPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Orders and what the next page is asked for by; null on the last one."""

    items: list[AccountOrderBody]
    next_cursor: str | None


class FullTradeBody(msgspec.Struct, frozen=True, kw_only=True):
    """A trade with both of its sides."""

    id: Id
    symbol: Symbol
    side: Side
    price: Price
    quantity: Quantity
    time: Time
    maker_account_id: Id
    taker_account_id: Id
    maker_order_id: Id
    taker_order_id: Id
    maker_fee: Money
    taker_fee: Money
    busted: bool
    sequence: int


class FullTradesPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Trades and what the next page is asked for by; null on the last one."""

    items: list[FullTradeBody]
    next_cursor: str | None


def action_facts(exchange: Exchange, view: ActionView) -> dict[str, Any]:
    """Return the fields of an `ActionBody`."""
    status = status_of(exchange, view)
    expires_at_ns = view.requested_at_ns + PROPOSAL_NS if status == PROPOSED else 0
    return {
        "action_id": view.action_id,
        "action": view.name,
        "status": status,
        "account_id": account_text(view.account) if view.account else None,
        "parameters": json.loads(view.parameters),
        "reason": view.reason,
        "requested_by": _actor(view.actor),
        "requested_at": format_time(view.requested_at_ns),
        "expires_at": time_or_none(expires_at_ns),
        "decided_by": _actor(view.decided_by) if view.decided_at_ns else None,
        "decided_at": time_or_none(view.decided_at_ns),
        "decision_reason": view.decision_reason or None,
        "done_by": _actor(view.done_by) if view.done_at_ns else None,
        "done_at": time_or_none(view.done_at_ns),
        "refusal": view.outcome or None,
        "facts": json.loads(view.facts) if view.facts else {},
        "sequence": view.sequence,
    }


def account_facts(exchange: Exchange, account: int) -> dict[str, Any]:
    """Return the fields of an `OperatedAccountBody`. Raises `RefusedError` when there is none."""
    summary = exchange.queries.account_summary(account)
    if summary is None:
        raise RefusedError(RefusalReason.account_not_found)
    return {
        "id": account_text(account),
        "name": exchange.identity.find_name(account) or ("house" if account == codes.HOUSE_ACCOUNT else None),
        "role": ROLE_NAMES[role_of(exchange, account)],
        "status": "halted" if summary.is_halted else "open",
        "opened_at": time_or_none(exchange.state.accounts[account].opened_at_ns),
        "cash": format_money(summary.cash_micros),
        "cash_available": format_money(summary.available_micros),
        "cash_held": format_money(summary.held_micros),
        "equity": format_money(summary.equity_micros),
    }


def account_file(exchange: Exchange, account: int) -> AccountFileBody:
    """Return all that is seen of an account. Raises `RefusedError` when there is none."""
    facts = account_facts(exchange, account)
    rates = exchange.identity.find_rates(account) or RequestRates()
    person = exchange.people.find_person_of(account)
    sessions = [] if person is None else exchange.sessions.list_sessions(person.person_id)
    return AccountFileBody(
        **facts,
        limits=limits_body(exchange, scope=codes.LIMITS_OF_ACCOUNT, number=account),
        **rates._asdict(),
        positions=[
            OperatedPositionBody(
                symbol=position.symbol,
                quantity=format_quantity(position.quantity_units),
                quantity_available=format_quantity(position.available_units),
                market_value=format_money(position.market_value_micros),
            )
            for position in exchange.queries.positions(account)
        ],
        keys=[
            OperatedKeyBody(
                id=key.key_id,
                name=key.name,
                scopes=sorted(key.scopes),
                created_at=format_time(key.created_at_ns),
                last_used_at=time_or_none(key.last_used_at_ns),
                revoked_at=time_or_none(key.revoked_at_ns),
            )
            for key in exchange.identity.list_keys(account)
        ],
        sessions=[
            OperatedSessionBody(
                id=session.session_id,
                provider=session.provider,
                device=session.device,
                address=session.address,
                created_at=format_time(session.created_at_ns),
                last_used_at=time_or_none(session.last_used_at_ns),
                expires_at=format_time(session.expires_at_ns),
                revoked_at=time_or_none(session.revoked_at_ns),
            )
            for session in sessions
        ],
    )


def limits_of(exchange: Exchange, *, scope: int, number: int) -> AccountLimits:
    """Return what was set for an account or a role, or limits that all inherit."""
    return exchange.state.limits.get((scope, number)) or AccountLimits()


def limits_body(exchange: Exchange, *, scope: int, number: int) -> RiskLimitsBody:
    """Return the limits of an account or a role."""
    return msgspec.convert(limits_of(exchange, scope=scope, number=number), RiskLimitsBody, from_attributes=True)


def account_order_body(exchange: Exchange, order: OrderView) -> AccountOrderBody:
    """Return an order with its account."""
    plain = order_body(order, symbol=exchange.state.markets[order.market].symbol)
    return AccountOrderBody(**msgspec.structs.asdict(plain), account_id=account_text(order.account))


def full_trade_body(exchange: Exchange, trade: TradeView) -> FullTradeBody:
    """Return a trade with both of its sides."""
    return FullTradeBody(
        id=to_text(IdKind.trade, trade.trade_id),
        symbol=exchange.state.markets[trade.market].symbol,
        side=SIDE_NAMES[trade.taker_side],
        price=format_price(trade.price_cents),
        quantity=format_quantity(trade.quantity_units),
        time=format_time(trade.time_ns),
        maker_account_id=account_text(trade.maker_account),
        taker_account_id=account_text(trade.taker_account),
        maker_order_id=to_text(IdKind.order, trade.maker_order),
        taker_order_id=to_text(IdKind.order, trade.taker_order),
        maker_fee=format_money(trade.maker_fee_micros),
        taker_fee=format_money(trade.taker_fee_micros),
        busted=trade.trade_id in exchange.state.busts,
        sequence=trade.sequence,
    )


def account_text(account: int) -> str:
    """Return an account's public id."""
    return to_text(IdKind.account, account)


def _actor(account: int) -> str:
    return HOST if account == codes.OPERATOR else account_text(account)
