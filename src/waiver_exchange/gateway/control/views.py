"""What the methods answer with: amounts as decimal text, ids as UUIDs, times as ISO 8601."""

import json
from datetime import UTC, datetime
from typing import Final

from waiver_exchange.application.authority import ROLE_NAMES, role_of
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Note, Passkey, Session
from waiver_exchange.application.operating.decide import status_of
from waiver_exchange.application.passkeys import id_of
from waiver_exchange.application.ports import ApiKey, RequestRates
from waiver_exchange.application.queries import AccountSummary, Position
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.money import format_money, format_price, format_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.control.protocol import Result
from waiver_exchange.projections.actions import PROPOSAL_NS, PROPOSED, ActionView
from waiver_exchange.projections.state import MarketView

HOST_NAME: Final = "host"
HALT_CAUSES = {
    codes.HALT_BY_OPERATOR: "operator",
    codes.HALT_BY_CIRCUIT_BREAKER: "circuit_breaker",
    codes.HALT_BY_SETTLEMENT: "settlement",
}


def account_id(account: int) -> str:
    """Return the public id of an account."""
    return str(to_uuid(IdKind.account, account))


def account_view(exchange: Exchange, account: int) -> Result:
    """Return an account's name, cash and state. Raises `RefusedError` when there is none."""
    summary = exchange.queries.account_summary(account)
    if summary is None:
        raise RefusedError(RefusalReason.account_not_found)
    return {
        "account_id": account_id(account),
        "name": _name_of(exchange, account),
        "role": ROLE_NAMES[role_of(exchange, account)],
        **_money_of(summary),
    }


def key_view(key: ApiKey) -> Result:
    """Return what may be seen of a key; times that did not come are null."""
    return {
        "id": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": _time(key.created_at_ns),
        "last_used_at": _time(key.last_used_at_ns),
        "revoked_at": _time(key.revoked_at_ns),
    }


def position_view(position: Position) -> Result:
    """Return a holding with its worth."""
    return {
        "symbol": position.symbol,
        "quantity": format_quantity(position.quantity_units),
        "quantity_available": format_quantity(position.available_units),
        "average_cost": format_money(position.average_cost_micros),
        "market_value": format_money(position.market_value_micros),
        "unrealized_profit": format_money(position.unrealized_micros),
        "realized_profit": format_money(position.realized_micros),
    }


def market_view(exchange: Exchange, market: MarketView) -> Result:
    """Return a market's facts, prices and state; prices that do not exist are null."""
    book = exchange.state.books[market.market]
    return {
        "symbol": market.symbol,
        "name": market.name,
        "position": market.position,
        "team": market.team,
        "bye_week": market.bye_week or None,
        "projected_points": market.projected_points or None,
        "supply": format_quantity(market.supply_units),
        "reference_price": _price(market.reference_price_cents),
        "last_price": _price(market.last_price_cents),
        "best_bid": _price(book.best_bid_cents),
        "best_ask": _price(book.best_ask_cents),
        "volume": format_quantity(market.volume_units),
        "is_halted": market.is_halted,
        "halt_cause": HALT_CAUSES.get(market.halt_cause),
        "halted_until": _time(market.halted_until_ns),
    }


def _money_of(summary: AccountSummary) -> Result:
    return {
        "cash": format_money(summary.cash_micros),
        "cash_available": format_money(summary.available_micros),
        "cash_held": format_money(summary.held_micros),
        "equity": format_money(summary.equity_micros),
        "is_halted": summary.is_halted,
    }


def _name_of(exchange: Exchange, account: int) -> str | None:
    # An account whose opening was cut short by a crash has no name.
    return exchange.identity.find_name(account) or ("house" if account == codes.HOUSE_ACCOUNT else None)


def _price(cents: int) -> str | None:
    return format_price(cents) if cents else None


def _time(time_ns: int) -> str | None:
    if not time_ns:
        return None
    return datetime.fromtimestamp(time_ns // NANOSECONDS_PER_SECOND, tz=UTC).isoformat().replace("+00:00", "Z")


def rates_view(exchange: Exchange, account: int) -> Result:
    """Return an account's own requests per second. Raises `RefusedError` when there is none."""
    if account not in exchange.state.accounts:
        raise RefusedError(RefusalReason.account_not_found)
    rates = exchange.identity.find_rates(account) or RequestRates()
    return {"account_id": account_id(account), **rates._asdict()}


def actor_name(account: int) -> str:
    """Return who did something: `host`, or the id of an account."""
    return HOST_NAME if account == codes.OPERATOR else account_id(account)


def action_view(exchange: Exchange, view: ActionView) -> Result:
    """Return an operator's action: what, by whom, why, and what came of it; the parameters as the journal has them."""
    status = status_of(exchange, view)
    return {
        "action_id": view.action_id,
        "action": view.name,
        "status": status,
        "account_id": account_id(view.account) if view.account else None,
        "parameters": json.loads(view.parameters),
        "reason": view.reason,
        "requested_by": actor_name(view.actor),
        "requested_at": _time(view.requested_at_ns),
        "expires_at": _time(view.requested_at_ns + PROPOSAL_NS) if status == PROPOSED else None,
        "decided_by": actor_name(view.decided_by) if view.decided_at_ns else None,
        "decided_at": _time(view.decided_at_ns),
        "decision_reason": view.decision_reason or None,
        "done_by": actor_name(view.done_by) if view.done_at_ns else None,
        "done_at": _time(view.done_at_ns),
        "refusal": view.outcome or None,
        "facts": json.loads(view.facts) if view.facts else {},
        "sequence": view.sequence,
    }


def note_view(note: Note) -> Result:
    """Return a note about an account."""
    return {
        "id": note.note_id,
        "author": actor_name(note.author),
        "created_at": _time(note.created_at_ns),
        "text": note.text,
    }


def passkey_view(passkey: Passkey) -> Result:
    """Return a passkey of an account's owner."""
    return {
        "id": id_of(passkey),
        "name": passkey.name,
        "created_at": _time(passkey.created_at_ns),
        "last_used_at": _time(passkey.last_used_at_ns),
        "is_backed_up": passkey.is_backed_up,
    }


def session_view(session: Session) -> Result:
    """Return a session of an account's owner."""
    return {
        "id": session.session_id,
        "provider": session.provider,
        "device": session.device,
        "address": session.address,
        "created_at": _time(session.created_at_ns),
        "last_used_at": _time(session.last_used_at_ns),
        "expires_at": _time(session.expires_at_ns),
        "revoked_at": _time(session.revoked_at_ns),
    }
