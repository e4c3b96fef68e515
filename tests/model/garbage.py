"""Commands as nobody should send them: some words replaced by extremes and by numbers just outside a range."""

from dataclasses import fields, replace
from random import Random
from typing import Any

from tests.model.view import MarketView
from waiver_exchange.domain import limits
from waiver_exchange.domain.commands import Command, ConfigureExchange, ExchangeParameters

_NASTY = (
    0,
    0,
    1,
    -1,
    2,
    -(2**63),
    2**63 - 1,
    2**62,
    -(2**62),
    2**31,
    2**32,
    2**53,
    -(2**31),
    limits.PRICE_CENTS_MAX,
    limits.PRICE_CENTS_MAX + 1,
    limits.QUANTITY_UNITS_MAX,
    limits.QUANTITY_UNITS_MAX + 1,
    limits.ORDER_VALUE_MICROS_MAX,
    limits.ORDER_VALUE_MICROS_MAX + 1,
    limits.CASH_MICROS_MAX,
    limits.CASH_MICROS_MAX + 1,
    limits.FEE_BPS_MAX + 1,
    limits.BPS,
    limits.ORDER_ROWS_MAX,
    limits.ORDER_ROWS_MAX + 1,
    limits.DURATION_NS_MAX,
    limits.DURATION_NS_MAX + 1,
)
# Where the ranges of parameters end.
_EDGES = (0, 1, 1, limits.FEE_BPS_MAX, 9_999, limits.BPS, 100_000, 100_001)


def spoil(command: Command, *, random: Random, view: MarketView) -> Command:
    """Return the command with one or two of its numbers replaced."""
    if isinstance(command, ConfigureExchange):
        return _spoil_parameters(command, random=random)
    numbers = [field.name for field in fields(command) if isinstance(getattr(command, field.name), int)]
    weights = [3 if getattr(command, name) else 1 for name in numbers]  # what matters to this command more often
    chosen = random.choices(numbers, weights, k=random.choice((1, 1, 2))) if numbers else []
    changes: dict[str, Any] = {name: _draw_nasty(random, view, sound=getattr(command, name)) for name in chosen}
    return replace(command, **changes)


def _draw_nasty(random: Random, view: MarketView, *, sound: int) -> int:
    if random.random() < 0.15:
        return -max(sound, -(2**63 - 1))
    near = (view.accounts, view.accounts + 1, len(view.supplies), len(view.supplies) + 1, 1 << random.randrange(63))
    return random.choice((*_NASTY, *near))


def _spoil_parameters(command: ConfigureExchange, *, random: Random) -> ConfigureExchange:
    name = random.choice([field.name for field in fields(ExchangeParameters)])
    return ConfigureExchange(parameters=replace(command.parameters, **{name: random.choice((*_NASTY, *_EDGES))}))
