"""The one connection to names and keys, in a thread of its own, and the cipher of its sealed columns."""

import logging
from typing import Final

from sqlalchemy import Connection

from waiver_exchange.adapters.encryption.envelope import WrongMasterKeyError
from waiver_exchange.adapters.encryption.values import SealedValueError, ValueCipher
from waiver_exchange.adapters.sql.database import SqlDatabase
from waiver_exchange.adapters.sql.identity.data_keys import add_first_keys, load_cipher, place_of
from waiver_exchange.adapters.sql.thread import Actions, SqlThread
from waiver_exchange.application.ports import IdentityError

_ACTIONS: Final = Actions("open the names and keys", "write names and keys", "read names and keys")
_log = logging.getLogger(__name__)


class Vault(SqlThread):
    """Runs what the identity stores want; everything raises `IdentityError`.

    `master_key` is the one that wraps the data keys now; `problem` says why the newest change could not be stored.
    """

    failures = (*SqlThread.failures, SealedValueError, WrongMasterKeyError)

    def __init__(self, database: SqlDatabase, *, master_key: bytes) -> None:
        """Connect and read the data keys, or make the first ones; blocks for some milliseconds."""
        self.master_key = master_key
        self.problem: str | None = None
        super().__init__(database, name="identity", actions=_ACTIONS, error=IdentityError)
        try:
            self.load(lambda connection: add_first_keys(connection, master_key=master_key))
            self.load(self.new_cipher)
        except BaseException:
            self.close_now()
            raise

    @property
    def cipher(self) -> ValueCipher:
        """The cipher with the data keys of the last commit."""
        return self._cipher

    def seal(self, text: str, *, table: str, column: str, row: int | str | bytes) -> bytes:
        """Return a text sealed for its place."""
        return self._cipher.seal(text.encode(), place_of(table, column, row))

    def open(self, sealed: bytes, *, table: str, column: str, row: int | str | bytes) -> str:
        """Return the text sealed for a place. Raises `SealedValueError`."""
        return self._cipher.open(sealed, place_of(table, column, row)).decode()

    def new_cipher(self, connection: Connection) -> None:
        """Take the data keys as they are stored; for the thread, behind a commit."""
        self._cipher = load_cipher(connection, master_key=self.master_key)

    async def check_writable(self) -> None:
        """Write something that changes nothing, and end or renew the problem with it."""
        await self.change(self.database.probe, then=lambda _: None)

    async def sweep_if_possible(self) -> None:
        """Remove replaced keys from the files, or say that it is still to be done: the change itself is made."""
        try:
            await self.sweep()
        except IdentityError as error:
            _log.warning(
                "keys that were replaced stay in the files until the next erasure or change of keys: %s", error
            )

    def noted(self, error: Exception | None) -> None:
        """Keep why the newest change could not be stored, and say so once."""
        if error is not None:
            if self.problem is None:
                _log.error("names and keys cannot be stored; it is tried again: %s", error)
            self.problem = str(error)
        elif self.problem is not None:
            _log.warning("names and keys can be stored again")
            self.problem = None

    def failure(self, error: Exception, *, action: str) -> Exception:
        """Return what is raised for a failure."""
        begins = f"Could not {action} {self.database.place}"
        if isinstance(error, WrongMasterKeyError):
            return IdentityError(
                f"{begins}: they were encrypted under another master key. Bring back the one "
                "that was there (WAIVER_MASTER_KEY, its file, or master_key in the directory of secrets); after "
                "`waiver secrets rewrap` it is the new one."
            )
        if isinstance(error, SealedValueError):
            return IdentityError(f"{begins}: {error}; restore a backup.")
        return super().failure(error, action=action)
