"""An account's keys on a whole exchange."""

import asyncio
from pathlib import Path

from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import KEYS_MAX, create_key, list_keys
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
