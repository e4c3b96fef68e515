"""Accounts and their cash: open, fund, halt."""

from waiver_exchange.application.api_keys import NewKey, create_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import check_reference
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.commands import DepositCash, HaltAccount, OpenAccount, ResumeAccount
from waiver_exchange.domain.events import AccountOpened
from waiver_exchange.domain.ids import IdKind, to_uuid
from waiver_exchange.domain.limits import ACCOUNT_NAME_LENGTH_MAX, CASH_MICROS_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import AccountView


async def open_account(exchange: Exchange, *, reference: str = "") -> int:
    """Open an account and return its number; the same reference twice is one account. Raises `RefusedError`."""
    check_reference(reference)
    event = (await exchange.sequencer.submit(OpenAccount(reference=reference))).first_event()
    if not isinstance(event, AccountOpened):
        message = f"opening an account led to {type(event).__name__}"
        raise TypeError(message)
    # A repetition finds the account of somebody who was forgotten since.
    if exchange.erasures.find_erasure(event.account) is not None:
        raise RefusedError(RefusalReason.account_is_erased)
    return event.account


async def create_account(exchange: Exchange, *, name: str, cash_micros: int = 0, reference: str = "") -> NewKey:
    """Open an account with an API key and, if wanted, cash; the same reference twice is one account.

    Then it is given one more key, because the secret of the first one is kept nowhere. Raises `RefusedError`.
    """
    if not 0 < len(name) <= ACCOUNT_NAME_LENGTH_MAX or not name.isprintable():
        raise RefusedError(RefusalReason.field_is_invalid, field="name")
    if cash_micros < 0:
        raise RefusedError(RefusalReason.amount_must_be_positive)
    # Looked at before the account exists: a refusal leaves nothing behind.
    if cash_micros > CASH_MICROS_MAX - exchange.state.cash_issued_micros:
        raise RefusedError(RefusalReason.cash_issued_would_be_too_large)
    account = await open_account(exchange, reference=reference)
    opened_at_ns = exchange.state.accounts[account].opened_at_ns
    if exchange.identity.find_name(account) is None:
        await exchange.identity.add_account(account=account, name=name, opened_at_ns=opened_at_ns)
    new = await create_key(exchange, account=account)
    # Last: should the key not be kept, no cash was issued to an account that nobody can use.
    if cash_micros:
        reference = f"opening of {to_uuid(IdKind.account, account)}"
        await deposit_cash(exchange, account=account, amount_micros=cash_micros, reference=reference)
    return new


async def deposit_cash(exchange: Exchange, *, account: int, amount_micros: int, reference: str) -> Outcome:
    """Issue cash to an account; the same reference twice is one deposit, and says so. Raises `RefusedError`."""
    check_reference(reference, is_required=True)
    command = DepositCash(account=account, amount_micros=amount_micros, reference=reference)
    outcome = await exchange.sequencer.submit(command)
    outcome.first_event()
    return outcome


async def halt_account(exchange: Exchange, *, account: int) -> AccountView:
    """Stop an account's new orders. Raises `RefusedError`."""
    (await exchange.sequencer.submit(HaltAccount(account=account))).first_event()
    return exchange.state.accounts[account]


async def resume_account(exchange: Exchange, *, account: int) -> AccountView:
    """Let an account place orders again. Raises `RefusedError`."""
    (await exchange.sequencer.submit(ResumeAccount(account=account))).first_event()
    return exchange.state.accounts[account]
