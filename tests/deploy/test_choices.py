"""What an operator chooses reaches the containers, as Compose itself merges its files; no engine is needed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.docker_engine import COMPOSE, ROOT

CHOSEN: Final = {
    "WAIVER_ENVIRONMENT": "production",
    "WAIVER_PUBLIC_URL": "https://exchange.example.org",
    "WAIVER_WORKERS": "2",
    "WAIVER_SECRETS_DIR": "/run/others",
}
DEFAULT: Final = {
    "WAIVER_ENVIRONMENT": "development",
    "WAIVER_PUBLIC_URL": "",
    "WAIVER_WORKERS": "1",
    "WAIVER_SECRETS_DIR": "/run/secrets",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that Compose reads, without any choice."""
    (tmp_path / "deploy/compose").mkdir(parents=True)
    for name in ("compose.yaml", "deploy/compose/defaults.env"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def settings_of(service: str, folder: Path) -> dict[str, str]:
    """The environment that Compose would start a service with."""
    if not COMPOSE.exists():
        if os.environ.get("CI"):
            pytest.fail("docker compose is not built")
        pytest.skip("docker compose is not built; tests/deploy/test_stack.py builds it")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WAIVER_", "COMPOSE_"))}
    merged = subprocess.run(  # noqa: S603 - the arguments are written here
        [COMPOSE, "--profile", "demo", "config", "--format", "json"],
        cwd=folder,
        env=inherited,
        capture_output=True,
        text=True,
        check=True,
    )
    settings: dict[str, str] = json.loads(merged.stdout)["services"][service]["environment"]
    return settings


@pytest.mark.parametrize("service", ["exchange", "demo"])
def test_without_a_choice_the_defaults_of_the_stack_hold(folder: Path, service: str) -> None:
    assert settings_of(service, folder).items() >= DEFAULT.items()


@pytest.mark.parametrize("service", ["exchange", "demo"])
def test_what_the_file_of_settings_says_wins_over_defaults_and_dot_env(folder: Path, service: str) -> None:
    (folder / ".env").write_text("WAIVER_ENVIRONMENT=development\nWAIVER_WORKERS=1\n", encoding="ascii")
    chosen = "".join(f"{name}={value}\n" for name, value in CHOSEN.items())
    (folder / "deploy/compose/exchange.env").write_text(chosen, encoding="ascii")
    assert settings_of(service, folder).items() >= CHOSEN.items()


def test_the_choices_of_dot_env_reach_the_exchange(folder: Path) -> None:
    (folder / ".env").write_text("WAIVER_ENVIRONMENT=production\nWAIVER_WORKERS=3\n", encoding="ascii")
    expected = DEFAULT | {"WAIVER_ENVIRONMENT": "production", "WAIVER_WORKERS": "3"}
    assert settings_of("exchange", folder).items() >= expected.items()
