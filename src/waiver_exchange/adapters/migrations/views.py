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
    View(
        "markets",
        ("read_model.markets",),
        "SELECT market, symbol, supply_units, reference_price_cents, last_price_cents, last_trade_at_ns, volume_units, "
        "trade_count, listed_at_ns, quoted_bid_cents, quoted_bid_units, quoted_ask_cents, quoted_ask_units "
        "FROM read_model.markets",
    ),
    View(
        "trades",
        ("read_model.trades",),
        "SELECT trade_id, sequence, time_ns, market, price_cents, quantity_units, taker_side FROM read_model.trades",
    ),
    View("candles", ("read_model.candles",), "SELECT * FROM read_model.candles"),
    View("quotes", ("read_model.quotes",), "SELECT * FROM read_model.quotes"),
    View(
        "totals",
        ("read_model.accounts", "read_model.exchange"),
        "SELECT sequence, time_ns, is_halted, cash_issued_micros, "
        "(SELECT count(*) FROM read_model.accounts) AS members FROM read_model.exchange",
    ),
)


def drop_views(connection: Connection) -> None:
    """Drop every view, also of older programs, so that none holds on to a column; the caller's transaction holds it."""
    found = connection.execute(
        "SELECT viewname FROM pg_catalog.pg_views WHERE schemaname = %s", (REPORTING,)
    ).fetchall()
    if found:
        names = sql.SQL(", ").join(sql.Identifier(REPORTING, name) for (name,) in found)
        connection.execute(sql.SQL("DROP VIEW {}").format(names))


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
