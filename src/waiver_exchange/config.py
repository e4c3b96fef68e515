"""Every setting of the service in one frozen tree, parsed once at the edge from flags and environment."""

from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator chooses; the defaults serve a laptop.

    `zone` is where the trading day ends.
    `snapshot_rows` journal rows lie between two snapshots of the engine.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8081
    is_demo: bool = False
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/New_York"))
    snapshot_rows: int = 200_000
