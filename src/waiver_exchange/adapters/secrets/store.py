"""The secrets of one exchange: read, checked, and in development made when they are missing."""

import logging
import os
from pathlib import Path
from typing import Final

from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.making import make_secrets
from waiver_exchange.adapters.secrets.sources import AUDIT_SIGNING_KEY, MASTER_KEY, Found, find_secret, read_secret
from waiver_exchange.adapters.secrets.strength import decode_key, weakness_of_key, weakness_of_text
from waiver_exchange.adapters.secrets.tracked import is_tracked
from waiver_exchange.config import Settings

FOLDER: Final = "secrets"  # in the data directory, for development
_OTHERS: Final = 0o077
_WORLD: Final = 0o007
_ROOT: Final = 0

_log = logging.getLogger(__name__)


class Secrets:
    """Reads each secret when it is asked for and keeps none.

    In production a secret must be there and good: drawn by chance, readable by nobody else, outside of the data
    directory (whose backups would carry it) and outside of version control. In development the missing keys are made.
    """

    def __init__(self, settings: Settings, *, may_make_master_key: bool = True) -> None:
        """Take the settings; nothing is read yet.

        Without `may_make_master_key` a missing one is an error in development too: something was encrypted with it.
        """
        self._settings = settings
        self._may_make_master_key = may_make_master_key

    @property
    def master_key(self) -> bytes:
        """The 32 bytes that wrap the data keys. Raises `SecretsError`."""
        return self._key(MASTER_KEY, may_make=self._may_make_master_key)

    @property
    def audit_signing_key(self) -> bytes:
        """The 32 bytes of the Ed25519 seed that signs checkpoints. Raises `SecretsError`."""
        return self._key(AUDIT_SIGNING_KEY, may_make=True)

    def read(self, name: str) -> str | None:
        """Return the text of a secret that somebody else gave, such as `oidc_google_client_secret`, or None.

        Raises `SecretsError` when it cannot be read, and in production when it is not good enough.
        """
        found = find_secret(self._settings.secrets, name, directory=self.directory)
        if found is not None and self._settings.is_production:
            weakness = "is empty" if not found.text else weakness_of_text(found.text)
            if weakness is not None:
                raise SecretsError(f"The secret {found.source} is not accepted in production: it {weakness}.")
            self._check_file(found)
        return found.text if found is not None else None

    def read_given(self, name: str) -> str:
        """Return what may hold a secret, and is not drawn by chance itself; empty without one.

        Raises `SecretsError` when it cannot be read, and in production when others may read it.
        """
        found = find_secret(self._settings.secrets, name, directory=self.directory)
        if found is not None and self._settings.is_production:
            self._check_file(found)
        return found.text if found is not None else ""

    def check(self) -> None:
        """Raise `SecretsError` unless the exchange's own keys are there and good enough."""
        if self.master_key == self.audit_signing_key and self._settings.is_production:
            raise SecretsError(
                "The master key and the audit signing key are the same; make the second one anew with `waiver secrets "
                "init`."
            )

    @property
    def directory(self) -> Path | None:
        """Where secrets lie that nothing else names."""
        if self._settings.secrets.directory is not None or self._settings.is_production:
            return self._settings.secrets.directory
        return self._settings.data_dir / FOLDER

    def _key(self, name: str, *, may_make: bool) -> bytes:
        found = find_secret(self._settings.secrets, name, directory=self.directory)
        if found is None:
            found = self._made(name, may_make=may_make)
        key = decode_key(found.text)
        if key is None:
            raise SecretsError(
                f"The secret {found.source} is no key: it must be 32 random bytes as 64 hexadecimal digits or as "
                "base64. Make one with `waiver secrets init`."
            )
        if self._settings.is_production:
            weakness = weakness_of_key(key)
            if weakness is not None:
                raise SecretsError(
                    f"The secret {found.source} is not accepted in production: it {weakness}. Make one with `waiver "
                    "secrets init`."
                )
            self._check_file(found)
        return key

    def _made(self, name: str, *, may_make: bool) -> Found:
        directory = self.directory
        if directory is None or self._settings.is_production or not may_make:
            raise SecretsError(_missing(name, directory, was_there=not may_make))
        if make_secrets(directory, names=(name,)):
            _log.info("made the %s in %s, good for development; keep a copy apart from your backups", name, directory)
        found = find_secret(self._settings.secrets, name, directory=directory)
        if found is None:
            raise SecretsError(_missing(name, directory, was_there=False))
        return found

    def _check_file(self, found: Found) -> None:
        if found.path is None:
            return
        path = found.path.resolve()
        status = path.stat()
        # systemd grants the service's user by an access list, which shows as a group.
        if status.st_mode & (_WORLD if found.is_credential else _OTHERS):
            raise SecretsError(f"Others may read the secret {found.source} ({path}); close it: chmod 600 {path}")
        if status.st_uid not in {os.geteuid(), _ROOT}:
            raise SecretsError(f"The secret {found.source} ({path}) belongs to another user; give it to this one.")
        if path.is_relative_to(self._settings.data_dir.resolve()):
            raise SecretsError(
                f"The secret {found.source} ({path}) lies in the data directory, so whoever gets a backup gets the key "
                "with it; move it elsewhere and name its directory in WAIVER_SECRETS_DIR."
            )
        if is_tracked(path) or is_tracked(found.path):
            raise SecretsError(
                f"The secret {found.source} ({path}) is committed to the git repository around it, where everybody who "
                "has a copy can read it; make another with `waiver secrets init` outside of the repository."
            )


def read_new_key(path: Path) -> bytes:
    """Return the key in a file that is to become the master key; it must be good enough for production.

    Raises `SecretsError`.
    """
    found = read_secret(path, source=str(path))
    key = decode_key(found.text)
    weakness = "is no key of 32 bytes" if key is None else weakness_of_key(key)
    if key is None or weakness is not None:
        raise SecretsError(f"The key in {path} is not accepted: it {weakness}. Make one with `waiver secrets init`.")
    if path.stat().st_mode & _OTHERS:
        raise SecretsError(f"Others may read {path}; close it: chmod 600 {path}")
    return key


def _missing(name: str, directory: Path | None, *, was_there: bool) -> str:
    variable = f"WAIVER_{name.upper()}"
    where = f" or {directory / name}" if directory is not None else " or a directory in WAIVER_SECRETS_DIR"
    remedy = (
        "Names and addresses are encrypted with it: bring back the one that was there."
        if was_there
        else "Make one with `waiver secrets init --directory DIR`."
    )
    return f"There is no {name}: set {variable}, {variable}_FILE{where}. {remedy}"
