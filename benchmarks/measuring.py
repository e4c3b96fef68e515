"""What every suite returns: figures of several runs, with their goals."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One key of the report; its value is the median of the runs."""

    key: str
    runs: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        """The value that is reported."""
        return statistics.median(self.runs)

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.at_least is not None:
            return self.median >= self.at_least
        if self.at_most is not None:
            return self.median <= self.at_most
        return None

    @property
    def goal(self) -> str:
        """The goal as the table shows it."""
        if self.at_least is not None:
            return f">= {shown(self.at_least)}"
        if self.at_most is not None:
            return f"<= {shown(self.at_most)}"
        return ""


def shown(value: float) -> str:
    """Return a number as the table shows it: whole when large, two decimals when small."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.2f}"


def pin_to_one_core() -> None:
    """Keep this process on one core, the last one it may use: a move between cores empties the caches."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
