"""Compare the rows of a table that is kept with those that the journal leads to."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

Rows = Iterable[tuple[Any, ...]]


def first_difference(kept: Rows, rebuilt: Rows, *, table: str) -> str | None:
    """Return a sentence for the first row in which two tables differ, or None; both come in the order of their key."""
    for row, expected in zip_longest(kept, rebuilt):
        if row != expected:
            return f"table {table}: it holds {_shown(row)}, the journal leads to {_shown(expected)}"
    return None


def _shown(row: tuple[Any, ...] | None) -> str:
    return "no more rows" if row is None else str(row)
