"""The certified OpenID provider (npm `oidc-provider`), a process of its own on a free port of the loopback."""

import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

ROOT: Final = Path(__file__).resolve().parents[2]
PROGRAM: Final = ROOT / "tests" / "support" / "oidc_provider" / "provider.js"
MODULES: Final = ROOT / "build" / "identity-provider" / "node_modules"
NODE: Final = shutil.which("node")
START_SECONDS_MAX: Final = 30
STOP_SECONDS_MAX: Final = 10


def is_installed() -> bool:
    """Return whether `tools/prepare_tests.py` found Node and brought the provider."""
    return NODE is not None and (MODULES / "oidc-provider").is_dir()


class IdentityProvider:
    """A running provider: whoever types a name into its form is that user, `NAME@example.test`."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def register(self, client_id: str, *, secret: str, redirect_uris: tuple[str, ...]) -> None:
        """Let a client in, with these redirect URIs and no other; registered again it has the new ones."""
        httpx.put(
            f"{self.issuer}/test/clients/{client_id}",
            json={"secret": secret, "redirect_uris": redirect_uris},
            trust_env=False,
        ).raise_for_status()


@contextmanager
def serving_identity_provider(*, id_token_seconds: int = 3600) -> Iterator[IdentityProvider]:
    """Run the provider for the block; it ends with its standard input at the latest."""
    assert NODE is not None
    with subprocess.Popen(  # noqa: S603 - our own program
        [NODE, "--no-warnings", str(PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"MODULES": str(MODULES), "ID_TOKEN_SECONDS": str(id_token_seconds)},
    ) as process:
        try:
            assert process.stdout is not None
            readable, _, _ = select.select([process.stdout], [], [], START_SECONDS_MAX)
            line = process.stdout.readline() if readable else ""
            assert line, "the identity provider did not start; `python tools/prepare_tests.py` installs it"
            yield IdentityProvider(json.loads(line)["issuer"])
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
