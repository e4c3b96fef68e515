"""Revisions that no release has, behind the real ones of a line: what the next programs will do to a database."""

import shutil
from pathlib import Path
from textwrap import dedent
from typing import Final

from waiver_exchange.adapters.migrations.lines import Line

# Adds to each table of its schema a column that today's program does not know, and a table: what an expansion may do.
EXPAND_EVERYTHING: Final = """
bind = op.get_bind()
for table in sqlalchemy.inspect(bind).get_table_names():
    if table not in {"alembic_version", "oldest_program"}:
        op.add_column(table, sqlalchemy.Column("added_later", sqlalchemy.Text(), nullable=True))
op.create_table("added_later", sqlalchemy.Column("id", sqlalchemy.Integer(), primary_key=True))
"""


def longer_line(line: Line, folder: Path, *upgrades: tuple[str, int], oldest_schema: int = 1) -> Line:
    """Return a line with more revisions, each the body of `upgrade` and the oldest program that runs on it."""
    for path in line.folder.iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name)
    number = line.head
    for body, oldest_program_revision in upgrades:
        number += 1
        source = (
            '"""A revision of a test."""\nimport time\nimport sqlalchemy\nfrom alembic import op\n'
            "from waiver_exchange.adapters.migrations.scripts import report\n"
            f'revision = "{number:04}"\ndown_revision = "{number - 1:04}"\n'
            f"oldest_program_revision = {oldest_program_revision}\n\n"
            "def upgrade():\n" + _indented(body)
        )
        (folder / f"r{number:04}_of_a_test.py").write_text(source, encoding="utf-8")
    return Line(name=line.name, folder=folder, oldest_schema=oldest_schema)


def _indented(body: str) -> str:
    lines = dedent(body).strip("\n").splitlines()
    return "".join(f"    {line}\n" for line in lines)
