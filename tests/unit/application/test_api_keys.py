"""An account's keys on a whole exchange."""

import asyncio
from pathlib import Path

import pytest

from tests.support.auditing import recorded_events, without_a_journal
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import KEYS_MAX, create_key, list_keys, rename_key, revoke_key
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
