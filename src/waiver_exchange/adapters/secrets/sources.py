"""Where the text of a secret is found."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.config import SecretSettings

MASTER_KEY: Final = "master_key"
AUDIT_SIGNING_KEY: Final = "audit_signing_key"
BYTES_MAX: Final = 4_096
_NAME: Final = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)


class Found(NamedTuple):
    """A secret's text without the space around it, what to call its source, and its file unless it came without."""

    text: str
    source: str
    path: Path | None
    is_credential: bool = False


def find_secret(settings: SecretSettings, name: str, *, directory: Path | None) -> Found | None:
    """Return a secret from the first source that has it; None when none has.

    Raises `SecretsError` for a file that is named or there and cannot be read.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a secret")
    variable = f"WAIVER_{name.upper()}"
    if settings.given.get(variable):
        return Found(settings.given[variable].strip(), variable, None)
    named = settings.given.get(f"{variable}_FILE")
    if named:
        return read_secret(Path(named), source=f"{variable}_FILE")
    for folder, is_credential in ((settings.credentials_directory, True), (directory, False)):
        if folder is not None and (folder / name).exists():
            return read_secret(folder / name, source=str(folder / name))._replace(is_credential=is_credential)
    return None


def read_secret(path: Path, *, source: str) -> Found:
    """Return the secret in a file. Raises `SecretsError`."""
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
        if len(content) > BYTES_MAX:
            raise SecretsError(f"The secret {source} ({path}) is longer than {BYTES_MAX} bytes; it is another file.")
        return Found(content.decode("utf-8").strip(), source, path)
    except OSError as error:
        raise SecretsError(
            f"The secret {source} ({path}) cannot be read ({error.strerror}); check its owner and permissions."
        ) from error
    except UnicodeDecodeError:
        raise SecretsError(f"The secret {source} ({path}) is no text; make one with `waiver secrets init`.") from None
