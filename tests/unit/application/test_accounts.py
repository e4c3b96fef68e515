"""Opening accounts by a reference, and audit events that happen once, on a whole exchange."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from waiver_exchange.application.accounts import create_account, open_account
from waiver_exchange.application.command_keys import audit_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.verify import describe_live
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.commands import RecordAudit
from waiver_exchange.domain.events import AuditRecorded
from waiver_exchange.domain.limits import REFERENCE_LENGTH_MAX
from waiver_exchange.domain.refusals import RefusalReason

SIGNED_IN = 1
APPROVED = 2


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path), clock=FakeClock()) as exchange:
        yield exchange


async def test_the_same_reference_is_one_account(exchange: Exchange) -> None:
    first = await open_account(exchange, reference="person-1")
    other = await open_account(exchange, reference="person-2")
    again = await open_account(exchange, reference="person-1")
    assert (again, other) == (first, first + 1)
    assert list(exchange.state.accounts) == [1, first, other]


async def test_accounts_without_a_reference_are_always_new(exchange: Exchange) -> None:
    assert await open_account(exchange) != await open_account(exchange)


@pytest.mark.parametrize("reference", ["a\nb", "x" * (REFERENCE_LENGTH_MAX + 1)])
async def test_a_reference_is_short_and_printable(exchange: Exchange, reference: str) -> None:
    with pytest.raises(RefusedError) as error:
        await open_account(exchange, reference=reference)
    assert error.value.reason is RefusalReason.field_is_invalid


async def test_a_created_account_says_when_it_was_opened(exchange: Exchange) -> None:
    account = (await create_account(exchange, name="Ann")).account
    assert exchange.state.accounts[account].opened_at_ns == exchange.clock.now_ns()


async def test_an_audit_event_is_journaled_and_shows_nowhere(exchange: Exchange) -> None:
    await open_account(exchange)
    before = (await describe_live(exchange)).state_hash
    command = RecordAudit(account=99, event=SIGNED_IN, actor=3, facts='{"session":"é"}')
    outcome = await exchange.sequencer.submit(command)
    assert list(outcome.events()) == [AuditRecorded(account=99, event=SIGNED_IN, actor=3)]
    assert outcome.row.account == 99
    assert '{"session":"é"}'.encode() in outcome.row.command
    assert exchange.state.sequence == outcome.row.sequence
    assert (await describe_live(exchange)).state_hash == before


async def test_an_audit_event_with_a_key_happens_once(exchange: Exchange) -> None:
    key = audit_key(APPROVED, "action-7")
    approval = RecordAudit(event=APPROVED, actor=3, facts='{"action":"action-7"}')
    first = await exchange.sequencer.submit(approval, key=key)
    again = await exchange.sequencer.submit(approval, key=key)
    assert (again.row, again.is_repetition) == (first.row, True)
    by_another = RecordAudit(event=APPROVED, actor=4, facts='{"action":"action-7"}')
    with pytest.raises(RefusedError) as error:
        await exchange.sequencer.submit(by_another, key=key)
    assert error.value.reason is RefusalReason.reference_used_with_other_content
    assert audit_key(SIGNED_IN, "action-7") != key
