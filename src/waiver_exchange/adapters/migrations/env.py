"""What Alembic runs for each revision: on the connection it is given, all of it in one transaction."""

from collections.abc import Collection, Mapping

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from sqlalchemy import Connection, text

from waiver_exchange.adapters.migrations.compatibility import OLDEST_PROGRAM_UPSERT, VERSION_TABLE
from waiver_exchange.adapters.migrations.lines import Line
from waiver_exchange.adapters.migrations.sqlite import CONTRACTED_USER_VERSION

connection: Connection = context.config.attributes["connection"]
line: Line = context.config.attributes["line"]


def note_oldest_program(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[object], run_args: Mapping[str, object]
) -> None:
    """Keep what a revision says about the programs that still run on it, in the revision's transaction."""
    del ctx, heads, run_args  # given by these names
    for script in step.up_revisions:
        if not isinstance(script, Script):
            continue
        oldest = int(script.module.oldest_program_revision)
        connection.execute(text(OLDEST_PROGRAM_UPSERT.format(oldest)))
        if oldest > 1 and connection.dialect.name == "sqlite":
            # Programs of before there were revisions look at this number alone.
            connection.exec_driver_sql(f"PRAGMA user_version = {CONTRACTED_USER_VERSION}")


context.configure(
    connection=connection,
    version_table=VERSION_TABLE,
    version_table_schema=line.name if connection.dialect.name == "postgresql" else None,
    transactional_ddl=True,
    on_version_apply=note_oldest_program,
)
with context.begin_transaction():
    context.run_migrations()
