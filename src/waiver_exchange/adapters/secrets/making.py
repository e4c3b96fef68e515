"""Good secrets, made and kept so that only their owner reads them; what is there is never overwritten."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from waiver_exchange.adapters.secrets.errors import SecretsDirectoryError, SecretsError
from waiver_exchange.adapters.secrets.sources import AUDIT_SIGNING_KEY, MASTER_KEY
from waiver_exchange.adapters.secrets.strength import KEY_BYTES, encode_key

NAMES: Final = (MASTER_KEY, AUDIT_SIGNING_KEY)
_OTHERS: Final = 0o077


def make_secrets(directory: Path, *, names: tuple[str, ...] = NAMES) -> list[str]:
    """Make those of the secrets that are not there, in a directory closed to others, and return their names.

    Raises `SecretsDirectoryError` when the directory cannot be written, `SecretsError` when it is open to others.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_mode & _OTHERS:
            raise SecretsError(f"Others may enter the directory {directory}; close it first: chmod 700 {directory}")
        made = [name for name in names if _make(directory / name)]
        _sync(directory)
    except OSError as error:
        raise SecretsDirectoryError(
            f"No secrets can be made in {directory} ({error.strerror}); make it writable, free some space, or name "
            "another directory."
        ) from error
    return made


def write_secret(path: Path, text: str) -> None:
    """Keep a secret in a new file, mode 0600, durably and whole. Raises `FileExistsError`, `OSError`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link never replaces a file, as a rename would; and nobody ever sees half a secret.
        os.link(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _make(path: Path) -> bool:
    try:
        write_secret(path, encode_key(secrets.token_bytes(KEY_BYTES)))
    except FileExistsError:
        return False
    return True


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
