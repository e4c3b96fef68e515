"""Prove the books: the chain, the replay, the snapshot, the projections, and that nothing appeared or vanished."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import astuple, dataclass
from hashlib import sha256
from typing import Final, TypeVar

from waiver_exchange.application.chain import ChainBrokenError
from waiver_exchange.application.engine_state import EngineState, OrderState, decode_state
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import GENESIS_CHAIN, Journal, JournalError, Snapshot
from waiver_exchange.application.recovery import READ_ROWS, EngineAt, replay
from waiver_exchange.domain.codes import BUY
from waiver_exchange.domain.limits import BPS
from waiver_exchange.engine.engine import Engine
from waiver_exchange.engine.invariant import InvariantError
from waiver_exchange.engine.state import state_bytes
from waiver_exchange.projections.state import ReadModelState

_PROGRESS_ROWS: Final = 100_000
_Key = TypeVar("_Key")
_Facts = TypeVar("_Facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found: `difference` is None when everything agrees, else the first place that does not."""

    sequence: int
    state_hash: str
    difference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What a running exchange holds in memory at a durable row."""

    sequence: int
    state_hash: str
    difference: str | None


async def describe_live(exchange: Exchange) -> LiveState:
    """Return the hash of the running engine's state, and where its projections differ from it.

    Trading waits meanwhile: some milliseconds for each 10,000 accounts, holdings and open orders.
    """
    await exchange.sequencer.at_rest()
    at = exchange.sequencer.engine_at
    state = state_bytes(at.engine)
    difference = projections_difference(decode_state(state), exchange.state)
    if exchange.state.sequence != at.sequence:
        difference = f"projections stand at row {exchange.state.sequence}, the engine at row {at.sequence}"
    return LiveState(sequence=at.sequence, state_hash=sha256(state).hexdigest(), difference=difference)


async def verify_journal(
    *,
    journal: Journal,
    snapshot: Snapshot | None,
    live: LiveState | None = None,
    load_projections: Callable[[int], Awaitable[ReadModelState]] | None = None,
    report: Callable[[int], None] = lambda _: None,
) -> Verification:
    """Replay the journal from its first row into a fresh engine and compare everything with it.

    `live` ends the replay at its row; without it `load_projections` gives the projections as of a row that proved to
    be right. `report` is told the rows replayed so far. Raises `JournalError` when the journal cannot be read.
    """
    at = EngineAt(engine=Engine(), sequence=0, time_ns=0, chain=GENESIS_CHAIN)
    until = live.sequence if live else None
    try:
        difference = await journal.find_damage() or await _replay_all(
            at, journal=journal, snapshot=snapshot, until=until, report=report
        )
    except (ChainBrokenError, InvariantError) as error:
        difference = str(error)
    except JournalError as error:
        if not hasattr(error, "sequence"):
            raise
        difference = str(error)
    state = state_bytes(at.engine)
    state_hash = sha256(state).hexdigest()
    if difference is None:
        difference = conservation_difference(decode_state(state))
    if difference is None and live is not None:
        difference = _live_difference(at, state_hash, live)
    if difference is None and load_projections is not None:
        difference = projections_difference(decode_state(state), await load_projections(at.sequence))
    return Verification(sequence=at.sequence, state_hash=state_hash, difference=difference)


def _live_difference(at: EngineAt, state_hash: str, live: LiveState) -> str | None:
    if at.sequence != live.sequence:
        return f"the journal ends at row {at.sequence}, the running engine stands at row {live.sequence}"
    if live.state_hash != state_hash:
        return f"the running engine's state at row {live.sequence} is {live.state_hash}, replay leads to {state_hash}"
    return live.difference


async def _replay_all(
    at: EngineAt,
    *,
    journal: Journal,
    snapshot: Snapshot | None,
    until: int | None,
    report: Callable[[int], None],
) -> str | None:
    while True:
        limit = READ_ROWS
        if snapshot is not None and at.sequence < snapshot.sequence:
            limit = min(limit, snapshot.sequence - at.sequence)
        if until is not None:
            limit = min(limit, until - at.sequence)
        rows = await journal.read_plain(after=at.sequence, limit=limit) if limit else []
        if not rows:
            if snapshot is not None and snapshot.sequence > at.sequence and until is None:
                return f"the snapshot stands at row {snapshot.sequence}, beyond the journal's end at row {at.sequence}"
            return None
        replay(at, rows)
        if at.sequence // _PROGRESS_ROWS != (at.sequence - len(rows)) // _PROGRESS_ROWS:
            report(at.sequence)
        if (
            snapshot is not None
            and at.sequence == snapshot.sequence
            and (snapshot.chain != at.chain or snapshot.state != state_bytes(at.engine))
        ):
            return f"the snapshot at row {snapshot.sequence} is not the state that the journal leads to"


def conservation_difference(state: EngineState) -> str | None:
    """Return where cash, shares or holds are not conserved, or None."""
    cash = sum(account.cash_micros for account in state.accounts.values())
    if cash != state.cash_issued_micros:
        return f"accounts hold {cash} micro-dollars, {state.cash_issued_micros} were issued"
    shares: Counter[int] = Counter()
    for position in state.positions:
        shares[position.market] += position.quantity_units
    for number, market in state.markets.items():
        if shares[number] != market.supply_units:
            return f"accounts hold {shares[number]} units of market {number}, {market.supply_units} were issued"
    return _holds_difference(state)


def _holds_difference(state: EngineState) -> str | None:
    cash: Counter[int] = Counter()
    shares: Counter[tuple[int, int]] = Counter()
    for order in state.orders:
        if order.side == BUY:
            cash[order.account] += _cash_held(order)
        else:
            shares[order.account, order.market] += order.remaining_units
    for number, account in state.accounts.items():
        if account.held_micros != cash[number] or not 0 <= account.held_micros <= account.cash_micros:
            return f"account {number} holds back {account.held_micros} micro-dollars, its orders need {cash[number]}"
    for position in state.positions:
        needed = shares[position.account, position.market]
        if position.held_units != needed or not 0 <= position.held_units <= position.quantity_units:
            return (
                f"account {position.account} holds back {position.held_units} units of market {position.market}, its "
                f"orders need {needed}"
            )
    return None


def _cash_held(order: OrderState) -> int:
    value = order.price_cents * order.remaining_units
    return value + max(0, -(-(value * order.reserved_bps - order.fee_credit) // BPS))


def projections_difference(state: EngineState, projections: ReadModelState) -> str | None:
    """Return the first place where what people are shown is not what the engine holds, or None."""
    if (projections.is_halted, projections.cash_issued_micros) != (state.is_halted, state.cash_issued_micros):
        return "the projected halt or cash issued is not the engine's"
    if astuple(projections.parameters) != state.parameters:
        return "the projected parameters are not the engine's"
    return (
        _accounts_difference(state, projections)
        or _holdings_difference(state, projections)
        or _markets_difference(state, projections)
        or _orders_difference(state, projections)
    )


def _accounts_difference(state: EngineState, projections: ReadModelState) -> str | None:
    projected = {
        number: (view.cash_micros, view.held_micros, view.is_halted) for number, view in projections.accounts.items()
    }
    held = {
        number: (account.cash_micros, account.held_micros, bool(account.is_halted))
        for number, account in state.accounts.items()
    }
    return _first_difference("account", held, projected)


def _holdings_difference(state: EngineState, projections: ReadModelState) -> str | None:
    nothing = (0, 0, 0, 0)
    projected = {
        (view.account, view.market): (view.quantity_units, view.held_units, view.cost_micros, view.realized_micros)
        for holdings in projections.holdings.values()
        for view in holdings.values()
    }
    held = {
        (position.account, position.market): (
            position.quantity_units,
            position.held_units,
            position.cost_micros,
            position.realized_micros,
        )
        for position in state.positions
    }
    # A position that never held anything has no event yet.
    return _first_difference(
        "holding",
        {key: value for key, value in held.items() if value != nothing or key in projected},
        projected,
    )


def _markets_difference(state: EngineState, projections: ReadModelState) -> str | None:
    projected = {
        number: (view.supply_units, view.halt_cause, view.halted_until_ns, projections.books[number].sequence)
        for number, view in projections.markets.items()
    }
    held = {
        number: (market.supply_units, market.halt_cause, market.halted_until_ns, market.book_sequence)
        for number, market in state.markets.items()
    }
    return _first_difference("market", held, projected)


def _orders_difference(state: EngineState, projections: ReadModelState) -> str | None:
    projected = {
        order.order_id: (order.account, order.market, order.side, order.limit_price_cents, order.remaining_units)
        for order in projections.orders.values()
        if order.is_open
    }
    held = {
        order.order_id: (order.account, order.market, order.side, order.price_cents, order.remaining_units)
        for order in state.orders
    }
    difference = _first_difference("open order", held, projected)
    if difference is not None:
        return difference
    levels: Counter[tuple[int, int, int]] = Counter()
    for order in state.orders:
        levels[order.market, order.side, order.price_cents] += order.remaining_units
    shown = {
        (number, side, price): units
        for number, book in projections.books.items()
        for side, prices in ((BUY, book.bids), (1 - BUY, book.asks))
        for price, units in prices.items()
    }
    return _first_difference("book level", dict(levels), shown)


def _first_difference(what: str, held: Mapping[_Key, _Facts], projected: Mapping[_Key, _Facts]) -> str | None:
    if held == projected:
        return None
    for key in held.keys() | projected.keys():
        if held.get(key) != projected.get(key):
            return f"{what} {key}: the engine holds {held.get(key)}, the projections say {projected.get(key)}"
    return None
