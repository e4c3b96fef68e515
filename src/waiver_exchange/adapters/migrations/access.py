"""Who may do what in PostgreSQL: roles, their rights on every table, and the views for those who only look.

The rights are laid anew by every `waiver migrate`, so that this module is all there is to read about them.
"""

from dataclasses import dataclass
from typing import Final

from psycopg import Connection, sql

from waiver_exchange.adapters.migrations.compatibility import OLDEST_PROGRAM_TABLE, VERSION_TABLE
from waiver_exchange.adapters.migrations.lines import LINES
from waiver_exchange.adapters.migrations.views import REPORTING, make_views

_EVERYTHING_WITH_ROWS: Final = "SELECT, INSERT, UPDATE, DELETE"
# What the service may do with the tables of each schema, and with some of them instead.
_ON_SCHEMA: Final = {
    "exchange": "SELECT",
    "read_model": f"{_EVERYTHING_WITH_ROWS}, TRUNCATE",  # it is thrown away and made again
    "identity": _EVERYTHING_WITH_ROWS,
    "preferences": _EVERYTHING_WITH_ROWS,
}
_ON_TABLE: Final = {
    ("exchange", "journal"): "SELECT, INSERT",
    ("exchange", "journal_probe"): f"{_EVERYTHING_WITH_ROWS}, TRUNCATE",
    # Locking the row against the next leader takes the right to change it.
    ("exchange", "leadership"): "SELECT, UPDATE (epoch, holder, taken_at_ns)",
    ("exchange", "snapshots"): _EVERYTHING_WITH_ROWS,
    ("exchange", "transfer"): "SELECT, INSERT, UPDATE",
    **{(line.name, table): "SELECT" for line in LINES for table in (VERSION_TABLE, OLDEST_PROGRAM_TABLE)},
}
# They write tables anew, without what was deleted, with the rights of the owner.
_FUNCTIONS_OF_SERVICE: Final = (("identity", "sweep"), ("preferences", "sweep"))
_MIGHTY: Final = """
SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY(%s)
AND (rolsuper OR rolcreaterole OR rolcreatedb OR pg_has_role(rolname, current_user, 'MEMBER'))
"""
# Rights that come from elsewhere, which taking back what was granted on a table does not touch.
_CHANGING: Final = """
SELECT rolname FROM pg_catalog.pg_roles member WHERE rolname = ANY(%s) AND (
    coalesce(has_table_privilege(rolname, to_regclass('exchange.journal'), 'UPDATE, DELETE, TRUNCATE'), false)
    OR EXISTS (
        SELECT 1 FROM pg_catalog.pg_roles granted WHERE granted.rolname IN (
            'pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program'
        ) AND pg_has_role(member.oid, granted.oid, 'MEMBER')
    )
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The names of the roles beside the owner's; `service_password` is given to a service role that is made."""

    service: str = "waiver_service"
    reader: str = "waiver_reader"
    service_password: str | None = None


class RolesMissingError(Exception):
    """A role is missing and the owner may not make it; the message holds the statements for an administrator."""


def prepare_roles(connection: Connection, roles: Roles) -> None:
    """Make the roles that are missing. Raises `RolesMissingError`."""
    missing = [name for name in (roles.service, roles.reader) if not _has_role(connection, name)]
    if not missing:
        return
    may_create = connection.execute(
        "SELECT rolsuper OR rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    if may_create != (True,):
        statements = "; ".join(
            sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)).as_string() for name in missing
        )
        raise RolesMissingError(
            f"The database has no role {' and no role '.join(missing)}, and the owner may not make roles. As an "
            f"administrator of the database run: {statements}; give each a password, and run `waiver migrate` again."
        )
    for name in missing:
        statement = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name))
        if name == roles.service and roles.service_password:
            # Scrambled here, so that no log of the server holds it.
            scrambled = connection.pgconn.encrypt_password(
                roles.service_password.encode(), name.encode(), b"scram-sha-256"
            )
            statement += sql.SQL(" PASSWORD {}").format(sql.Literal(scrambled.decode()))
        connection.execute(statement)
    connection.commit()


def lay_rights(connection: Connection, roles: Roles) -> None:
    """Give both roles their rights and nothing else, in one transaction."""
    service, reader = sql.Identifier(roles.service), sql.Identifier(roles.reader)
    with connection.transaction():
        _lay_rights_on_database(connection, service, reader)
        _execute(connection, "CREATE SCHEMA IF NOT EXISTS {}", sql.Identifier(REPORTING))
        make_views(connection)
        for schema in (*_ON_SCHEMA, REPORTING):
            name = sql.Identifier(schema)
            _execute(connection, "REVOKE ALL ON SCHEMA {} FROM PUBLIC, {}, {}", name, service, reader)
            _execute(connection, "REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM PUBLIC, {}, {}", name, service, reader)
            _execute(connection, "REVOKE ALL ON ALL SEQUENCES IN SCHEMA {} FROM PUBLIC, {}, {}", name, service, reader)
            _execute(connection, "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {} FROM PUBLIC, {}, {}", name, service, reader)
        for schema, rights in _ON_SCHEMA.items():
            name = sql.Identifier(schema)
            _execute(connection, "GRANT USAGE ON SCHEMA {} TO {}", name, service)
            _execute(connection, "GRANT ALL ON ALL SEQUENCES IN SCHEMA {} TO {}", name, service)
            for table in _tables(connection, schema):
                granted = sql.SQL(_ON_TABLE.get((schema, table), rights))
                _execute(connection, "REVOKE ALL ON TABLE {}.{} FROM {}", name, sql.Identifier(table), service)
                _execute(connection, "GRANT {} ON TABLE {}.{} TO {}", granted, name, sql.Identifier(table), service)
        for schema, function in _FUNCTIONS_OF_SERVICE:
            name = sql.Identifier(schema, function)
            _execute(connection, "GRANT EXECUTE ON FUNCTION {}() TO {}", name, service)
        _execute(connection, "GRANT USAGE ON SCHEMA {} TO {}", sql.Identifier(REPORTING), reader)
        _execute(connection, "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}", sql.Identifier(REPORTING), reader)


def find_excess(connection: Connection, roles: Roles) -> list[str]:
    """Return a sentence for each role that may do more than it should, whatever rights were laid."""
    names = [roles.service, roles.reader]
    mighty = _names(connection, _MIGHTY, names)
    changing = _names(connection, _CHANGING, names) - mighty
    return [
        f"warning: the role {name} is a superuser, may make roles or databases, or belongs to the owner's role, and so "
        "can change the journal; take that from it"
        for name in sorted(mighty)
    ] + [
        f"warning: the role {name} can change the journal or the server by a role that it belongs to, such as "
        "pg_write_all_data; take it out of that role"
        for name in sorted(changing)
    ]


def _names(connection: Connection, query: str, names: list[str]) -> set[str]:
    return {name for (name,) in connection.execute(query, (names,)).fetchall()}


def _lay_rights_on_database(connection: Connection, service: sql.Identifier, reader: sql.Identifier) -> None:
    """Let nobody else in, where the owner of the schemas owns the database too.

    The service makes temporary tables, through which it writes the read model; nobody else does.
    """
    row = connection.execute(
        "SELECT datname, pg_has_role(datdba, 'USAGE') FROM pg_catalog.pg_database WHERE datname = current_database()"
    ).fetchone()
    if row is None or not row[1]:
        return
    database = sql.Identifier(row[0])
    _execute(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC, {}, {}", database, service, reader)
    _execute(connection, "GRANT CONNECT ON DATABASE {} TO {}, {}", database, service, reader)
    _execute(connection, "GRANT TEMPORARY ON DATABASE {} TO {}", database, service)


def _has_role(connection: Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", (name,)).fetchone() is not None


def _tables(connection: Connection, schema: str) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = %s", (schema,)).fetchall()
    return [name for (name,) in rows]


def _execute(connection: Connection, statement: str, *parts: sql.Composable) -> None:
    connection.execute(sql.SQL(statement).format(*parts))
