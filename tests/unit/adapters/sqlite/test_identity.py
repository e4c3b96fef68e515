"""Names and keys on disk: kept over restarts, also those of older versions."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from importlib import resources
from pathlib import Path

import pytest

from waiver_exchange.adapters.sql.identity.accounts import REVOKED_KEYS_KEPT, SqlIdentityStore
from waiver_exchange.adapters.sqlite.stores import open_identity_stores
from waiver_exchange.application.ports import ApiKey, IdentityError, RequestRates

MASTER_KEY = bytes(range(32))
KEY = ApiKey(
    key_id="WXA", account=2, secret_hash=bytes(32), created_at_ns=7, name="bot", scopes=frozenset({"read", "trade"})
)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SqlIdentityStore]:
    store = open_identity_stores(folder / "identity.db", master_key=MASTER_KEY).identity
    try:
        yield store
    finally:
        await store.close()


async def test_keys_and_their_last_use_outlive_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.add_key(KEY)
        store.note_use("WXA", at_ns=99)
        store.note_use("WXNOBODY", at_ns=99)
        assert [key.last_used_at_ns for key in store.list_keys(2)] == [99]
        await store.store_uses()
        await store.rename_key("WXA", name="maker")
    async with opened(tmp_path) as store:
        (key,) = store.list_keys(2)
        assert (key.name, key.scopes, key.last_used_at_ns) == ("maker", KEY.scopes, 99)
        assert store.find_key("WXA") == key
        assert store.list_keys(3) == []


async def test_a_revoked_key_opens_nothing_and_is_still_listed(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.add_key(KEY)
        assert not (await store.revoke_key("WXA", at_ns=100)).is_usable
        assert store.find_key("WXA") is None
    async with opened(tmp_path) as store:
        assert store.find_key("WXA") is None
        assert [key.revoked_at_ns for key in store.list_keys(2)] == [100]


async def test_keys_that_were_revoked_long_ago_are_forgotten(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        for number in range(REVOKED_KEYS_KEPT + 2):
            key = ApiKey(key_id=f"WX{number}", account=2, secret_hash=bytes(32), created_at_ns=number)
            await store.add_key(key)
            await store.revoke_key(key.key_id, at_ns=number + 1)
        assert [key.key_id for key in store.list_keys(2)][:1] == ["WX2"]
    async with opened(tmp_path) as store:
        assert len(store.list_keys(2)) == REVOKED_KEYS_KEPT


async def test_limits_of_an_account_outlive_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.set_rates(account=2, rates=RequestRates(5, None))
        await store.set_rates(account=2, rates=RequestRates(None, 0))
    async with opened(tmp_path) as store:
        assert store.find_rates(2) == RequestRates(None, 0)
        assert store.find_rates(3) is None


async def test_a_file_from_before_there_were_versions_goes_on_with_every_scope(tmp_path: Path) -> None:
    first = resources.files("waiver_exchange.adapters.sqlite").joinpath("identity_1.sql").read_text("utf-8")
    with closing(sqlite3.connect(tmp_path / "identity.db", isolation_level=None)) as connection:
        connection.executescript(first)
        connection.execute("INSERT INTO accounts VALUES (2, 'Ann', 5)")
        connection.execute("INSERT INTO api_keys VALUES ('WXOLD', 2, ?, 7)", (bytes(32),))
    async with opened(tmp_path) as store:
        (key,) = store.list_keys(2)
        assert (key.name, sorted(key.scopes)) == ("", ["admin", "read", "trade"])
        assert (key.last_used_at_ns, key.revoked_at_ns, store.find_name(2)) == (0, 0, "Ann")
        assert store.find_key("WXOLD") == key


async def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "identity.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(IdentityError, match="newer version"):
        open_identity_stores(tmp_path / "identity.db", master_key=MASTER_KEY)
