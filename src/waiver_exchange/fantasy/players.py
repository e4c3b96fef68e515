"""The players that ship with the exchange, read from the packaged `data/players.csv` and checked row by row."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Final

from waiver_exchange.fantasy.tickers import is_ticker

POSITIONS: Final = frozenset({"QB", "RB", "WR", "TE"})
TEAMS: Final = frozenset(
    {"ARI", "ATL", "BAL", "BUF", "CAR", "CHI", "CIN", "CLE", "DAL", "DEN", "DET"}
    | {"GB", "HOU", "IND", "JAX", "KC", "LAC", "LAR", "LV", "MIA", "MIN", "NE"}
    | {"NO", "NYG", "NYJ", "PHI", "PIT", "SEA", "SF", "TB", "TEN", "WAS"}
)
BYE_WEEK_MIN: Final = 5
BYE_WEEK_MAX: Final = 14

_COLUMNS: Final = ["symbol", "name", "team", "position", "bye_week", "projected_points"]
_WEEK: Final = re.compile(r"[0-9]{1,2}")
_POINTS: Final = re.compile(r"[0-9]{1,3}\.[0-9]")


class PlayersFileError(ValueError):
    """The list of players is wrong; the message names the line and says what is expected there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A player one can hold shares of; `projected_points` is for the whole season, in half-PPR scoring."""

    symbol: str
    name: str
    team: str
    position: str
    bye_week: int
    projected_points: Decimal


def load_players() -> tuple[Player, ...]:
    """Return the packaged players in file order. Raises `PlayersFileError` when a row is wrong."""
    text = files("waiver_exchange.fantasy").joinpath("data", "players.csv").read_text(encoding="utf-8")
    return parse_players(text.splitlines())


def parse_players(lines: Iterable[str]) -> tuple[Player, ...]:
    """Return the players of a csv with a header line, in the order of its lines.

    Tickers are taken as stored, never derived, so the order of the lines changes nothing but the order of the result.
    Raises `PlayersFileError` when a line is malformed, repeats a ticker or a player, or breaks its team's bye week.
    """
    reader = csv.reader(lines, strict=True)
    players: list[Player] = []
    seen = _Seen(symbols={}, identities={}, bye_weeks={})
    try:
        header = next(reader, [])
        if header != _COLUMNS:
            raise PlayersFileError(f"line 1: the columns must be {','.join(_COLUMNS)}, not {','.join(header)}")
        for fields in reader:
            player = _parse_player(fields, line=reader.line_num)
            _refuse(seen.contradictions(player, line=reader.line_num), line=reader.line_num)
            players.append(player)
    except csv.Error as error:
        raise PlayersFileError(f"line {reader.line_num}: {error}") from error
    return tuple(players)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What earlier lines claimed, each with its line, so that a contradiction can name both."""

    symbols: dict[str, int]
    identities: dict[tuple[str, str, str], int]
    bye_weeks: dict[str, tuple[int, int]]

    def contradictions(self, player: Player, *, line: int) -> Iterator[str]:
        """Note what this line claims, and yield each earlier claim that it contradicts."""
        first = self.symbols.setdefault(player.symbol, line)
        if first != line:
            yield f"the symbol {player.symbol} is taken by line {first}"
        # Namesakes exist, so only the same name at the same team and position is the same player twice.
        first = self.identities.setdefault((player.name, player.team, player.position), line)
        if first != line:
            yield f"the player {player.name} is listed already in line {first}"
        week, first = self.bye_weeks.setdefault(player.team, (player.bye_week, line))
        if week != player.bye_week:
            yield f"{player.team} has its bye in week {week} according to line {first}"


def _parse_player(fields: list[str], *, line: int) -> Player:
    if len(fields) != len(_COLUMNS):
        raise PlayersFileError(f"line {line}: expected {len(_COLUMNS)} fields, got {len(fields)}")
    row = dict(zip(_COLUMNS, fields, strict=True))
    _refuse(_malformed_fields(row), line=line)
    return Player(
        symbol=row["symbol"],
        name=row["name"],
        team=row["team"],
        position=row["position"],
        bye_week=int(row["bye_week"]),
        projected_points=Decimal(row["projected_points"]),
    )


def _malformed_fields(row: Mapping[str, str]) -> Iterator[str]:
    symbol, name, team, position, week, points = (row[column] for column in _COLUMNS)
    if not is_ticker(symbol):
        yield f"{symbol!r} is not a valid symbol"
    if not name or name != name.strip():
        yield f"the name {name!r} is empty or has spaces around it"
    if team not in TEAMS:
        yield f"{team!r} is not the abbreviation of a team"
    if position not in POSITIONS:
        yield f"the position {position!r} is not one of {', '.join(sorted(POSITIONS))}"
    if _WEEK.fullmatch(week) is None or not BYE_WEEK_MIN <= int(week) <= BYE_WEEK_MAX:
        yield f"the bye week {week!r} is not a week from {BYE_WEEK_MIN} to {BYE_WEEK_MAX}"
    if _POINTS.fullmatch(points) is None:
        yield f"the points {points!r} are not a number from 0.0 to 999.9 with one decimal"


def _refuse(problems: Iterable[str], *, line: int) -> None:
    """Raise `PlayersFileError` with everything that is wrong in the line, if anything is."""
    message = "; ".join(problems)
    if message:
        raise PlayersFileError(f"line {line}: {message}")
