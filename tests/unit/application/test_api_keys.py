"""An account's keys on a whole exchange."""

import asyncio
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.support.auditing import recorded_events, without_a_journal
from tests.support.operators import add_member
from waiver_exchange.application.access import authenticate, authenticate_token
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import KEYS_MAX, create_key, create_own_key, list_keys, rename_key, revoke_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain.refusals import RefusalReason


async def test_keys_made_at_once_stay_within_their_number(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        account = (await create_account(exchange, name="Ann", cash_micros=0)).account
        tries = [create_key(exchange, account=account) for _ in range(KEYS_MAX + 10)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        reasons = [error.reason for error in outcomes if isinstance(error, RefusedError)]
        assert reasons == [RefusalReason.too_many_keys] * 11
        assert len(list_keys(exchange, account=account)) == KEYS_MAX


async def test_a_key_that_ends_while_the_journal_fails_is_recorded_when_it_is_ended_again(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        ann = await create_account(exchange, name="Ann", cash_micros=0)
        key_id = ann.api_key
        with without_a_journal(exchange), pytest.raises(RefusedError):
            await revoke_key(exchange, account=ann.account, key_id=key_id, actor=ann.account)
        (ended,) = list_keys(exchange, account=ann.account)
        assert not ended.is_usable
        assert await recorded_events(exchange, "key_revoked") == []
        for actor in (ann.account, ann.account, 1):
            assert await revoke_key(exchange, account=ann.account, key_id=key_id, actor=actor) == ended
        assert await recorded_events(exchange, "key_revoked") == [
            {"key": key_id, "scopes": "admin read trade", "actor": ann.account}
        ]


async def test_another_name_is_recorded_and_the_name_is_not(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path)) as exchange:
        ann = await create_account(exchange, name="Ann", cash_micros=0)
        key_id = ann.api_key
        with without_a_journal(exchange), pytest.raises(RefusedError):
            await rename_key(exchange, account=ann.account, key_id=key_id, name="lost", actor=ann.account)
        assert list_keys(exchange, account=ann.account)[0].name == ""
        await rename_key(exchange, account=ann.account, key_id=key_id, name="robot", actor=ann.account)
        (row,) = await recorded_events(exchange, "key_renamed")
        assert row == {"key": key_id, "scopes": "admin read trade", "actor": ann.account}


async def refused(exchange: Exchange, token: str, *scopes: str) -> RefusalReason:
    caller = authenticate_token(exchange, token=token)
    before = list_keys(exchange, account=caller.account)
    with pytest.raises(RefusedError) as caught:
        await create_own_key(exchange, caller, scopes=scopes or None)
    assert list_keys(exchange, account=caller.account) == before
    return caught.value.reason


@pytest.mark.parametrize("role", ["trader", "operator", "auditor"])
async def test_a_stolen_session_makes_no_key_for_somebody_who_has_a_passkey(tmp_path: Path, role: str) -> None:
    clock = FakeClock()
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        member = await add_member(exchange, "ann", role=role, stepped_up=False)
        for scopes in ((), ("read",), ("admin",)):
            assert await refused(exchange, member.token, *scopes) is RefusalReason.step_up_is_required
        await exchange.sessions.mark_stepped_up(member.session_id, at_ns=clock.now)
        caller = authenticate_token(exchange, token=member.token)
        made = await create_own_key(exchange, caller)
        assert made.key.scopes == caller.scopes & {"read", "trade", "admin"}
        clock.advance(600)
        assert await refused(exchange, member.token, "read") is RefusalReason.step_up_is_required


async def test_a_key_that_audits_is_made_in_a_session_that_showed_a_passkey_only(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running_exchange(Settings(data_dir=tmp_path), clock=clock) as exchange:
        member = await add_member(exchange, "ann", role="auditor", stepped_up=True)
        caller = authenticate_token(exchange, token=member.token)
        made = await create_own_key(exchange, caller, scopes=("read", "admin", "audit"))
        by_key = authenticate(exchange, api_key=made.api_key, api_secret=made.api_secret)
        with pytest.raises(RefusedError, match="session_is_required"):
            await create_own_key(exchange, by_key, scopes=("audit",))
        assert (await create_own_key(exchange, by_key)).key.scopes == {"read", "admin"}
        person = exchange.people.find_person_of(member.account)
        assert person is not None
        for passkey in exchange.passkeys.list_passkeys(person.person_id):
            await exchange.passkeys.remove_passkey(passkey.credential_id)
        assert await refused(exchange, member.token, "audit") is RefusalReason.step_up_is_required
        assert (await create_own_key(exchange, caller, scopes=("read",))).key.scopes == {"read"}
