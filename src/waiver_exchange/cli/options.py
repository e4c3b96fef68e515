"""The options that every command takes."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def data_dir_option(function: _F) -> _F:
    """Add `--data-dir`; None leaves it to the environment."""
    return click.option(
        "--data-dir",
        metavar="DIR",
        help="The exchange's data directory.  [env WAIVER_DATA_DIR; default: data]",
    )(function)


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
    return data_dir_option(json_option(function))
