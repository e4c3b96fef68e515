"""Secrets and the keys made of them, as an operator has them: the command line and the running service."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from tests.support.waiver_process import serving, waiver, waiver_json
from waiver_exchange.adapters.secrets.strength import decode_key
from waiver_exchange.adapters.sql.identity.schema import notes
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.adapters.sqlite.database import SqliteDatabase
from waiver_exchange.adapters.sqlite.identity_file import open_identity
from waiver_exchange.adapters.sqlite.stores import open_identity_stores

NOTES = 8_000
WAIT_SECONDS = 30


def in_production(folder: Path, **settings: str) -> dict[str, str]:
    return {
        "WAIVER_ENVIRONMENT": "production",
        "WAIVER_SECRETS_DIR": str(folder),
        "WAIVER_PUBLIC_URL": "https://exchange.example",
    } | settings


def key_in(path: Path) -> bytes:
    key = decode_key(path.read_text("utf-8").strip())
    assert key is not None
    return key


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def add_notes(data_dir: Path) -> None:
    """Many sealed values, in one transaction."""
    path, master_key = data_dir / "identity.db", key_in(data_dir / "secrets" / "master_key")
    database = SqliteDatabase(path, opens=lambda: open_identity(path, master_key=master_key))
    vault = Vault(database, master_key=master_key)
    sealed = [
        {
            "note_id": f"n{at}",
            "account": 1,
            "author": 0,
            "created_at_ns": at,
            "text": vault.seal(f"note {at}", table="notes", column="text", row=f"n{at}"),
        }
        for at in range(NOTES)
    ]
    vault.load(lambda connection: connection.execute(insert(notes), sealed))
    vault.close_now()


def notes_in(data_dir: Path, *, master_key: bytes) -> list[str]:
    async def read() -> list[str]:
        stores = open_identity_stores(data_dir / "identity.db", master_key=master_key)
        try:
            return [note.text for note in await stores.notes.list_notes(1)]
        finally:
            await stores.identity.close()

    return asyncio.run(read())


def test_production_starts_with_made_secrets_and_not_without(tmp_path: Path) -> None:
    data_dir, folder = tmp_path / "exchange", tmp_path / "secrets"
    refused = waiver("serve", "--port", "0", "--json", data_dir=data_dir, settings=in_production(folder))
    assert (refused.code, refused.json["error"]["code"]) == (2, "secrets_unusable")
    assert "waiver secrets init" in refused.stderr
    made = waiver("secrets", "init", "--directory", str(folder), "--json", data_dir=data_dir)
    assert (made.code, made.json["made"]) == (0, ["master_key", "audit_signing_key"])
    again = waiver("secrets", "init", "--directory", str(folder), "--json", data_dir=data_dir)
    assert (again.code, again.json["kept"]) == (0, ["master_key", "audit_signing_key"])
    with serving(data_dir=data_dir, settings=in_production(folder)) as server:
        assert server.end() == 0
        assert key_in(folder / "master_key").hex() not in server.log
        assert (folder / "master_key").read_text("utf-8").strip() not in server.log
    assert not (data_dir / "secrets").exists()
    # Books can be proved without any secret.
    waiver("account", "create", "--name", "Ann", data_dir=data_dir, settings=in_production(folder))
    proof = waiver("verify", "--json", data_dir=data_dir, settings={"WAIVER_ENVIRONMENT": "production"})
    assert (proof.code, proof.json["ok"]) == (0, True)


@pytest.mark.parametrize("key", ["0" * 64, "00" * 16, "change me" * 5])
def test_production_refuses_a_bad_key_and_does_not_show_it(tmp_path: Path, key: str) -> None:
    settings = in_production(tmp_path / "none", WAIVER_MASTER_KEY=key)
    refused = waiver("serve", "--port", "0", data_dir=tmp_path / "exchange", settings=settings)
    assert refused.code == 2
    assert "WAIVER_MASTER_KEY" in refused.stderr
    assert key not in refused.stdout + refused.stderr


def test_secrets_are_not_made_in_the_data_directory(tmp_path: Path) -> None:
    refused = waiver(
        "secrets", "init", "--directory", str(tmp_path / "exchange" / "keys"), data_dir=tmp_path / "exchange"
    )
    assert refused.code == 2
    assert not (tmp_path / "exchange").exists()


def test_a_lost_master_key_is_told_and_not_made_anew(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    account = waiver_json("account", "create", "--name", "Ann", "--cash", "5", data_dir=data_dir)["account_id"]
    (data_dir / "secrets" / "master_key").unlink()
    refused = waiver("account", "list", "--json", data_dir=data_dir)
    assert (refused.code, refused.json["error"]["code"]) == (2, "secrets_unusable")
    assert "bring back" in refused.json["error"]["message"]
    assert not (data_dir / "secrets" / "master_key").exists()
    # What the manual says when it is gone for good: everything but who it was is there.
    (data_dir / "identity.db").unlink()
    (found,) = [
        row for row in waiver_json("account", "list", data_dir=data_dir)["accounts"] if row["account_id"] == account
    ]
    assert (found["name"], found["cash"]) == (None, "5.00")


def test_a_killed_rotation_is_gone_on_with_by_the_next_start(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
    add_notes(data_dir)

    def status() -> dict[str, Any]:
        found: dict[str, Any] = waiver_json("secrets", "status", data_dir=data_dir)
        return found

    with serving(data_dir=data_dir) as server:
        rotated = waiver_json("secrets", "rotate", "--reason", "yearly", data_dir=data_dir)
        assert rotated["values_under_older_keys"] > NOTES - 1_000
        wait_until(lambda: status()["values_under_older_keys"] < NOTES)
        server.end(signal.SIGKILL)
    with serving(data_dir=data_dir) as server:
        left = status()
        assert 0 < left["values_under_older_keys"] < NOTES
        assert (left["data_key"], left["is_done"]) == (rotated["data_key"], False)
        wait_until(lambda: status()["is_done"])
        assert server.end() == 0
    done = status()
    assert (done["values_under_older_keys"], done["older_data_keys"]) == (0, 0)
    assert done["values"] > NOTES
    found = notes_in(data_dir, master_key=key_in(data_dir / "secrets" / "master_key"))
    assert found == [f"note {at}" for at in range(NOTES)]


def test_without_a_server_a_rotation_can_be_waited_for(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
    done = waiver_json("secrets", "rotate", "--reason", "yearly", "--wait", data_dir=data_dir)
    assert (done["is_done"], done["values_under_older_keys"]) == (True, 0)
    assert done["values"] > 0


def test_the_master_key_is_exchanged_while_the_exchange_runs(tmp_path: Path) -> None:
    data_dir, folder = tmp_path / "exchange", tmp_path / "new"
    waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
    waiver_json("secrets", "init", "--directory", str(folder), data_dir=data_dir)
    with serving(data_dir=data_dir) as server:
        path = str(folder / "master_key")
        assert waiver_json("secrets", "rewrap", "--reason", "yearly", "--new-master-file", path, data_dir=data_dir) == {
            "keys_wrapped": 2
        }
        waiver_json("account", "create", "--name", "Bob", data_dir=data_dir)
        assert server.end() == 0
    refused = waiver("account", "list", "--json", data_dir=data_dir)
    assert refused.code == 3
    assert "under another master key" in refused.json["error"]["message"]
    (folder / "master_key").replace(data_dir / "secrets" / "master_key")
    names = [row["name"] for row in waiver_json("account", "list", data_dir=data_dir)["accounts"]]
    assert names == ["house", "Ann", "Bob"]


def test_a_weak_new_master_key_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
    weak = tmp_path / "weak"
    weak.write_text("00" * 32)
    weak.chmod(0o600)
    assert (
        waiver("secrets", "rewrap", "--reason", "yearly", "--new-master-file", str(weak), data_dir=data_dir).code == 2
    )
    assert len(waiver_json("account", "list", data_dir=data_dir)["accounts"]) == 2


def test_an_operator_exports_and_erases_a_person(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    account = waiver_json("account", "create", "--name", "Zebedee", "--cash", "5", data_dir=data_dir)["account_id"]
    assert (
        waiver_json("account", "export", "--reason", "asked for it", "--account", account, data_dir=data_dir)[
            "account"
        ]["name"]
        == "Zebedee"
    )
    arguments = ("account", "erase", "--account", account, "--reason", "asked for by letter")
    assert waiver(*arguments, data_dir=data_dir).code == 2  # it wants --yes
    for _ in range(2):
        done = waiver_json(*arguments, "--yes", data_dir=data_dir)
        assert done == {"account_id": account, "is_erased": True}
    (found,) = [
        row for row in waiver_json("account", "list", data_dir=data_dir)["accounts"] if row["account_id"] == account
    ]
    assert (found["name"], found["cash"], found["is_halted"]) == (None, "5.00", True)
    assert b"Zebedee" not in b"".join(file.read_bytes() for file in data_dir.rglob("*") if file.is_file())
    assert waiver_json("verify", data_dir=data_dir)["ok"]


def test_the_secrets_of_a_demo_go_with_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    with serving("--demo", data_dir=data_dir) as server:
        assert server.end() == 0
    assert (data_dir / "secrets" / "master_key").exists()
    assert waiver_json("demo-reset", data_dir=data_dir)["is_removed"]
    assert [entry.name for entry in data_dir.iterdir()] == ["lock"]
