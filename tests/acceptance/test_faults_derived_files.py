"""What is made from the journal may be lost, cut, garbled or old: the next start makes it again, whole."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import (
    OrderFlow,
    Trader,
    check_orders,
    make_exchange,
    read_everything,
    refused_start,
    verify,
)
from tests.support.waiver_process import serving, waiver, waiver_json

Change = Callable[[Path, "Traded"], None]


class Traded:
    """A data directory that was stopped in order, what its traders saw last, and copies from before they traded."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.before = data_dir.with_name("before")
        self.traders = make_exchange(data_dir)
        shutil.copytree(data_dir, self.before)
        with serving(data_dir=data_dir) as server:
            with OrderFlow(server.url, self.traders) as flow:
                flow.wait_for_more(acknowledged=60)
            self.seen = self.read(server.url)
            assert server.end() == 0
        self.proof = verify(data_dir)

    def read(self, url: str) -> list[Any]:
        return [read_everything(url, trader) for trader in self.traders]

    def check(self, data_dir: Path) -> str:
        """Serve the directory: all is as it was; return the log."""
        with serving(data_dir=data_dir) as server:
            assert self.read(server.url) == self.seen
            check_orders(server.url, self.traders)
            assert verify(data_dir) == self.proof
            assert server.end() == 0
            assert "Traceback" not in server.log
            return server.log


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Traded:
    return Traded(tmp_path_factory.mktemp("traded") / "exchange")


@pytest.fixture
def data_dir(traded: Traded, tmp_path: Path) -> Path:
    shutil.copytree(traded.data_dir, tmp_path / "exchange")
    return tmp_path / "exchange"


def delete(path: Path, _: Traded) -> None:
    path.unlink()


def cut(path: Path, _: Traded) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def garble_head(path: Path, _: Traded) -> None:
    path.write_bytes(b"no database at all".ljust(200) + path.read_bytes()[200:])


def garble_pages(path: Path, _: Traded) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + bytes(byte ^ 0xA5 for byte in content[4096:]))


def garble_text(path: Path, _: Traded) -> None:
    run_sql(path, "UPDATE markets SET name = CAST(x'ff' AS TEXT)")


def garble_schema(path: Path, _: Traded) -> None:
    """SQLite quotes the name in a message that Python cannot decode."""
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE \xff\xff\xff\xff\xff"))


def put_back(path: Path, traded: Traded) -> None:
    shutil.copy(traded.before / path.name, path)


def run_sql(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@pytest.mark.parametrize("change", [delete, cut, garble_pages, garble_text, garble_schema, put_back])
def test_a_read_model_that_is_not_right_is_made_again(traded: Traded, data_dir: Path, change: Change) -> None:
    change(data_dir / "read_model.db", traded)
    traded.check(data_dir)


@pytest.mark.parametrize("change", [garble_head, garble_schema, cut])
def test_names_and_keys_that_cannot_be_read_are_told(traded: Traded, data_dir: Path, change: Change) -> None:
    change(data_dir / "identity.db", traded)
    refused_start(data_dir, says="restore a backup")


@pytest.mark.parametrize("change", [garble_head, garble_schema])
def test_preferences_that_cannot_be_read_are_told(traded: Traded, data_dir: Path, change: Change) -> None:
    change(data_dir / "preferences.db", traded)
    refused_start(data_dir, says="restore a backup")


def test_preferences_that_are_lost_begin_anew(traded: Traded, data_dir: Path) -> None:
    delete(data_dir / "preferences.db", traded)
    traded.check(data_dir)


def test_a_setting_that_is_no_setting_is_told(data_dir: Path) -> None:
    run_sql(data_dir / "preferences.db", "INSERT INTO account_settings VALUES (2, '[]')")
    refused_start(data_dir, says=f"Could not open the preferences {data_dir / 'preferences.db'}")


def test_a_name_that_is_no_text_is_told(data_dir: Path) -> None:
    run_sql(data_dir / "identity.db", "UPDATE accounts SET name = CAST(x'ff' AS TEXT)")
    refused_start(data_dir, says=f"Could not open the names and keys {data_dir / 'identity.db'}")


def test_names_and_keys_of_which_a_folder_took_the_place_are_told(data_dir: Path) -> None:
    (data_dir / "identity.db").unlink()
    (data_dir / "identity.db").mkdir()
    refused_start(data_dir, says=f"Could not open the names and keys {data_dir / 'identity.db'}")


@pytest.mark.parametrize("change", [cut, garble_head])
def test_a_damaged_snapshot_is_passed_over_with_a_warning(traded: Traded, data_dir: Path, change: Change) -> None:
    row = waiver_json("snapshot", data_dir=data_dir)["sequence"]
    (snapshot,) = (data_dir / "snapshots").iterdir()
    change(snapshot, traded)
    log = traded.check(data_dir)
    assert f"Skipped the snapshot {snapshot}" in log
    # The next one takes its place.
    assert waiver_json("snapshot", data_dir=data_dir) == {"sequence": row}
    assert verify(data_dir) == traded.proof


def test_snapshots_that_were_deleted_are_not_missed(traded: Traded, data_dir: Path) -> None:
    waiver_json("snapshot", data_dir=data_dir)
    shutil.rmtree(data_dir / "snapshots")
    traded.check(data_dir)


def test_a_whole_snapshot_of_another_state_is_found_by_verify(traded: Traded, data_dir: Path) -> None:
    other = data_dir.with_name("other")
    shutil.copytree(traded.before, other)
    waiver_json("snapshot", data_dir=other)
    waiver_json("account", "create", "--name", "Zoe", data_dir=other)
    waiver_json("snapshot", data_dir=other)
    shutil.copytree(other / "snapshots", data_dir / "snapshots", dirs_exist_ok=True)
    refused_start(data_dir, says="which this journal does not hold: it is cut short or another journal")
    proof = waiver("verify", "--json", data_dir=data_dir)
    assert proof.code == 1
    assert "is not the state that the journal leads to" in proof.json["difference"]


def test_a_snapshot_ahead_of_the_journal_is_told(traded: Traded, data_dir: Path) -> None:
    row = waiver_json("snapshot", data_dir=data_dir)["sequence"]
    shutil.copy(traded.before / "journal.db", data_dir / "journal.db")
    refused_start(data_dir, says=f"A snapshot was taken after row {row}, which this journal does not hold")
    proof = waiver("verify", "--json", data_dir=data_dir)
    assert proof.code == 1
    assert "a snapshot or the read model stands at row" in proof.json["difference"]
    # Somebody who means it does what the message says.
    shutil.rmtree(data_dir / "snapshots")
    refused_start(data_dir, says="The read model has seen row")
    for file in data_dir.glob("read_model.db*"):
        file.unlink()
    with serving(data_dir=data_dir) as server:
        as_opened = [Trader(t.account_id, t.api_key, t.api_secret) for t in traded.traders]
        check_orders(server.url, as_opened)
        verify(data_dir)
