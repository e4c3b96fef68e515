"""Sessions: refresh tokens that are good once, sign-out, and what of them is journaled."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.support.auditing import recorded_events, without_a_journal
from waiver_exchange.application.access import Caller, authenticate_token, is_current
from waiver_exchange.application.api_keys import create_key
from waiver_exchange.application.audit_facts import decode_facts
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.sessions import (
    REFRESH_SECONDS,
    SESSION_SECONDS_MAX,
    SESSIONS_MAX,
    From,
    LiveSession,
    csrf_token,
    is_csrf_token,
    list_sessions,
    refresh_session,
    revoke_session,
    sign_out,
    sign_out_everywhere,
)
from waiver_exchange.application.sign_in import sign_in_to_demo
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.codes import RECORD_AUDIT
from waiver_exchange.domain.commands import decode_command
from waiver_exchange.domain.refusals import RefusalReason

R = RefusalReason
LAPTOP = From(address="192.0.2.7", device="Firefox")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def exchange(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Exchange]:
    async with running_exchange(Settings(data_dir=tmp_path, is_demo=True), clock=clock) as exchange:
        yield exchange


async def sign_in(exchange: Exchange, name: str = "ann") -> LiveSession:
    return await sign_in_to_demo(exchange, name=name, origin=LAPTOP)


def caller_of(exchange: Exchange, live: LiveSession) -> Caller:
    return authenticate_token(exchange, token=live.access.text)


async def events(exchange: Exchange) -> list[str]:
    """The audit events of the journal, in order."""
    return [name for name, _ in await recorded(exchange)]


async def recorded(exchange: Exchange) -> list[tuple[str, str]]:
    """The audit events of the journal with their facts, in order."""
    rows = await exchange.journal.read(after=0, limit=1_000)
    records = [decode_command(row.command) for row in rows]
    return [(AuditEvent.of(record.words[3]).name, record.tail) for record in records if record.kind == RECORD_AUDIT]


async def refused(exchange: Exchange, refresh_token: str) -> bool:
    with pytest.raises(RefusedError) as error:
        await refresh_session(exchange, refresh_token=refresh_token, origin=LAPTOP)
    return error.value.reason is R.refresh_token_is_wrong


async def test_a_session_acts_for_its_account(exchange: Exchange) -> None:
    live = await sign_in(exchange)
    caller = caller_of(exchange, live)
    assert (caller.account, caller.session_id, caller.key_id) == (live.session.account, live.session.session_id, "")
    assert caller.scopes == {"read", "trade", "admin"}  # what is left of everything for a trader
    assert caller.credential == live.session.session_id
    [session] = list_sessions(exchange, caller)
    assert (session.device, session.address, session.provider) == ("Firefox", "192.0.2.7", "demo")


async def test_a_sign_in_never_takes_over_a_session(exchange: Exchange) -> None:
    first, second = await sign_in(exchange), await sign_in(exchange)
    assert first.session.account == second.session.account
    assert first.session.session_id != second.session.session_id
    assert first.refresh_token != second.refresh_token


async def test_a_refresh_token_is_good_once(exchange: Exchange, clock: FakeClock) -> None:
    first = await sign_in(exchange)
    clock.advance(3_600)
    with pytest.raises(RefusedError, match="token_is_wrong"):
        caller_of(exchange, first)
    second = await refresh_session(exchange, refresh_token=first.refresh_token, origin=LAPTOP)
    assert second.session.session_id == first.session.session_id
    assert second.refresh_token != first.refresh_token
    assert caller_of(exchange, second).account == first.session.account


async def test_a_stolen_refresh_token_ends_the_session_for_all(exchange: Exchange) -> None:
    first = await sign_in(exchange)
    second = await refresh_session(exchange, refresh_token=first.refresh_token, origin=LAPTOP)
    caller = caller_of(exchange, second)
    assert await refused(exchange, first.refresh_token)
    assert not is_current(exchange, caller)
    with pytest.raises(RefusedError, match="token_is_wrong"):
        caller_of(exchange, second)
    assert await refused(exchange, second.refresh_token)
    assert await refused(exchange, first.refresh_token)
    assert (await events(exchange)).count("refresh_token_reused") == 1


@pytest.mark.parametrize("text", ["", ".", "x", "0" * 32 + ".x", "x" * 10_000, "\u00e9.\u00e9"])
async def test_a_made_up_refresh_token_opens_nothing(exchange: Exchange, text: str) -> None:
    live = await sign_in(exchange)
    assert await refused(exchange, text)
    assert await refused(exchange, f"{live.session.session_id}.{text}")
    assert is_current(exchange, caller_of(exchange, live))


async def test_a_session_that_is_not_refreshed_ends(exchange: Exchange, clock: FakeClock) -> None:
    live = await sign_in(exchange)
    clock.advance(REFRESH_SECONDS)
    assert await refused(exchange, live.refresh_token)


async def test_no_session_is_kept_alive_for_ever(exchange: Exchange, clock: FakeClock) -> None:
    live = await sign_in(exchange)
    first = live.session.created_at_ns
    for _ in range(4):
        clock.advance(SESSION_SECONDS_MAX // 4 - 60)
        live = await refresh_session(exchange, refresh_token=live.refresh_token, origin=LAPTOP)
    assert live.session.expires_at_ns == first + SESSION_SECONDS_MAX * 10**9
    clock.advance(240)
    assert await refused(exchange, live.refresh_token)


async def test_signing_out_ends_this_session_alone(exchange: Exchange) -> None:
    here, there = await sign_in(exchange), await sign_in(exchange)
    caller = caller_of(exchange, here)
    await sign_out(exchange, caller)
    assert not is_current(exchange, caller)
    assert await refused(exchange, here.refresh_token)
    assert is_current(exchange, caller_of(exchange, there))
    assert (await events(exchange))[-1] == "signed_out"


async def test_signing_out_everywhere_ends_all_of_the_person_and_of_nobody_else(exchange: Exchange) -> None:
    here, there, bob = await sign_in(exchange), await sign_in(exchange), await sign_in(exchange, "bob")
    assert await sign_out_everywhere(exchange, caller_of(exchange, here)) == (2, 0)
    for live in (here, there):
        assert await refused(exchange, live.refresh_token)
    assert is_current(exchange, caller_of(exchange, bob))
    assert (await events(exchange)).count("signed_out_everywhere") == 1


async def test_signing_out_everywhere_ends_the_keys_too_when_it_is_said(exchange: Exchange) -> None:
    ann, bob = await sign_in(exchange), await sign_in(exchange, "bob")
    keys = [await create_key(exchange, account=live.session.account) for live in (ann, ann, bob)]
    assert await sign_out_everywhere(exchange, caller_of(exchange, ann), ends_keys=True) == (1, 2)
    assert [exchange.identity.find_key(key.api_key) is None for key in keys] == [True, True, False]
    assert (await events(exchange)).count("key_revoked") == 2


async def test_one_session_ends_another_of_the_same_person_only(exchange: Exchange) -> None:
    here, there, bob = await sign_in(exchange), await sign_in(exchange), await sign_in(exchange, "bob")
    caller = caller_of(exchange, here)
    with pytest.raises(RefusedError, match="session_not_found"):
        await revoke_session(exchange, caller, session_id=bob.session.session_id)
    await revoke_session(exchange, caller, session_id=there.session.session_id)
    assert [session.session_id for session in list_sessions(exchange, caller)] == [here.session.session_id]
    assert is_current(exchange, caller_of(exchange, bob))
    with pytest.raises(RefusedError, match="session_not_found"):
        await revoke_session(exchange, caller, session_id=there.session.session_id)


async def test_a_session_that_ends_while_the_journal_fails_is_recorded_when_it_is_ended_again(
    exchange: Exchange,
) -> None:
    here, there = await sign_in(exchange), await sign_in(exchange)
    caller, session_id = caller_of(exchange, here), there.session.session_id
    with without_a_journal(exchange), pytest.raises(RefusedError, match="journal_is_unavailable"):
        await revoke_session(exchange, caller, session_id=session_id)
    assert await refused(exchange, there.refresh_token)
    assert await recorded_events(exchange, "session_revoked") == []
    for _ in range(2):
        with pytest.raises(RefusedError, match="session_not_found"):
            await revoke_session(exchange, caller, session_id=session_id)
    assert await recorded_events(exchange, "session_revoked") == [
        {"session": session_id, "actor": here.session.account}
    ]


@pytest.mark.parametrize(
    ("way_out", "event"), [(sign_out, "signed_out"), (sign_out_everywhere, "signed_out_everywhere")]
)
async def test_signing_out_is_recorded_or_does_not_happen(
    exchange: Exchange, way_out: Callable[..., Awaitable[object]], event: str
) -> None:
    caller = caller_of(exchange, await sign_in(exchange))
    with without_a_journal(exchange), pytest.raises(RefusedError, match="journal_is_unavailable"):
        await way_out(exchange, caller)
    assert is_current(exchange, caller)
    await way_out(exchange, caller)
    assert not is_current(exchange, caller)
    assert len(await recorded_events(exchange, event)) == 1


async def test_a_stolen_token_is_told_of_later_when_the_journal_fails(exchange: Exchange) -> None:
    first = await sign_in(exchange)
    await refresh_session(exchange, refresh_token=first.refresh_token, origin=LAPTOP)
    with without_a_journal(exchange):
        assert await refused(exchange, first.refresh_token)
    assert await recorded_events(exchange, "refresh_token_reused") == []
    exchange.failures.tell(exchange.sequencer)
    assert await recorded_events(exchange, "refresh_token_reused") == [
        {"count": 1, "credential": first.session.session_id, "actor": 0}
    ]


async def test_the_end_of_a_session_is_told_once_whoever_ends_it(exchange: Exchange) -> None:
    here, there = await sign_in(exchange), await sign_in(exchange)
    await sign_out(exchange, caller_of(exchange, there))
    with pytest.raises(RefusedError, match="session_not_found"):
        await revoke_session(exchange, caller_of(exchange, here), session_id=there.session.session_id)
    assert await recorded_events(exchange, "session_revoked") == []


async def test_the_oldest_session_makes_room(exchange: Exchange, clock: FakeClock) -> None:
    lives = []
    for _ in range(SESSIONS_MAX + 1):
        clock.advance(1)
        lives.append(await sign_in(exchange))
    assert await refused(exchange, lives[0].refresh_token)
    assert len(list_sessions(exchange, caller_of(exchange, lives[-1]))) == SESSIONS_MAX


async def test_the_csrf_token_is_the_sessions_own(exchange: Exchange) -> None:
    ann, bob = await sign_in(exchange), await sign_in(exchange, "bob")
    session_id = ann.session.session_id
    assert is_csrf_token(exchange, session_id=session_id, given=ann.csrf_token)
    for wrong in ("", bob.csrf_token, ann.csrf_token[:-1], "\u00e9"):
        assert not is_csrf_token(exchange, session_id=session_id, given=wrong)
    assert csrf_token(exchange, session_id) == ann.csrf_token


async def test_the_journal_holds_ids_and_nobodys_name(exchange: Exchange) -> None:
    await sign_in(exchange, "Annabel Lee")
    rows = await exchange.journal.read(after=0, limit=1_000)
    assert not any(b"nnabel" in row.command + row.events for row in rows)
    facts = {name: decode_facts(text) for name, text in await recorded(exchange)}
    assert set(facts) >= {"account_opened", "signed_in"}
    assert facts["signed_in"]["provider"] == "demo"
