"""What people look at, made of the journal; in PostgreSQL alone, because an SQLite file of it is made anew instead."""

from pathlib import Path

from alembic import op

from waiver_exchange.adapters.migrations.scripts import run_script

revision = "0001"
down_revision = None
oldest_program_revision = 1


def upgrade() -> None:
    """Make the tables of `adapters.sql.read_model_schema`, and what only PostgreSQL has."""
    if op.get_bind().dialect.name == "postgresql":
        run_script(Path(__file__).with_name("r0001_baseline.sql"))
