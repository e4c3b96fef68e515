"""The journal's file is cut or altered: a torn end is cleanly absent, everything else is named and nothing starts."""

import json
import shutil
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.faults import (
    OrderFlow,
    Trader,
    finish_orders,
    make_exchange,
    read_everything,
    refused_start,
    verify,
)
from tests.support.waiver_process import serving, waiver

FRAME_BYTES = 4096 + 24
LOG_HEAD_BYTES = 32


class Crashed:
    """A data directory as kill -9 left it, with the journal's newest rows in its log only."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.traders = make_exchange(data_dir)
        with serving(data_dir=data_dir) as server, OrderFlow(server.url, self.traders) as flow:
            flow.wait_for_more(acknowledged=60)
            server.process.kill()
            server.wait()

    def copy(self, data_dir: Path) -> Path:
        shutil.copytree(self.data_dir, data_dir, ignore=shutil.ignore_patterns("control.sock"))
        return data_dir


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    return Crashed(tmp_path_factory.mktemp("crashed") / "exchange")


@pytest.fixture
def data_dir(crashed: Crashed, tmp_path: Path) -> Path:
    return crashed.copy(tmp_path / "exchange")


def alter(data_dir: Path, *statements: str) -> None:
    """Change the journal behind the program's back, all that is in its log moved into the file."""
    with closing(sqlite3.connect(data_dir / "journal.db", isolation_level=None)) as connection:
        for statement in ("DROP TRIGGER journal_refuses_update", "DROP TRIGGER journal_refuses_delete", *statements):
            assert connection.execute(statement).rowcount
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def altered_at_the_end(column: str) -> str:
    """The value of a column of bytes with another byte at its end."""
    return f"CAST(substr({column}, 1, length({column}) - 1) || x'7f' AS BLOB)"


def last_row(data_dir: Path) -> int:
    with closing(sqlite3.connect(data_dir / "journal.db")) as connection:
        return int(connection.execute("SELECT max(sequence) FROM journal").fetchone()[0])


def check_refused(data_dir: Path, *, says: str) -> None:
    """`verify` fails and names it, `serve` does not start, and neither changes the journal."""
    before = (data_dir / "journal.db").read_bytes()
    check_found(data_dir, says=says)
    refused_start(data_dir, says=says)
    assert (data_dir / "journal.db").read_bytes() == before


def check_found(data_dir: Path, *, says: str) -> None:
    proof = waiver("verify", "--json", data_dir=data_dir)
    assert proof.code == 1, proof
    assert "Traceback" not in proof.stderr
    assert (proof.json["ok"], proof.json["error"]["code"]) == (False, "verification_failed")
    assert says in proof.json["difference"]


def found_orders(url: str, trader: Trader) -> set[str]:
    return {order["client_order_id"] for order in read_everything(url, trader)["orders"]}


@pytest.mark.parametrize("kept_frames", [0.0, 20.5, -0.001])
def test_a_torn_log_loses_a_tail_and_nothing_else(crashed: Crashed, data_dir: Path, kept_frames: float) -> None:
    log = data_dir / "journal.db-wal"
    content = log.read_bytes()
    kept = LOG_HEAD_BYTES + round(kept_frames * FRAME_BYTES)
    log.write_bytes(content[: kept if kept_frames >= 0 else len(content) + round(kept_frames * FRAME_BYTES)])
    looked = waiver("status", "--json", data_dir=data_dir)
    if looked.code:  # the read model had seen what is gone
        assert "acknowledged rows are gone" in looked.json["error"]["message"]
        for file in data_dir.glob("read_model.db*"):
            file.unlink()
    with serving(data_dir=data_dir) as server:
        for number, trader in enumerate(crashed.traders):
            found = found_orders(server.url, trader)
            sent = [*trader.acknowledged, *trader.unfinished]
            # What is there is the first orders of each, whole: none is missing in between.
            assert found == {f"{number}-{count}" for count in range(len(found))}
            assert found <= set(sent)
        copies = [Trader(t.account_id, t.api_key, t.api_secret, {}, orders_of(t)) for t in crashed.traders]
        finish_orders(server.url, copies)
        verify(data_dir)


def orders_of(trader: Trader) -> dict[str, object]:
    """The two newest of what a trader sent, to be sent again."""
    names = ("symbol", "side", "type", "quantity", "limit_price", "time_in_force", "client_order_id")
    orders = [*trader.acknowledged.values(), *trader.unfinished.values()][-2:]
    return {order["client_order_id"]: {name: order[name] for name in names} for order in orders}


@pytest.mark.parametrize(
    ("column", "altered"),
    [
        ("time_ns", "time_ns + 1"),
        ("account", "account + 1"),
        ("key", "randomblob(16)"),
        ("command", altered_at_the_end("command")),
        ("events", altered_at_the_end("events")),
        ("chain", altered_at_the_end("chain")),
    ],
)
def test_one_altered_column_of_an_old_row_is_named(data_dir: Path, column: str, altered: str) -> None:
    alter(data_dir, f"UPDATE journal SET {column} = {altered} WHERE sequence = 20")  # noqa: S608 - written above
    check_found(data_dir, says="ow 20 ")


def test_the_last_row_altered_is_named(data_dir: Path) -> None:
    row = last_row(data_dir)
    alter(data_dir, f"UPDATE journal SET events = {altered_at_the_end('events')} WHERE sequence = {row}")  # noqa: S608
    check_refused(data_dir, says=f"ow {row} ")


def test_a_row_that_was_removed_is_named(data_dir: Path) -> None:
    alter(data_dir, "DELETE FROM journal WHERE sequence = 20")
    check_refused(data_dir, says="ow 20 is missing")


def test_rows_removed_at_the_newest_end_are_known_by_the_snapshot(data_dir: Path) -> None:
    assert waiver("snapshot", data_dir=data_dir).code == 0
    row = last_row(data_dir)
    alter(data_dir, f"DELETE FROM journal WHERE sequence > {row - 5}")  # noqa: S608 - a number
    proof = waiver("verify", "--json", data_dir=data_dir)
    assert proof.code == 1
    assert f"row {row}" in proof.json["difference"]
    refused_start(data_dir, says=f"A snapshot was taken after row {row}, which this journal does not hold")


@pytest.mark.parametrize("kept", [5_000, -1])
def test_a_file_that_is_cut_is_told(data_dir: Path, kept: float) -> None:
    alter(data_dir, "CREATE TRIGGER journal_refuses_update BEFORE UPDATE ON journal BEGIN SELECT 1; END")
    path = data_dir / "journal.db"
    content = path.read_bytes()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    proof = waiver("verify", "--json", data_dir=data_dir)
    assert proof.code in {1, 3}
    assert "Traceback" not in proof.stderr
    message = proof.json["error"]["message"]
    assert "is damaged" in message or "was altered" in message
    refused_start(data_dir, says="restore a backup")


def test_a_row_altered_under_a_running_server_is_found_by_verify(data_dir: Path) -> None:
    with serving(data_dir=data_dir) as server:
        alter(data_dir, "UPDATE journal SET time_ns = time_ns + 1 WHERE sequence = 20")
        proof = waiver("verify", "--json", data_dir=data_dir)
        assert proof.code == 1
        assert "ow 20 " in proof.json["difference"]
        with urllib.request.urlopen(f"{server.url}/healthz", timeout=5) as response:  # noqa: S310 - our own server
            assert json.load(response) == {"status": "ok"}
