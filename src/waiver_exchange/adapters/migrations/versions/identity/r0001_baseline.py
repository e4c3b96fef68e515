"""Names, keys, people, sessions and all by which they prove who they are."""

from pathlib import Path

from alembic import op

from waiver_exchange.adapters.migrations.scripts import run_script

revision = "0001"
down_revision = None
oldest_program_revision = 1


def upgrade() -> None:
    """Make what identity_1.sql to identity_6.sql make in a SQLite file, and what only PostgreSQL has."""
    if op.get_bind().dialect.name == "postgresql":
        run_script(Path(__file__).with_name("r0001_baseline.sql"))
