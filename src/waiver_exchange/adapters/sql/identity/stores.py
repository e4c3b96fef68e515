"""All stores of names and keys on one database, opened together."""

from typing import NamedTuple

from waiver_exchange.adapters.sql.database import SqlDatabase
from waiver_exchange.adapters.sql.identity.accounts import SqlIdentityStore
from waiver_exchange.adapters.sql.identity.erasures import SqlErasures
from waiver_exchange.adapters.sql.identity.invitations import SqlInvitations
from waiver_exchange.adapters.sql.identity.notes import SqlNotes
from waiver_exchange.adapters.sql.identity.own_keys import load_token_key
from waiver_exchange.adapters.sql.identity.passkeys import SqlPasskeys
from waiver_exchange.adapters.sql.identity.people import SqlPeople
from waiver_exchange.adapters.sql.identity.resealing import SqlDataKeys
from waiver_exchange.adapters.sql.identity.sessions import SqlSessions
from waiver_exchange.adapters.sql.identity.signing_keys import SqlSigningKeys
from waiver_exchange.adapters.sql.identity.vault import Vault
from waiver_exchange.application.identity_memory.memory import IdentityMemory


class IdentityStores(NamedTuple):
    """The stores; closing `identity` closes the connection under all of them.

    `token_key` proves what browsers bring back. Of `identity_memory` others learn what changes in memory.
    """

    identity: SqlIdentityStore
    people: SqlPeople
    sessions: SqlSessions
    passkeys: SqlPasskeys
    signing_keys: SqlSigningKeys
    invitations: SqlInvitations
    notes: SqlNotes
    data_keys: SqlDataKeys
    erasures: SqlErasures
    token_key: bytes
    identity_memory: IdentityMemory


def open_stores(database: SqlDatabase, *, master_key: bytes) -> IdentityStores:
    """Connect and read everything; blocks for some milliseconds. Raises `IdentityError`."""
    vault = Vault(database, master_key=master_key)
    try:
        return _stores_of(vault)
    except BaseException:
        vault.close_now()
        raise


def _stores_of(vault: Vault) -> IdentityStores:
    memory = IdentityMemory()
    return IdentityStores(
        identity=SqlIdentityStore(vault, memory),
        people=SqlPeople(vault, memory),
        sessions=SqlSessions(vault, memory),
        passkeys=SqlPasskeys(vault, memory),
        signing_keys=SqlSigningKeys(vault, memory),
        invitations=SqlInvitations(vault),
        notes=SqlNotes(vault),
        data_keys=SqlDataKeys(vault),
        erasures=SqlErasures(vault, memory),
        token_key=load_token_key(vault),
        identity_memory=memory,
    )
