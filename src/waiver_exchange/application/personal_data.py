"""What the exchange knows of a person: given to that person as one document, and forgotten when asked to.

Trading facts belong to the books and stay under the account's id, which says nothing of who it was.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from waiver_exchange.application import audit
from waiver_exchange.application.accounts import halt_account
from waiver_exchange.application.audit_facts import decode_facts
from waiver_exchange.application.cancel_order import cancel_all_orders
from waiver_exchange.application.command_keys import reference_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Invitation, Passkey, Person, Session
from waiver_exchange.application.personal_data_ports import Erasure
from waiver_exchange.application.ports import ApiKey, IdentityError, JournalError, PreferencesError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.selections import AuditSelection
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.domain.events import AccountOpened, decode_events
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.money import format_money, format_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.audit_trail import AuditView

Document = dict[str, object]
# Where the trading facts are, which are many and come in pages.
_TRADING_ROUTES: Final = ("/api/v1/orders", "/api/v1/fills", "/api/v1/ledger")
_FROZEN: Final = "frozen"
_ERASURES_AT_ONCE: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


async def export_person(exchange: Exchange, *, account: int, actor: int = 0, reason: str = "") -> Document:
    """Return all that is kept of the person of an account, as JSON values, and journal that it was taken.

    With a reason, as the host has to give one, each time; for the person itself, who needs none, once an hour.

    Raises `RefusedError`: no such account, or it was erased. Raises `IdentityError`, `PreferencesError`.
    """
    _check_account(exchange, account)
    if exchange.erasures.find_erasure(account) is not None:
        raise RefusedError(RefusalReason.account_is_erased)
    document = await _document_of(exchange, account=account)
    event = AuditEvent.data_exported
    if reason:
        await audit.record(exchange, event, account=account, actor=actor, facts={"reason": reason})
    else:
        await audit.record_hourly(exchange, event, what="person", account=account, actor=actor, facts={})
    return document


async def erase_person(exchange: Exchange, *, account: int, actor: int = 0, reason: str = "") -> Erasure:
    """Forget the person of an account for good: rows and their bytes; the trading facts stay under the account.

    First what opens the account ends, then trading, then the rows go. Begun, it is brought to its end after whatever
    happens (`resume_erasures`); the same again changes nothing. `reason` is journaled. Raises `RefusedError`,
    `IdentityError`, `PreferencesError`.
    """
    _check_account(exchange, account)
    if account == HOUSE_ACCOUNT:
        raise RefusedError(RefusalReason.house_cannot_be_erased)
    # Nobody makes a key between the beginning and the removal of the keys.
    async with exchange.making_key:
        person = await _person_of(exchange, account)
        begun = await exchange.erasures.begin_erasure(
            account,
            person_id=person.person_id if person is not None else "",
            at_ns=exchange.clock.now_ns(),
            was_frozen=exchange.state.accounts[account].is_halted,
        )
    if begun.finished_at_ns:
        return begun
    await _journal(exchange, begun, actor=actor, reason=reason)
    return await _go_on(exchange, begun)


async def remember_erasures(exchange: Exchange) -> None:
    """Mark again who was erased according to the journal, where the names and keys are lost or of an older backup.

    Who came back with a backup is forgotten anew by `resume_erasures`. Raises `IdentityError`, `ReadModelError`.
    """
    chosen = AuditSelection(event=int(AuditEvent.person_erased), is_ascending=True)
    cursor: int | None = None
    while True:
        page = await exchange.queries.audit_page(chosen, cursor=cursor, limit=_ERASURES_AT_ONCE)
        for event in page.items:
            if exchange.erasures.find_erasure(event.account) is None:
                await _remember_erasure(exchange, event)
        cursor = page.next_cursor
        if cursor is None:
            return


async def _remember_erasure(exchange: Exchange, event: AuditView) -> None:
    account = event.account
    person = exchange.people.find_person_of(account)
    await exchange.erasures.begin_erasure(
        account,
        person_id=person.person_id if person is not None else "",
        at_ns=event.time_ns,
        was_frozen=_FROZEN in decode_facts(event.facts),
    )
    is_back = person is not None or exchange.identity.find_name(account) is not None
    if not is_back and not exchange.identity.list_keys(account):
        await exchange.erasures.finish_erasure(account, at_ns=event.time_ns)


async def resume_erasures(exchange: Exchange) -> None:
    """Bring erasures that a crash cut short to their end; one that fails is logged and tried at the next start."""
    for erasure in exchange.erasures.list_erasures():
        if erasure.finished_at_ns:
            continue
        try:
            await _journal(exchange, erasure, actor=0, reason="")
            await _go_on(exchange, erasure)
        except (IdentityError, JournalError, PreferencesError, RefusedError):
            account = to_uuid(IdKind.account, erasure.account)
            _log.exception(
                "the person of account %s is not forgotten yet; it is tried again at the next start", account
            )


async def _journal(exchange: Exchange, erasure: Erasure, *, actor: int, reason: str) -> None:
    """Journal an erasure once; whoever asked first is the one who is named."""
    facts: dict[str, str | int] = {"reason": reason} if reason else {}
    if erasure.was_frozen:
        facts[_FROZEN] = 1
    key = f"{erasure.account} {erasure.started_at_ns}"
    try:
        await audit.record(
            exchange, AuditEvent.person_erased, account=erasure.account, actor=actor, facts=facts, key=key
        )
    except RefusedError as refused:
        if refused.reason is not RefusalReason.reference_used_with_other_content:
            raise


async def _go_on(exchange: Exchange, erasure: Erasure) -> Erasure:
    """Do every step, each of which may have been done before."""
    account = erasure.account
    await exchange.sessions.revoke_sessions(erasure.person_id, at_ns=exchange.clock.now_ns())
    if not exchange.state.accounts[account].is_halted:
        await halt_account(exchange, account=account)
    cancelled = await cancel_all_orders(exchange, account=account)
    if cancelled.failed:
        raise cancelled.failed[0].error
    await exchange.preferences.forget(account)
    await exchange.erasures.remove_person(account)
    return await exchange.erasures.finish_erasure(account, at_ns=exchange.clock.now_ns())


async def _person_of(exchange: Exchange, account: int) -> Person | None:
    """Return the person of an account, also of one that a crash left opened and not linked. Raises `RefusedError`."""
    linked = exchange.people.find_person_of(account)
    if linked is not None:
        return linked
    unlinked = {_opening_key(person): person for person in exchange.people.list_people() if not person.account}
    try:
        opened = await exchange.journal.find(list(unlinked)) if unlinked else {}
    except JournalError as error:
        raise RefusedError(RefusalReason.journal_is_unavailable) from error
    events = {key: next(iter(decode_events(row.events))) for key, row in opened.items()}
    key = next((key for key, event in events.items() if event == AccountOpened(account=account)), None)
    return None if key is None else unlinked[key]


def _opening_key(person: Person) -> bytes:
    # A first sign-in opens an account under the person's id, before it links both.
    return reference_key("account", 0, person.person_id)


def _check_account(exchange: Exchange, account: int) -> None:
    if account not in exchange.state.accounts:
        raise RefusedError(RefusalReason.account_not_found)


async def _document_of(exchange: Exchange, *, account: int) -> Document:
    person = await _person_of(exchange, account)
    person_id = person.person_id if person is not None else ""
    view = exchange.state.accounts[account]
    return {
        "exported_at": _time(exchange.clock.now_ns()),
        "account": {
            "account_id": str(to_uuid(IdKind.account, account)),
            "name": exchange.identity.find_name(account),
            "opened_at": _time(view.opened_at_ns),
            "is_halted": view.is_halted,
            "settings": msgspec.to_builtins(exchange.preferences.find_settings(account)),
            "request_limits": msgspec.to_builtins(exchange.identity.find_rates(account)),
        },
        "profile": None
        if person is None
        else {
            "person_id": person.person_id,
            "display_name": person.display_name,
            "email": person.email,
            "created_at": _time(person.created_at_ns),
        },
        "logins": [
            {
                "provider": login.provider,
                "issuer": login.issuer,
                "subject": login.subject,
                "created_at": _time(login.created_at_ns),
            }
            for login in await exchange.people.list_logins(person_id)
        ],
        "sessions": [_session(session) for session in exchange.sessions.list_sessions(person_id)],
        "passkeys": [_passkey(passkey) for passkey in exchange.passkeys.list_passkeys(person_id)],
        "api_keys": [_key(key) for key in exchange.identity.list_keys(account)],
        "invitations": [
            _invitation(invitation)
            for invitation in exchange.invitations.list_invitations()
            if account == invitation.made_by or (person_id and invitation.used_by == person_id)
        ],
        "notes": [
            {"created_at": _time(note.created_at_ns), "text": note.text}
            for note in await exchange.notes.list_notes(account)
        ],
        "watchlists": [
            {"name": watchlist.name, "symbols": list(watchlist.symbols)}
            for watchlist in await exchange.preferences.list_watchlists(account)
        ],
        "trading": _trading(exchange, account=account),
    }


def _trading(exchange: Exchange, *, account: int) -> Document:
    summary = exchange.queries.account_summary(account)
    return {
        "cash": format_money(summary.cash_micros) if summary is not None else None,
        "positions": [
            {"symbol": position.symbol, "quantity": format_quantity(position.quantity_units)}
            for position in exchange.queries.positions(account)
        ],
        "more": list(_TRADING_ROUTES),
    }


def _session(session: Session) -> Document:
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


def _passkey(passkey: Passkey) -> Document:
    return {
        "name": passkey.name,
        "transports": list(passkey.transports),
        "created_at": _time(passkey.created_at_ns),
        "last_used_at": _time(passkey.last_used_at_ns),
    }


def _key(key: ApiKey) -> Document:
    return {
        "id": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": _time(key.created_at_ns),
        "last_used_at": _time(key.last_used_at_ns),
        "revoked_at": _time(key.revoked_at_ns),
    }


def _invitation(invitation: Invitation) -> Document:
    return {
        "id": invitation.invitation_id,
        "created_at": _time(invitation.created_at_ns),
        "expires_at": _time(invitation.expires_at_ns),
        "used_at": _time(invitation.used_at_ns),
        "revoked_at": _time(invitation.revoked_at_ns),
    }


def _time(time_ns: int) -> str | None:
    if not time_ns:
        return None
    return (_EPOCH + timedelta(microseconds=time_ns // 1_000)).isoformat().replace("+00:00", "Z")
