"""The packaged players, and what the loader says about a wrong file."""

import random
from collections import Counter, defaultdict
from decimal import Decimal
from importlib.resources import files

import pytest

from waiver_exchange.fantasy.players import (
    POSITIONS,
    TEAMS,
    Player,
    PlayersFileError,
    load_players,
    parse_players,
)
from waiver_exchange.fantasy.tickers import assign_ticker, is_ticker

HEADER = "symbol,name,team,position,bye_week,projected_points"
ROW = "JALLEN,Josh Allen,BUF,QB,7,378.0"


def _packaged_lines() -> list[str]:
    return files("waiver_exchange.fantasy").joinpath("data", "players.csv").read_text(encoding="utf-8").splitlines()


def test_list_has_about_250_players() -> None:
    assert 240 <= len(load_players()) <= 260


def test_symbols_are_unique_and_valid() -> None:
    symbols = [player.symbol for player in load_players()]
    assert len(set(symbols)) == len(symbols)
    assert [symbol for symbol in symbols if not is_ticker(symbol)] == []


def test_no_player_is_listed_twice() -> None:
    counts = Counter(player.name.casefold() for player in load_players())
    assert [name for name, count in counts.items() if count > 1] == []


def test_every_team_has_players_and_one_bye_week() -> None:
    weeks: dict[str, set[int]] = defaultdict(set)
    for player in load_players():
        weeks[player.team].add(player.bye_week)
    assert weeks.keys() == TEAMS
    assert {team: found for team, found in weeks.items() if len(found) != 1} == {}


@pytest.mark.parametrize("position", sorted(POSITIONS))
def test_projected_points_descend_within_a_position(position: str) -> None:
    points = [player.projected_points for player in load_players() if player.position == position]
    assert points == sorted(points, reverse=True)
    assert points[0] > 200
    assert points[-1] > 0


def test_well_known_players_have_their_well_known_tickers() -> None:
    symbols = {player.name: player.symbol for player in load_players()}
    assert symbols["Patrick Mahomes"] == "MAHOMES"
    assert symbols["Josh Allen"] == "JALLEN"
    assert symbols["Amon-Ra St. Brown"] == "STBROWN"
    # Plain ALLEN would be mistaken for Josh Allen, so it stays unused.
    assert "ALLEN" not in symbols.values()


def test_symbols_do_not_depend_on_the_order_of_the_list() -> None:
    header, *rows = _packaged_lines()
    stored = {player.name: player.symbol for player in load_players()}
    for seed in range(5):
        shuffled = random.Random(seed).sample(rows, k=len(rows))
        assert {player.name: player.symbol for player in parse_players([header, *shuffled])} == stored


def test_assigning_every_name_in_any_order_reproduces_no_clash() -> None:
    names = [player.name for player in load_players()]
    for seed in range(5):
        taken: set[str] = set()
        for name in random.Random(seed).sample(names, k=len(names)):
            taken.add(assign_ticker(name, taken))
        assert len(taken) == len(names)


def test_new_namesake_of_every_player_gets_a_free_ticker() -> None:
    players = load_players()
    taken = {player.symbol for player in players}
    assert [player.name for player in players if assign_ticker(player.name, taken) in taken] == []


def test_row_becomes_a_player() -> None:
    josh = Player(
        symbol="JALLEN", name="Josh Allen", team="BUF", position="QB", bye_week=7, projected_points=Decimal("378.0")
    )
    assert parse_players([HEADER, ROW]) == (josh,)


def test_wrong_header_is_an_error_on_line_1() -> None:
    for lines in ([], [ROW], [HEADER.upper(), ROW]):
        with pytest.raises(PlayersFileError, match=r"^line 1: the columns must be symbol,"):
            parse_players(lines)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("COOK,James Cook,BUF,RB,7", "expected 6 fields, got 5"),
        ("", "expected 6 fields, got 0"),
        ("COOKUSD,James Cook,BUF,RB,7,277.3", "'COOKUSD' is not a valid symbol"),
        ("COOK,James Cook ,BUF,RB,7,277.3", "the name 'James Cook ' is empty or has spaces"),
        ("COOK,,BUF,RB,7,277.3", "the name '' is empty"),
        ("COOK,James Cook,BFL,RB,7,277.3", "'BFL' is not the abbreviation of a team"),
        ("COOK,James Cook,BUF,K,7,277.3", "the position 'K' is not one of QB, RB, TE, WR"),
        ("COOK,James Cook,BUF,RB,4,277.3", "the bye week '4' is not a week from 5 to 14"),
        ("COOK,James Cook,BUF,RB,seven,277.3", "the bye week 'seven' is not a week"),
        ("COOK,James Cook,BUF,RB,7,-1.0", "the points '-1.0' are not a number from 0.0 to 999.9"),
        ("COOK,James Cook,BUF,RB,7,277", "the points '277' are not a number from 0.0 to 999.9"),
        ("JALLEN,James Cook,BUF,RB,7,277.3", "the symbol JALLEN is taken by line 2"),
        ("JALLEN2,Josh Allen,BUF,QB,7,378.0", "the player Josh Allen is listed already in line 2"),
        ("COOK,James Cook,BUF,RB,8,277.3", "BUF has its bye in week 7 according to line 2"),
        ("COOK,James Cook,BFL,K,7,277.3", "'BFL' is not the abbreviation of a team; the position 'K' is not one of"),
        ('COOK,"James" Cook,BUF,RB,7,277.3', "',' expected after '\"'"),
    ],
)
def test_wrong_row_is_an_error_that_names_its_line(row: str, message: str) -> None:
    with pytest.raises(PlayersFileError) as caught:
        parse_players([HEADER, ROW, row])
    assert str(caught.value).startswith("line 3: ")
    assert message in str(caught.value)
