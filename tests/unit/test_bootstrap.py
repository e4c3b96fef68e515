"""Wiring that only shows over several lives of an exchange."""

from pathlib import Path

from waiver_exchange.application.accounts import create_account
from waiver_exchange.bootstrap import running_exchange, snapshot_data_directory
from waiver_exchange.config import Settings


async def test_the_rows_towards_the_next_snapshot_are_counted_from_the_last_one_and_not_from_the_start(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running_exchange(settings) as exchange:
        await create_account(exchange, name="first")
        assert exchange.snapshot_sequence == 0
    async with running_exchange(settings) as exchange:
        assert exchange.snapshot_sequence == 0
    row = await snapshot_data_directory(settings)
    async with running_exchange(settings) as exchange:
        await create_account(exchange, name="second")
    async with running_exchange(settings) as exchange:
        assert exchange.snapshot_sequence == row < exchange.state.sequence
