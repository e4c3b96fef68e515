"""Rows of tables for spreadsheets, which take some texts for formulas and run them."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

# What a cell begins with that is run.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


def csv_row(cells: Iterable[object]) -> str:
    """Return a row as RFC 4180 wants it; None is an empty cell."""
    row = io.StringIO()
    csv.writer(row).writerow([_cell(cell) for cell in cells])
    return row.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
