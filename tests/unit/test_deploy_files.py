"""What deploys the exchange agrees with the exchange, and its secrets are made once."""

import importlib.util
import os
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from waiver_exchange.adapters.secrets.strength import weakness_of_text

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^([a-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


@pytest.fixture
def make_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The stack's first service, with folders of the test's own."""
    spec = importlib.util.spec_from_file_location("make_secrets", ROOT / "deploy/compose/make_secrets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "database").mkdir()
    monkeypatch.setattr(module, "SECRETS", tmp_path / "secrets")
    monkeypatch.setattr(module, "DATABASE", tmp_path / "database")
    monkeypatch.setattr(os, "chown", lambda *_: None)
    return module


def kept(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_text(encoding="ascii").strip() for path in files}


def test_the_image_has_the_version_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"ARG VERSION={version}\n" in (ROOT / "deploy/images/Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["build.lock", "requirements.lock"])
def test_the_image_is_made_of_the_versions_that_are_tested(name: str) -> None:
    tested = dict(PINNED.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))
    shipped = dict(PINNED.findall((ROOT / "deploy/images" / name).read_text(encoding="utf-8")))
    # Of what only builds, not everything is needed to develop.
    others = {package for package in shipped if package not in tested}
    assert {package: tested[package] for package in shipped.keys() - others} == {
        package: version for package, version in shipped.items() if package not in others
    }
    assert others <= {"pip", "wheel"}


def test_secrets_are_drawn_once_and_are_good(make_secrets: ModuleType) -> None:
    assert make_secrets.main() == 0
    first = kept(make_secrets.SECRETS)
    drawn = [text for name, text in first.items() if name.startswith(("postgres/", "redis/password"))]
    assert len(set(drawn)) == 5
    assert [weakness_of_text(text) for text in drawn] == [None] * 5
    assert first["postgres/service"] in first["exchange/database_url"]
    assert first["redis/password"] in first["exchange/redis_url"]
    assert make_secrets.main() == 0
    assert kept(make_secrets.SECRETS) == first


def test_what_an_interruption_left_out_is_made_and_the_rest_stays(make_secrets: ModuleType) -> None:
    make_secrets.main()
    first = kept(make_secrets.SECRETS)
    (make_secrets.SECRETS / "exchange/database_url").unlink()
    assert make_secrets.main() == 0
    assert kept(make_secrets.SECRETS) == first


def test_passwords_of_a_database_that_is_there_are_not_drawn_anew(
    make_secrets: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    make_secrets.main()
    (make_secrets.DATABASE / "PG_VERSION").write_text("15\n", encoding="ascii")
    assert make_secrets.main() == 0
    (make_secrets.SECRETS / "postgres/owner").unlink()
    assert make_secrets.main() == 1
    assert "postgres/owner in deploy/compose/secrets. Bring" in capsys.readouterr().err
    assert not (make_secrets.SECRETS / "postgres/owner").exists()
