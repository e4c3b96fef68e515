"""What operators do with accounts: open, freeze, bound, give a role, end keys and sessions, note, and cash."""

from dataclasses import asdict
from typing import Final

from waiver_exchange.application import accounts, api_keys
from waiver_exchange.application.authority import ROLES, SCOPES, reaches_beyond, role_of
from waiver_exchange.application.cancel_order import cancel_all_orders, cancel_order
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Note
from waiver_exchange.application.operating import parameters as given
from waiver_exchange.application.operating.action import Action, Doing, Ran
from waiver_exchange.application.operating.references import chosen_reference, facts_of_use
from waiver_exchange.application.passkeys import remove_all_passkeys
from waiver_exchange.application.ports import RequestRates
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.risk_limits import changed_limits, set_limits, set_role
from waiver_exchange.application.sessions import end_sessions
from waiver_exchange.domain import codes
from waiver_exchange.domain.refusals import RefusalReason

NOTE_LENGTH_MAX: Final = 2_000
# Of the request rates: what everybody has.
UNSET: Final = -1


async def _open_account(exchange: Exchange, wanted: given.NewAccount, doing: Doing) -> Ran:
    new = await accounts.create_account(
        exchange, name=wanted.name, cash_micros=wanted.cash_micros, reference=doing.reference
    )
    return Ran({"opened": new.account, "key_id": new.api_key}, told=new)


async def _make_key(exchange: Exchange, wanted: given.NewKey, _: Doing) -> Ran:
    scopes = wanted.scopes.replace(",", " ").split() or SCOPES
    new = await api_keys.create_key(exchange, account=wanted.account, name=wanted.name, scopes=scopes)
    return Ran({"key_id": new.api_key}, told=new)


async def _revoke_keys(exchange: Exchange, wanted: given.OneKey, _: Doing) -> Ran:
    if wanted.key_id:
        key = await api_keys.revoke_key(exchange, account=wanted.account, key_id=wanted.key_id)
        return Ran({"revoked": 1}, told=key)
    usable = [key for key in api_keys.list_keys(exchange, account=wanted.account) if key.is_usable]
    for key in usable:
        await api_keys.revoke_key(exchange, account=wanted.account, key_id=key.key_id)
    return Ran({"revoked": len(usable)})


async def _set_request_rates(exchange: Exchange, wanted: given.Rates, _: Doing) -> Ran:
    _known(exchange, wanted.account)
    before = exchange.identity.find_rates(wanted.account) or RequestRates()
    rates = {name: rate for name in RequestRates._fields if (rate := getattr(wanted, name)) is not None}
    changed = before._replace(**{name: None if rate == UNSET else rate for name, rate in rates.items()})
    await exchange.identity.set_rates(account=wanted.account, rates=changed)
    return Ran()


async def _freeze(exchange: Exchange, wanted: given.OneAccount, _: Doing) -> Ran:
    await accounts.halt_account(exchange, account=wanted.account)
    return Ran()


async def _unfreeze(exchange: Exchange, wanted: given.OneAccount, _: Doing) -> Ran:
    await accounts.resume_account(exchange, account=wanted.account)
    return Ran()


async def _set_role(exchange: Exchange, wanted: given.Role, _: Doing) -> Ran:
    await set_role(exchange, account=wanted.account, role=_role_of(wanted.role))
    return Ran()


def _role_of(name: str) -> int:
    role = ROLES.get(name)
    if role is None:
        raise RefusedError(RefusalReason.field_is_invalid, field="role", allowed=", ".join(ROLES))
    return role


async def _remove_passkeys(exchange: Exchange, wanted: given.OneAccount, doing: Doing) -> Ran:
    removed = await remove_all_passkeys(exchange, account=wanted.account, actor=doing.actor)
    return Ran({"removed": len(removed)})


async def _set_limits(exchange: Exchange, wanted: given.LimitsOfAccount, _: Doing) -> Ran:
    _known(exchange, wanted.account)
    await _change_limits(exchange, scope=codes.LIMITS_OF_ACCOUNT, number=wanted.account, wanted=wanted)
    return Ran()


async def _set_role_limits(exchange: Exchange, wanted: given.LimitsOfRole, _: Doing) -> Ran:
    await _change_limits(exchange, scope=codes.LIMITS_OF_ROLE, number=_role_of(wanted.role), wanted=wanted)
    return Ran()


async def _change_limits(exchange: Exchange, *, scope: int, number: int, wanted: given.SomeLimits) -> None:
    # Only now: what was set since the action was asked for stays.
    limits = changed_limits(exchange, scope=scope, number=number, changes=asdict(wanted))
    await set_limits(exchange, scope=scope, number=number, limits=limits)


async def _revoke_sessions(exchange: Exchange, wanted: given.OneSession, doing: Doing) -> Ran:
    _known(exchange, wanted.account)
    ended = await end_sessions(exchange, account=wanted.account, session_id=wanted.session_id, actor=doing.actor)
    return Ran({"revoked": ended})


async def _add_note(exchange: Exchange, wanted: given.NewNote, doing: Doing) -> Ran:
    _known(exchange, wanted.account)
    if not 0 < len(wanted.text) <= NOTE_LENGTH_MAX or not wanted.text.replace("\n", "").isprintable():
        raise RefusedError(RefusalReason.field_is_invalid, field="text")
    note = Note(
        note_id=doing.action_id,
        account=wanted.account,
        author=doing.actor,
        created_at_ns=exchange.clock.now_ns(),
        text=wanted.text,
    )
    if all(known.note_id != note.note_id for known in await exchange.notes.list_notes(wanted.account)):
        await exchange.notes.add_note(note)
    return Ran({"note_id": note.note_id})


async def _deposit_cash(exchange: Exchange, wanted: given.Deposit, doing: Doing) -> Ran:
    reference = chosen_reference(wanted.reference, doing)
    outcome = await accounts.deposit_cash(
        exchange, account=wanted.account, amount_micros=wanted.amount_micros, reference=reference
    )
    return Ran(facts_of_use(exchange, outcome, doing))


async def _cancel_order(exchange: Exchange, wanted: given.OneOrder, _: Doing) -> Ran:
    order = await exchange.queries.order_of_anybody(wanted.order_id)
    if order is None:
        raise RefusedError(RefusalReason.order_not_found)
    await cancel_order(exchange, account=order.account, order_id=wanted.order_id, by_operator=True)
    return Ran({"cancelled": 1, "owner": order.account})


async def _cancel_orders(exchange: Exchange, wanted: given.OpenOrders, _: Doing) -> Ran:
    _known(exchange, wanted.account)
    done = await cancel_all_orders(exchange, account=wanted.account, symbol=wanted.symbol or None, by_operator=True)
    return Ran({"cancelled": len(done.some()), "failed": len(done.failed)}, told=done)


def _issues_cash(_: Exchange, wanted: given.NewAccount) -> bool:
    return wanted.cash_micros != 0


def _reaches_beyond(exchange: Exchange, wanted: given.OneAccount) -> bool:
    return reaches_beyond(role_of(exchange, wanted.account))


def _changes_authority(exchange: Exchange, wanted: given.Role) -> bool:
    return reaches_beyond(role_of(exchange, wanted.account)) or reaches_beyond(ROLES.get(wanted.role, 0))


def _known(exchange: Exchange, account: int) -> None:
    if account not in exchange.state.accounts:
        raise RefusedError(RefusalReason.account_not_found)


ACCOUNT_ACTIONS: Final = (
    Action(
        name="open_account",
        parameters=given.NewAccount,
        run=_open_account,
        matters=_issues_cash,
        unkept=frozenset({"name"}),
    ),
    Action(name="make_key", parameters=given.NewKey, run=_make_key, unkept=frozenset({"name"})),
    Action(name="revoke_keys", parameters=given.OneKey, run=_revoke_keys),
    Action(name="set_request_rates", parameters=given.Rates, run=_set_request_rates, gives=True),
    Action(name="freeze_account", parameters=given.OneAccount, run=_freeze),
    Action(name="unfreeze_account", parameters=given.OneAccount, run=_unfreeze, matters=_reaches_beyond),
    Action(name="set_role", parameters=given.Role, run=_set_role, gives=True, matters=_changes_authority),
    Action(name="set_limits", parameters=given.LimitsOfAccount, run=_set_limits, gives=True),
    Action(name="set_role_limits", parameters=given.LimitsOfRole, run=_set_role_limits, gives=True),
    Action(name="revoke_sessions", parameters=given.OneSession, run=_revoke_sessions),
    Action(name="add_note", parameters=given.NewNote, run=_add_note, unkept=frozenset({"text"})),
    Action(name="remove_passkeys", parameters=given.OneAccount, run=_remove_passkeys, matters=_reaches_beyond),
    Action(name="deposit_cash", parameters=given.Deposit, run=_deposit_cash, gives=True),
    Action(name="cancel_order", parameters=given.OneOrder, run=_cancel_order),
    Action(name="cancel_orders", parameters=given.OpenOrders, run=_cancel_orders),
)
