"""The file that names the answers about history that Redis keeps."""

import stat
from pathlib import Path
from typing import Any

from waiver_exchange.bootstrap.caching import settled_reads
from waiver_exchange.config import Settings


async def test_it_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url="postgresql://127.0.0.1/none", redis_url="redis://127.0.0.1:1")
    store: Any = None
    reads = settled_reads(settings, store, is_engine=True)
    await reads.close()
    assert stat.S_IMODE((tmp_path / "run" / "history").stat().st_mode) == 0o600
