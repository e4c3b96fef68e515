"""What a command prints: one JSON object, or lines and tables for people. Messages go to standard error."""

import json
import sys
from collections.abc import Mapping
from typing import Final, TypeGuard

from waiver_exchange.cli.failures import CommandFailedError
from waiver_exchange.gateway.control.protocol import Result

_COLUMN_GAP: Final = "  "


def print_json(value: Mapping[str, object]) -> None:
    """Print one JSON object on one line of standard output."""
    print(json.dumps(value), flush=True)


def print_result(result: Result, *, as_json: bool) -> None:
    """Print what a command led to."""
    if as_json:
        print_json(result)
    else:
        print(render(result), flush=True)


def print_failure(failure: CommandFailedError, *, as_json: bool) -> None:
    """Print why a command failed: to standard error for people, and with `--json` as an object too."""
    if as_json:
        print_json({"error": {"code": failure.code, "message": failure.message, "details": failure.details}})
    details = ", ".join(f"{name} {value}" for name, value in failure.details.items())
    say(f"{failure.code}: {failure.message}" + (f" ({details})" if details else ""))


def say(text: str) -> None:
    """Tell the person at the terminal something that is no result."""
    line = f"waiver: {text}\n"
    # An argument may hold bytes that are no text; they must not stop the message.
    sys.stderr.write(line.encode("utf-8", "backslashreplace").decode())
    sys.stderr.flush()


def render(result: Mapping[str, object]) -> str:
    """Return lines `name  value`; a list of objects becomes a table below them, any other stands on its line."""
    tables = {name: value for name, value in result.items() if value == [] or _is_table(value)}
    lines = [(name, _text(value)) for name, value in result.items() if name not in tables]
    width = max((len(name) for name, _ in lines), default=0)
    parts = ["\n".join(f"{name:<{width}}{_COLUMN_GAP}{value}" for name, value in lines)] if lines else []
    parts += [_table(rows) if _is_table(rows) else f"no {name}" for name, rows in tables.items()]
    return "\n\n".join(parts)


def _is_table(value: object) -> TypeGuard[list[Mapping[str, object]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _table(rows: list[Mapping[str, object]]) -> str:
    cells = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        _COLUMN_GAP.join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_text, value))
        case Mapping():
            return ", ".join(f"{name}={_text(part)}" for name, part in value.items()) or "none"
        case _:
            return str(value)
