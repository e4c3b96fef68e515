"""The numbers of teams and playing positions, by which limits on concentration count.

A number is in the journal for good: names are only ever added at the end.
"""

from collections.abc import Mapping
from typing import Final

_TEAMS: Final = [
    "ARI",
    "ATL",
    "BAL",
    "BUF",
    "CAR",
    "CHI",
    "CIN",
    "CLE",
    "DAL",
    "DEN",
    "DET",
    "GB",
    "HOU",
    "IND",
    "JAX",
    "KC",
    "LAC",
    "LAR",
    "LV",
    "MIA",
    "MIN",
    "NE",
    "NO",
    "NYG",
    "NYJ",
    "PHI",
    "PIT",
    "SEA",
    "SF",
    "TB",
    "TEN",
    "WAS",
]
_POSITIONS: Final = ["QB", "RB", "WR", "TE", "K", "DEF", "DL", "LB", "DB"]
TEAM_NUMBERS: Final[Mapping[str, int]] = {name: number for number, name in enumerate(_TEAMS, 1)}
POSITION_NUMBERS: Final[Mapping[str, int]] = {name: number for number, name in enumerate(_POSITIONS, 1)}
# Names that are not known here are numbered from here on, in the order in which they first appear.
FIRST_FREE_NUMBER: Final = 1_000


def class_number(name: str, *, fixed: Mapping[str, int], given: Mapping[str, int]) -> int:
    """Return the number of a team or playing position; 0 for no name.

    `fixed` are the numbers of the names known here, `given` those that other names have been given so far.
    """
    if not name:
        return 0
    if name in fixed:
        return fixed[name]
    if name in given:
        return given[name]
    return max([FIRST_FREE_NUMBER - 1, *given.values()]) + 1
