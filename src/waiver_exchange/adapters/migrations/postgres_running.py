"""Revisions on a PostgreSQL connection of their own, whose search path is the line's schema."""

from collections.abc import Callable

from sqlalchemy import NullPool, create_engine, make_url
from sqlalchemy.exc import DBAPIError

from waiver_exchange.adapters.migrations.lines import Line, Revision
from waiver_exchange.adapters.migrations.running import run_revisions


def run_on_schema(
    owner_url: str, *, line: Line, revisions: tuple[Revision, ...], report: Callable[[str], None], lock_timeout: str
) -> None:
    """Apply revisions. Raises `psycopg.Error`."""
    url = make_url(owner_url).set(drivername="postgresql+psycopg")
    options = f"-c search_path={line.name} -c lock_timeout={lock_timeout}"
    engine = create_engine(url, poolclass=NullPool, connect_args={"options": options})
    try:
        with engine.connect() as connection:
            run_revisions(connection, line=line, revisions=revisions, report=report)
    except DBAPIError as error:
        if error.orig is not None:
            raise error.orig from error
        raise
