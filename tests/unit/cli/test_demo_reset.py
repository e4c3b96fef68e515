"""What `waiver demo-reset` leaves alone."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from waiver_exchange.cli.failures import CommandFailedError
from waiver_exchange.cli.maintain import demo_reset


@pytest.mark.parametrize("sign", ["WAIVER_DATABASE_URL", "moved"])
def test_an_exchange_in_a_database_keeps_its_master_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    (tmp_path / "demo").touch()
    (tmp_path / "secrets").mkdir()
    if sign == "moved":
        (tmp_path / "moved").write_text("PostgreSQL at db/waiver", encoding="utf-8")
    else:
        monkeypatch.setenv(sign, "postgresql://waiver_service@db/waiver")
    done = CliRunner().invoke(demo_reset, ["--data-dir", str(tmp_path)])
    assert isinstance(done.exception, CommandFailedError)
    assert "master key" in done.exception.message
    assert (tmp_path / "secrets").is_dir()
