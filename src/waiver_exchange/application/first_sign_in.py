"""The account of somebody who signs in: opened once, with the starting grant, however often a crash cuts it short.

The order is what makes it safe: the person first, then the account under the person's id as its reference, then the
grant under its own, then the link between both. Each step repeated finds what it did before, so that signing in again
completes what is missing and does nothing twice.
"""

from hashlib import sha256
from typing import Final

from waiver_exchange.application import audit
from waiver_exchange.application.accounts import deposit_cash, open_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.identity_ports import Invitation, Login, Person
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sign_in_ports import ProvenLogin, SignUp
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.codes import HOUSE_ACCOUNT
from waiver_exchange.domain.limits import ACCOUNT_NAME_LENGTH_MAX
from waiver_exchange.domain.refusals import RefusalReason

STARTING_GRANT: Final = "starting-grant"
_PERSON_BYTES: Final = 16
CODE_LENGTH_MAX: Final = 100


async def find_or_open(exchange: Exchange, login: ProvenLogin, *, provider: str, invitation: str = "") -> Person:
    """Return the person of a login, with an account, which is opened when the rules let a new one in.

    Raises `RefusedError`, `IdentityError`.
    """
    known = exchange.people.find_by_login(issuer=login.issuer, subject=login.subject)
    if known is not None and known.account:
        return await _with_news(exchange, known, login)
    _check_not_frozen(exchange, login)
    bound = _find_bound(exchange, known, invitation=invitation)
    if bound is not None:
        return await _take_over(exchange, bound, known, login, provider=provider)
    _check_rules(exchange, login, known, invitation=invitation)
    person = known or await exchange.people.add_person(*_newcomer(exchange, login, provider=provider))
    await _spend_invitation(exchange, person, invitation=invitation)
    is_new = not exchange.people.was_erased(issuer=login.issuer, subject=login.subject)
    account = await _open(exchange, person, is_new=is_new)
    return await exchange.people.link_account(person.person_id, account=account)


def hash_invitation(code: str) -> bytes:
    """Return what is kept of an invitation's code."""
    return sha256(code.strip().encode("utf-8", "replace")).digest()


def check_vacant(exchange: Exchange, account: int) -> None:
    """Raise `RefusedError` unless an account is there and nobody is, or was, behind it."""
    if account not in exchange.state.accounts or account == HOUSE_ACCOUNT:
        raise RefusedError(RefusalReason.account_not_found)
    if exchange.erasures.find_erasure(account) is not None:
        raise RefusedError(RefusalReason.account_is_erased)
    if exchange.people.find_person_of(account) is not None:
        raise RefusedError(RefusalReason.field_is_invalid, field="account", expected="an account without a person")


def _find_bound(exchange: Exchange, known: Person | None, *, invitation: str) -> Invitation | None:
    """Return the invitation to an account that a code is, or that a crash left spent and without its effect."""
    if known is not None:
        spent = [found for found in exchange.invitations.list_invitations() if found.used_by == known.person_id]
        if spent:
            return spent[-1] if spent[-1].account else None
    found = exchange.invitations.find_invitation(hash_invitation(invitation[:CODE_LENGTH_MAX]))
    return found if found is not None and found.account else None


async def _take_over(
    exchange: Exchange, bound: Invitation, known: Person | None, login: ProvenLogin, *, provider: str
) -> Person:
    """Join who signs in to the account that the invitation is to; it has all that it had, and no grant."""
    account = bound.account
    try:
        check_vacant(exchange, account)
    except RefusedError:
        raise RefusedError(RefusalReason.invitation_is_wrong) from None
    is_own = known is not None and bound.used_by == known.person_id
    if not is_own and (bound.used_by or bound.revoked_at_ns or exchange.clock.now_ns() >= bound.expires_at_ns):
        raise RefusedError(RefusalReason.invitation_is_wrong)
    person = known or await exchange.people.add_person(*_newcomer(exchange, login, provider=provider))
    await _spend(exchange, person, bound.code_hash)
    if exchange.identity.find_name(account) is None:
        opened_at_ns = exchange.state.accounts[account].opened_at_ns
        await exchange.identity.add_account(account=account, name=_name_of(person), opened_at_ns=opened_at_ns)
    try:
        return await exchange.people.link_account(person.person_id, account=account)
    except LookupError:  # two codes to one account, at the same time
        raise RefusedError(RefusalReason.invitation_is_wrong) from None


def _check_not_frozen(exchange: Exchange, login: ProvenLogin) -> None:
    # A freeze would be worth nothing if forgetting oneself ended it.
    if exchange.people.was_frozen(issuer=login.issuer, subject=login.subject):
        raise RefusedError(RefusalReason.account_is_halted)


def _check_rules(exchange: Exchange, login: ProvenLogin, known: Person | None, *, invitation: str) -> None:
    """Raise `RefusedError` unless the rules let a newcomer in; nothing is kept of who is not let in."""
    rules = exchange.sign_in.rules
    if rules.mode is SignUp.closed:
        raise RefusedError(RefusalReason.sign_up_is_closed)
    if rules.mode is SignUp.domains:
        _, _, domain = login.email.rpartition("@")
        if not login.is_email_verified or domain.lower() not in rules.domains:
            raise RefusedError(RefusalReason.email_domain_is_not_allowed)
    if rules.mode is SignUp.invitation and not _is_invited(exchange, known, invitation=invitation):
        raise RefusedError(RefusalReason.invitation_is_wrong)


def _is_invited(exchange: Exchange, known: Person | None, *, invitation: str) -> bool:
    """Return whether an invitation looks good; spending it decides."""
    if known is not None and _has_spent_one(exchange, known):
        return True
    found = exchange.invitations.find_invitation(hash_invitation(invitation[:CODE_LENGTH_MAX]))
    is_spent = found is not None and bool(found.used_by)
    return (
        found is not None and not is_spent and not found.revoked_at_ns and exchange.clock.now_ns() < found.expires_at_ns
    )


def _has_spent_one(exchange: Exchange, person: Person) -> bool:
    return any(found.used_by == person.person_id for found in exchange.invitations.list_invitations())


def _newcomer(exchange: Exchange, login: ProvenLogin, *, provider: str) -> tuple[Person, Login]:
    now_ns = exchange.clock.now_ns()
    person_id = exchange.draw_bytes(_PERSON_BYTES).hex()
    person = Person(person_id=person_id, display_name=login.display_name, email=login.email, created_at_ns=now_ns)
    first = Login(
        person_id=person_id, issuer=login.issuer, subject=login.subject, provider=provider, created_at_ns=now_ns
    )
    return person, first


async def _spend_invitation(exchange: Exchange, person: Person, *, invitation: str) -> None:
    if exchange.sign_in.rules.mode is not SignUp.invitation or _has_spent_one(exchange, person):
        return
    await _spend(exchange, person, hash_invitation(invitation[:CODE_LENGTH_MAX]))


async def _spend(exchange: Exchange, person: Person, code_hash: bytes) -> None:
    used = await exchange.invitations.use_invitation(
        code_hash, person_id=person.person_id, at_ns=exchange.clock.now_ns()
    )
    if used is None:
        raise RefusedError(RefusalReason.invitation_is_wrong)
    facts = {"invitation": used.invitation_id, "person": person.person_id}
    await audit.record(exchange, AuditEvent.invitation_used, facts=facts, key=used.invitation_id)


async def _open(exchange: Exchange, person: Person, *, is_new: bool) -> int:
    """Return the person's account, opened and with its grant; what was done before is not done again.

    Who was forgotten and comes back had the grant: it would be money for the asking.
    """
    account = await open_account(exchange, reference=person.person_id)
    cash_micros = exchange.sign_in.rules.starting_cash_micros
    if cash_micros and is_new:
        try:
            await deposit_cash(exchange, account=account, amount_micros=cash_micros, reference=STARTING_GRANT)
        except RefusedError as refused:
            # It was granted before the operator chose another amount.
            if refused.reason is not RefusalReason.reference_used_with_other_content:
                raise
    if exchange.identity.find_name(account) is None:
        opened_at_ns = exchange.state.accounts[account].opened_at_ns
        await exchange.identity.add_account(account=account, name=_name_of(person), opened_at_ns=opened_at_ns)
    # The key makes it one row, also when the link below is not made.
    facts = {"person": person.person_id}
    await audit.record(
        exchange, AuditEvent.account_opened, account=account, actor=account, facts=facts, key=person.person_id
    )
    return account


def _name_of(person: Person) -> str:
    name = "".join(letter for letter in person.display_name or person.email if letter.isprintable())
    return name[:ACCOUNT_NAME_LENGTH_MAX] or person.person_id


async def _with_news(exchange: Exchange, person: Person, login: ProvenLogin) -> Person:
    """Keep what the provider says of somebody now; it is for people to read and decides nothing."""
    if (person.display_name, person.email) == (login.display_name, login.email):
        return person
    return await exchange.people.change_person(person.person_id, display_name=login.display_name, email=login.email)
