"""What deploys the exchange agrees with the exchange, and its secrets are made once."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from waiver_exchange.adapters.secrets.strength import weakness_of_text
from waiver_exchange.supervisor.supervising import STOP_SECONDS_MAX

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


def test_the_image_leaves_the_base_s_pip_behind(tmp_path: Path) -> None:
    pip = ("bin/pip3.11", "lib/python3.11/site-packages/pip/a", "lib/python3.11/ensurepip/b")
    for name in (*pip, "bin/python3.11", "lib/python3.11/site-packages/other", "lib/python3.11/os.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    last = (ROOT / "deploy/images/Dockerfile").read_text(encoding="utf-8").rpartition("FROM ")[2]
    removal = next(line for line in last.splitlines() if line.startswith("RUN rm -rf /usr/local/bin/pip"))
    command = removal.removeprefix("RUN ").replace("/usr/local", shlex.quote(str(tmp_path)))
    subprocess.run(["/bin/sh", "-c", command], check=True)  # noqa: S603 - our own Dockerfile
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"bin/python3.11", "lib/python3.11/site-packages/other", "lib/python3.11/os.py"}


def test_the_demo_is_not_started_again_in_production() -> None:
    # A failure would be: the stack starts it again on each.
    environment = os.environ | {"WAIVER_ENVIRONMENT": "production"}
    demo = [sys.executable, str(ROOT / "deploy/compose/demo.py")]
    ran = subprocess.run(demo, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert (ran.returncode, "not for WAIVER_ENVIRONMENT=production" in ran.stderr) == (0, True)


def test_the_stack_waits_until_supervisor_and_engine_have_ended() -> None:
    stack = (
        (ROOT / "compose.yaml").read_text(encoding="utf-8").partition("\n  exchange:\n")[2].partition("\n  demo:\n")[0]
    )
    found = re.search(r"stop_grace_period: (\d+)s", stack)
    assert found is not None
    assert int(found[1]) > 2 * STOP_SECONDS_MAX


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
