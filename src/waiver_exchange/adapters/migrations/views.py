"""What the reader's role may look at: how markets and the exchange as a whole are going, and nobody in particular.

No view shows an account, an order, a client order id or a text that somebody wrote, and a test keeps it so.
"""

from typing import Final, NamedTuple

import psycopg
from psycopg import Connection, sql

REPORTING: Final = "reporting"


class View(NamedTuple):
    """A view, the tables it is made of, and its columns."""

    name: str
    tables: tuple[str, ...]
    query: str


VIEWS: Final = (
    View(
        "journal_rows",
        ("exchange.journal",),
        "SELECT sequence, to_timestamp(time_ns / 1e9) AS recorded_at, octet_length(command) AS command_bytes, "
        "octet_length(events) AS events_bytes FROM exchange.journal",
    ),
    View("leadership", ("exchange.leadership",), "SELECT epoch, taken_at_ns FROM exchange.leadership"),
)


def make_views(connection: Connection) -> None:
    """Make every view whose tables are there; the caller's transaction holds it."""
    for view in VIEWS:
        found = [connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() for table in view.tables]
        if all(found_one == (True,) for found_one in found):
            _make(connection, view)


def _make(connection: Connection, view: View) -> None:
    name = sql.Identifier(REPORTING, view.name)
    query = sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(name, sql.SQL(view.query))
    try:
        with connection.transaction():
            connection.execute(query)
    except psycopg.errors.InvalidTableDefinition:  # a column went or was renamed: it cannot be replaced
        connection.execute(sql.SQL("DROP VIEW {}").format(name))
        connection.execute(query)
