"""docs/operating.md names every command, option, variable and exit code."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from waiver_exchange.cli import failures
from waiver_exchange.cli.entry import waiver
from waiver_exchange.cli.settings import VARIABLES

DOCUMENT = (Path(__file__).parents[3] / "docs/operating.md").read_text(encoding="utf-8")


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_is_documented(variable: str) -> None:
    assert f"| `{variable}` |" in DOCUMENT


def test_every_command_is_documented_with_its_options() -> None:
    of_all = {"--data-dir", "--json", "--reason", "--action-id"}
    assert all(f"`{option}" in DOCUMENT for option in of_all)
    for path, command in commands(waiver, "waiver"):
        usages = [line for line in DOCUMENT.splitlines() if f"`{path}" in line]
        assert usages, path
        options = {option for parameter in command.params for option in parameter.opts}
        for option in options - of_all:
            assert any(option in usage for usage in usages), (path, option)


def test_every_command_but_mcp_takes_the_common_options() -> None:
    for path, command in commands(waiver, "waiver"):
        options = {option for parameter in command.params for option in parameter.opts}
        assert options >= {"--data-dir", "--json"} or path == "waiver mcp", path


def test_every_exit_code_is_documented() -> None:
    for name, code in vars(failures).items():
        if name.startswith("EXIT_"):
            assert f"| {code} |" in DOCUMENT, name
