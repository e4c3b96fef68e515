"""`waiver config`: what holds, where it was given, and everything that is wrong; secrets are hidden."""

import json
from pathlib import Path
from typing import Any

import pytest

from waiver_exchange.adapters.secrets.making import make_secrets
from waiver_exchange.cli.config import HIDDEN, shown_address
from waiver_exchange.cli.entry import main
from waiver_exchange.cli.failures import EXIT_USAGE


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WAIVER_CONFIG", "/dev/null")
    monkeypatch.setenv("WAIVER_DATA_DIR", str(tmp_path / "data"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["config", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, tuple[str, str]]:
    code, told = run(capsys, "show", *arguments)
    assert code == 0
    return {row["name"]: (row["value"], row["source"]) for row in told["settings"]}


def test_show_says_where_each_setting_was_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "waiver.toml"
    file.write_text('port = 9000\noidc.providers = ["google"]\n')
    monkeypatch.setenv("WAIVER_WORKERS", "3")
    found = shown(capsys, "--config", str(file), "--data-dir", "elsewhere")
    assert found["WAIVER_PORT"] == ("9000", str(file))
    assert found["WAIVER_WORKERS"] == ("3", "environment")
    assert found["WAIVER_DATA_DIR"] == ("elsewhere", "--data-dir")
    assert found["WAIVER_HOST"] == ("127.0.0.1", "default")
    assert found["WAIVER_BAND_BPS"] == ("-", "journal")
    assert found["WAIVER_OIDC_GOOGLE_ISSUER"] == ("known for `google`", "default")


def test_secrets_are_hidden_wherever_they_come_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_secrets(tmp_path / "secrets")
    address = tmp_path / "database_url"
    address.write_text("postgresql://waiver:hush@db/waiver?sslpassword=hush")
    monkeypatch.setenv("WAIVER_SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("WAIVER_AUDIT_SIGNING_KEY", "hush")
    monkeypatch.setenv("WAIVER_DATABASE_URL_FILE", str(address))
    monkeypatch.setenv("WAIVER_REDIS_URL", "redis://:hush@redis/0")
    found = shown(capsys)
    assert found["WAIVER_MASTER_KEY"] == (HIDDEN, str(tmp_path / "secrets/master_key"))
    assert found["WAIVER_AUDIT_SIGNING_KEY"] == (HIDDEN, "environment")
    assert found["WAIVER_DATABASE_URL"][1] == str(address)
    assert found["WAIVER_REDIS_URL"] == (f"redis://:{HIDDEN}@redis/0", "environment")
    assert found["WAIVER_DATABASE_OWNER_URL"] == ("-", "default")
    main(["config", "show"])
    assert "hush" not in str(found) + capsys.readouterr().out


def test_an_address_is_shown_without_its_password() -> None:
    assert shown_address("postgresql://db/waiver") == "postgresql://db/waiver"
    assert (
        shown_address("unix:///run/redis.sock?db=1&password=hush") == f"unix:///run/redis.sock?db=1&password={HIDDEN}"
    )
    assert shown_address("postgresql://u:hu/sh@[x") == f"postgresql://u:{HIDDEN}@[x"


def test_check_tells_all_problems_at_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(capsys, "check") == (0, {"ok": True, "problems": [], "advice": []})
    monkeypatch.setenv("WAIVER_PROT", "1")
    monkeypatch.setenv("WAIVER_WORKERS", "2")
    monkeypatch.setenv("WAIVER_ENVIRONMENT", "production")
    code, told = run(capsys, "check", "--demo")
    assert (code, told["ok"]) == (EXIT_USAGE, False)
    assert [problem["setting"] for problem in told["problems"]] == [
        "WAIVER_PROT",
        "WAIVER_WORKERS",
        "WAIVER_PUBLIC_URL",
        "--demo",
        "secrets",
    ]
    assert main(["config", "check"]) == EXIT_USAGE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "WAIVER_PROT is no setting. Did you mean WAIVER_PORT?"
    assert lines[-1] == "4 problems"


def test_check_makes_no_secrets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "check")[0] == 0
    assert not (tmp_path / "data").exists()
