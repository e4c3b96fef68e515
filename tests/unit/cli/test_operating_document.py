"""docs/operating.md names every command, option, variable and exit code."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import click
import pytest

from waiver_exchange.cli import failures
from waiver_exchange.cli.entry import waiver
from waiver_exchange.cli.setting_table import CLIENT, PARAMETERS, PROVIDER, SERVICE, Setting
from waiver_exchange.cli.settings import Flags, read_settings
from waiver_exchange.config import Settings
from waiver_exchange.domain.commands import ExchangeParameters

DOCUMENT = (Path(__file__).parents[3] / "docs/operating.md").read_text(encoding="utf-8")

ALL = (*SERVICE, *PROVIDER, *PARAMETERS, *CLIENT)
# Defaults that are no text of a value: nothing, or what depends on other settings.
SPOKEN = {
    "none",
    "five times a key's",
    "http://localhost:<port>",
    "in development `secrets` in the data directory",
    "none in development; in production what makes or moves money, shares or authority",
}


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


def rows() -> dict[str, list[str]]:
    """Return the cells of each documented setting, by its variable."""
    tables = [line.strip("|").split("|") for line in DOCUMENT.splitlines() if line.startswith("| `WAIVER_")]
    return {cells[0].strip(" `"): [cell.strip(" `") for cell in cells[1:]] for cells in tables}


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.name)
def test_every_setting_is_documented_with_default_range_and_example(setting: Setting) -> None:
    flag, default, allowed, example, what = rows()[setting.name]
    wanted = (setting.default, setting.form.range, setting.example)
    assert (flag, default, allowed, example) == (setting.flag, *(text.strip("`") for text in wanted))
    assert what.startswith(setting.what)


def test_nothing_is_documented_that_is_no_setting() -> None:
    assert sorted(rows()) == sorted(setting.name for setting in ALL)


@pytest.mark.parametrize("setting", [*SERVICE, *PARAMETERS], ids=lambda setting: setting.name)
def test_every_example_is_a_value_of_its_setting_and_every_default_the_one_that_holds(setting: Setting) -> None:
    if not setting.is_secret:
        setting.form.parse(setting.example)
    if setting.place and setting.default not in SPOKEN:
        tree: object = replace(Settings(data_dir=Path("data")), parameters=asdict(ExchangeParameters()))
        for name in setting.place.split("."):
            tree = tree[name] if isinstance(tree, dict) else getattr(tree, name)
        assert setting.form.parse(setting.default) == tree


def test_the_configuration_file_of_the_document_is_one(tmp_path: Path) -> None:
    file = tmp_path / "waiver.toml"
    file.write_text(DOCUMENT.partition("```toml\n")[2].partition("```")[0])
    file.chmod(0o600)
    settings = read_settings({}, Flags(config=str(file)))
    assert settings.is_production
    assert settings.sign_in.providers[0].client_id == "1234.apps.example.org"


def test_every_command_is_documented_with_its_options() -> None:
    of_all = {"--config", "--data-dir", "--json", "--reason", "--action-id"}
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
        assert options >= {"--config", "--data-dir", "--json"} or path == "waiver mcp", path


def test_every_exit_code_is_documented() -> None:
    for name, code in vars(failures).items():
        if name.startswith("EXIT_"):
            assert f"| {code} |" in DOCUMENT, name
