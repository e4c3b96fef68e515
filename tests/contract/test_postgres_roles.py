"""What the roles may not do, tried by each of them on a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import PostgresServer, running_postgres
from waiver_exchange.adapters.migrations.access import Roles, RolesMissingError
from waiver_exchange.adapters.migrations.lines import LINES
from waiver_exchange.adapters.migrations.postgres import DatabaseUnreachableError, migrate_database
from waiver_exchange.adapters.migrations.views import VIEWS

INSERT = "INSERT INTO exchange.journal VALUES (%s, 1, 0, NULL, '', '', decode(repeat('00', 32), 'hex'))"
# Columns that say who somebody is, or that somebody fills with words of his own.
PERSONAL = ("account", "person", "_order", "order_id", "maker", "name", "email", "reason", "facts")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def migrated(server: PostgresServer) -> Iterator[PostgresDatabase]:
    """Migrated itself and not copied, because the rights on a database are not copied with it."""
    with postgres_database(server, is_migrated=False) as made:
        migrate_database(made.owner_url)
        with psycopg.connect(made.url) as connection:
            connection.execute(INSERT, (1,))
        yield made


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        yield


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange.journal SET time_ns = 2",
        "UPDATE exchange.journal SET account = 2 WHERE sequence = 1",
        "DELETE FROM exchange.journal",
        "DELETE FROM exchange.journal WHERE sequence = 1",
        "TRUNCATE exchange.journal",
        "TRUNCATE exchange.journal CASCADE",
        "INSERT INTO exchange.journal SELECT * FROM exchange.journal ON CONFLICT (sequence) DO UPDATE SET account = 7",
        "MERGE INTO exchange.journal j USING (SELECT 1 AS n) s ON j.sequence = s.n WHEN MATCHED THEN DELETE",
        "DROP TABLE exchange.journal",
        "ALTER TABLE exchange.journal ADD COLUMN note text",
        "ALTER TABLE exchange.journal DISABLE TRIGGER ALL",
        "ALTER TABLE exchange.journal OWNER TO waiver_service",
        "DROP TRIGGER journal_refuses_change ON exchange.journal",
        "CREATE RULE forget AS ON INSERT TO exchange.journal DO INSTEAD NOTHING",
        "CREATE TRIGGER t BEFORE INSERT ON exchange.journal EXECUTE FUNCTION exchange.refuse_change_of_journal()",
        "DROP INDEX exchange.journal_key",
        "CREATE INDEX ON exchange.journal (account)",
        "DELETE FROM exchange.leadership",
        "INSERT INTO exchange.leadership (id, epoch) VALUES (2, 1)",
        "UPDATE exchange.leadership SET id = 2",
        "UPDATE exchange.alembic_version SET version_num = '0000'",
        "DELETE FROM exchange.oldest_program",
        "CREATE TABLE exchange.mine (n integer)",
        "CREATE TABLE public.mine (n integer)",
        "CREATE SCHEMA mine",
        "DROP SCHEMA exchange CASCADE",
        "CREATE FUNCTION exchange.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        "ALTER ROLE waiver_service SUPERUSER",
        "SET ROLE waiver_owner",
        "SET session_replication_role TO replica",
        "COPY exchange.journal TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
    ],
)
def test_the_service_may_not(migrated: PostgresDatabase, statement: str) -> None:
    with psycopg.connect(migrated.url) as connection, refused():
        connection.execute(statement)


def test_the_service_cannot_give_itself_rights(migrated: PostgresDatabase) -> None:
    with psycopg.connect(migrated.url) as connection, refused():
        connection.execute("GRANT DELETE ON exchange.journal TO waiver_service")  # a warning, and nothing is given
        connection.execute("DELETE FROM exchange.journal")


def test_the_service_appends_reads_and_leads(migrated: PostgresDatabase) -> None:
    with psycopg.connect(migrated.url) as connection:
        connection.execute(INSERT, (2,))
        assert connection.execute("SELECT count(*) FROM exchange.journal").fetchone() == (2,)
        connection.execute("SELECT 1 FROM exchange.leadership FOR SHARE")
        connection.execute("UPDATE exchange.leadership SET epoch = epoch + 1, holder = 'h', taken_at_ns = 1")
        connection.execute("SELECT version_num, revision FROM exchange.alembic_version, exchange.oldest_program")
        for table in ("snapshots", "journal_probe"):
            connection.execute(sql.SQL("DELETE FROM exchange.{}").format(sql.Identifier(table)))
        connection.rollback()


@pytest.mark.parametrize("statement", ["UPDATE journal SET time_ns = 2", "DELETE FROM journal", "TRUNCATE journal"])
def test_not_even_the_owner_changes_the_journal_by_mistake(migrated: PostgresDatabase, statement: str) -> None:
    with psycopg.connect(migrated.owner_url) as connection:
        connection.execute("SET search_path TO exchange")
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            connection.execute(statement)


def test_the_reader_may_look_at_views_alone(migrated: PostgresDatabase) -> None:
    with psycopg.connect(migrated.administrator_url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s)", ([line.name for line in LINES],)
        ).fetchall()
        views = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'reporting'").fetchall()
    assert ("exchange", "journal") in tables
    with psycopg.connect(migrated.reader_url, autocommit=True) as connection:
        for schema, table in tables:
            with refused():
                connection.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(schema, table)))
        for (view,) in views:
            connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier("reporting", view)))
            for statement in ("DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES"):
                with refused():
                    connection.execute(sql.SQL(statement).format(sql.Identifier("reporting", view)))
        for ddl in ("CREATE TABLE reporting.mine (n integer)", "CREATE TEMPORARY TABLE mine (n integer)"):
            with refused():
                connection.execute(ddl)
    assert {view for (view,) in views} <= {view.name for view in VIEWS}


def test_no_view_has_a_column_about_somebody(migrated: PostgresDatabase) -> None:
    with psycopg.connect(migrated.administrator_url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'reporting'"
        ).fetchall()
    assert columns
    assert [found for found in columns if any(word in found[1] for word in PERSONAL)] == []


def test_nobody_else_may_connect(migrated: PostgresDatabase) -> None:
    migrated.server.execute("CREATE ROLE somebody LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(migrated.server.url_of(migrated.name, user="somebody"))


def test_rights_given_by_hand_are_taken_back(server: PostgresServer) -> None:
    with postgres_database(server) as database:
        with psycopg.connect(database.owner_url) as connection:
            connection.execute("GRANT ALL ON exchange.journal TO waiver_service, waiver_reader, PUBLIC")
        migrate_database(database.owner_url)
        with psycopg.connect(database.url) as connection, refused():
            connection.execute("DELETE FROM exchange.journal")


def test_an_owner_who_may_not_make_roles_says_what_an_administrator_runs(server: PostgresServer) -> None:
    server.execute("CREATE ROLE plain_owner LOGIN")
    name = server.create_database(owner="plain_owner")
    url = server.url_of(name, user="plain_owner")
    roles = Roles(service="own_service", reader="own_reader")

    with pytest.raises(RolesMissingError, match="CREATE ROLE") as told:
        migrate_database(url, roles=roles)
    assert 'CREATE ROLE "own_service" LOGIN; CREATE ROLE "own_reader" LOGIN;' in str(told.value)

    server.execute("CREATE ROLE own_service LOGIN")
    server.execute("CREATE ROLE own_reader LOGIN")
    migrate_database(url, roles=roles)
    with psycopg.connect(server.url_of(name, user="own_service")) as connection, refused():
        connection.execute("DELETE FROM exchange.journal")
    server.drop_database(name)


def test_a_service_that_is_made_gets_its_password(server: PostgresServer) -> None:
    roles = Roles(service="locked_service", reader="locked_reader", service_password="drawn-for-the-test")  # noqa: S106
    with postgres_database(server, is_migrated=False) as database:
        migrate_database(database.owner_url, roles=roles)
        with psycopg.connect(database.administrator_url) as connection:
            kept = connection.execute(
                "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'locked_%' ORDER BY rolname"
            ).fetchall()
    assert kept[0] == ("locked_reader", None)
    assert kept[1][1].startswith("SCRAM-SHA-256$")


def test_a_service_that_may_too_much_is_named(server: PostgresServer) -> None:
    server.execute("CREATE ROLE mighty_service LOGIN IN ROLE waiver_owner")
    told: list[str] = []
    with postgres_database(server, is_migrated=False) as database:
        migrate_database(database.owner_url, roles=Roles(service="mighty_service"), report=told.append)
    (warning,) = [line for line in told if line.startswith("warning")]
    assert "mighty_service" in warning
    assert "can change the journal" in warning


@pytest.mark.parametrize("granted", ["pg_write_all_data", "pg_write_server_files", "changing_role"])
def test_a_service_that_may_change_the_journal_by_another_role_is_named(server: PostgresServer, granted: str) -> None:
    name = f"service_by_{granted}"
    told: list[str] = []
    with postgres_database(server) as database:
        if granted == "changing_role":
            server.execute("CREATE ROLE changing_role")
            with psycopg.connect(database.owner_url) as connection:
                connection.execute("GRANT DELETE ON exchange.journal TO changing_role")
        server.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}").format(sql.Identifier(name), sql.Identifier(granted)))
        migrate_database(database.owner_url, roles=Roles(service=name), report=told.append)
    (warning,) = [line for line in told if line.startswith("warning")]
    assert name in warning
    assert "can change the journal" in warning


def test_roles_with_their_rights_alone_are_not_warned_of(server: PostgresServer) -> None:
    told: list[str] = []
    with postgres_database(server) as database:
        migrate_database(database.owner_url, report=told.append)
    assert told == []


def test_migrating_as_the_service_says_that_the_owner_is_needed(migrated: PostgresDatabase) -> None:
    with pytest.raises(DatabaseUnreachableError, match=r"permission denied.*WAIVER_DATABASE_OWNER_URL"):
        migrate_database(migrated.url)
