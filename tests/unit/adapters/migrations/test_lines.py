"""The revisions of this program fit together."""

import re
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import waiver_exchange.adapters.migrations as package
from waiver_exchange.adapters.migrations.compatibility import SchemaError, SchemaState, check_state
from waiver_exchange.adapters.migrations.lines import LINES, Line


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_revisions_follow_one_another_as_their_files_are_numbered(line: Line) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent))
    config.set_main_option("version_locations", str(line.folder))
    config.set_main_option("path_separator", "newline")
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())[::-1]
    assert [script.revision for script in scripts] == [revision.id for revision in line.revisions]
    assert [script.down_revision for script in scripts] == [None, *(revision.id for revision in line.revisions)][
        : len(scripts)
    ]
    assert [revision.number for revision in line.revisions] == list(range(1, line.head + 1))
    oldest = [script.module.oldest_program_revision for script in scripts]
    assert oldest == sorted(oldest)
    assert all(1 <= number <= place for place, number in enumerate(oldest, start=1))
    assert not any(hasattr(script.module, "downgrade") for script in scripts)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_folder_of_a_line_is_a_package_so_that_the_wheel_holds_it(line: Line) -> None:
    assert (line.folder / "__init__.py").is_file()


def _line(tmp_path: Path, *, head: int, oldest_schema: int = 1) -> Line:
    for number in range(1, head + 1):
        (tmp_path / f"r{number:04}_step.py").touch()
    return Line(name="exchange", folder=tmp_path, oldest_schema=oldest_schema)


@pytest.mark.parametrize(
    ("revision", "oldest_program", "head", "oldest_schema", "sentence"),
    [
        (2, 1, 2, 1, None),  # the same
        (3, 2, 2, 1, None),  # expanded behind this program
        (4, 3, 2, 1, "install the newer version"),  # contracted behind it
        (1, 1, 2, 1, None),  # one step behind, which this program bears
        (1, 1, 2, 2, "run `waiver migrate`"),  # one step behind, which it does not
        (0, 0, 2, 1, "run `waiver migrate`"),
    ],
)
def test_who_runs_on_what(  # noqa: PLR0917 - a table
    tmp_path: Path, revision: int, oldest_program: int, head: int, oldest_schema: int, sentence: str | None
) -> None:
    line = _line(tmp_path, head=head, oldest_schema=oldest_schema)
    state = SchemaState(revision=revision, oldest_program=oldest_program)
    if sentence is None:
        check_state(state, line=line, place="the database")
        return
    with pytest.raises(SchemaError, match=re.escape(sentence)):
        check_state(state, line=line, place="the database")
