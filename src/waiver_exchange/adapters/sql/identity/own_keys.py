"""Keys that the program draws for itself beside names and keys: sealed, and the same after every start."""

from typing import Final

from sqlalchemy import Connection, insert, select

from waiver_exchange.adapters.encryption.envelope import draw_key
from waiver_exchange.adapters.sql.identity.data_keys import place_of
from waiver_exchange.adapters.sql.identity.schema import own_keys
from waiver_exchange.adapters.sql.identity.vault import Vault

_BROWSERS: Final = "browsers"


def load_token_key(vault: Vault) -> bytes:
    """Return the key that proves what browsers bring back, drawn at the first opening; blocks for some milliseconds.

    It is nobody's to choose and outlives a change of the master key, so that no browser is signed out by one.
    Raises `IdentityError`.
    """
    return vault.load(lambda connection: _find_or_draw(vault, connection))


def _find_or_draw(vault: Vault, connection: Connection) -> bytes:
    place = place_of("own_keys", "key", _BROWSERS)
    found = connection.execute(select(own_keys.c.key).where(own_keys.c.purpose == _BROWSERS)).first()
    if found is not None:
        return vault.cipher.open(found.key, place)
    key = draw_key()
    connection.execute(insert(own_keys), {"purpose": _BROWSERS, "key": vault.cipher.seal(key, place)})
    return key
