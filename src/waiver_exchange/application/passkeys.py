"""A person's passkeys (WebAuthn level 3): add, list, rename, remove, and step up a session by showing one.

Every ceremony is bound to one session by its challenge, to this site by the host and origin of the public URL, and to
a person by user verification: a stolen token, another page, or a device that anybody may touch is not enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from waiver_exchange.application import audit
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Passkey, Session
from waiver_exchange.application.passkey_challenges import CHALLENGE_BYTES, CHALLENGE_SECONDS, Purpose
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.step_up import require_confirmed, require_step_up, session_of
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.refusals import RefusalReason

if TYPE_CHECKING:
    from waiver_exchange.application.access import Caller

PASSKEYS_MAX: Final = 20
PASSKEY_NAME_LENGTH_MAX: Final = 64
RP_NAME: Final = "Waiver Exchange"
_FINGERPRINT_LENGTH: Final = 16
_TRANSPORTS: Final = frozenset(transport.value for transport in AuthenticatorTransport)
_USER_VERIFICATION: Final = UserVerificationRequirement.REQUIRED
# What a made-up answer can break inside the library; all of it means that the answer proves nothing.
_UNPROVEN: Final = (
    WebAuthnException,
    UnsupportedAlgorithm,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """Whom passkeys are made for: the host of the public URL, and the origin whose pages may use them."""

    rp_id: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> "RelyingParty":
        """Return the relying party of a public URL, such as https://exchange.example."""
        parts = urlsplit(public_url)
        return cls(rp_id=parts.hostname or "", origin=f"{parts.scheme}://{parts.netloc}".lower())


def fingerprint_of(passkey: Passkey) -> str:
    """Return what stands for a passkey in the audit trail."""
    return sha256(passkey.credential_id).hexdigest()[:_FINGERPRINT_LENGTH]


def id_of(passkey: Passkey) -> str:
    """Return a passkey's id as browsers write it."""
    return bytes_to_base64url(passkey.credential_id)


def list_passkeys(exchange: Exchange, caller: "Caller") -> list[Passkey]:
    """Return the passkeys of the caller's person, oldest first. Raises `RefusedError`."""
    return exchange.passkeys.list_passkeys(session_of(exchange, caller).person_id)


def begin_registration(exchange: Exchange, caller: "Caller", *, party: RelyingParty) -> Json:
    """Return the options for `navigator.credentials.create`. Raises `RefusedError`.

    A first passkey takes a sign-in of the last ten minutes, one more takes a step-up.
    """
    session = require_confirmed(exchange, caller)
    known = exchange.passkeys.list_passkeys(session.person_id)
    _check_room(known)
    person = exchange.people.find_person(session.person_id)
    name = (person.display_name or person.email) if person is not None else ""
    options = generate_registration_options(
        rp_id=party.rp_id,
        rp_name=RP_NAME,
        user_id=session.person_id.encode(),
        user_name=name or session.person_id,
        challenge=_new_challenge(exchange, session, Purpose.registration),
        timeout=CHALLENGE_SECONDS * 1000,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=_USER_VERIFICATION
        ),
        exclude_credentials=[_described(passkey) for passkey in known],
    )
    return options_to_json_dict(options)


async def finish_registration(
    exchange: Exchange, caller: "Caller", *, party: RelyingParty, credential: Mapping[str, Any], name: str
) -> Passkey:
    """Keep the passkey that a browser made, and return it. Raises `RefusedError`."""
    _check_name(name)
    session = require_confirmed(exchange, caller)
    _check_room(exchange.passkeys.list_passkeys(session.person_id))
    challenge = _spend_challenge(exchange, session, Purpose.registration)
    try:
        made = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _UNPROVEN as error:
        raise _wrong(exchange, session, "registration") from error
    passkey = Passkey(
        credential_id=made.credential_id,
        person_id=session.person_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=name,
        transports=_transports_of(credential),
        is_backed_up=made.credential_backed_up,
        created_at_ns=exchange.clock.now_ns(),
    )
    if exchange.passkeys.find_passkey(passkey.credential_id) is not None:
        raise _wrong(exchange, session, "known")
    await _record(exchange, AuditEvent.passkey_added, session.account, passkey, actor=session.account)
    if not await exchange.passkeys.add_passkey(passkey):
        raise _wrong(exchange, session, "known")
    return passkey


def begin_step_up(exchange: Exchange, caller: "Caller", *, party: RelyingParty) -> Json:
    """Return the options for `navigator.credentials.get`. Raises `RefusedError`."""
    session = session_of(exchange, caller)
    known = exchange.passkeys.list_passkeys(session.person_id)
    if not known:
        raise RefusedError(RefusalReason.passkey_not_found)
    options = generate_authentication_options(
        rp_id=party.rp_id,
        challenge=_new_challenge(exchange, session, Purpose.step_up),
        timeout=CHALLENGE_SECONDS * 1000,
        allow_credentials=[_described(passkey) for passkey in known],
        user_verification=_USER_VERIFICATION,
    )
    return options_to_json_dict(options)


async def finish_step_up(
    exchange: Exchange, caller: "Caller", *, party: RelyingParty, credential: Mapping[str, Any]
) -> Session:
    """Step up the caller's session for ten minutes and return it. Raises `RefusedError`."""
    session = session_of(exchange, caller)
    challenge = _spend_challenge(exchange, session, Purpose.step_up)
    passkey = _shown(exchange, credential)
    if passkey is None or passkey.person_id != session.person_id:
        raise _wrong(exchange, session, "unknown")
    try:
        shown = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # the counter is looked at below, once the signature is proved
            require_user_verification=True,
        )
    except _UNPROVEN as error:
        raise _wrong(exchange, session, "signature") from error
    # A counter that does not grow tells of a copy of the passkey; those that do not count say 0 for ever.
    if (shown.new_sign_count or passkey.sign_count) and shown.new_sign_count <= passkey.sign_count:
        raise _wrong(exchange, session, "counter")
    now_ns = exchange.clock.now_ns()
    # In this order: what was not journaled opens nothing.
    await exchange.passkeys.note_passkey_use(passkey.credential_id, sign_count=shown.new_sign_count, at_ns=now_ns)
    await _record(exchange, AuditEvent.stepped_up, session.account, passkey, actor=session.account)
    return await exchange.sessions.mark_stepped_up(session.session_id, at_ns=now_ns)


async def rename_passkey(exchange: Exchange, caller: "Caller", *, passkey_id: str, name: str) -> Passkey:
    """Give a passkey of the caller's person another name. Raises `RefusedError`."""
    _check_name(name)
    passkey = _own(exchange, session_of(exchange, caller), passkey_id)
    return await exchange.passkeys.rename_passkey(passkey.credential_id, name=name)


async def remove_passkey(exchange: Exchange, caller: "Caller", *, passkey_id: str) -> Passkey:
    """Forget a passkey of the caller's person, who has stepped up, and return it. Raises `RefusedError`."""
    session = require_step_up(exchange, caller)
    passkey = _own(exchange, session, passkey_id)
    await _record(exchange, AuditEvent.passkey_removed, session.account, passkey, actor=session.account)
    await exchange.passkeys.remove_passkey(passkey.credential_id)
    return passkey


def passkeys_of(exchange: Exchange, *, account: int) -> list[Passkey]:
    """Return the passkeys of an account's person, for an operator. Raises `RefusedError`."""
    if account not in exchange.state.accounts:
        raise RefusedError(RefusalReason.account_not_found)
    person = exchange.people.find_person_of(account)
    return [] if person is None else exchange.passkeys.list_passkeys(person.person_id)


async def remove_all_passkeys(exchange: Exchange, *, account: int, actor: int = 0) -> list[Passkey]:
    """Forget all passkeys of an account's person, for an operator when a device is lost, and return them.

    All sessions end too: without a passkey, a sign-in alone adds the next one. Raises `RefusedError`.
    """
    removed = passkeys_of(exchange, account=account)
    for passkey in removed:
        await _record(exchange, AuditEvent.passkey_removed, account, passkey, actor=actor)
        await exchange.passkeys.remove_passkey(passkey.credential_id)
    if removed:
        await exchange.sessions.revoke_sessions(removed[0].person_id, at_ns=exchange.clock.now_ns())
    return removed


def _new_challenge(exchange: Exchange, session: Session, purpose: Purpose) -> bytes:
    challenge = exchange.draw_bytes(CHALLENGE_BYTES)
    exchange.challenges.give(session.session_id, purpose, challenge=challenge, now_ns=exchange.clock.now_ns())
    return challenge


def _spend_challenge(exchange: Exchange, session: Session, purpose: Purpose) -> bytes:
    challenge = exchange.challenges.take(session.session_id, purpose, now_ns=exchange.clock.now_ns())
    if challenge is None:
        raise _wrong(exchange, session, "challenge")
    return challenge


def _shown(exchange: Exchange, credential: Mapping[str, Any]) -> Passkey | None:
    try:
        return exchange.passkeys.find_passkey(base64url_to_bytes(credential["rawId"]))
    except _UNPROVEN:
        return None


def _own(exchange: Exchange, session: Session, passkey_id: str) -> Passkey:
    own = exchange.passkeys.list_passkeys(session.person_id)
    found = next((passkey for passkey in own if id_of(passkey) == passkey_id), None)
    if found is None:
        raise RefusedError(RefusalReason.passkey_not_found)
    return found


def _described(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(transport) for transport in passkey.transports]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports or None)


def _transports_of(credential: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ways to reach a passkey that its browser named and we know."""
    response = credential.get("response")
    named = response.get("transports") if isinstance(response, Mapping) else None
    return tuple(sorted(_TRANSPORTS.intersection(map(str, named)))) if isinstance(named, list) else ()


def _wrong(exchange: Exchange, session: Session, problem: str) -> RefusedError:
    """Return the refusal of an answer that proves nothing, and have it journaled."""
    audit.note_failure(
        exchange, AuditEvent.step_up_failed, account=session.account, credential=session.session_id, reason=problem
    )
    return RefusedError(RefusalReason.passkey_is_wrong, problem=problem)


async def _record(exchange: Exchange, event: AuditEvent, account: int, passkey: Passkey, *, actor: int) -> None:
    await audit.record(exchange, event, account=account, actor=actor, facts={"passkey": fingerprint_of(passkey)})


def _check_room(known: list[Passkey]) -> None:
    if len(known) >= PASSKEYS_MAX:
        raise RefusedError(RefusalReason.too_many_passkeys, limit=PASSKEYS_MAX)


def _check_name(name: str) -> None:
    if len(name) > PASSKEY_NAME_LENGTH_MAX or not name.isprintable():
        raise RefusedError(RefusalReason.field_is_invalid, field="name")
