from random import Random

from waiver_exchange.demo.fair_values import DISTANCE_BPS_MAX, FairValues

ANCHORS = {f"P{number}": 5_000 + 100 * number for number in range(60)}


def test_a_value_starts_where_it_is_told_to_or_at_the_rating() -> None:
    values = FairValues(ANCHORS, start={"P0": 5_250, "P1": 0}, rng=Random(1))
    assert values.cents("P0") == 5_250
    assert values.cents("P1") == 5_100
    assert values.cents("P2") == 5_200


def test_an_unknown_player_has_no_value() -> None:
    assert FairValues(ANCHORS, start={}, rng=Random(1)).cents("NOBODY") is None


def test_a_start_far_from_the_rating_is_brought_within_bounds() -> None:
    assert FairValues({"P": 10_000}, start={"P": 100_000}, rng=Random(1)).cents("P") == 12_500


def test_values_move_and_stay_within_bounds(seed: int) -> None:
    values = FairValues(ANCHORS, start={}, rng=Random(seed))
    for _ in range(5_000):
        values.tick()
        for symbol, anchor in ANCHORS.items():
            value = values.cents(symbol)
            assert value is not None
            assert abs(value - anchor) * 10_000 <= DISTANCE_BPS_MAX * anchor + 10_000
    assert sum(values.cents(symbol) != anchor for symbol, anchor in ANCHORS.items()) > 50


def test_the_same_seed_gives_the_same_walk() -> None:
    walks = []
    for _ in range(2):
        values = FairValues(ANCHORS, start={}, rng=Random(7))
        for _ in range(200):
            values.tick()
        walks.append([values.cents(symbol) for symbol in ANCHORS])
    assert walks[0] == walks[1]


def test_no_players_is_no_trouble() -> None:
    FairValues({}, start={}, rng=Random(1)).tick()
