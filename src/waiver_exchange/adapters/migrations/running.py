"""Alembic on a connection that is open: the one place that imports it."""

import time
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from waiver_exchange.adapters.migrations.lines import Line, Revision

Report = Callable[[str], None]


def run_revisions(connection: Connection, *, line: Line, revisions: tuple[Revision, ...], report: Report) -> None:
    """Apply revisions one after the other, each in a transaction with its version, telling of each.

    Interrupted, those that were reported as done stay, and the one under way leaves nothing.
    """
    config = Config()
    config.set_main_option("script_location", _escape(Path(__file__).parent))
    config.set_main_option("version_locations", _escape(line.folder))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, line=line, report=report)
    for revision in revisions:
        report(f"{revision}: begins")
        begun = time.monotonic()
        command.upgrade(config, revision.id)
        report(f"{revision}: done in {time.monotonic() - begun:.1f} s")


def _escape(path: Path) -> str:
    """Return a path as Alembic's options have it, where % stands for something else."""
    return str(path).replace("%", "%%")
