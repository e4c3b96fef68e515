"""The reference price before the season."""

from decimal import Decimal, localcontext

import pytest

from waiver_exchange.domain.limits import PRICE_CENTS_MAX
from waiver_exchange.fantasy.fair_value import reference_price_cents


def test_player_without_projected_points_costs_the_base_price() -> None:
    assert reference_price_cents(Decimal(0)) == 5_000


def test_each_weekly_point_adds_three_dollars() -> None:
    assert reference_price_cents(Decimal(17)) == 5_300
    assert reference_price_cents(Decimal("340.0")) == 5_000 + 20 * 300


@pytest.mark.parametrize(("points", "cents"), [("378.0", 11_671), ("0.1", 5_002), ("100.1", 6_766)])
def test_fraction_of_a_cent_is_rounded_to_the_nearest(points: str, cents: int) -> None:
    assert reference_price_cents(Decimal(points)) == cents


@pytest.mark.parametrize(("points", "cents"), [("0.085", 5_002), ("0.141666", 5_002), ("0.255", 5_004)])
def test_half_a_cent_is_rounded_to_even(points: str, cents: int) -> None:
    assert reference_price_cents(Decimal(points)) == cents


def test_caller_with_a_coarse_decimal_context_gets_the_same_price() -> None:
    with localcontext() as context:
        context.prec = 2
        assert reference_price_cents(Decimal("378.0")) == 11_671


@pytest.mark.parametrize("points", ["-0.1", "NaN", "sNaN", "Infinity"])
def test_points_that_are_no_amount_are_an_error(points: str) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        reference_price_cents(Decimal(points))


def test_price_above_the_bound_of_the_exchange_is_an_error() -> None:
    points_at_the_bound = Decimal(PRICE_CENTS_MAX - 5_000) * 17 / 300
    assert reference_price_cents(points_at_the_bound - 1) < PRICE_CENTS_MAX
    for points in (points_at_the_bound + 1, Decimal("1e999")):
        with pytest.raises(ValueError, match="above"):
            reference_price_cents(points)
