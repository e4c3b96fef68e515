"""From an empty database to a demo that trades on several processes, and what operators run beside it and after it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.several_processes import postgres
from tests.support.waiver_process import Server, serving, waiver

WAIT_SECONDS = 120.0
SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def migrate(database: PostgresDatabase, data_dir: Path) -> None:
    """As the owner, with an address that the service never has."""
    owner = {"WAIVER_DATABASE_URL": database.url, "WAIVER_DATABASE_OWNER_URL": database.owner_url}
    assert waiver("migrate", "--check", data_dir=data_dir, settings=owner).code == 1
    assert waiver("migrate", data_dir=data_dir, settings=owner).code == 0
    assert waiver("migrate", "--check", data_dir=data_dir, settings=owner).code == 0


def is_traded(server: Server) -> bool:
    """Whether a gateway shows the market maker's quotes and a trade of the bots."""
    trades = httpx.get(f"{server.url}/api/v1/trades", timeout=30).json()
    if not trades:
        return False
    book = httpx.get(f"{server.url}/api/v1/markets/{trades[0]['symbol']}/book", timeout=30).json()
    return bool(book["bids"] or book["asks"])


def prove(data_dir: Path, settings: dict[str, str]) -> None:
    """Run every command on the records; none of them leaves a connection behind."""
    loud = settings | {"PYTHONWARNINGS": "default::ResourceWarning"}

    def run(*arguments: str, code: int = 0) -> Any:  # noqa: ANN401 - any JSON
        ran = waiver(*arguments, "--json", data_dir=data_dir, settings=loud)
        assert ran.code == code, ran
        assert "ResourceWarning" not in ran.stderr, ran
        return ran.json

    exported = data_dir.parent / f"export-{time.monotonic_ns()}"
    assert run("verify")["ok"]
    assert run("snapshot")["sequence"] > 0
    assert run("audit", "checkpoint")["sequence"] > 0
    assert run("audit", "verify", "--chain-only")["ok"]
    assert run("audit", "export", "--to", "100", "--output", str(exported), "--reason", "test")["bytes"] > 0
    assert run("demo-reset", code=1)["error"]["code"] == "not_in_files"


def sessions(database: PostgresDatabase) -> int:
    with psycopg.connect(database.administrator_url) as connection:
        row = connection.execute(SESSIONS).fetchone()
        assert row is not None
        return int(row[0])


def test_a_demo_trades_on_several_processes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    with postgres_database(postgres(), is_migrated=False) as database:
        settings = {"WAIVER_DATABASE_URL": database.url}
        migrate(database, data_dir)
        with serving("--demo", "--workers", "2", data_dir=data_dir, settings=settings) as server:
            pid = server.process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
            assert len(children) == 3
            wait_until(lambda: is_traded(server))
            prove(data_dir, settings)
            assert server.end(signal.SIGTERM) == 0
            assert not [child for child in children if os.path.exists(f"/proc/{child}")]  # noqa: PTH110 - as a process
            assert list((data_dir / "run").glob("*.sock")) == []
        wait_until(lambda: sessions(database) == 0)
        prove(data_dir, settings)
        wait_until(lambda: sessions(database) == 0)
