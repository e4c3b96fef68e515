"""What the command line answers before it reaches an exchange."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from waiver_exchange.cli import main

MISSING = [
    ["account", "show", "--account", "house"],
    ["account", "list"],
    ["cash", "deposit", "--reason", "test", "--account", "house", "--amount", "1", "--reference", "r"],
    ["market", "halt-all", "--reason", "test"],
    ["status"],
    ["verify"],
    ["snapshot"],
]
WRONG_USAGE = [
    ["fly"],
    ["account"],
    ["account", "create"],
    ["account", "create", "--name"],
    ["market", "show", "--symbol", "A", "--colour", "red"],
    ["market", "list-player", "--bye-week", "99"],
    ["serve", "--port", "many"],
    ["verify", "now"],
]


@pytest.mark.parametrize("arguments", WRONG_USAGE, ids=" ".join)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([*arguments, "--data-dir", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err
    assert "Traceback" not in captured.err


def test_wrong_usage_with_json_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cash", "deposit", "--reason", "test", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


@pytest.mark.parametrize("arguments", MISSING, ids=" ".join)
def test_without_an_exchange_nothing_is_created(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data_dir = tmp_path / "none"
    assert main([*arguments, "--json", "--data-dir", str(data_dir)]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "exchange_not_found"
    assert not data_dir.exists()


def test_a_file_is_no_data_directory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert main(["account", "create", "--name", "Ann", "--json", "--data-dir", str(file)]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "data_directory_unusable"


def test_a_wrong_setting_is_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WAIVER_BAND_BPS", "wide")
    assert main(["serve", "--json", "--data-dir", str(tmp_path)]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["details"] == {"setting": "WAIVER_BAND_BPS"}
    assert not any(tmp_path.iterdir())


def test_help_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "account" in capsys.readouterr().out
    assert main([]) == 2


def test_help_loads_nothing_that_is_slow_to_load() -> None:
    program = "import sys; from waiver_exchange.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
    loaded = set(done.stderr.split())
    assert loaded & {"mcp", "pydantic", "ccxt", "httpx", "websockets", "litestar", "waiver_exchange.client"} == set()
