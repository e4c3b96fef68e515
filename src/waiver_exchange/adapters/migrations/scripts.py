"""What revisions use: SQL of one database in a file of its own, and word of how far a long one is."""

from pathlib import Path

from alembic import context, op


def run_script(path: Path) -> None:
    """Run the statements of a file in the revision's transaction, on PostgreSQL alone."""
    cursor = op.get_bind().connection.cursor()
    try:
        cursor.execute(path.read_text(encoding="utf-8"))  # without parameters, so that % is a character like others
    finally:
        cursor.close()


def report(text: str) -> None:
    """Tell who runs the migration how far a revision that moves many rows is."""
    context.config.attributes["report"](text)
