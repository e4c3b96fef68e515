"""Revisions on a SQLite connection that is open, with transactions that hold changes of tables too."""

import sqlite3
from collections.abc import Callable

from sqlalchemy import Connection, StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from waiver_exchange.adapters.migrations.lines import Line, Revision
from waiver_exchange.adapters.migrations.running import run_revisions


def run_on_file(
    connection: sqlite3.Connection, *, line: Line, revisions: tuple[Revision, ...], report: Callable[[str], None]
) -> None:
    """Apply revisions; the connection stays open and as it was. Raises `sqlite3.Error`."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # The driver begins nothing by itself on such a connection, and a change of tables belongs into the transaction.
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect() as borrowed:
            run_revisions(borrowed, line=line, revisions=revisions, report=report)
    except DBAPIError as error:
        if error.orig is not None:
            raise error.orig from error
        raise


def _begin(borrowed: Connection) -> None:
    borrowed.exec_driver_sql("BEGIN IMMEDIATE")
