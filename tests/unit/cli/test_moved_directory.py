"""Commands on files whose exchange goes on in a database."""

import json
from pathlib import Path

import pytest

from tests.support.waiver_process import environment
from waiver_exchange.cli import main

COMMANDS = {
    "verify": ["verify"],
    "snapshot": ["snapshot"],
    "status": ["status"],
    "audit verify": ["audit", "verify"],
    "audit checkpoint": ["audit", "checkpoint"],
    "audit export": ["audit", "export", "--output", "rows.jsonl", "--reason", "a test"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_files_that_were_moved_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("WAIVER_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    old = tmp_path / "old"
    old.mkdir(mode=0o700)
    (old / "journal.db").touch()
    (old / "moved").write_text("postgresql://127.0.0.1:5432/waiver\n", encoding="utf-8")

    code = main([*COMMANDS[name], "--json", "--data-dir", str(old)])

    assert code == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "data_directory_unusable"
    assert "was transferred to postgresql://127.0.0.1:5432/waiver" in error["message"]
    assert (old / "journal.db").stat().st_size == 0
