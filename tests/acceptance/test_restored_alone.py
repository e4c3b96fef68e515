"""Files that belong together and were not restored together: keys must never open another person's account."""

import shutil
from pathlib import Path

from tests.support.waiver_process import waiver, waiver_json


def test_keys_of_a_lost_journal_never_open_accounts_of_a_new_one(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "alice", "--cash", "100", data_dir=data_dir)
    for file in [*data_dir.glob("journal.db*"), *data_dir.glob("read_model.db*")]:
        file.unlink()
    refused = waiver("account", "create", "--name", "bob", "--cash", "5000", "--json", data_dir=data_dir)
    assert refused.code == 3
    assert "identity.db holds the name and keys of account" in refused.json["error"]["message"]


def test_an_older_journal_beside_newer_keys_is_told(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "alice", data_dir=data_dir)
    older = tmp_path / "older.db"
    shutil.copy(data_dir / "journal.db", older)
    waiver_json("account", "create", "--name", "bob", data_dir=data_dir)
    shutil.copy(older, data_dir / "journal.db")
    for file in data_dir.glob("read_model.db*"):
        file.unlink()
    assert waiver("account", "create", "--name", "carol", "--json", data_dir=data_dir).code == 3
    # Somebody who means the journal does what the message says.
    (data_dir / "identity.db").unlink()
    accounts = waiver_json("account", "list", data_dir=data_dir)["accounts"]
    assert [account["name"] for account in accounts] == ["house", None]
    key = waiver_json(
        "account", "new-key", "--reason", "a bot", "--account", accounts[1]["account_id"], data_dir=data_dir
    )
    assert key["api_secret"]


def test_a_journal_cut_at_its_end_is_found_by_verify_which_changes_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "alice", "--cash", "100", data_dir=data_dir)
    older = tmp_path / "older.db"
    shutil.copy(data_dir / "journal.db", older)
    waiver_json("account", "create", "--name", "bob", "--cash", "100", data_dir=data_dir)
    shutil.copy(older, data_dir / "journal.db")
    before = (data_dir / "read_model.db").read_bytes()
    for _ in range(2):
        proof = waiver("verify", "--json", data_dir=data_dir)
        assert proof.code == 1
        assert "the journal ends at row" in proof.json["difference"]
    assert (data_dir / "read_model.db").read_bytes() == before
