"""`waiver audit` as operators and auditors use it: beside a running server, stopped, and without the exchange."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.auditing import Row, chained, tamper
from tests.support.waiver_process import Ran, serving, waiver, waiver_json
from waiver_exchange.config import Settings

VERIFIER = Path(__file__).parents[2] / "tools" / "verify_audit.py"


def verify_alone(*arguments: str | Path, folder: Path) -> Ran:
    """Run a copy of the stand-alone verifier where nothing of the exchange can be imported."""
    copy = folder / "verify_audit.py"
    copy.write_bytes(VERIFIER.read_bytes())
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-P", copy, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        env={},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    waiver_json("account", "create", "--name", "Ann", "--cash", "1000", data_dir=path)
    return path


def key_of(data_dir: Path) -> str:
    return (data_dir / "checkpoints" / "keys.txt").read_text().split()[0]


def published(data_dir: Path) -> Path:
    copy = data_dir.parent / "published.txt"
    copy.write_bytes((data_dir / "checkpoints" / "checkpoints.txt").read_bytes())
    return copy


def test_a_checkpoint_is_made_and_verified_beside_a_running_server_and_stopped(data_dir: Path) -> None:
    with serving(data_dir=data_dir) as server:
        made = waiver_json("audit", "checkpoint", data_dir=data_dir)
        file = str(published(data_dir))
        waiver_json("account", "create", "--name", "Bob", data_dir=data_dir)
        found = waiver_json("audit", "verify", "--checkpoint", file, data_dir=data_dir)
        assert server.end() == 0
    assert found["ok"]
    assert found["proven_sequence"] == made["sequence"] < found["sequence"]
    stopped = waiver_json("audit", "verify", "--checkpoint", file, "--public-key", key_of(data_dir), data_dir=data_dir)
    assert (stopped["ok"], stopped["proven_sequence"]) == (True, made["sequence"])
    assert waiver_json("verify", data_dir=data_dir)["ok"]


def test_a_rewritten_journal_fails_the_verification(data_dir: Path) -> None:
    waiver_json("audit", "checkpoint", data_dir=data_dir)
    file = str(published(data_dir))

    def without_a_row(rows: list[Row]) -> list[Row]:
        return chained(rows[:-2] + rows[-1:])

    tamper(Settings(data_dir=data_dir), without_a_row)
    ran = waiver("audit", "verify", "--chain-only", "--checkpoint", file, "--json", data_dir=data_dir)
    assert ran.code == 1
    assert ran.json["error"]["code"] == "verification_failed"
    people = waiver("audit", "verify", "--checkpoint", file, data_dir=data_dir)
    assert people.code == 1
    assert "difference" in people.stdout


def test_an_edited_checkpoint_or_a_wrong_key_fails_the_verification(data_dir: Path, tmp_path: Path) -> None:
    waiver_json("audit", "checkpoint", data_dir=data_dir)
    file = published(data_dir)
    other = tmp_path / "other"
    waiver_json("account", "create", "--name", "Ann", data_dir=other)
    waiver_json("audit", "checkpoint", data_dir=other)
    wrong = waiver(
        "audit", "verify", "--checkpoint", str(file), "--public-key", key_of(other), "--json", data_dir=data_dir
    )
    assert (wrong.code, wrong.json["error"]["code"]) == (1, "checkpoints_wrong")
    file.write_text(file.read_text().replace("state-format 3", "state-format 4"))
    edited = waiver("audit", "verify", "--checkpoint", str(file), "--json", data_dir=data_dir)
    assert (edited.code, edited.json["error"]["code"]) == (1, "checkpoints_wrong")
    none = waiver("audit", "verify", "--checkpoint", str(tmp_path / "none"), "--json", data_dir=data_dir)
    assert none.code == 2
    no_key = waiver(
        "audit", "verify", "--checkpoint", str(file), "--public-key", "nonsense", "--json", data_dir=data_dir
    )
    assert no_key.code == 2


@pytest.fixture
def export(data_dir: Path) -> Path:
    output = data_dir.parent / "rows.jsonl"
    with serving(data_dir=data_dir):
        done = waiver_json("audit", "export", "--reason", "the audit", "--output", str(output), data_dir=data_dir)
    assert done["bytes"] == output.stat().st_size
    assert output.stat().st_mode & 0o777 == 0o600
    return output


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def recorded_in(data_dir: Path, event: str, *, first: int) -> list[dict[str, Any]]:
    """The decoded rows of a kind of event, from a row on."""
    output = data_dir.parent / f"later{first}.jsonl"
    waiver_json(
        "audit", "export", "--reason", "the audit", "--from", str(first), "--output", str(output), data_dir=data_dir
    )
    rows = [line["decoded"] for line in lines_of(output) if "sequence" in line]
    return [row for row in rows if row.get("event") == event]


def test_an_export_is_recorded_and_verified_by_one_who_has_nothing_else(export: Path, data_dir: Path) -> None:
    lines = lines_of(export)
    head, rows = lines[0], [line for line in lines if "sequence" in line]
    assert (head["first"], head["last"]) == (1, len(rows))
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    names = [row["decoded"]["command"] for row in rows]
    assert {"OpenAccount", "DepositCash", "RecordAudit"} <= set(names)
    # It is recorded behind the checkpoint that proves what was exported.
    recorded = recorded_in(data_dir, "audit_exported", first=len(rows) + 1)
    assert [row["facts"] for row in recorded] == [{"first": 1, "last": len(rows), "reason": "the audit"}]
    key = key_of(data_dir)
    alone = verify_alone(
        "--export", export, "--checkpoint", published(data_dir), "--public-key", key, folder=export.parent
    )
    assert alone.code == 0, alone
    assert (
        f"proven by a signed checkpoint up to row {len(rows)}, by one that you brought up to row {len(rows)}"
        in alone.stdout
    )


def test_a_part_of_the_journal_is_proven_by_the_checkpoints_in_it(export: Path, data_dir: Path) -> None:
    last = lines_of(export)[0]["last"]
    part = export.parent / "part.jsonl"
    waiver_json(
        "audit",
        "export",
        "--reason",
        "the audit",
        "--from",
        "3",
        "--to",
        str(last),
        "--output",
        str(part),
        data_dir=data_dir,
    )
    alone = verify_alone("--export", part, "--public-key", key_of(data_dir), folder=export.parent)
    assert alone.code == 0, alone
    assert lines_of(part)[1]["sequence"] == 3
    again = waiver("audit", "export", "--reason", "the audit", "--output", str(part), "--json", data_dir=data_dir)
    assert (again.code, again.json["error"]["code"]) == (1, "file_unusable")
    assert "name another" in again.json["error"]["message"]


def test_an_export_that_no_checkpoint_speaks_of_is_not_called_proven(data_dir: Path, tmp_path: Path) -> None:
    waiver_json("audit", "checkpoint", data_dir=data_dir)
    part = tmp_path / "part.jsonl"
    rows = ("--from", "2", "--to", "2", "--output", str(part))
    waiver_json("audit", "export", "--reason", "the audit", *rows, data_dir=data_dir)
    key = key_of(data_dir)
    alone = verify_alone("--export", part, "--checkpoint", published(data_dir), "--public-key", key, folder=tmp_path)
    assert alone.code == 3, alone
    assert "NOT PROVEN" in alone.stderr
    assert "proven by" not in alone.stdout


def changed_field(lines: list[str]) -> list[str]:
    return [line.replace('"OpenAccount"', '"HaltExchange"') for line in lines]


def without_a_row(lines: list[str]) -> list[str]:
    return [line for line in lines if '"sequence":3,' not in line]


def with_rows_swapped(lines: list[str]) -> list[str]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def cut_short(lines: list[str]) -> list[str]:
    return lines[:-1]


def with_an_earlier_end(lines: list[str]) -> list[str]:
    return [line for line in lines[:-3] if line] + lines[-1:]


def test_a_changed_export_is_seen_by_the_stand_alone_verifier(export: Path, data_dir: Path) -> None:
    lines = export.read_text(encoding="utf-8").splitlines()
    file = export.parent / "changed.jsonl"
    for attack in (changed_field, without_a_row, with_rows_swapped, cut_short, with_an_earlier_end):
        file.write_text("\n".join(attack(lines)) + "\n", encoding="utf-8")
        alone = verify_alone("--export", file, "--public-key", key_of(data_dir), folder=export.parent)
        assert alone.code == 1, (attack, alone)
        assert "WRONG" in alone.stderr, attack


def test_the_key_of_checkpoints_is_changed_by_the_key_before_it(data_dir: Path) -> None:
    waiver_json("audit", "checkpoint", data_dir=data_dir)
    first_key = key_of(data_dir)
    made = waiver("secrets", "init", "--directory", str(data_dir.parent / "next"), data_dir=data_dir)
    assert made.code == 0, made
    new_key = data_dir.parent / "next" / "audit_signing_key"
    unsaid = waiver("audit", "rotate-key", "--new-key", str(new_key), "--json", data_dir=data_dir)
    assert (unsaid.code, unsaid.json["error"]["code"]) == (2, "usage")
    change = ("rotate-key", "--new-key", str(new_key), "--reason", "yearly")
    waiver_json("audit", *change, data_dir=data_dir)
    again = waiver("audit", "checkpoint", "--json", data_dir=data_dir)
    assert (again.code, again.json["error"]["code"]) == (1, "checkpoint_failed")
    (data_dir / "secrets" / "audit_signing_key").write_bytes(new_key.read_bytes())
    waiver_json("account", "create", "--name", "Bob", data_dir=data_dir)
    waiver_json("audit", "checkpoint", data_dir=data_dir)
    file = published(data_dir)
    found = waiver_json("audit", "verify", "--checkpoint", str(file), "--public-key", first_key, data_dir=data_dir)
    assert (found["ok"], found["checkpoints"]) == (True, 3)
    alone = verify_alone("--checkpoint", file, "--public-key", first_key, folder=data_dir.parent)
    assert alone.code == 0, alone
    (recorded,) = recorded_in(data_dir, "audit_key_rotated", first=1)
    second_key = base64.b64decode((data_dir / "checkpoints" / "keys.txt").read_text().split()[1].split("+", 2)[2])
    assert recorded["facts"] == {"public_key": second_key[1:].hex(), "reason": "yearly"}
