"""The engine's canonical state as plain records, for comparing it with what other parts believe."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from struct import unpack
from typing import Final, NamedTuple

from waiver_exchange.domain import codes

_PARAMETERS: Final = 13


class AccountState(NamedTuple):
    """An account's words in the canonical state."""

    cash_micros: int
    held_micros: int
    is_halted: int
    open_orders: int
    rate_second: int
    rate_count: int
    role: int
    day_turnover_micros: int
    day_base_micros: int
    bucket_full_at_ns: int


class MarketState(NamedTuple):
    """A market's words in the canonical state."""

    supply_units: int
    reference_price_cents: int
    last_price_cents: int
    halt_cause: int
    halted_until_ns: int
    breaker_price_cents: int
    breaker_time_ns: int
    book_sequence: int
    band_bps: int
    team: int
    position: int


class PositionState(NamedTuple):
    """A position's words in the canonical state."""

    account: int
    market: int
    quantity_units: int
    held_units: int
    bid_units: int
    cost_micros: int
    realized_micros: int


class OrderState(NamedTuple):
    """An open order's words in the canonical state; `stop_price_cents` is 0 when it rests, and not when it is held."""

    market: int
    terms: int
    order_id: int
    account: int
    price_cents: int
    remaining_units: int
    filled_units: int
    expires_at_ns: int
    maker_bps: int
    reserved_bps: int
    fee_credit: int
    stop_price_cents: int

    @property
    def side(self) -> int:
        """Whether it buys or sells, as in `domain.codes`."""
        return self.terms & codes.TERMS_FIELD_MASK

    @property
    def is_held(self) -> bool:
        """Whether it waits for its stop price, in no book."""
        return self.stop_price_cents != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """The canonical state; accounts and markets by number, limits by scope and number."""

    is_halted: bool
    cash_issued_micros: int
    parameters: tuple[int, ...]
    accounts: dict[int, AccountState]
    markets: dict[int, MarketState]
    positions: list[PositionState]
    limits: dict[tuple[int, int], tuple[int, ...]]
    orders: list[OrderState]


def decode_state(state: bytes) -> EngineState:
    """Return the records of a canonical state; `engine.state` documents its layout."""
    words = iter(unpack(f"<{len(state) // 8}q", state))
    _version, is_halted, cash_issued, _serial, _trade, _time, _day_ends_at = islice(words, 7)
    parameters = tuple(islice(words, _PARAMETERS))
    accounts, markets, positions, _rows, free_rows, orders, limits = islice(words, 7)
    account_states = {number: AccountState(*_take(words, 10)) for number in range(1, accounts + 1)}
    market_states = {number: MarketState(*_take(words, 11)) for number in range(1, markets + 1)}
    position_states = [PositionState(*_take(words, 7)) for _ in range(positions)]
    own_limits = {(scope, number): tuple(rest) for scope, number, *rest in (_take(words, 12) for _ in range(limits))}
    _take(words, free_rows)
    return EngineState(
        is_halted=bool(is_halted),
        cash_issued_micros=cash_issued,
        parameters=parameters,
        accounts=account_states,
        markets=market_states,
        positions=position_states,
        limits=own_limits,
        orders=[OrderState(*_take(words, 12)) for _ in range(orders)],
    )


def _take(words: Iterator[int], count: int) -> tuple[int, ...]:
    return tuple(islice(words, count))
