"""The one table of what an operator can ask of an exchange, used by the socket and by the command line without one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from waiver_exchange.application import api_keys, audit
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating.decide import approve, finish, reject
from waiver_exchange.application.operating.perform import HOST, checked_reason, find_action
from waiver_exchange.application.operating.reads import WHICH, list_actions
from waiver_exchange.application.passkeys import passkeys_of
from waiver_exchange.application.ports import IdentityError, JournalError, PreferencesError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.verify import describe_live
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.codes import LIMITS_OF_ACCOUNT
from waiver_exchange.domain.commands import AccountLimits
from waiver_exchange.domain.money import format_money
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.control import protection, signing_in
from waiver_exchange.gateway.control.changes import CHANGES, SET_REQUEST_RATES, run_change
from waiver_exchange.gateway.control.params import (
    ACCOUNTS_PAGE_MAX,
    AccountsPage,
    ActionsParams,
    Decision,
    ExportedRows,
    LimitsParams,
    NextAuditKey,
    NoParams,
    OneAccount,
    OneAction,
    OneMarket,
    Reasoned,
    parse_account,
)
from waiver_exchange.gateway.control.protocol import ControlError, Params, Result
from waiver_exchange.gateway.control.views import (
    account_id,
    account_view,
    action_view,
    key_view,
    market_view,
    note_view,
    passkey_view,
    position_view,
    rates_view,
    session_view,
)
from waiver_exchange.gateway.refusals import details_of
from waiver_exchange.projections.changes import ReadModelError

ACTIONS_PAGE_MAX: Final = 500


class Method(NamedTuple):
    """A function over the use cases and the form of its parameters."""

    params: type[msgspec.Struct]
    function: Callable[[Exchange, Any], Awaitable[Result]]


async def run_method(exchange: Exchange, name: str, params: Params) -> Result:
    """Run a method of the table. Raises `ControlError`: refused, malformed, unknown, or a store that failed."""
    method = METHODS.get(name)
    if method is None:
        raise ControlError(
            code="method_is_unknown",
            message="The server does not know this method; it may be of another version. Restart it.",
            details={"method": name[:100]},
        )
    try:
        return await method.function(exchange, msgspec.convert(params, method.params))
    except msgspec.ValidationError as error:
        raise ControlError(code=RefusalReason.request_is_malformed.name, message=str(error)) from error
    except RefusedError as error:
        details = details_of(error.reason, error.details)
        raise ControlError(code=error.reason.name, message=error.reason.message, details=details) from error
    except (IdentityError, JournalError, PreferencesError, ReadModelError) as error:
        raise ControlError(code="store_failed", message=str(error)) from error


async def _list_keys(exchange: Exchange, params: OneAccount) -> Result:
    keys = api_keys.list_keys(exchange, account=parse_account(params.account))
    return {"keys": [key_view(key) for key in keys]}


async def _limits(exchange: Exchange, params: LimitsParams) -> Result:
    if any((params.orders, params.reads, params.all_orders, params.all_reads)):
        return await run_change(exchange, params, change=SET_REQUEST_RATES)
    return rates_view(exchange, parse_account(params.account))


async def _list_notes(exchange: Exchange, params: OneAccount) -> Result:
    notes = await exchange.notes.list_notes(parse_account(params.account))
    return {"notes": [note_view(note) for note in notes]}


async def _list_passkeys(exchange: Exchange, params: OneAccount) -> Result:
    found = passkeys_of(exchange, account=parse_account(params.account))
    return {"passkeys": [passkey_view(passkey) for passkey in found]}


async def _list_sessions(exchange: Exchange, params: OneAccount) -> Result:
    person = exchange.people.find_person_of(parse_account(params.account))
    sessions = [] if person is None else exchange.sessions.list_sessions(person.person_id)
    return {"sessions": [session_view(session) for session in sessions]}


async def _show_risk_limits(exchange: Exchange, params: OneAccount) -> Result:
    account = parse_account(params.account)
    limits = exchange.state.limits.get((LIMITS_OF_ACCOUNT, account)) or AccountLimits()
    return {"account_id": account_id(account), **asdict(limits)}


async def _list_actions(exchange: Exchange, params: ActionsParams) -> Result:
    which = next((known for known in WHICH if known == params.which), None)
    if which is None:
        raise RefusedError(RefusalReason.field_is_invalid, field="which", allowed=", ".join(WHICH))
    limit = max(1, min(params.limit, ACTIONS_PAGE_MAX))
    page = await list_actions(exchange, which=which, before_sequence=params.cursor, limit=limit)
    return {"actions": [action_view(exchange, view) for view in page.items], "next_cursor": page.next_cursor}


async def _show_action(exchange: Exchange, params: OneAction) -> Result:
    view = await find_action(exchange, params.action_id)
    if view is None:
        raise RefusedError(RefusalReason.proposal_not_found)
    return action_view(exchange, view)


async def _approve(exchange: Exchange, params: Decision) -> Result:
    done = await approve(exchange, action_id=params.action_id, actor=HOST, reason=params.reason)
    return action_view(exchange, done.view)


async def _reject(exchange: Exchange, params: Decision) -> Result:
    view = await reject(exchange, action_id=params.action_id, actor=HOST, reason=params.reason)
    return action_view(exchange, view)


async def _finish(exchange: Exchange, params: OneAction) -> Result:
    return action_view(exchange, (await finish(exchange, action_id=params.action_id, actor=HOST)).view)


async def _show_account(exchange: Exchange, params: OneAccount) -> Result:
    account = parse_account(params.account)
    view = account_view(exchange, account)
    return view | {"positions": [position_view(position) for position in exchange.queries.positions(account)]}


async def _list_accounts(exchange: Exchange, params: AccountsPage) -> Result:
    limit = max(1, min(params.limit, ACCOUNTS_PAGE_MAX))
    behind = (number for number in exchange.state.accounts if number > params.cursor)
    page = list(islice(behind, limit))
    return {
        "accounts": [account_view(exchange, number) for number in page],
        "next_cursor": page[-1] if len(page) == limit else None,
    }


async def _show_market(exchange: Exchange, params: OneMarket) -> Result:
    return market_view(exchange, exchange.market(params.symbol))


def _problem_of(exchange: Exchange) -> str | None:
    """Return the gravest of what is wrong, with what the operator can do."""
    stored = exchange.warning or exchange.identity.problem
    return exchange.sequencer.failure or stored or exchange.checkpoints.problem or exchange.counts_warning()


async def _status(exchange: Exchange, _: NoParams) -> Result:
    state = exchange.state
    return {
        "sequence": state.sequence,
        "is_halted": state.is_halted,
        "problem": _problem_of(exchange),
        "account_count": len(state.accounts),
        "market_count": len(state.markets),
        "open_order_count": sum(order.is_open for order in state.orders.values()),
        "cash_issued": format_money(state.cash_issued_micros),
        "history_cache": _hit_rate(await exchange.queries.settled.figures()),
    }


def _hit_rate(figures: Mapping[str, int] | None) -> str | None:
    """Return what share of the reads of settled history Redis answered, by all processes."""
    if not figures:
        return None
    hits = figures.get("hits", 0)
    asked = hits + sum(figures.get(name, 0) for name in ("misses", "passed", "failures"))
    return f"{100 * hits // max(1, asked)} % of {asked}"


async def _record_export(exchange: Exchange, params: ExportedRows) -> Result:
    facts: dict[str, str | int] = {
        "first": params.first,
        "last": params.last,
        "reason": checked_reason(params.reason),
    }
    return {"sequence": await audit.record(exchange, AuditEvent.audit_exported, facts=facts)}


async def _record_key_rotation(exchange: Exchange, params: NextAuditKey) -> Result:
    facts: dict[str, str | int] = {"public_key": params.public_key, "reason": checked_reason(params.reason)}
    return {"sequence": await audit.record(exchange, AuditEvent.audit_key_rotated, facts=facts)}


async def _verify_live(exchange: Exchange, _: NoParams) -> Result:
    if exchange.sequencer.failure is not None:
        raise RefusedError(RefusalReason.journal_is_unavailable)
    live = await describe_live(exchange)
    return {
        "sequence": live.sequence,
        "state_hash": live.state_hash,
        "facts_hash": live.facts_hash,
        "projections_difference": live.difference,
    }


METHODS: Final[dict[str, Method]] = {
    "account.keys": Method(OneAccount, _list_keys),
    "account.limits": Method(LimitsParams, _limits),
    "account.show": Method(OneAccount, _show_account),
    "account.list": Method(AccountsPage, _list_accounts),
    "account.notes": Method(OneAccount, _list_notes),
    "account.passkeys": Method(OneAccount, _list_passkeys),
    "account.sessions": Method(OneAccount, _list_sessions),
    "account.show_risk_limits": Method(OneAccount, _show_risk_limits),
    "market.show": Method(OneMarket, _show_market),
    "account.export": Method(protection.ExportParams, protection.export_person),
    "account.erase": Method(protection.ErasureParams, protection.erase_person),
    "account.invite": Method(signing_in.InviteParams, signing_in.make_invitations),
    "account.revoke_invitation": Method(signing_in.RevocationParams, signing_in.take_invitation_back),
    "secrets.rotate_signing_key": Method(signing_in.RotationParams, signing_in.rotate_token_key),
    "secrets.rotate": Method(Reasoned, protection.rotate_data_key),
    "secrets.reseal": Method(NoParams, protection.reseal),
    "secrets.status": Method(NoParams, protection.show_data_keys),
    "secrets.rewrap": Method(protection.NewMasterKey, protection.rewrap_data_keys),
    "actions.list": Method(ActionsParams, _list_actions),
    "actions.show": Method(OneAction, _show_action),
    "actions.approve": Method(Decision, _approve),
    "actions.reject": Method(Decision, _reject),
    "actions.finish": Method(OneAction, _finish),
    "status": Method(NoParams, _status),
    "audit.record_export": Method(ExportedRows, _record_export),
    "audit.record_key_rotation": Method(NextAuditKey, _record_key_rotation),
    "verify.live": Method(NoParams, _verify_live),
} | {name: Method(change.params, partial(run_change, change=change)) for name, change in CHANGES.items()}
