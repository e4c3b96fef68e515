"""All stores of one file of names and keys, opened together."""

from pathlib import Path
from typing import NamedTuple

from waiver_exchange.adapters.sqlite.identity import SqliteIdentityStore
from waiver_exchange.adapters.sqlite.identity_erasures import SqliteErasures
from waiver_exchange.adapters.sqlite.identity_invitations import SqliteInvitations
from waiver_exchange.adapters.sqlite.identity_notes import SqliteNotes
from waiver_exchange.adapters.sqlite.identity_own_keys import load_token_key
from waiver_exchange.adapters.sqlite.identity_passkeys import SqlitePasskeys
from waiver_exchange.adapters.sqlite.identity_people import SqlitePeople
from waiver_exchange.adapters.sqlite.identity_resealing import SqliteDataKeys
from waiver_exchange.adapters.sqlite.identity_sessions import SqliteSessions
from waiver_exchange.adapters.sqlite.identity_signing import SqliteSigningKeys
from waiver_exchange.adapters.sqlite.identity_thread import IdentityThread
from waiver_exchange.application.identity_memory.memory import IdentityMemory


class IdentityStores(NamedTuple):
    """The stores; closing `identity` closes the file under all of them.

    `token_key` proves what browsers bring back. Of `identity_memory` others learn what changes in memory.
    """

    identity: SqliteIdentityStore
    people: SqlitePeople
    sessions: SqliteSessions
    passkeys: SqlitePasskeys
    signing_keys: SqliteSigningKeys
    invitations: SqliteInvitations
    notes: SqliteNotes
    data_keys: SqliteDataKeys
    erasures: SqliteErasures
    token_key: bytes
    identity_memory: IdentityMemory


def open_identity_stores(path: Path, *, master_key: bytes) -> IdentityStores:
    """Open the file, creating it, and read it; blocks for some milliseconds. Raises `IdentityError`."""
    file = IdentityThread(path, master_key=master_key)
    try:
        return _stores_of(file)
    except BaseException:
        file.close_now()
        raise


def _stores_of(file: IdentityThread) -> IdentityStores:
    memory = IdentityMemory()
    return IdentityStores(
        identity=SqliteIdentityStore(file, memory),
        people=SqlitePeople(file, memory),
        sessions=SqliteSessions(file, memory),
        passkeys=SqlitePasskeys(file, memory),
        signing_keys=SqliteSigningKeys(file, memory),
        invitations=SqliteInvitations(file),
        notes=SqliteNotes(file),
        data_keys=SqliteDataKeys(file),
        erasures=SqliteErasures(file, memory),
        token_key=load_token_key(file),
        identity_memory=memory,
    )
