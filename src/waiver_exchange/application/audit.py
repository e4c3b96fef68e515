"""The audit trail: security events and admin actions as rows of the journal, bound by its chain of hashes."""

from collections.abc import Mapping
from typing import Final

from waiver_exchange.application.audit_facts import Fact, encode_facts
from waiver_exchange.application.audit_failures import FailureGroup
from waiver_exchange.application.command_keys import audit_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import RecordAudit
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND
from waiver_exchange.domain.refusals import RefusalReason

_HOUR_NS: Final = 3_600 * NANOSECONDS_PER_SECOND
_NO_FACTS: Final[Mapping[str, Fact]] = {}


async def record(
    exchange: Exchange,
    event: AuditEvent,
    *,
    account: int = 0,
    actor: int = 0,
    facts: Mapping[str, Fact] = _NO_FACTS,
    key: str | None = None,
) -> int:
    """Journal an event and return its sequence; it is durable when this returns.

    `account` is whom it is about, `actor` the account that did it (0: the host's command line, or the service itself).
    `facts` are ids and numbers only; reasons that operators give are the one free text. The same event with the same
    `key` is journaled once: a repetition returns the first sequence. Raises `RefusedError` when the facts look
    personal or are too long, when the key was used with other content, and when the journal takes no rows;
    `ValueError` for a fact whose name is none.
    """
    command = RecordAudit(account=account, event=int(event), actor=actor, facts=encode_facts(facts))
    own_key = None if key is None else audit_key(int(event), key)
    outcome = await exchange.sequencer.submit(command, key=own_key)
    outcome.first_event()
    return outcome.row.sequence


async def record_hourly(
    exchange: Exchange, event: AuditEvent, *, what: str, account: int = 0, actor: int, facts: Mapping[str, Fact]
) -> None:
    """Journal that something was read, unless a row of the hour tells so: reading fills no journal.

    `what` names what was read, together with account and actor; the facts are those of the hour's first time. Raises
    `RefusedError` and `ValueError` as `record` does, and never because the facts are others now.
    """
    hour = exchange.clock.now_ns() // _HOUR_NS
    key = audit_key(int(event), f"{account} {actor} {what} {hour}")
    await record_end(exchange, event, key=key, account=account, actor=actor, facts=facts)


async def record_end(
    exchange: Exchange, event: AuditEvent, *, key: bytes, account: int, actor: int, facts: Mapping[str, Fact]
) -> None:
    """Journal that something ended, unless a row with its key tells so already, whoever ended it and how.

    To be called also when it had ended before: the row may have failed then. Raises `RefusedError` and `ValueError` as
    `record` does, and never because the key was used with other content.
    """
    command = RecordAudit(account=account, event=int(event), actor=actor, facts=encode_facts(facts))
    try:
        (await exchange.sequencer.submit(command, key=key)).first_event()
    except RefusedError as refused:
        if refused.reason is not RefusalReason.reference_used_with_other_content:
            raise


def note_failure(
    exchange: Exchange, event: AuditEvent, *, account: int = 0, credential: str = "", reason: str = ""
) -> None:
    """Have a failure journaled without waiting: the first of its group at once, more of them once a minute, counted.

    Group by what exists: `account` and `credential` (a key or session id) are those of somebody known, else left out;
    `reason` is a code, such as a refusal's name. A failure that cannot be journaled now is counted and told later.
    Raises `RefusedError` and `ValueError` as `record` does for facts that must not be told, and for nothing else.
    """
    exchange.failures.note(FailureGroup(event, account, credential, reason), exchange.sequencer)
