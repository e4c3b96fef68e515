"""Revisions on a PostgreSQL connection of their own, whose search path is the line's schema."""

from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from waiver_exchange.adapters.migrations.lines import Line, Revision
from waiver_exchange.adapters.migrations.running import run_revisions

# A change of a table that waits for a long transaction holds up everybody behind it: it gives up and is run again.
_TABLE_LOCK_WAIT: Final = "10s"
# How soon the server notices that this program was killed in the middle of a long statement, and takes it back.
_GONE_CHECK_INTERVAL: Final = "1s"


def run_on_schema(
    owner_url: str, *, line: Line, revisions: tuple[Revision, ...], report: Callable[[str], None]
) -> None:
    """Apply revisions. Raises `psycopg.Error`."""

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(owner_url, application_name="waiver migrate")
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(line.name)))
        connection.execute(sql.SQL("SET lock_timeout TO {}").format(sql.Literal(_TABLE_LOCK_WAIT)))
        interval = sql.Literal(_GONE_CHECK_INTERVAL)
        connection.execute(sql.SQL("SET client_connection_check_interval TO {}").format(interval))
        connection.commit()
        return connection

    # The address is given to libpq as it is, which knows more forms than SQLAlchemy does.
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            run_revisions(connection, line=line, revisions=revisions, report=report)
    except DBAPIError as error:
        if error.orig is not None:
            raise error.orig from error
        raise
