"""The smaller and the larger of two numbers: `min` and `max` would leave compiled code for Python objects."""

from mypy_extensions import i64


def smaller(a: i64, b: i64) -> i64:
    """Return the smaller of two numbers."""
    if a < b:
        return a
    return b


def larger(a: i64, b: i64) -> i64:
    """Return the larger of two numbers."""
    if a > b:
        return a
    return b
