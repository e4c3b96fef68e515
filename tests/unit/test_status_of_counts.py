"""What `waiver status` says of the counts of requests."""

from pathlib import Path

from waiver_exchange.bootstrap import running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.gateway.control.methods import run_method


async def test_a_warning_of_the_counts_is_shown_as_long_as_it_lasts(tmp_path: Path) -> None:
    async with running_exchange(Settings(data_dir=tmp_path), is_service=False) as exchange:
        assert (await run_method(exchange, "status", {}))["problem"] is None
        exchange.counts_warning = lambda: "Redis is away"
        assert (await run_method(exchange, "status", {}))["problem"] == "Redis is away"
