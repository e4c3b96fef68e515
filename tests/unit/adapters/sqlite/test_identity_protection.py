"""What is personal is unreadable in the files, whatever happened to them before."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from waiver_exchange.adapters.sql.identity.stores import IdentityStores
from waiver_exchange.adapters.sqlite.stores import open_identity_stores
from waiver_exchange.application.identity_ports import Login, Note, Passkey, Person, RefreshToken, Session, SigningKey
from waiver_exchange.application.ports import ApiKey, IdentityError

MASTER_KEY = bytes(range(32))
OTHER_KEY = bytes(range(100, 132))
PLAIN = ("Zebedee", "Quux", "zq@planted.example", "203.0.113.77", "Firefox-planted", "issuer.planted", "subj-4711")
PERSON = Person(person_id="aa", account=2, display_name="Zebedee Quux", email="zq@planted.example", created_at_ns=1)
LOGIN = Login(person_id="aa", issuer="https://issuer.planted", subject="subj-4711", created_at_ns=1)
SESSION = Session(
    session_id="s1",
    person_id="aa",
    account=2,
    created_at_ns=1,
    expires_at_ns=9,
    device="Firefox-planted",
    address="203.0.113.77",
)
TOKEN = RefreshToken(token_hash=bytes(32), session_id="s1", created_at_ns=1, expires_at_ns=9)


@asynccontextmanager
async def opened(folder: Path, *, master_key: bytes = MASTER_KEY) -> AsyncIterator[IdentityStores]:
    stores = open_identity_stores(folder / "identity.db", master_key=master_key)
    try:
        yield stores
    finally:
        await stores.identity.close()


async def fill(stores: IdentityStores) -> None:
    await stores.identity.add_account(account=2, name="Zebedee Quux", opened_at_ns=1)
    await stores.people.add_person(PERSON, LOGIN)
    await stores.sessions.add_session(SESSION, TOKEN)
    await stores.passkeys.add_passkey(
        Passkey(
            credential_id=b"cred", person_id="aa", public_key=b"k", sign_count=0, name="Quux's phone", created_at_ns=1
        )
    )
    await stores.signing_keys.add_signing_key(SigningKey(kid="k", private_key=b"private-planted", created_at_ns=1))
    await stores.notes.add_note(Note(note_id="n", account=2, created_at_ns=1, text="Zebedee called"))
    stores.sessions.note_use("s1", at_ns=5, address="203.0.113.77")
    await stores.sessions.store_uses()


def bytes_in(folder: Path) -> bytes:
    """Return the files of the identity store, its write-ahead log too."""
    return b"".join(file.read_bytes() for file in folder.glob("identity.db*"))


def plain_in(folder: Path) -> list[str]:
    """Return what can be read in the files."""
    content = bytes_in(folder)
    return [text for text in (*PLAIN, "private-planted") if text.encode() in content]


def make_version_2(folder: Path, *, names: dict[int, str]) -> None:
    with closing(sqlite3.connect(folder / "identity.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for version in (1, 2):
            script = resources.files("waiver_exchange.adapters.sqlite").joinpath(f"identity_{version}.sql")
            connection.executescript(script.read_text("utf-8"))
        connection.execute("PRAGMA user_version = 2")
        connection.executemany("INSERT INTO accounts VALUES (?, ?, 5)", names.items())
        # Of rows that were deleted, an older version left the bytes.
        connection.execute("PRAGMA secure_delete = OFF")
        gone = [(number, f"Zebedee Quux was deleted {number}") for number in range(100_000, 105_000)]
        connection.executemany("INSERT INTO accounts VALUES (?, ?, 5)", gone)
        connection.execute("DELETE FROM accounts WHERE account >= 100000")


async def test_nothing_personal_can_be_read_in_the_files_at_any_moment(tmp_path: Path) -> None:
    async with opened(tmp_path) as stores:
        await fill(stores)
        assert plain_in(tmp_path) == []
        await stores.data_keys.rotate_data_key()
        assert plain_in(tmp_path) == []
        while await stores.data_keys.reseal_some():
            assert plain_in(tmp_path) == []
    assert plain_in(tmp_path) == []


async def test_the_names_of_an_older_file_are_sealed_and_leave_no_trace(tmp_path: Path) -> None:
    names = {number: f"Zebedee Quux {number}" for number in range(2, 2_000)}
    make_version_2(tmp_path, names=names)
    assert "Zebedee" in plain_in(tmp_path)
    async with opened(tmp_path) as stores:
        assert plain_in(tmp_path) == []
        assert stores.identity.find_name(777) == "Zebedee Quux 777"
        assert dict(stores.identity.list_accounts()) == dict.fromkeys(names, 5)


async def test_a_file_that_could_not_be_swept_is_swept_at_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version_2(tmp_path, names={2: "Zebedee"})

    def fail(_: object) -> None:
        raise sqlite3.OperationalError("killed before it was swept")

    with monkeypatch.context() as patch:
        patch.setattr("waiver_exchange.adapters.sqlite.identity_file._sweep", fail)
        with pytest.raises(IdentityError):
            open_identity_stores(tmp_path / "identity.db", master_key=MASTER_KEY)
    async with opened(tmp_path) as stores:
        assert stores.identity.find_name(2) == "Zebedee"
        assert plain_in(tmp_path) == []


async def test_another_master_key_opens_nothing_and_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path) as stores:
        await fill(stores)
    with pytest.raises(IdentityError, match=r"encrypted under another master key.*WAIVER_MASTER_KEY"):
        open_identity_stores(tmp_path / "identity.db", master_key=OTHER_KEY)


async def test_after_a_change_of_the_master_key_only_the_new_one_opens(tmp_path: Path) -> None:
    async with opened(tmp_path) as stores:
        await fill(stores)
        await stores.data_keys.rotate_data_key()
        assert await stores.data_keys.rewrap_data_keys(OTHER_KEY) == 3
        await stores.data_keys.rotate_data_key()  # the running exchange goes on with the new one
    with pytest.raises(IdentityError, match="another master key"):
        open_identity_stores(tmp_path / "identity.db", master_key=MASTER_KEY)
    async with opened(tmp_path, master_key=OTHER_KEY) as stores:
        assert stores.people.find_person("aa") == PERSON


async def test_what_browsers_bring_back_is_good_after_every_change_of_keys(tmp_path: Path) -> None:
    async with opened(tmp_path) as stores:
        before = stores.token_key
        assert len(before) == 32
        await stores.data_keys.rewrap_data_keys(OTHER_KEY)
        await stores.data_keys.rotate_data_key()
        while await stores.data_keys.reseal_some():
            pass
        assert before not in bytes_in(tmp_path)
    async with opened(tmp_path, master_key=OTHER_KEY) as stores:
        assert stores.token_key == before
    other = tmp_path / "other"
    other.mkdir()
    async with opened(other) as stores:
        assert stores.token_key != before


async def test_a_new_data_key_replaces_the_old_one_everywhere(tmp_path: Path) -> None:
    async with opened(tmp_path) as stores:
        await fill(stores)
        before = await stores.data_keys.data_key_status()
        assert (before.stale_values, len(before.keys), before.values) == (0, 1, 11)
        assert not await stores.data_keys.reseal_some()
        number = await stores.data_keys.rotate_data_key()
        await stores.notes.add_note(Note(note_id="n2", account=2, created_at_ns=2, text="later"))
        during = await stores.data_keys.data_key_status()
        assert (during.current, during.stale_values, during.values) == (number, 11, 12)
        assert during.keys == (before.current, number)
        while await stores.data_keys.reseal_some():
            pass
        after = await stores.data_keys.data_key_status()
        assert (after.keys, after.stale_values, after.values) == ((number,), 0, 12)
    async with opened(tmp_path) as stores:
        assert stores.people.find_person("aa") == PERSON
        assert await stores.people.list_logins("aa") == [LOGIN]
        assert stores.people.find_by_login(issuer=LOGIN.issuer, subject=LOGIN.subject) == PERSON
        assert stores.sessions.list_sessions("aa") == [replace(SESSION, last_used_at_ns=5)]
        assert [note.text for note in await stores.notes.list_notes(2)] == ["Zebedee called", "later"]
        assert stores.signing_keys.list_signing_keys()[0].private_key == b"private-planted"
        assert (await stores.data_keys.rotate_data_key()) > number


async def test_what_was_cut_short_is_gone_on_with(tmp_path: Path) -> None:
    names = {number: f"name {number}" for number in range(2, 1_002)}
    make_version_2(tmp_path, names=names)
    async with opened(tmp_path) as stores:
        await stores.data_keys.rotate_data_key()
        for _ in range(2):
            assert await stores.data_keys.reseal_some()
        assert (await stores.data_keys.data_key_status()).stale_values == 601
    async with opened(tmp_path) as stores:
        assert stores.identity.find_name(1_001) == "name 1001"
        # Another key before the first is done with: three are in use.
        await stores.data_keys.rotate_data_key()
        assert (await stores.data_keys.data_key_status()).stale_values == 1_001
        await stores.data_keys.reseal_some()
    async with opened(tmp_path) as stores:
        while await stores.data_keys.reseal_some():
            pass
        status = await stores.data_keys.data_key_status()
        assert (len(status.keys), status.stale_values) == (1, 0)
    async with opened(tmp_path) as stores:
        assert [stores.identity.find_name(number) for number in names] == list(names.values())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts SET name = (SELECT name FROM accounts WHERE account = 3) WHERE account = 2",
        "UPDATE people SET email = display_name",
        "UPDATE accounts SET name = 'plain' WHERE account = 2",
        "UPDATE accounts SET name = x'' WHERE account = 2",
    ],
)
async def test_values_that_were_swapped_are_found_out(tmp_path: Path, statement: str) -> None:
    async with opened(tmp_path) as stores:
        await fill(stores)
        await stores.identity.add_account(account=3, name="Bob", opened_at_ns=2)
    with closing(sqlite3.connect(tmp_path / "identity.db", isolation_level=None)) as connection:
        connection.execute(statement)
    with pytest.raises(IdentityError, match=r"was changed or belongs elsewhere; restore a backup"):
        open_identity_stores(tmp_path / "identity.db", master_key=MASTER_KEY)


async def test_a_person_is_removed_to_the_last_byte_and_nobody_else_is(tmp_path: Path) -> None:
    async with opened(tmp_path) as stores:
        await fill(stores)
        await stores.identity.add_key(ApiKey(key_id="WXPLANTED", account=2, secret_hash=b"h" * 32, created_at_ns=1))
        await stores.identity.add_account(account=3, name="Bob", opened_at_ns=2)
        await stores.people.add_person(
            replace(PERSON, person_id="bb", account=3), replace(LOGIN, subject="bob", person_id="bb")
        )
        begun = await stores.erasures.begin_erasure(2, person_id="aa", at_ns=50, was_frozen=False)
        assert await stores.erasures.begin_erasure(2, person_id="aa", at_ns=60, was_frozen=False) == begun
    async with opened(tmp_path) as stores:
        assert stores.erasures.find_erasure(2) == begun
        await stores.erasures.remove_person(2)
        await stores.erasures.remove_person(2)
        assert (stores.people.find_person("aa"), stores.people.find_person_of(2)) == (None, None)
        assert stores.people.find_by_login(issuer=LOGIN.issuer, subject=LOGIN.subject) is None
        assert (stores.identity.find_name(2), stores.identity.list_keys(2)) == (None, [])
        assert (stores.sessions.list_sessions("aa"), stores.passkeys.list_passkeys("aa")) == ([], [])
        assert (await stores.erasures.finish_erasure(2, at_ns=70)).finished_at_ns == 70
        assert (await stores.erasures.finish_erasure(2, at_ns=80)).finished_at_ns == 70
        content = bytes_in(tmp_path)
        assert b"WXPLANTED" not in content
        assert b"cred" not in content.replace(b"credential", b"")
    async with opened(tmp_path) as stores:
        assert stores.identity.find_name(3) == "Bob"
        assert dict(stores.identity.list_accounts()) == {2: 1, 3: 2}
        assert [person.person_id for person in stores.people.list_people()] == ["bb"]
        assert stores.erasures.list_erasures()[0].finished_at_ns == 70
        again = await stores.people.add_person(
            replace(PERSON, person_id="cc", account=0), replace(LOGIN, person_id="cc")
        )
        assert (again.person_id, again.account) == ("cc", 0)
