"""The four lines of revisions, as the folders of this program have them; nothing slow is imported."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_VERSIONS: Final = Path(__file__).parent / "versions"
_FILE: Final = re.compile(r"r(\d{4})_(\w+)\.py", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One step of a line; they count from 1 without gaps."""

    line: str
    number: int
    title: str

    @property
    def id(self) -> str:
        """The revision's id as Alembic has it."""
        return f"{self.number:04}"

    def __str__(self) -> str:
        """Name it as people see it."""
        return f"{self.line} {self.id} ({self.title})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of revisions; its name is that of its schema in PostgreSQL.

    `oldest_schema` is the oldest revision of a database that this program still runs on before it is migrated.
    """

    name: str
    folder: Path
    oldest_schema: int = 1

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """What this program knows, oldest first."""
        found = sorted(match.groups() for path in self.folder.iterdir() if (match := _FILE.fullmatch(path.name)))
        return tuple(
            Revision(line=self.name, number=int(number), title=title.replace("_", " ")) for number, title in found
        )

    @property
    def head(self) -> int:
        """The newest revision that this program knows; 0 for a line without any."""
        return self.revisions[-1].number if self.revisions else 0

    def behind(self, number: int) -> tuple[Revision, ...]:
        """Return the revisions that a database at a revision lacks, oldest first."""
        return tuple(revision for revision in self.revisions if revision.number > number)


EXCHANGE: Final = Line(name="exchange", folder=_VERSIONS / "exchange")
READ_MODEL: Final = Line(name="read_model", folder=_VERSIONS / "read_model")
IDENTITY: Final = Line(name="identity", folder=_VERSIONS / "identity")
PREFERENCES: Final = Line(name="preferences", folder=_VERSIONS / "preferences")
LINES: Final = (EXCHANGE, READ_MODEL, IDENTITY, PREFERENCES)
