"""Names and keys in PostgreSQL: sealed at rest, forgotten to what can be said, and whole after every fault."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, MetaData, create_engine
from sqlalchemy.pool import NullPool

from tests.support.postgres_database import OWNER, ROLES, PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, find_program, running_postgres
from waiver_exchange.adapters.postgres import sql_database
from waiver_exchange.adapters.postgres.sql_database import SchemaDatabase
from waiver_exchange.adapters.postgres.stores import has_data_keys, open_identity_stores, open_preferences_store
from waiver_exchange.adapters.sql import preferences_schema, thread
from waiver_exchange.adapters.sql.identity import schema
from waiver_exchange.adapters.sql.identity.stores import IdentityStores
from waiver_exchange.application.identity_ports import Login, Note, Passkey, Person, RefreshToken, Session, SigningKey
from waiver_exchange.application.ports import ApiKey, IdentityError, PreferencesError, Watchlist

WAIT_SECONDS_MAX = 20
MASTER_KEY, OTHER_KEY = bytes(range(32)), bytes(range(100, 132))
PLAIN = ("Zebedee", "Quux", "zq@planted.example", "203.0.113.77", "Firefox-planted", "issuer.planted", "subj-4711")
PERSON = Person(person_id="aa", account=2, display_name="Zebedee Quux", email="zq@planted.example", created_at_ns=1)
LOGIN = Login(person_id="aa", issuer="https://issuer.planted", subject="subj-4711", created_at_ns=1)
SESSION = Session(
    session_id="session-planted",
    person_id="aa",
    account=2,
    created_at_ns=1,
    expires_at_ns=9,
    device="Firefox-planted",
    address="203.0.113.77",
)
TOKEN = RefreshToken(token_hash=bytes(32), session_id="session-planted", created_at_ns=1, expires_at_ns=9)
KEY = ApiKey(key_id="WXPLANTED", account=2, secret_hash=b"h" * 32, created_at_ns=1, name="name-planted")
# What stays plain in the tables and goes with the person.
OWN_PLAIN = ("session-planted", "WXPLANTED", "name-planted", "credential-planted")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_database(server) as made:
        yield made


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse without asking again for a moment only: these tests come back at once."""
    monkeypatch.setattr(thread, "RECONNECT_SECONDS", 0.0)


@asynccontextmanager
async def opened(
    database: PostgresDatabase, *, master_key: bytes = MASTER_KEY, holder: str | None = None
) -> AsyncIterator[IdentityStores]:
    stores = open_identity_stores(database.url, master_key=master_key, holder=holder)
    try:
        yield stores
    finally:
        await stores.identity.close()


async def fill(stores: IdentityStores) -> None:
    await stores.identity.add_account(account=2, name="Zebedee Quux", opened_at_ns=1)
    await stores.people.add_person(PERSON, LOGIN)
    await stores.sessions.add_session(SESSION, TOKEN)
    passkey = Passkey(
        credential_id=b"credential-planted",
        person_id="aa",
        public_key=b"k",
        sign_count=0,
        name="Quux's phone",
        created_at_ns=1,
    )
    await stores.passkeys.add_passkey(passkey)
    await stores.signing_keys.add_signing_key(SigningKey(kid="k", private_key=b"private-planted", created_at_ns=1))
    await stores.notes.add_note(Note(note_id="n", account=2, created_at_ns=1, text="Zebedee called"))
    await stores.identity.add_key(KEY)


def as_administrator(database: PostgresDatabase, *statements: str) -> None:
    # Also while everybody else's commits wait for a standby.
    options = "-c synchronous_commit=local"
    with psycopg.connect(database.administrator_url, autocommit=True, options=options) as connection:
        for statement in statements:
            connection.execute(statement)


def bytes_in(database: PostgresDatabase, *folders: str) -> bytes:
    """Return the files of the cluster after a checkpoint."""
    as_administrator(database, "CHECKPOINT")
    data = database.server.folder / "data"
    return b"".join(file.read_bytes() for folder in folders for file in (data / folder).rglob("*") if file.is_file())


def dump_of(database: PostgresDatabase) -> bytes:
    command = [str(find_program("pg_dump")), database.administrator_url]
    return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - our own


def found_in(content: bytes, texts: tuple[str, ...]) -> list[str]:
    return [text for text in texts if text.encode() in content or text.encode().hex().encode() in content]


async def refused(stores: IdentityStores, *, match: str = "names and keys") -> None:
    with pytest.raises(IdentityError, match=match):
        await stores.identity.add_key(replace(KEY, key_id="WXREFUSED"))
    assert stores.identity.find_key("WXREFUSED") is None
    assert stores.identity.problem


async def test_nothing_personal_can_be_read_in_a_dump_or_the_clusters_files(database: PostgresDatabase) -> None:
    async with opened(database) as stores:
        await fill(stores)
        await stores.data_keys.rotate_data_key()
        while await stores.data_keys.reseal_some():
            pass
    secret = (*PLAIN, "private-planted")
    assert found_in(dump_of(database), secret) == []
    assert found_in(bytes_in(database, "base", "pg_wal"), secret) == []
    assert found_in(dump_of(database), OWN_PLAIN) == list(OWN_PLAIN)  # the search finds what is there


async def test_an_erased_person_is_gone_from_the_tables_files_and_sealed_in_the_log(database: PostgresDatabase) -> None:
    preferences = open_preferences_store(database.url)
    await preferences.change_watchlists(
        2,
        lambda _, number: Watchlist(
            number=number, account=2, name="list-planted", symbols=("ALLEN",), created_at_ns=1, updated_at_ns=1
        ),
    )
    planted = (*OWN_PLAIN, "list-planted")
    async with opened(database) as stores:
        await fill(stores)
        await stores.identity.add_account(account=3, name="Bob", opened_at_ns=2)
        as_administrator(database, "ANALYZE")  # no sample of it may stay either
        assert found_in(bytes_in(database, "base"), planted) == list(planted)
        await stores.erasures.begin_erasure(2, person_id="aa", at_ns=50, was_frozen=True)
        await preferences.forget(2)
        await preferences.close()
        await stores.erasures.remove_person(2)
        await stores.erasures.remove_person(2)
        assert found_in(bytes_in(database, "base"), planted) == []
        assert found_in(dump_of(database), planted) == []
        # The log of changes keeps them until the server has used its files for others.
        assert found_in(bytes_in(database, "pg_wal"), PLAIN) == []
    async with opened(database) as stores:
        assert (stores.identity.find_name(3), stores.identity.list_keys(2)) == ("Bob", [])
        assert stores.people.was_frozen(issuer=LOGIN.issuer, subject=LOGIN.subject)


async def test_while_somebody_reads_the_tables_an_erasure_is_not_finished(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_database, "LOCK_SECONDS_MAX", 1)
    async with opened(database) as stores:
        await fill(stores)
        await stores.erasures.begin_erasure(2, person_id="aa", at_ns=50, was_frozen=False)
        with psycopg.connect(database.administrator_url) as reader:
            reader.execute("SELECT 1 FROM identity.people")
            with pytest.raises(IdentityError, match="lock"):
                await stores.erasures.remove_person(2)
            assert stores.people.find_person("aa") is None
        await stores.erasures.remove_person(2)
        assert found_in(bytes_in(database, "base"), OWN_PLAIN) == []


async def test_a_new_data_key_replaces_the_old_one_in_batches_that_may_be_cut_short(database: PostgresDatabase) -> None:
    async with opened(database) as stores:
        await fill(stores)
        for number in range(100, 400):
            await stores.notes.add_note(Note(note_id=f"n{number}", account=2, created_at_ns=number, text=f"t{number}"))
        before = await stores.data_keys.data_key_status()
        number = await stores.data_keys.rotate_data_key()
        assert (await stores.data_keys.data_key_status()).stale_values == before.values == 311
        for _ in range(14):
            assert await stores.data_keys.reseal_some()
        assert 0 < (await stores.data_keys.data_key_status()).stale_values < 311
    async with opened(database) as stores:
        while await stores.data_keys.reseal_some():
            pass
        after = await stores.data_keys.data_key_status()
        assert (after.keys, after.stale_values, after.values) == ((number,), 0, 311)
        assert await stores.data_keys.rotate_data_key() == number + 1
    async with opened(database) as stores:
        assert stores.people.find_person("aa") == PERSON
        assert [note.text for note in await stores.notes.list_notes(2)][1:] == [f"t{at}" for at in range(100, 400)]


async def test_after_a_change_of_the_master_key_only_the_new_one_opens(database: PostgresDatabase) -> None:
    assert not has_data_keys(database.url)
    async with opened(database) as stores:
        await fill(stores)
        before = stores.token_key
        assert await stores.data_keys.rewrap_data_keys(OTHER_KEY) == 2
    assert has_data_keys(database.url)
    with pytest.raises(IdentityError, match="another master key") as raised:
        open_identity_stores(database.url, master_key=MASTER_KEY)
    assert "schema identity" in str(raised.value)
    async with opened(database, master_key=OTHER_KEY) as stores:
        assert (stores.people.find_person("aa"), stores.token_key) == (PERSON, before)


async def test_values_that_were_swapped_are_found_out(database: PostgresDatabase) -> None:
    async with opened(database) as stores:
        await fill(stores)
    as_administrator(database, "UPDATE identity.people SET email = display_name")
    with pytest.raises(IdentityError, match=r"was changed or belongs elsewhere; restore a backup"):
        open_identity_stores(database.url, master_key=MASTER_KEY)


async def test_killed_it_refuses_and_comes_back_by_itself(database: PostgresDatabase) -> None:
    async with opened(database) as stores:
        await fill(stores)
        database.server.kill()
        await refused(stores, match="connection")
        with pytest.raises(IdentityError):
            await stores.sessions.revoke_session("session-planted", at_ns=7)
        assert stores.sessions.find_session("session-planted") is None  # nobody is left signed in
        assert stores.identity.find_key("WXPLANTED") == KEY
        database.server.start()
        await stores.sessions.store_uses()
        assert stores.identity.problem is None
    async with opened(database) as stores:
        assert [session.revoked_at_ns for session in stores.sessions.list_sessions("aa")] == [7]


async def test_restarted_between_two_changes_nobody_notices(database: PostgresDatabase) -> None:
    async with opened(database) as stores:
        await fill(stores)
        database.server.stop()
        database.server.start()
        await stores.identity.rename_key("WXPLANTED", name="other")
        assert [note.text for note in await stores.notes.list_notes(2)] == ["Zebedee called"]
        assert stores.identity.problem is None


async def test_out_of_connections_it_refuses_and_comes_back(database: PostgresDatabase) -> None:
    async with opened(database) as stores:
        await fill(stores)
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waiver identity'"
        as_administrator(database, f"ALTER ROLE {ROLES.service} CONNECTION LIMIT 0", end)
        try:
            await refused(stores, match="connections")
        finally:
            as_administrator(database, f"ALTER ROLE {ROLES.service} CONNECTION LIMIT -1")
        await stores.identity.add_key(replace(KEY, key_id="WXLATER"))
        assert stores.identity.problem is None


async def test_a_server_that_says_nothing_is_given_up_and_comes_back(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_database, "WORK_SECONDS_MAX", 0.5)
    monkeypatch.setattr(sql_database, "CONNECT_SECONDS_MAX", 2)  # libpq's least
    async with opened(database) as stores:
        await fill(stores)
        database.server.freeze()
        try:
            await refused(stores)
        finally:
            database.server.thaw()
        await stores.identity.check_writable()
        assert stores.identity.problem is None


class Cutting:
    """Cuts the line to the server when a transaction has left its token, once: its commit gets no answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._mark, self._patch = SchemaDatabase.mark, monkeypatch
        monkeypatch.setattr(SchemaDatabase, "mark", self)

    def __get__(self, database: SchemaDatabase, _: type) -> object:
        def mark(connection: Connection, token: bytes) -> None:
            self._mark(database, connection, token)
            database.cut(connection)
            self._patch.setattr(SchemaDatabase, "mark", self._mark)

        return mark


async def test_a_commit_that_never_arrived_is_read_back_as_not_done(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database) as stores:
        await fill(stores)
        Cutting(monkeypatch)
        await refused(stores)
        await stores.identity.add_key(replace(KEY, key_id="WXLATER"))
        assert [key.key_id for key in stores.identity.list_keys(2)] == ["WXPLANTED", "WXLATER"]
    async with opened(database) as stores:
        assert stores.identity.find_key("WXREFUSED") is None


async def commit_without_answer(database: PostgresDatabase, change: "asyncio.Task[None]") -> None:
    """Break a commit off that is on the server's disk already and waits for a standby that there is not."""
    waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"
    with psycopg.connect(database.administrator_url, autocommit=True) as connection:
        end = time.monotonic() + WAIT_SECONDS_MAX
        while (found := connection.execute(waits).fetchone()) is None and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.025)
        assert found is not None
        assert not change.done()
        connection.execute("SELECT pg_terminate_backend(%s)", found)


@pytest.fixture
def standby(database: PostgresDatabase) -> Iterator[None]:
    """Have every commit wait for a standby."""
    as_administrator(database, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        as_administrator(database, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


async def test_a_commit_whose_answer_was_lost_is_read_back_as_done(
    database: PostgresDatabase, request: pytest.FixtureRequest
) -> None:
    async with opened(database) as stores:
        await fill(stores)
        request.getfixturevalue("standby")
        change = asyncio.create_task(stores.identity.add_key(replace(KEY, key_id="WXDONE")))
        await commit_without_answer(database, change)
        await change
        assert stores.identity.find_key("WXDONE") is not None
        assert stores.identity.problem is None


async def test_what_cannot_be_read_back_yet_is_in_memory_when_it_can(
    database: PostgresDatabase, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "READ_BACK_SECONDS_MAX", 0.2)
    async with opened(database) as stores:
        await fill(stores)
        request.getfixturevalue("standby")
        change = asyncio.create_task(stores.identity.add_key(replace(KEY, key_id="WXDONE")))
        as_administrator(database, f"ALTER ROLE {ROLES.service} CONNECTION LIMIT 0")
        try:
            await commit_without_answer(database, change)
            with pytest.raises(IdentityError, match="not known yet whether it was done"):
                await change
            assert stores.identity.find_key("WXDONE") is None
        finally:
            as_administrator(database, f"ALTER ROLE {ROLES.service} CONNECTION LIMIT -1")
        await stores.notes.list_notes(2)
        assert stores.identity.find_key("WXDONE") is not None


async def test_who_was_overtaken_changes_nothing_any_more(database: PostgresDatabase) -> None:
    as_administrator(database, "UPDATE exchange.leadership SET holder = 'first'")
    async with opened(database, holder="first") as stores:
        await fill(stores)
        preferences = open_preferences_store(database.url, holder="first")
        as_administrator(database, "UPDATE exchange.leadership SET holder = 'second', epoch = epoch + 1")
        await refused(stores, match="another engine leads")
        with pytest.raises(PreferencesError, match="another engine leads"):
            await preferences.forget(2)
        await preferences.close()


PLANTED = "s3cret-planted"


@pytest.mark.parametrize(
    "url", [f"postgresql://w:{PLANTED}@127.0.0.1:1/x", f"host=127.0.0.1 port=1 password={PLANTED}"]
)
def test_no_message_holds_a_password(url: str) -> None:
    with pytest.raises(IdentityError) as raised:
        open_identity_stores(url, master_key=MASTER_KEY)
    assert PLANTED not in str(raised.value)
    assert "check WAIVER_DATABASE_URL" in str(raised.value)
    assert has_data_keys(url)


@pytest.mark.parametrize(
    ("metadata", "name"), [(schema.metadata, "identity"), (preferences_schema.metadata, "preferences")]
)
def test_the_statements_know_the_tables_as_both_databases_have_them(
    database: PostgresDatabase, tmp_path: Path, metadata: MetaData, name: str
) -> None:
    from waiver_exchange.adapters.sqlite.identity_file import open_identity  # noqa: PLC0415 - beside the other
    from waiver_exchange.adapters.sqlite.preferences_file import open_preferences  # noqa: PLC0415

    path = tmp_path / "file.db"
    file = open_identity(path, master_key=MASTER_KEY) if name == "identity" else open_preferences(path)
    file.close()
    expected = {
        table.name: {column.name: (column.nullable, column.primary_key) for column in table.columns}
        for table in metadata.tables.values()
    }
    for url, place in ((f"sqlite:///{path}", None), (database.owner_url.replace("://", "+psycopg://"), name)):
        engine = create_engine(url, poolclass=NullPool)
        found = MetaData()
        found.reflect(engine, schema=place)
        own = {
            table.name: {
                column.name: (bool(column.nullable) and not column.primary_key, column.primary_key)
                for column in table.columns
            }
            for table in found.tables.values()
        }
        assert {table: own.get(table) for table in expected} == expected
        beside = {"alembic_version", "oldest_program", "last_change", "accounts_2", "sqlite_sequence"}
        assert own.keys() - expected.keys() <= beside


def test_no_view_shows_a_personal_column(database: PostgresDatabase) -> None:
    """Of the owner's views, whatever they are: none uses a column that says something about a person."""
    personal = {
        (name, table.name, column.name)
        for name, metadata in (("identity", schema.metadata), ("preferences", preferences_schema.metadata))
        for table in metadata.tables.values()
        for column in table.columns
        if column.info.get("personal")
    }
    assert ("identity", "people", "email") in personal
    used = "SELECT table_schema, table_name, column_name FROM information_schema.view_column_usage"
    with psycopg.connect(database.owner_url) as connection:
        assert not personal & set(connection.execute(used).fetchall())
        assert connection.execute("SELECT current_user").fetchone() == (OWNER,)
