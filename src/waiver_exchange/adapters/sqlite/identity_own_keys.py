"""Keys that the program draws for itself in the file of names and keys: sealed, and the same after every start."""

import sqlite3
from typing import Final

from waiver_exchange.adapters.encryption.envelope import draw_key
from waiver_exchange.adapters.sqlite.identity_keys import place_of
from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread, in_transaction

_BROWSERS: Final = "browsers"


def load_token_key(file: IdentityThread) -> bytes:
    """Return the key that proves what browsers bring back, drawn at the first opening; blocks for some milliseconds.

    It is nobody's to choose and outlives a change of the master key, so that no browser is signed out by one.
    Raises `IdentityError`.
    """
    return file.load(lambda: in_transaction(file.connection, lambda connection: _find_or_draw(file, connection)))


def _find_or_draw(file: IdentityThread, connection: sqlite3.Connection) -> bytes:
    place = place_of("own_keys", "key", _BROWSERS)
    found = connection.execute("SELECT key FROM own_keys WHERE purpose = ?", (_BROWSERS,)).fetchone()
    if found is not None:
        return file.cipher.open(found[0], place)
    key = draw_key()
    connection.execute("INSERT INTO own_keys VALUES (?, ?)", (_BROWSERS, file.cipher.seal(key, place)))
    return key
