"""What the check of advisories makes of what the services say, and of their silence."""

import json

import pytest

from tools import check_advisories
from tools.check_advisories import UNREACHABLE, read_npm_audit, read_pip_audit


def report(**package: object) -> str:
    return json.dumps({"dependencies": [{"name": "left", "version": "1.0", "vulns": []} | package]})


def test_a_weakness_is_named() -> None:
    assert read_pip_audit(report(vulns=[{"id": "PYSEC-1"}])) == ["left: PYSEC-1"]
    assert read_pip_audit(report()) == []


def test_a_package_that_nobody_knows_is_not_taken_for_checked() -> None:
    assert read_pip_audit(report(skip_reason="not found")) is None
    assert read_pip_audit("") is None
    assert read_pip_audit('{"dependencies": []}') is None


def test_npm_says_how_many() -> None:
    assert read_npm_audit('{"metadata": {"vulnerabilities": {"total": 2}}}')[0] is False
    assert read_npm_audit('{"metadata": {"vulnerabilities": {"total": 0}}}')[0] is True
    assert read_npm_audit('{"message": "405"}') == (None, UNREACHABLE)


@pytest.mark.parametrize(("demanded", "code"), [("", 0), ("1", 1)])
def test_silence_passes_unless_an_answer_is_demanded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], demanded: str, code: int
) -> None:
    monkeypatch.setenv("REQUIRE_ADVISORIES", demanded)
    monkeypatch.setattr(check_advisories, "run", lambda *_, **__: "")
    assert check_advisories.main() == code
    assert capsys.readouterr().out.count(UNREACHABLE) >= 3


def test_a_weakness_fails_whatever_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_advisories, "run", lambda *_, **__: report(vulns=[{"id": "PYSEC-1"}]))
    assert check_advisories.main() == 1
