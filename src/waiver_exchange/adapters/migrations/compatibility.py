"""Which program runs on which schema: a pure decision from two numbers that each schema carries."""

from dataclasses import dataclass
from typing import Final

from waiver_exchange.adapters.migrations.lines import Line

VERSION_TABLE: Final = "alembic_version"
OLDEST_PROGRAM_TABLE: Final = "oldest_program"
# SQL of both databases.
OLDEST_PROGRAM_DDL: Final = (
    "CREATE TABLE IF NOT EXISTS oldest_program (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL)"
)
# To be formatted with a number.
OLDEST_PROGRAM_UPSERT: Final = (
    "INSERT INTO oldest_program (id, revision) VALUES (1, {}) "
    "ON CONFLICT (id) DO UPDATE SET revision = excluded.revision"
)


class SchemaError(Exception):
    """A database has a schema that this program cannot run on; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """What a schema says of itself; revision 0 is one that is not there yet."""

    revision: int
    oldest_program: int


NO_SCHEMA: Final = SchemaState(revision=0, oldest_program=0)


def check_state(state: SchemaState, *, line: Line, place: str) -> None:
    """Check that this program runs on a schema; `place` names the database in a sentence. Raises `SchemaError`."""
    if state.oldest_program > line.head:
        raise SchemaError(
            f"The {line.name} schema of {place} has revision {state.revision} and needs a program that knows revision "
            f"{state.oldest_program}; this one knows {line.head}: install the newer version."
        )
    if state.revision < min(line.oldest_schema, line.head):
        raise SchemaError(
            f"The {line.name} schema of {place} has revision {state.revision} and this program needs "
            f"{line.oldest_schema} at least: run `waiver migrate`."
        )
