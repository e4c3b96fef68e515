"""The audit trail: durable, once, free of personal data; and floods of failures that cost nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import pytest

from waiver_exchange.application import audit, audit_failures
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.audit_facts import FACTS_BYTES_MAX, decode_facts, encode_facts
from waiver_exchange.application.audit_failures import GROUPS_MAX
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import JournalRow
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.audit_events import FAILURES, AuditEvent
from waiver_exchange.domain.commands import CommandRecord, decode_command
from waiver_exchange.domain.refusals import RefusalReason


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path)) as running:
        yield running


async def audit_rows(exchange: Exchange) -> list[JournalRow]:
    while exchange.writer._queue:  # noqa: ASYNC110 - nobody tells when it is empty
        await asyncio.sleep(0)
    await exchange.writer.at_rest()
    rows = await exchange.journal.read(after=0, limit=10_000)
    return [row for row in rows if decode_command(row.command).kind == codes.RECORD_AUDIT]


async def told(exchange: Exchange) -> list[CommandRecord]:
    return [decode_command(row.command) for row in await audit_rows(exchange)]


async def test_an_event_is_durable_when_it_is_recorded(exchange: Exchange) -> None:
    ann = (await create_account(exchange, name="Ann")).account
    sequence = await audit.record(
        exchange, AuditEvent.key_made, account=ann, actor=ann, facts={"key": "k1", "scopes": "read trade", "count": 2}
    )
    (row,) = await audit_rows(exchange)
    command = decode_command(row.command)
    assert row.sequence == sequence == exchange.state.sequence
    assert (command.account, *command.words[3:]) == (ann, int(AuditEvent.key_made), ann)
    assert decode_facts(command.tail) == {"key": "k1", "scopes": "read trade", "count": 2}


async def test_an_event_with_a_key_is_recorded_once(exchange: Exchange) -> None:
    first = await audit.record(exchange, AuditEvent.checkpoint_made, facts={"row": 7}, key="7")
    again = await audit.record(exchange, AuditEvent.checkpoint_made, facts={"row": 7}, key="7")
    other = await audit.record(exchange, AuditEvent.action_done, facts={"row": 7}, key="7")
    assert first == again != other
    with pytest.raises(RefusedError) as refused:
        await audit.record(exchange, AuditEvent.checkpoint_made, facts={"row": 8}, key="7")
    assert refused.value.reason is RefusalReason.reference_used_with_other_content


@pytest.mark.parametrize(
    "value",
    ["ann@example.com", "asked by ann@example", "ann%40example.com", "192.0.2.7", "2001:db8::7", "[2001:db8::7]"],
)
async def test_personal_data_is_kept_out(exchange: Exchange, value: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await audit.record(exchange, AuditEvent.action_requested, facts={"reason": value})
    assert refused.value.reason is RefusalReason.audit_facts_look_personal
    assert await audit_rows(exchange) == []


def test_facts_are_bounded() -> None:
    room = FACTS_BYTES_MAX - len('{"reason":""}')
    assert len(encode_facts({"reason": "x" * room}).encode()) == FACTS_BYTES_MAX
    with pytest.raises(RefusedError) as refused:
        encode_facts({"reason": "x" * (room + 1)})
    assert refused.value.reason is RefusalReason.audit_facts_are_too_long


def test_facts_are_ordinary_text_and_have_names() -> None:
    assert decode_facts(encode_facts({"reason": "déjà @ 10:30", "b": 1, "a": -2})) == {
        "reason": "déjà @ 10:30",
        "b": 1,
        "a": -2,
    }
    assert encode_facts({"b": 1, "a": 2}) == encode_facts({"a": 2, "b": 1})
    with pytest.raises(ValueError, match="no name"):
        encode_facts({"E-mail": 1})
    with pytest.raises(RefusedError):
        encode_facts({"reason": "\ud800"})


async def test_the_first_failure_is_told_at_once_and_the_others_by_their_number(exchange: Exchange) -> None:
    for _ in range(1_000):
        audit.note_failure(exchange, AuditEvent.authentication_failed, reason="credentials_are_wrong")
    audit.note_failure(exchange, AuditEvent.authentication_failed, account=2, credential="k1")
    first = await told(exchange)
    assert [decode_facts(row.tail) for row in first] == [
        {"count": 1, "reason": "credentials_are_wrong"},
        {"count": 1, "credential": "k1"},
    ]
    exchange.failures.tell(exchange.sequencer)
    rows = await told(exchange)
    assert decode_facts(rows[-1].tail) == {"count": 999, "reason": "credentials_are_wrong"}
    assert len(rows) == 3


async def test_after_a_quiet_minute_the_first_failure_is_told_at_once_again(exchange: Exchange) -> None:
    audit.note_failure(exchange, AuditEvent.sign_in_failed)
    exchange.failures.tell(exchange.sequencer)
    audit.note_failure(exchange, AuditEvent.sign_in_failed)
    assert [decode_facts(row.tail) for row in await told(exchange)] == [{"count": 1}, {"count": 1}]


async def test_a_flood_over_many_credentials_fills_neither_memory_nor_journal(exchange: Exchange) -> None:
    failures = 20_000
    began = perf_counter()
    for number in range(failures):
        audit.note_failure(exchange, AuditEvent.authentication_failed, account=number, credential=f"k{number}")
    # Generous: it is some microseconds, and a row for each would be a hundred times that.
    assert perf_counter() - began < 2
    exchange.failures.tell(exchange.sequencer)
    rows = await told(exchange)
    assert len(exchange.failures.counts) <= GROUPS_MAX + len(FAILURES)
    assert len(rows) <= GROUPS_MAX + 2
    assert sum(int(decode_facts(row.tail)["count"]) for row in rows) == failures


async def test_failures_are_told_every_minute(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit_failures.TELL_SECONDS == 60
    monkeypatch.setattr("waiver_exchange.application.exchange.TELL_SECONDS", 0.01)
    teller = asyncio.create_task(exchange._tell_failures_forever())
    audit.note_failure(exchange, AuditEvent.sign_in_failed)
    audit.note_failure(exchange, AuditEvent.sign_in_failed)
    while len(await told(exchange)) < 2:  # noqa: ASYNC110 - the journal is what is looked at
        await asyncio.sleep(0.01)
    teller.cancel()
    assert exchange.failures.counts.get(audit_failures.FailureGroup(AuditEvent.sign_in_failed), 0) == 0


async def test_what_was_counted_is_told_before_the_service_stops(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running_exchange(settings) as exchange:
        for _ in range(5):
            audit.note_failure(exchange, AuditEvent.sign_in_failed)
    async with running_exchange(settings) as exchange:
        assert [decode_facts(row.tail)["count"] for row in await told(exchange)] == [1, 4]


async def test_failures_while_the_journal_is_down_are_told_later(exchange: Exchange) -> None:
    exchange.writer.failure = "disk is full"
    for _ in range(3):
        audit.note_failure(exchange, AuditEvent.sign_in_failed)
    exchange.writer.failure = None
    exchange.failures.tell(exchange.sequencer)
    assert [decode_facts(row.tail) for row in await told(exchange)] == [{"count": 3}]
