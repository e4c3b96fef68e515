"""An account's API keys: make, list, name, revoke. The secret is shown once; only its hash is kept."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from waiver_exchange.application import audit
from waiver_exchange.application.authority import AUDIT, KEY_SCOPES, SCOPES
from waiver_exchange.application.command_keys import end_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import ApiKey
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.step_up import require_step_up
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.refusals import RefusalReason

if TYPE_CHECKING:
    from waiver_exchange.application.access import Caller

KEYS_MAX: Final = 50
KEY_NAME_LENGTH_MAX: Final = 64
_KEY_BYTES: Final = 10
_SECRET_BYTES: Final = 32
_KEY_SCOPES: Final = frozenset(KEY_SCOPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """An account's new key; the secret is shown this once and kept nowhere."""

    account: int
    api_key: str
    api_secret: str
    key: ApiKey


async def create_key(
    exchange: Exchange,
    *,
    account: int,
    name: str = "",
    scopes: Iterable[str] = SCOPES,
    may: frozenset[str] = _KEY_SCOPES,
    actor: int | None = None,
) -> NewKey:
    """Make one more API key for an account; the others stay valid.

    `may` is what the asking key has: nobody gives away more than he was given. What an account does to its own keys is
    journaled as an event of the `actor`; what the host does is journaled as an action already. Raises `RefusedError`.
    """
    if account not in exchange.state.accounts:
        raise RefusedError(RefusalReason.account_not_found)
    wanted = _checked_scopes(scopes)
    if not wanted <= may:
        raise RefusedError(RefusalReason.scope_is_missing, scope=min(wanted - may))
    _check_name(name)
    async with exchange.making_key:
        if exchange.erasures.find_erasure(account) is not None:
            raise RefusedError(RefusalReason.account_is_erased)
        if sum(key.is_usable for key in exchange.identity.list_keys(account)) >= KEYS_MAX:
            raise RefusedError(RefusalReason.too_many_keys, limit=KEYS_MAX)
        secret = base64.urlsafe_b64encode(exchange.draw_bytes(_SECRET_BYTES)).decode().rstrip("=")
        key = ApiKey(
            key_id="WX" + base64.b32encode(exchange.draw_bytes(_KEY_BYTES)).decode(),
            account=account,
            # A random secret of 256 bits needs no slow hash: nobody can try them all.
            secret_hash=sha256(secret.encode()).digest(),
            created_at_ns=exchange.clock.now_ns(),
            name=name,
            scopes=wanted,
        )
        await exchange.identity.add_key(key)
    await _record(exchange, AuditEvent.key_made, key, actor=actor)
    return NewKey(account=account, api_key=key.key_id, api_secret=secret, key=key)


async def create_own_key(
    exchange: Exchange, caller: "Caller", *, name: str = "", scopes: Iterable[str] | None = None
) -> NewKey:
    """Make a key for who asks; without `scopes` it may what he may, except audit. Raises `RefusedError`.

    A key outlives the session that it was made in. So whoever has a passkey shows it first, and a key that audits takes
    one in any case: who stole a session cannot make himself a key to stay.
    """
    may = caller.scopes
    wanted = _checked_scopes(may.intersection(SCOPES) if scopes is None else scopes)
    if wanted <= may:
        _check_confirmed(exchange, caller, wanted)
    return await create_key(exchange, account=caller.account, name=name, scopes=wanted, may=may, actor=caller.account)


def list_keys(exchange: Exchange, *, account: int) -> list[ApiKey]:
    """Return an account's keys, also the revoked ones, oldest first. Raises `RefusedError`."""
    if account not in exchange.state.accounts:
        raise RefusedError(RefusalReason.account_not_found)
    return exchange.identity.list_keys(account)


async def rename_key(exchange: Exchange, *, account: int, key_id: str, name: str, actor: int) -> ApiKey:
    """Give an account's key another name, which the journal never holds. Raises `RefusedError`."""
    _check_name(name)
    key = _own_key(exchange, account=account, key_id=key_id)
    # First, since nothing could tell later that it was: a name says not what it was before.
    await _record(exchange, AuditEvent.key_renamed, key, actor=actor)
    return await exchange.identity.rename_key(key_id, name=name)


async def revoke_key(exchange: Exchange, *, account: int, key_id: str, actor: int | None = None) -> ApiKey:
    """End an account's key and every token made with it, at once; again it changes nothing.

    It ends also when that cannot be journaled; then it is refused, and asked again it is journaled. Raises
    `RefusedError`.
    """
    key = _own_key(exchange, account=account, key_id=key_id)
    if key.is_usable:
        key = await exchange.identity.revoke_key(key_id, at_ns=exchange.clock.now_ns())
    if actor is not None:
        await audit.record_end(
            exchange,
            AuditEvent.key_revoked,
            key=end_key("api_key", key_id),
            account=account,
            actor=actor,
            facts=_facts_of(key),
        )
    return key


async def revoke_keys(exchange: Exchange, *, account: int, actor: int) -> int:
    """End all of an account's keys at once and return how many. Raises `RefusedError`, `IdentityError`."""
    usable = [key for key in exchange.identity.list_keys(account) if key.is_usable]
    for key in usable:
        await revoke_key(exchange, account=account, key_id=key.key_id, actor=actor)
    return len(usable)


def _check_confirmed(exchange: Exchange, caller: "Caller", wanted: frozenset[str]) -> None:
    session = exchange.sessions.find_session(caller.session_id) if caller.session_id else None
    has_passkey = session is not None and bool(exchange.passkeys.list_passkeys(session.person_id))
    if has_passkey or AUDIT in wanted:
        require_step_up(exchange, caller)


async def _record(exchange: Exchange, event: AuditEvent, key: ApiKey, *, actor: int | None) -> None:
    if actor is not None:
        await audit.record(exchange, event, account=key.account, actor=actor, facts=_facts_of(key))


def _facts_of(key: ApiKey) -> dict[str, str | int]:
    return {"key": key.key_id, "scopes": " ".join(sorted(key.scopes))}


def _own_key(exchange: Exchange, *, account: int, key_id: str) -> ApiKey:
    found = next((key for key in exchange.identity.list_keys(account) if key.key_id == key_id), None)
    if found is None:
        raise RefusedError(RefusalReason.key_not_found)
    return found


def _checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(scopes)
    if not wanted or not wanted <= _KEY_SCOPES:
        raise RefusedError(RefusalReason.field_is_invalid, field="scopes", allowed=", ".join(KEY_SCOPES))
    return wanted


def _check_name(name: str) -> None:
    if len(name) > KEY_NAME_LENGTH_MAX or not name.isprintable():
        raise RefusedError(RefusalReason.field_is_invalid, field="name")
