"""The options that every command takes."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from waiver_exchange.cli.setting_sources import CONFIG

_F = TypeVar("_F", bound=Callable[..., Any])


def data_dir_option(function: _F) -> _F:
    """Add `--data-dir`; None leaves it to the environment."""
    return click.option(
        "--data-dir",
        metavar="DIR",
        help="The exchange's data directory.  [env WAIVER_DATA_DIR; default: data]",
    )(function)


def config_option(function: _F) -> _F:
    """Add `--config`, which goes into the environment: processes that this one starts read the same file."""
    return click.option(
        "--config",
        metavar="FILE",
        expose_value=False,
        callback=_name_file,
        help="A file with settings.  [env WAIVER_CONFIG; default: /etc/waiver/waiver.toml, if it is there]",
    )(function)


def _name_file(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    del context, parameter
    if value is not None:
        os.environ[CONFIG] = value


def json_option(function: _F) -> _F:
    """Add `--json`."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON object on standard output; messages go to standard error.",
    )(function)


def reason_option(function: _F) -> _F:
    """Add `--reason`, which must be given."""
    return click.option(
        "--reason",
        required=True,
        metavar="TEXT",
        help="Why, for the journal: 1 to 500 characters, nobody's personal data.",
    )(function)


def common_options(function: _F) -> _F:
    """Add what every command takes."""
    return config_option(data_dir_option(json_option(function)))
